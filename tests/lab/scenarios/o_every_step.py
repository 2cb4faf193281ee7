"""The agent is killed after every single step of a plan, to make and to remove: each time nothing gets through and it converges."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lab.checks import must, must_equal, wait_until
from lab.foreign import Foreign
from lab.probes import Probes
from lab.process import Process, attempt, clean_environment

if TYPE_CHECKING:
    from lab.edge import Edge
    from lab.scene import Scene

BOUND_SECONDS = 420
# Nobody listens there: the agent has what is on its disk and nothing else.
NO_SERVER = "http://127.0.0.1:9"
STARTED = "edge agent started"
FILE = "config.json"


def run(scene: Scene) -> None:
    site = scene.site()
    edge = site.edge
    foreign = Foreign(edge)
    wait_until("a configuration on disk", lambda: on_disk(edge))
    nothing = Config(on_disk(edge), [])
    lent = site.connection.lend(site.owner, vlan=101)
    lent.accept(site.vpc)
    links = sorted([lent.id, site.vpc.gateway_id])
    wait_until("the interface on the router", edge.own_links, lambda seen: seen == links)
    wait_until(
        "the configuration on disk",
        lambda: on_disk(edge),
        lambda text: lent.id.encode() in text,
    )
    whole = Config(on_disk(edge), links)
    edge.stop()

    with Probes(site.port, lent.vlan) as probes:
        made = kill_after_each(scene, edge, (foreign, probes), nothing, whole)
        scene.note(f"killed after each of {made} steps that make an interface")
        removed = kill_after_each(scene, edge, (foreign, probes), whole, nothing)
    scene.note(f"killed after each of {removed} steps that remove it; nothing foreign was touched")
    edge.start()
    lent.delete()
    lent.wait_state("deleted")
    edge.wait_clean()


class Config:
    """A configuration as it is on disk, and the links that it stands for."""

    def __init__(self, text: bytes, links: list[str]) -> None:
        self.text = text
        self.links = links


def on_disk(edge: Edge) -> bytes:
    """What the file has; nothing if it is not there."""
    path = edge.state / FILE
    return path.read_bytes() if path.exists() else b""


def kill_after_each(
    scene: Scene, edge: Edge, checks: tuple[Foreign, Probes], start: Config, end: Config
) -> int:
    """Goes from one configuration to another, killed one step later each time; how many steps there are."""
    foreign, probes = checks
    count, steps = 0, 1
    while count < steps:
        converge(scene, edge, start)
        save(edge, end)
        steps = carry_out(scene, edge, count)
        probes.must_fail(f"after {count} of {steps} steps")
        foreign.must_be_untouched()
        converge(scene, edge, end)
        foreign.must_be_untouched()
        count += 1
    return steps


def save(edge: Edge, config: Config) -> None:
    (edge.state / FILE).write_bytes(config.text)


def carry_out(scene: Scene, edge: Edge, count: int) -> int:
    """Carries out the first steps of the plan for what is on disk, and is killed; how many there are."""
    helper = Path(scene.server.program).parent / "examples" / "edge_steps"
    words = edge.namespace.words(str(helper), str(edge.state), str(count))
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=60, check=False, env=clean_environment()
    )
    must(done.returncode in (0, -9), "the helper to be done or killed", done.stderr)
    return int(done.stdout)


def converge(scene: Scene, edge: Edge, config: Config) -> None:
    """Lets the real agent loose, without a server, until the router is as the disk says."""
    save(edge, config)
    words = [scene.server.program, "edge", "--state-dir", str(edge.state)]
    credentials = str(edge.state.parent / "edge.json")
    serve = [*words, "--endpoint", NO_SERVER, "--credentials", credentials]
    starts = edge.log_text().count(STARTED)
    agent = Process(edge.namespace.words(*serve), edge.log)
    wait_until("the agent at work", lambda: edge.log_text().count(STARTED), lambda n: n > starts)
    wait_until("the links as configured", edge.own_links, lambda seen: seen == config.links)
    sessions = [link.replace("-", "_") for link in config.links if link.startswith("dxvif")]
    wait_until("the sessions as configured", lambda: sessions_of(edge), lambda s: s == sessions)
    must_equal(agent.stop(), 0, "the agent's exit status")
    plan = attempt(edge.namespace.words(*words, "--dry-run"))
    must_equal(plan.stdout.strip(), "nothing to change", "the plan after it")


def sessions_of(edge: Edge) -> list[str]:
    return [name for name in edge.bird_protocols() if name.startswith("dxvif")]
