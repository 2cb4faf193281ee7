"""SiteLink between two routers over the backbone: customers with SiteLink reach one another, and nothing else passes by it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.capture import Capture
from lab.checks import must, must_equal, stays, wait_until
from lab.customer import Customer
from lab.dxgateway import DirectConnectGateway
from lab.edge import Edge, Port
from lab.interface import Connection, Interface
from lab.leaks import Management
from lab.net import Namespace, veth
from lab.process import Process, attempt
from lab.scene import Scene
from lab.traffic import must_not_reach, must_reach
from lab.vpc import Vpc

BOUND_SECONDS = 540
REPAIRED_SECONDS = 10.0
# The first gateway's routers are peers of one another, the second's of the operator's own router.
ASN, SECOND_ASN, OPERATOR_ASN = 64_600, 64_601, 65_020
KEY = "key-of-the-backbone"
CIDR, CIDR6 = "10.20.0.0/16", "2001:db8:20::/56"


@dataclass
class Site:
    """A gateway's interface on an edge, and its customer."""

    edge: Edge
    lent: Interface
    customer: Customer
    host6: str = ""

    @property
    def prefix(self) -> str:
        return self.customer.prefixes[0]

    def must_reach(self, other: Site) -> None:
        must_reach(self.customer.namespace, self.customer.host, other.customer.host)
        if self.host6 and other.host6:
            must_reach(self.customer.namespace, self.host6, other.host6)

    def has_route(self, prefix: str) -> bool:
        family = "-6" if ":" in prefix else "-4"
        shown = self.customer.namespace.show(family, "route", "show")
        return prefix in [route["dst"] for route in shown]

    def wait_gone(self, prefix: str) -> None:
        wait_until(f"no route to {prefix}", lambda: self.has_route(prefix), lambda seen: not seen)


@dataclass
class World:
    """Everything that the parts look at."""

    scene: Scene
    edges: list[Edge]
    gateways: list[DirectConnectGateway]
    vpc: Vpc
    # The first gateway's sites on both edges, and the second's.
    first: list[Site]
    second: list[Site]

    def shown(self, nth: int) -> dict[str, Any]:
        words = ("dx-gateway", "backbone", "show", self.gateways[nth].id)
        return self.scene.server.admin(*words)

    def states(self, nth: int) -> list[str | None]:
        """Of the sessions with the backbone of a gateway."""
        return [one["fabricPeer"].get("state") for one in self.shown(nth)["handoffs"]]

    def vrf(self, edge: Edge, link: str) -> str:
        """The VRF that a link is in."""
        return edge.namespace.links()[link].get("master", "")


def run(scene: Scene) -> None:
    world = made(scene)
    without_site_link(world)
    with_site_link(world)
    nothing_else_passes(world)
    deleted_by_hand(world)
    second_gateway(world)
    taken_away(world)


def made(scene: Scene) -> World:
    """Two gateways with an interface on each of two edges, and a VPC that the first one has on the first edge."""
    owner, lender = scene.tenant("gateway's owner"), scene.tenant("lender")
    edges = [scene.edge("a"), scene.edge("b")]
    ports = [edge.port("eth1") for edge in edges]
    vpc = edges[0].vpc(scene.tenant("VPC's owner"), "eth9", CIDR, CIDR6)
    one, two = (edge.namespace for edge in edges)
    veth(one, "eth7", two, "eth7")
    for space, number in ((one, 1), (two, 2)):
        space.ip(
            f"address add 203.0.113.{number}/30 dev eth7",
            f"address add 2001:db8:bb::{number}/64 dev eth7 nodad",
        )
    router = operators_router(scene, [one, two])
    for edge in edges:
        edge.start()
    gateways = [DirectConnectGateway(owner, ASN), DirectConnectGateway(owner, SECOND_ASN)]
    key = scene.directory / "backbone.key"
    key.touch(mode=0o600)
    key.write_text(KEY + "\n")
    scene.server.secrets.add(KEY)
    set_backbones(scene, edges, gateways, key)
    gateways[0].associate(vpc, CIDR, CIDR6)
    connections = [scene.connect(lender, port) for port in ports]
    first = [site(scene, ports[n], connections[n], gateways[0], n + 1) for n in (0, 1)]
    second = [site(scene, ports[n], connections[n], gateways[1], n + 11) for n in (0, 1)]
    for nth, place in enumerate(first):
        peer = place.lent.add_peer("ipv6", asn=65_001 + nth)
        place.host6 = place.customer.add_peer(peer, f"2001:db8:c{nth + 1}::/48")
    for place in first + second:
        place.customer.wait_up()
    scene.on_failure("the operator's router", lambda: router("show protocols all"))
    scene.note("two gateways on two edges; one VPC of the first")
    return World(scene, edges, gateways, vpc, first, second)


def site(
    scene: Scene,
    port: Port,
    connection: Connection,
    gateway: DirectConnectGateway,
    number: int,
) -> Site:
    lent = connection.lend(
        gateway.owner,
        vlan=100 + number,
        asn=65_000 + number,
        amazonAddress=f"169.254.{number}.1/30",
        customerAddress=f"169.254.{number}.2/30",
    )
    gateway.accept(lent)
    prefixes = (f"192.168.{number}.0/24",)
    kind = "bird" if number % 2 else "frr"
    customer = scene.customer(port, lent.router_config(), kind, prefixes)
    customer.start()
    return Site(port.edge, lent, customer)


def set_backbones(
    scene: Scene, edges: list[Edge], gateways: list[DirectConnectGateway], key: object
) -> None:
    """The first gateway's, of both families, with a key; the second's by the operator's router, without."""
    a, b = (edge.name for edge in edges)
    made = scene.server.admin(
        "dx-gateway", "backbone", "set", gateways[0].id,
        "--handoff", f"{a}:eth7:203.0.113.2", f"{b}:eth7:203.0.113.1",
        f"{a}:eth7:2001:db8:bb::2", f"{b}:eth7:2001:db8:bb::1",
        "--fabric-peer", f"203.0.113.2:{ASN}:{key}", f"203.0.113.1:{ASN}:{key}",
        f"[2001:db8:bb::2]:{ASN}", f"[2001:db8:bb::1]:{ASN}",
    )  # fmt: skip
    must_equal(len(made["handoffs"]), 4, "handoffs")
    must(KEY not in str(made), "no key in the answer", made)
    # The same addresses as the first gateway's, in another VRF.
    scene.server.admin(
        "dx-gateway", "backbone", "set", gateways[1].id,
        "--handoff", f"{a}:eth8:203.0.113.2", f"{b}:eth8:203.0.113.6",
        "--fabric-peer", f"203.0.113.2:{OPERATOR_ASN}", f"203.0.113.6:{OPERATOR_ASN}",
    )  # fmt: skip


def operators_router(scene: Scene, edges: list[Namespace]) -> Callable[[str], str]:
    """A router of the operator's between the second gateway's links; what asks it."""
    space = scene.namespace(f"{scene.letter}-backbone")
    sessions = ""
    for number, edge in enumerate(edges):
        ours, theirs = f"203.0.113.{4 * number + 2}", f"203.0.113.{4 * number + 1}"
        veth(edge, "eth8", space, f"edge{number}")
        edge.ip(f"address add {theirs}/30 dev eth8")
        space.ip(f"address add {ours}/30 dev edge{number}")
        sessions += f"""\
protocol bgp session{number} {{
  local {ours} as {OPERATOR_ASN};
  neighbor {theirs} as {SECOND_ASN};
  direct; connect delay time 1; connect retry time 2; error wait time 1, 4;
  ipv4 {{ import all; export where source = RTS_BGP; next hop self; }};
}}
"""
    directory = scene.directory / "backbone"
    directory.mkdir()
    config, control = directory / "bird.conf", directory / "bird.ctl"
    config.write_text(f"""\
log stderr all;
router id 203.0.113.254;
protocol device {{ }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
{sessions}""")
    words = ["bird", "-f", "-c", str(config), "-s", str(control)]
    process = Process(space.words(*words), directory / "bird.log")
    scene.undo(process.stop)
    return lambda command: attempt(["birdc", "-s", str(control), *command.split()]).stdout


def without_site_link(world: World) -> None:
    """The links stay the operator's, and customers learn nothing, also when one of two has it."""
    one, two = world.first
    for edge in world.edges:
        must_equal(world.vrf(edge, "eth7"), "", "the VRF of the link")
    one.lent.change(enableSiteLink=True)
    wait_until("the link's VRF", lambda: world.vrf(one.edge, "eth7"), bool)
    must_equal(world.vrf(two.edge, "eth7"), "", "the VRF of the link on the other edge")
    stays(
        "no route to one another while one has it",
        lambda: (one.has_route(two.prefix), two.has_route(one.prefix)),
        lambda seen: seen == (False, False),
        3,
    )
    world.scene.note("SiteLink on one router: the backbone is there alone, nobody learns anything")


def with_site_link(world: World) -> None:
    """Both ways, of both IP versions, along a path that has the gateway's AS once for each router."""
    one, two = world.first
    two.lent.change(enableSiteLink=True)
    for here, there in ((one, two), (two, one)):
        here.customer.wait_route(there.prefix)
        here.must_reach(there)
    path = one.edge.bird(f"show route {two.prefix} table all all")
    must(f"BGP.as_path: {ASN} 65002" in path, "the other router's AS once in the path", path)
    wait_until(
        "the sessions to be shown as up",
        lambda: world.states(0),
        lambda seen: seen == ["established"] * 4,
    )
    must_equal(world.shown(0).get("error"), None, "the backbone's error")
    for place in world.first:
        # The VPC has no handoff on the second edge, which says so.
        error = place.edge.shown_interface(place.lent.id).get("error") or ""
        must("backbone" not in error, "no error of the backbone's", error)
    world.scene.note("SiteLink on both: IPv4 and IPv6 pass both ways; the sessions are shown")


def nothing_else_passes(world: World) -> None:
    """Not to the VPC and not from it, however somebody routes; not without SiteLink on one side."""
    one, two = world.first
    must_reach(one.customer.namespace, one.customer.host, world.vpc.host)
    must(not two.has_route(CIDR), "no route to the VPC on the other edge")
    by_hand = f"route {{}} {CIDR} via {two.customer.config.theirs}"
    two.customer.namespace.ip(by_hand.format("add"))
    # The other edge has a discard route for the VPC; somebody leads around it.
    vrf = world.vrf(two.edge, "eth7")
    table = two.edge.table(vrf)
    led = f"route add 10.20.0.0/24 via 203.0.113.1 dev eth7 table {table} metric 5 onlink"
    with (
        Management(one.edge) as watch,
        world.scene.capture(world.vpc.namespace, "eth0", "in") as at_vpc,
    ):
        must_not_reach(two.customer.namespace, two.customer.host, world.vpc.host)
        two.edge.namespace.ip(led)
        must_not_reach(two.customer.namespace, two.customer.host, world.vpc.host)
    attempt(["ip", "-n", two.edge.namespace.name, "route", "delete", *led.split()[2:]])
    must_equal(between(at_vpc, two.customer.host, world.vpc.host), [], "what came to the VPC")
    watch.must_be_clean()
    with world.scene.capture(two.customer.namespace, two.customer.interface, "in") as seen:
        must_not_reach(world.vpc.namespace, world.vpc.host, two.customer.host)
    must_equal(between(seen, world.vpc.host, two.customer.host), [], "what came from the VPC")
    two.customer.namespace.ip(by_hand.format("delete"))
    world.scene.note("the VPC of one edge and the customer of the other: 0 packets both ways")

    two.lent.change(enableSiteLink=False)
    for here, there in ((one, two), (two, one)):
        here.wait_gone(there.prefix)
        here.customer.namespace.ip(f"route add {there.prefix} via {here.customer.config.theirs}")
    with (
        world.scene.capture(one.customer.namespace, one.customer.interface, "in") as at_one,
        world.scene.capture(two.customer.namespace, two.customer.interface, "in") as at_two,
    ):
        must_not_reach(one.customer.namespace, one.customer.host, two.customer.host)
        must_not_reach(two.customer.namespace, two.customer.host, one.customer.host)
    must_equal(between(at_two, one.customer.host, two.customer.host), [], "to the second")
    must_equal(between(at_one, two.customer.host, one.customer.host), [], "to the first")
    for here, there in ((one, two), (two, one)):
        here.customer.namespace.ip(f"route delete {there.prefix} via {here.customer.config.theirs}")
    wait_until("the link to be free", lambda: world.vrf(two.edge, "eth7"), lambda seen: not seen)
    two.lent.change(enableSiteLink=True)
    for here, there in ((one, two), (two, one)):
        here.customer.wait_route(there.prefix)
        here.must_reach(there)
    world.scene.note("SiteLink off on one side: 0 packets, the link is the operator's; and back")


def deleted_by_hand(world: World) -> None:
    """The session, the route and the link's fence are as before within ten seconds."""
    one, two = world.first
    vrf = world.vrf(one.edge, "eth7")
    session = f"fabric_{vrf.replace('-', '_')}_bgp4"
    state = lambda: "Established" in one.edge.bird(f"show protocols {session}")  # noqa: E731
    must(state(), "the session", session)
    one.edge.bird(f"disable {session}")
    repaired("the session", state)
    one.customer.wait_route(two.prefix)
    one.must_reach(two)
    table = one.edge.table(vrf)

    def there() -> bool:
        routes = one.edge.namespace.show("-4", "route", "show", "table", str(table))
        return two.prefix in [route["dst"] for route in routes]

    one.edge.namespace.ip(f"route delete {two.prefix} table {table}")
    repaired("the route", there)
    one.edge.namespace.ip("link set eth7 nomaster")
    repaired("the link in its VRF", lambda: world.vrf(one.edge, "eth7") == vrf)
    one.customer.wait_route(two.prefix)
    one.must_reach(two)
    world.scene.note("session, route and VRF taken away by hand: as before within ten seconds")


def second_gateway(world: World) -> None:
    """By the operator's router, with equal addresses on the links; nothing of the first gateway's."""
    for place in world.second:
        place.lent.change(enableSiteLink=True)
    one, two = world.second
    for here, there in ((one, two), (two, one)):
        here.customer.wait_route(there.prefix)
        here.must_reach(there)
    path = one.edge.bird(f"show route {two.prefix} table all all")
    expected = f"BGP.as_path: {OPERATOR_ASN} {SECOND_ASN} 65012"
    must(expected in path, "the way by the operator's router", path)
    for here, there in ((world.first[0], two), (world.first[1], one), (one, world.first[1])):
        must(not here.has_route(there.prefix), "no route of the other gateway's", there.prefix)
        ways = f"{there.prefix} via {here.customer.config.theirs}"
        here.customer.namespace.ip(f"route add {ways}")
        with world.scene.capture(there.customer.namespace, there.customer.interface, "in") as seen:
            must_not_reach(here.customer.namespace, here.customer.host, there.customer.host)
        must_equal(
            between(seen, here.customer.host, there.customer.host), [], "between two gateways"
        )
        here.customer.namespace.ip(f"route delete {ways}")
    world.first[0].must_reach(world.first[1])
    world.scene.note(
        "a second gateway on the same routers, by the operator's router: 0 packets across"
    )


def taken_away(world: World) -> None:
    """Without its backbone SiteLink ends at each router."""
    world.scene.server.admin("dx-gateway", "backbone", "delete", world.gateways[0].id)
    one, two = world.first
    one.wait_gone(two.prefix)
    two.wait_gone(one.prefix)
    for edge in world.edges:
        wait_until(
            "the link to be free", lambda edge=edge: world.vrf(edge, "eth7"), lambda seen: not seen
        )
    world.second[0].must_reach(world.second[1])
    world.scene.note("the backbone deleted: its routes go, the second gateway's stay")


def repaired(what: str, look: Callable[[], bool]) -> None:
    """Waits until it is as before, not longer than an administrator may wait."""
    began = time.monotonic()
    wait_until(f"{what} to be as before", look, bool, REPAIRED_SECONDS)
    must(time.monotonic() - began < REPAIRED_SECONDS, f"{what} within ten seconds")


def between(capture: Capture, source: str, target: str) -> list[str]:
    """The pings from one address to another that were seen."""
    return [
        str(frame)
        for frame in capture.frames
        if (frame.source, frame.target) == (source, target) and frame.kind in ("icmp", "icmp6")
    ]
