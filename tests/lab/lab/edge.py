"""An edge router: a namespace with ports, handoffs and `linkway edge`, as an operator sets it up."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.checks import Failed, must, wait_until
from lab.net import veth
from lab.process import Process, attempt, run, tail
from lab.snapshot import Snapshot, snapshot
from lab.vpc import Vpc

if TYPE_CHECKING:
    from lab.api import Tenant
    from lab.scene import Scene


# Reports are sent more often than the default, so that scenarios see them sooner.
CONFIG = """
[pace]
report_seconds = 3
"""
# How the names of the links begin that the agent makes: interfaces, and what they lead to.
OWN_LINKS = ("dxvif-", "vgw-", "dxgw-", "tgw-", "public-")


class Port:
    """A port of the edge; the far end of its cable is in a namespace that stands for the carrier.

    Customers take their VLANs from there, so several of them share one port.
    """

    def __init__(self, edge: Edge, name: str) -> None:
        self.edge = edge
        self.name = name
        self.trunk = edge.scene.namespace(f"{edge.name}-{name}")
        veth(edge.namespace, name, self.trunk, "eth0")

    def cut(self) -> None:
        """Carrier lost."""
        self.trunk.ip("link set eth0 down")

    def mend(self) -> None:
        """Carrier back."""
        self.trunk.ip("link set eth0 up")


class Edge:
    """One router with its agent."""

    def __init__(self, scene: Scene, name: str) -> None:
        self.scene = scene
        self.name = name
        # The agent turns on forwarding of IPv4 where it is needed; that of IPv6 is one switch for
        # the whole router, which the operator sets.
        self.namespace = scene.namespace(name, forward=False)
        self.namespace.sysctl(**{"net.ipv6.conf.all.forwarding": "1"})
        self._manage(scene)
        admin = scene.server.admin
        made = admin("edge", "create", "--id", name, "--location", scene.location)
        directory = scene.directory / name
        directory.mkdir()
        self.state = directory / "state"
        self.log = directory / "edge.log"
        self.log.touch()
        self._credentials = directory / "edge.json"
        self._credentials.touch(mode=0o600)
        self.take_key(made)
        self._config = directory / "edge.toml"
        self._config.write_text(CONFIG)
        self._agent: Process | None = None
        scene.on_failure(f"{name}: agent's log", lambda: tail(self.log.read_text(), 60))
        scene.on_failure(f"{name}: BIRD", lambda: self.bird("show protocols all"))
        scene.on_failure(f"{name}: kernel", self._kernel_text)
        scene.on_failure(f"{name}: as the server shows it", lambda: json.dumps(self.show()))
        scene.undo(self._end)

    def take_key(self, made: dict[str, Any]) -> None:
        """Writes what `linkway admin` printed to the credentials file."""
        self.scene.server.secrets.add(made["secretAccessKey"])
        self._credentials.write_text(json.dumps(made))

    def lose_state(self) -> None:
        """Removes the state directory."""
        shutil.rmtree(self.state)

    def _manage(self, scene: Scene) -> None:
        """The management link: the router's own address and default route, which tenants do not reach."""
        number = scene.next_number()
        far, self.management = f"100.64.{number}.1", f"100.64.{number}.2"
        far6, self.management6 = f"2001:db8:64:{number:x}::1", f"2001:db8:64:{number:x}::2"
        self.management_far, self.management_far6 = far, far6
        run(["ip", "link", "add", f"m-{self.name}"[:15], "type", "veth",
             "peer", "name", "mgmt0", "netns", self.namespace.name])  # fmt: skip
        run(["ip", "-batch", "-"], given=f"link set m-{self.name}"[:24] + " up\n"
            f"address add {far}/30 dev " + f"m-{self.name}"[:15] + "\n"
            f"address add {far6}/64 nodad dev " + f"m-{self.name}"[:15] + "\n")  # fmt: skip
        self.namespace.ip(
            "link set mgmt0 up",
            f"address add {self.management}/30 dev mgmt0",
            f"route add default via {far}",
            f"address add {self.management6}/64 dev mgmt0 nodad",
            f"route add default via {far6}",
        )
        # As the kernel's documentation of VRFs recommends: the router's addresses are looked up after
        # the VRFs, or every customer could reach them, and a VPC could not use them.
        for family in ("-4", "-6"):
            for change in ("add priority 32765 table local", "delete priority 0"):
                run(["ip", "-n", self.namespace.name, family, "rule", *change.split()])

    def port(self, name: str, bandwidth: str = "1Gbps") -> Port:
        """One more port, offered to connections."""
        port = Port(self, name)
        words = ["--edge", self.name, "--interface", name, "--bandwidth", bandwidth]
        self.scene.server.admin("port", "create", *words)
        return port

    def vpc(self, owner: Tenant, interface: str, *cidrs: str) -> Vpc:
        """A VPC of the tenant behind a handoff interface of this router."""
        return Vpc(self, owner, interface, *cidrs)

    # The agent.

    def start(self) -> None:
        """Starts `linkway edge`."""
        scene = self.scene
        words = [scene.server.program, "edge", "--endpoint", scene.server.endpoint]
        words += ["--allow-plaintext"]
        words += ["--region", scene.server.region, "--credentials", str(self._credentials)]
        words += ["--state-dir", str(self.state), "--config", str(self._config)]
        # `ip netns exec` becomes the program: the process id is the agent's own.
        self._agent = Process(self.namespace.words(*words), self.log)

    def kill(self) -> None:
        """SIGKILL to the agent, and to nothing else."""
        must(self._agent, "an agent to kill")
        assert self._agent is not None
        self._agent.kill()
        self._agent = None

    def stop(self) -> None:
        """Ends the agent by SIGTERM; forwarding must go on."""
        if self._agent:
            agent, self._agent = self._agent, None
            code = agent.stop()
            must(
                code == 0, "the agent to end with exit status 0", f"{code}: {tail(self.log_text())}"
            )

    def agent_is_running(self) -> bool:
        return self._agent is not None and self._agent.is_running()

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def _end(self) -> None:
        if self._agent:
            self._agent.must_run()
            self.stop()
        for pid in self.bird_pids():
            run(["kill", "-KILL", str(pid)])

    # The state of the daemon and of the kernel.

    def bird_pid(self) -> int | None:
        """The process of this edge's BIRD."""
        return next(iter(self.bird_pids()), None)

    def bird_pids(self) -> list[int]:
        """Every BIRD whose command line names this edge's state directory; there should be one."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            is_bird = Path(words[0].decode(errors="replace")).name == "bird"
            # Not those that only print their version or check a configuration.
            if is_bird and str(self.state / "bird.ctl").encode() in words:
                found.append(int(entry.name))
        return found

    def kill_bird(self) -> None:
        """SIGKILL to this edge's BIRD."""
        run(["kill", "-KILL", str(self.bird_pid())])

    def bird(self, command: str) -> str:
        """`birdc COMMAND` at this edge's daemon; empty when there is none."""
        done = attempt(["birdc", "-s", str(self.state / "bird.ctl"), *command.split()])
        return done.stdout if done.returncode == 0 else ""

    def bird_protocols(self) -> list[str]:
        """The names of the daemon's protocols that belong to something of the API."""
        lines = self.bird("show protocols").splitlines()
        names = [line.split()[0] for line in lines if line.strip()]
        words = [prefix.rstrip("-") for prefix in OWN_LINKS]
        return [name for name in names if any(word in name for word in words)]

    def up_since(self, interface_id: str) -> dict[str, float]:
        """Since when each session of an interface is up, in seconds of the day, by protocol."""
        found = {}
        for line in self.bird("show protocols").splitlines():
            words = line.split()
            if words and words[0].startswith(interface_id.replace("-", "_")) and "up" in words:
                hours, minutes, seconds = words[4].split(":")
                found[words[0]] = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        return found

    def must_be_up_since(self, interface_id: str, before: dict[str, float]) -> None:
        """Fails if one of these sessions was restarted. BIRD computes the times at each query."""
        since = self.up_since(interface_id)
        same = all(abs(since.get(name, 0.0) - at) < 0.1 for name, at in before.items())
        must(before and same, f"sessions up since {before}", since)

    def snapshot(self) -> Snapshot:
        """Everything in the kernel."""
        return snapshot(self.namespace)

    def own_links(self) -> list[str]:
        """The links that the agent made: their names are ids of the API."""
        names = self.namespace.links()
        return sorted(name for name in names if name.startswith(OWN_LINKS))

    def table(self, gateway_id: str) -> int:
        """The routing table of a gateway's VRF."""
        return self.namespace.links()[gateway_id]["linkinfo"]["info_data"]["table"]

    def _kernel_text(self) -> str:
        looks = ("-brief link", "-brief address", "route show table all", "rule")
        texts = [run(["ip", "-n", self.namespace.name, *look.split()]) for look in looks]
        lines = "".join(texts).splitlines()
        return "\n".join(line for line in lines if "table local" not in line)

    # What the server says of it.

    def show(self) -> dict[str, Any]:
        """`linkway admin edge show`."""
        return self.scene.server.admin("edge", "show", self.name)

    def shown_interface(self, interface_id: str) -> dict[str, Any]:
        """What `linkway admin edge show` says of one interface; empty if it does not name it."""
        entries = self.show()["interfaces"]
        found = [entry for entry in entries if entry["virtualInterfaceId"] == interface_id]
        return found[0] if found else {}

    def errors(self) -> list[str]:
        """Every error that `linkway admin edge show` has, of the edge itself or of anything on it."""
        return [text for text in texts_of(self.show(), "error") if text]

    def wait_clean(self) -> None:
        """Waits until nothing of the API is left in kernel and daemon."""
        wait_until("no link of the API on the router", self.own_links, lambda left: not left)
        wait_until("no protocol of the API in BIRD", self.bird_protocols, lambda left: not left)

    def check_secrets(self) -> None:
        """Keys are in no log and in no file that others may read."""
        self.scene.server.check_secrets({f"{self.name}'s log": self.log_text()})
        for file in sorted(self.state.rglob("*")):
            if file.is_file() and file.stat().st_mode & 0o077:
                content = file.read_text(errors="replace")
                self.scene.server.check_secrets({f"{file.name}, which others may read": content})

    def wait_started(self) -> None:
        """Waits for the first report."""

        def reported() -> object:
            if not self.agent_is_running():
                raise Failed(f"the agent has ended: {tail(self.log_text())}")
            edges = self.scene.server.admin("edge", "list")
            return next(edge for edge in edges if edge["edgeId"] == self.name)

        wait_until("the edge to report", reported, lambda edge: "lastReportAt" in edge)

    def settle(self, seconds: float = 1.0) -> None:
        """Waits, so that an agent that does something wrong has time to do it."""
        time.sleep(seconds)


def texts_of(value: Any, name: str) -> list[Any]:
    """What every member of this name has, however deep."""
    if isinstance(value, list):
        return [text for inner in value for text in texts_of(inner, name)]
    if not isinstance(value, dict):
        return []
    here = [value[name]] if name in value else []
    return here + [text for inner in value.values() for text in texts_of(inner, name)]
