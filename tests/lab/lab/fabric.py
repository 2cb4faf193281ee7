"""A cloud's fabric: one router (BIRD) that speaks BGP with several edges over their handoffs, and a VPC's host behind it."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from lab.checks import wait_until
from lab.net import veth
from lab.process import Process, attempt, tail
from lab.routerconfig import RouterConfig

if TYPE_CHECKING:
    from lab.api import Tenant
    from lab.edge import Edge, Port
    from lab.scene import Scene

ASN = 65010
KEY = "key-of-the-fabric"


@dataclass(frozen=True)
class Handoff:
    """The link between an edge and the fabric's router."""

    edge: Edge
    interface: str
    far: str
    ours: str
    theirs: str


class Fabric:
    """The fabric of one VPC. `gateway_id` and `host` are as those of a VPC (lab/vpc.py)."""

    # The AS number that the edges have here: a gateway's, if none is chosen.
    edges_asn = 64512

    def __init__(self, scene: Scene, owner: Tenant, cidr: str, edges: list[Edge]) -> None:
        self.scene = scene
        self.owner = owner
        self.cidr = cidr
        self.router = scene.namespace(f"{scene.letter}-fabric")
        self.namespace = scene.namespace(f"{scene.letter}-vpc")
        network = ip_network(cidr)
        self.host, first = str(network[10]), str(network[1])
        veth(self.router, "vpc", self.namespace, "eth0")
        self.router.ip(f"address add {first}/{network.prefixlen} dev vpc")
        self.namespace.ip(
            f"address add {self.host}/{network.prefixlen} dev eth0",
            f"route add default via {first}",
        )
        self.handoffs = [self._handoff(number, edge) for number, edge in enumerate(edges)]
        directory = scene.directory / "fabric"
        directory.mkdir()
        self._config, self._control = directory / "bird.conf", directory / "bird.ctl"
        self._log, self._key = directory / "bird.log", directory / "fabric.key"
        self._key.touch(mode=0o600)
        self._key.write_text(KEY + "\n")
        scene.server.secrets.add(KEY)
        self._process: Process | None = None
        self.gateway_id = self._gateway()
        scene.on_failure("the fabric's router", self._details)
        scene.undo(self.end)

    def _handoff(self, number: int, edge: Edge) -> Handoff:
        made = Handoff(
            edge, "eth9", f"edge{number}", f"192.0.2.{4 * number + 1}", f"192.0.2.{4 * number + 2}"
        )
        veth(edge.namespace, made.interface, self.router, made.far)
        edge.namespace.ip(f"address add {made.ours}/30 dev {made.interface}")
        self.router.ip(f"address add {made.theirs}/30 dev {made.far}")
        return made

    def _gateway(self) -> str:
        scene = self.scene
        words = ["--account", self.owner.account_id, "--vpc", f"vpc-{scene.next_number():08x}"]
        words += ["--cidr", self.cidr]
        made = scene.server.admin("gateway", "create", *words, *self.words_of_handoffs())
        return made["virtualGatewayId"]

    def words_of_handoffs(self) -> list[str]:
        """The arguments that name the handoffs and the sessions there."""
        words = []
        for handoff in self.handoffs:
            words += ["--handoff", f"{handoff.edge.name}:{handoff.interface}:{handoff.theirs}"]
            words += ["--fabric-peer", f"{handoff.theirs}:{ASN}:{self._key}"]
        return words

    # Its router.

    def start(self, announced: tuple[str, ...] = ()) -> None:
        """Starts the router; it announces these to the edges."""
        self._config.write_text(self._text(announced))
        words = ["bird", "-f", "-c", str(self._config), "-s", str(self._control)]
        self._process = Process(self.router.words(*words), self._log)
        wait_until("the fabric's BIRD to answer", lambda: self.ask("show status"))

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()

    def freeze(self) -> None:
        """The router says nothing more; its links stay up."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def end(self) -> None:
        if self._process and self._process.is_running():
            self.thaw()
            self._process.stop()

    def ask(self, command: str) -> str:
        """`birdc COMMAND`."""
        done = attempt(["birdc", "-s", str(self._control), *command.split()])
        return done.stdout if done.returncode == 0 else ""

    def way_to(self, prefix: str) -> str | None:
        """The edge by which the fabric's kernel reaches a prefix."""
        found = self.router.show("route", "show", prefix)
        links = {handoff.far: handoff.edge.name for handoff in self.handoffs}
        return links.get(found[0].get("dev", "")) if found else None

    def wait_way(self, prefix: str, edge: Edge | None, patience: float = 60.0) -> None:
        """Waits until the fabric reaches a prefix by this edge, or not at all."""
        name = edge.name if edge else None
        wait_until(
            f"the fabric to reach {prefix} by {name}",
            lambda: self.way_to(prefix),
            lambda seen: seen == name,
            patience,
        )

    def _details(self) -> str:
        log = tail(self._log.read_text(errors="replace")) if self._log.exists() else ""
        return f"{self.ask('show protocols all')}\n{self.ask('show route all')}\n{log}"

    def _text(self, announced: tuple[str, ...]) -> str:
        """The preference of the guide (docs/edge.md): by the communities that the edges attach."""
        routes = "\n".join(f"  route {prefix} unreachable;" for prefix in announced)
        sessions = "".join(
            f"""\
protocol bgp edge{number} {{
  local {handoff.theirs} as {ASN};
  neighbor {handoff.ours} as {self.edges_asn};
  password "{KEY}";
  direct; bfd on;
  connect delay time 1; connect retry time 2; error wait time 1, 4;
  ipv4 {{ import filter customers; export where source = RTS_STATIC; }};
}}
"""
            for number, handoff in enumerate(self.handoffs)
        )
        return f"""\
log stderr all;
router id 192.0.2.254;
protocol device {{ }}
protocol bfd {{ interface "*" {{ min rx interval 300 ms; min tx interval 300 ms; multiplier 3; }}; }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol static announced {{
  ipv4;
{routes}
}}
filter customers {{
  bgp_local_pref = 200;
  if (7224, 7300) ~ bgp_community then bgp_local_pref = 300;
  if (7224, 7100) ~ bgp_community then bgp_local_pref = 100;
  accept;
}}
{sessions}"""

    # What is said of its sessions.

    def sessions(self, edge: Edge) -> list[dict[str, Any]]:
        """What `linkway admin edge show` says of them."""
        return edge.show().get("fabricSessions", [])

    def wait_state(self, edge: Edge, reachable: bool, patience: float = 60.0) -> dict[str, Any]:
        """Waits until an edge says that its session is up, or that it is not."""
        (session,) = wait_until(
            f"{edge.name}'s session with the fabric, reachable: {reachable}",
            lambda: self.sessions(edge),
            lambda seen: len(seen) == 1 and seen[0].get("reachable") is reachable,
            patience,
            0.5,
        )
        return session


@dataclass(frozen=True)
class Way:
    """One of a customer's links: where it is, its session, and how it is preferred (7100, 7200, 7300)."""

    port: Port
    config: RouterConfig
    preference: int


class TwoWayCustomer:
    """A customer with a router and a host, on ports of several edges."""

    def __init__(self, scene: Scene, ways: dict[str, Way], prefix: str) -> None:
        self.scene = scene
        self.ways = ways
        self.prefix = prefix
        self.host = str(ip_network(prefix)[10])
        self.namespace = scene.namespace(f"{scene.letter}-customer")
        self.namespace.ip(f"address add {self.host} dev lo")
        for name, way in ways.items():
            config = way.config
            way.port.trunk.ip(
                f"link add link eth0 name {name} type vlan id {config.vlan}",
                f"link set {name} netns {self.namespace.name}",
            )
            self.namespace.ip(
                f"address add {config.ours}/{config.length} dev {name}", f"link set {name} up"
            )
        directory = scene.directory / self.namespace.name
        directory.mkdir()
        self._config, self._control = directory / "bird.conf", directory / "bird.ctl"
        self._log = directory / "bird.log"
        self._config.touch(mode=0o600)
        self._config.write_text(self._text())
        words = ["bird", "-f", "-c", str(self._config), "-s", str(self._control)]
        self._process = Process(self.namespace.words(*words), self._log)
        scene.on_failure("the customer's router", lambda: self.ask("show protocols all"))
        scene.undo(self._end)

    def _end(self) -> None:
        if self._process.is_running():
            self._process.stop()

    def ask(self, command: str) -> str:
        """`birdc COMMAND`."""
        done = attempt(["birdc", "-s", str(self._control), *command.split()])
        return done.stdout if done.returncode == 0 else ""

    def learned(self, name: str) -> list[str]:
        """The prefixes that it has learned over a link."""
        lines = self.ask(f"show route protocol {name}").splitlines()
        return [line.split()[0] for line in lines if "/" in line.split(" ")[0]]

    def wait_learned(self, wanted: dict[str, list[str]], patience: float = 60.0) -> None:
        """Waits until it has learned exactly these, by link."""
        wait_until(
            f"the customer to have learned {wanted}",
            lambda: {name: self.learned(name) for name in wanted},
            lambda seen: seen == wanted,
            patience,
        )

    def _text(self) -> str:
        sessions = "".join(
            f"""\
protocol bgp {name} {{
  local {way.config.ours} as {way.config.our_asn};
  neighbor {way.config.theirs} as {way.config.their_asn};
  password "{way.config.key}";
  direct; check link on;
  connect delay time 1; connect retry time 2; error wait time 1, 4;
  ipv4 {{
    import filter {{ bgp_local_pref = {way.preference}; accept; }};
    export filter {{
      if source != RTS_STATIC then reject;
      bgp_community.add((7224, {way.preference})); accept;
    }};
  }};
}}
"""
            for name, way in self.ways.items()
        )
        return f"""\
log stderr all;
router id 10.254.0.1;
protocol device {{ }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol static own {{ ipv4; route {self.prefix} unreachable; }}
{sessions}"""
