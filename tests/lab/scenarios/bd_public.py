"""Public interfaces: nothing before they are verified; then only verified prefixes, as routes and as sources; customers stay apart."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from lab import raw
from lab.checks import must, must_equal, stays, wait_until
from lab.customer import Customer
from lab.edge import Edge, Port
from lab.frames import Frame
from lab.interface import Interface
from lab.leaks import ELSEWHERE, Management
from lab.public import VRF, PublicNetwork
from lab.raw import Flood, Tap
from lab.scene import Scene
from lab.traffic import Pinging, must_not_reach, must_reach

REPAIRED_SECONDS = 10.0
NETWORK, MORE, NETWORK6 = "203.0.113.0/25", "203.0.113.128/25", "2001:db8:20::/48"
INSIDE = "203.0.113.64/26"
# What two customers have verified, a part of the first's, and what nobody has.
FIRST, PART, SECOND, NOBODYS = "198.18.1.0/24", "198.18.1.128/25", "198.18.2.0/24", "198.18.9.0/24"
FIRST6, SECOND6, NOBODYS6 = "2001:db8:c1::/48", "2001:db8:c2::/48", "2001:db8:c9::/48"
# The customers' AS numbers are private, and so is one behind the first; 64496 stands for a public one (RFC 5398).
BEHIND, PUBLIC_ASN = 65_010, 64_496
ATTRIBUTES = f"bgp_path.prepend({BEHIND}); bgp_path.prepend({PUBLIC_ASN}); " + " ".join(
    f"bgp_community.add(({high},{low}));" for high, low in ((7224, 9100), (7224, 7300), (3, 4))
)


@dataclass
class World:
    """Everything that the parts look at: two customers, each with its interface on a port of its own."""

    scene: Scene
    edge: Edge
    network: PublicNetwork
    lent: list[Interface]
    customers: list[Customer]

    def verify(self, number: int) -> None:
        self.scene.server.admin("interface", "verify", self.lent[number].id)

    def routes(self) -> list[tuple[str, str, str]]:
        """The public VRF's routes: where to, by which link or that they lead nowhere, and who made them."""
        table = str(self.edge.table(VRF))
        show = self.edge.namespace.show
        found = [show(family, "route", "show", "table", table) for family in ("-4", "-6")]
        routes = [route for routes in found for route in routes]
        return sorted(
            (route["dst"], route.get("dev", route["type"]), str(route.get("protocol")))
            for route in routes
        )

    def accepted(self) -> list[set[str]]:
        """The prefixes that lead to each customer."""
        routes = [(prefix, link) for prefix, link, maker in self.routes() if maker == "bird"]
        return [{prefix for prefix, link in routes if link == one.id} for one in self.lent]

    def filters(self, number: int, way: str) -> list[str]:
        """The fence's filters on a customer's link, by their places."""
        text = self.edge.namespace.run("tc", "filter", "show", "dev", self.lent[number].id, way)
        return [
            line.partition(" fh ")[0] for line in text.splitlines() if line.startswith("filter")
        ]

    def whole(self) -> list[object]:
        """What stands around the first customer."""
        rules = [self.edge.namespace.show(family, "rule", "show") for family in ("-4", "-6")]
        return [self.routes(), rules, self.filters(0, "ingress"), self.filters(0, "egress")]


def run(scene: Scene) -> None:
    edge = scene.edge()
    ports = [edge.port("eth1"), edge.port("eth2")]
    network = PublicNetwork(scene, edge, NETWORK, NETWORK6)
    network.start()
    edge.start()
    world = World(scene, edge, network, [], [])
    first_customer(world, ports[0])
    second_customer(world, ports[1])
    only_verified_routes(world)
    with Sides(world, ports) as sides:
        sides.only_verified_sources()
        sides.customers_stay_apart()
        prefixes_change(world)
        network_is_taken_away(world)
        broken_by_hand(world, sides)
        sides.only_verified_sources()
    deleted(world)


def first_customer(world: World, port: Port) -> None:
    """Lent, accepted, verified: its two sessions come up one after the other, each after a word of its own."""
    scene, edge, network = world.scene, world.edge, world.network
    lent = scene.connect(scene.tenant("lender"), port).lend(
        scene.tenant("owner"),
        101,
        "Public",
        asn=65_001,
        amazonAddress="198.19.0.1/30",
        customerAddress="198.19.0.2/30",
        routeFilterPrefixes=[{"cidr": FIRST}, {"cidr": FIRST6}],
    )
    lent.confirm()
    customer = scene.customer(port, lent.router_config(), prefixes=(FIRST,))
    world.lent.append(lent)
    world.customers.append(customer)
    customer.start()
    stays("nothing of it on the router", edge.own_links, lambda seen: not seen, 3)
    must(customer.router.session() != "Established", "no session", customer.router.session())
    must_not_reach(customer.namespace, customer.host, network.host, 2)
    must_not_reach(customer.namespace, customer.config.ours, customer.config.theirs, 2)
    must_equal(lent.state(), "verifying", "the state")
    scene.note("verifying: no link, no session, no answer")

    world.verify(0)
    customer.wait_up()
    customer.wait_route(NETWORK)
    must_reach(customer.namespace, customer.host, network.host)
    must_reach(network.namespace, network.host, customer.host)
    lent.wait_state("available")
    since = edge.up_since(lent.id)
    config = lent.add_peer("ipv6", asn=65_001)
    host6 = customer.add_peer(config, FIRST6)
    must_equal(lent.peers()["ipv6"]["bgpPeerState"], "verifying", "the state of the second peer")
    stays("no second session", lambda: len(edge.up_since(lent.id)), lambda count: count == 1, 2)
    world.verify(0)
    customer.wait_up(config=config)
    customer.wait_route(NETWORK6)
    must_reach(customer.namespace, host6, network.host6)
    must_reach(network.namespace, network.host6, host6)
    edge.must_be_up_since(lent.id, since)
    scene.note("verified: both sessions are up, packets pass both ways over both")


def second_customer(world: World, port: Port) -> None:
    """On its maker's own connection, with an FRR that announces the first's prefix and the network's too."""
    connection = world.scene.connect(world.scene.tenant("maker"), port)
    lent = connection.create(
        101,
        "Public",
        asn=65_002,
        amazonAddress="198.19.0.5/30",
        customerAddress="198.19.0.6/30",
        routeFilterPrefixes=[{"cidr": SECOND}, {"cidr": SECOND6}],
    )
    must_equal(lent.state(), "verifying", "the state after the creation")
    customer = world.scene.customer(
        port, lent.router_config(), "frr", (SECOND, FIRST, PART, INSIDE)
    )
    world.lent.append(lent)
    world.customers.append(customer)
    world.verify(1)
    customer.up(NETWORK)
    must_reach(customer.namespace, customer.host, world.network.host)


def only_verified_routes(world: World) -> None:
    """Of what is announced; with the path and the communities that the network is told, and that the customers are told."""
    first, network = world.customers[0], world.network
    first.router.attributes = {FIRST: ATTRIBUTES}
    first.announce([FIRST, PART, SECOND, NOBODYS, INSIDE, "0.0.0.0/0"])
    wanted = [{FIRST, PART, FIRST6}, {SECOND}]
    wait_until("the verified routes alone", world.accepted, lambda seen: seen == wanted)
    wait_until(
        "the network's router to learn them",
        network.learned,
        lambda seen: seen == {FIRST, PART, SECOND},
    )
    stays("no other", world.accepted, lambda seen: seen == wanted, 2)
    told = network.ask(f"show route all {FIRST}")
    must_equal(
        words(told, "as_path"), f"{network.edges_asn} {PUBLIC_ASN}", "the path at the network"
    )
    must_equal(words(told, "community"), "(7224,7200) (7224,9100)", "communities at the network")
    told = first.router.route(NETWORK)
    must_equal(words(told, "as_path"), str(network.edges_asn), "the path at the customer")
    # NO_EXPORT is 65535:65281 (RFC 1997).
    must_equal(words(told, "community"), "(7224,8100) (65535,65281)", "communities at the customer")

    # Sent there by the network all the same.
    host = str(ip_network(NOBODYS)[10])
    first.namespace.ip(f"address add {host} dev lo")
    network.router.ip(f"route add {NOBODYS} via {network.handoffs[0].ours}")
    with world.scene.capture(first.namespace, first.interface, "in") as seen:
        must_not_reach(network.namespace, network.host, host)
    must_equal([str(frame) for frame in seen.frames if frame.target == host], [], "at the customer")
    world.scene.note("verified prefixes alone are routes; paths and communities as documented")


class Sides:
    """The far ends of all cables, with what is put on the wire there."""

    def __init__(self, world: World, ports: list[Port]) -> None:
        self._world, self._ports = world, ports
        self._links = world.edge.namespace.links()

    def __enter__(self) -> Sides:
        self.customers = [Tap(port.trunk, "eth0") for port in self._ports]
        network = self._world.network
        self._network = Tap(network.router, network.handoffs[0].far)
        return self

    def __exit__(self, *_: object) -> None:
        for tap in (self._network, *self.customers):
            tap.close()

    def frame(self, number: int, source: str, target: str) -> bytes:
        """A ping as a customer's router sends it."""
        port, lent = self._ports[number], self._world.lent[number]
        mac = self._links[port.name]["address"]
        ours = self.customers[number].mac
        return raw.packet(ours, mac, raw.echo(source, target), raw.tagged(lent.vlan))

    def only_verified_sources(self) -> None:
        """What arrives at the network of all that the customers send."""
        network = self._world.network
        mine = [*some_of(FIRST, PART, FIRST6), *some_of(SECOND, SECOND6)]
        others = [
            *some_of(NOBODYS, NOBODYS6, NETWORK, NETWORK6),
            "10.1.1.1",
            "127.0.0.1",
            "fd00::1",
        ]
        others += [network.handoffs[0].ours, network.handoffs[0].theirs]
        for customer in self._world.customers:
            others += [
                address for peer in customer.peers.values() for address in (peer.ours, peer.theirs)
            ]
        for number, wanted in ((0, set(some_of(FIRST, PART, FIRST6))), (1, set(some_of(SECOND)))):
            self._network.collect()
            for source in (*mine, *others):
                target = network.host if ip_address(source).version == 4 else network.host6
                self.customers[number].send(*[self.frame(number, source, target)] * 3)
            arrived = {frame.source for frame in pings(self._network.collect(1.0))}
            must_equal(arrived, wanted, f"sources of customer {number + 1} that arrive")
        count = len(mine) + len(others)
        self._world.scene.note(f"of {count} sources only those arrive that are verified here")

    def customers_stay_apart(self) -> None:
        """Neither reaches the other, its router, or our address there."""
        pair = self._world.customers
        for number, other in ((0, pair[1]), (1, pair[0])):
            targets = [other.host, other.config.ours, other.config.theirs]
            for tap in self.customers:
                tap.collect()
            for target in targets:
                self.customers[number].send(*[self.frame(number, pair[number].host, target)] * 3)
            arrived = pings(self.customers[1 - number].collect(0.5))
            answers = [
                frame
                for frame in pings(self.customers[number].collect())
                if frame.source in targets
            ]
            must_equal([str(frame) for frame in arrived + answers], [], "pings between customers")
        self._world.scene.note("customer to customer: 0 packets")


def prefixes_change(world: World) -> None:
    """The operator has one more prefix, and has it no longer, while pings pass."""
    network = world.network
    before = [world.edge.up_since(one.id) for one in world.lent]
    with Pinging(
        world.scene, world.customers[0].namespace, world.customers[0].host, network.host
    ) as seen:
        network.set(NETWORK, MORE, cidr6=NETWORK6)
        for customer in world.customers:
            customer.wait_route(MORE)
        network.set(NETWORK, cidr6=NETWORK6)
        for customer in world.customers:
            customer.wait_no_route(MORE)
        world.edge.settle(1)
    seen.must_lose_none()
    for one, since in zip(world.lent, before, strict=True):
        world.edge.must_be_up_since(one.id, since)
    world.scene.note(
        f"one more prefix of the network, and back: 0 of {seen.result.sent} pings lost"
    )


def network_is_taken_away(world: World) -> None:
    """Without a network the sessions stay and lead nowhere; the handoff, in no VRF then, leads nowhere either."""
    network, first = world.network, world.customers[0]
    before = [world.edge.up_since(one.id) for one in world.lent]
    world.scene.server.admin("public-network", "delete", world.edge.name)
    for customer in world.customers:
        customer.wait_no_route(NETWORK)
    first.namespace.ip(f"route add {NETWORK} via {first.config.theirs}")
    with Management(world.edge) as watch:
        must_not_reach(first.namespace, first.host, network.host)
        leads_nowhere(network)
    watch.must_be_clean()
    first.namespace.ip(f"route delete {NETWORK} via {first.config.theirs}")
    network.set(NETWORK, cidr6=NETWORK6)
    for customer in world.customers:
        customer.wait_route(NETWORK)
        must_reach(customer.namespace, customer.host, network.host)
    must_reach(first.namespace, str(ip_network(FIRST6)[10]), network.host6)
    for one, since in zip(world.lent, before, strict=True):
        world.edge.must_be_up_since(one.id, since)
    world.scene.note("without a network: 0 packets, by the handoff too; the sessions stay")


def leads_nowhere(network: PublicNetwork) -> None:
    """What the network sends to the router by its handoff."""
    way = f"{ELSEWHERE} via {network.handoffs[0].ours}"
    network.router.ip(f"route add {way}")
    must_not_reach(network.namespace, network.host, ELSEWHERE, 3)
    must_not_reach(network.router, network.handoffs[0].theirs, ELSEWHERE, 3)
    network.router.ip(f"route delete {way}")


def broken_by_hand(world: World, sides: Sides) -> None:
    """An administrator deletes what stands around the VRF, while the customer sends elsewhere."""
    edge, link, table = world.edge, world.lent[0].id, world.edge.table(VRF)
    before = world.whole()
    rules = edge.namespace.show("-4", "rule", "show")
    rule = next(rule["priority"] for rule in rules if "l3mdev" in rule)
    source = str(ip_network(FIRST)[10])
    # The highest place of a filter of IPv4: what has no verified source.
    sources = max(
        int(found[1])
        for line in world.filters(0, "ingress")
        if (found := re.search(r"protocol ip pref (\d+)", line))
    )
    breaks = (
        f"ip -4 route delete unreachable default table {table}",
        f"ip -6 route delete unreachable default table {table}",
        f"ip -4 rule delete priority {rule} l3mdev",
        f"ip route delete {NETWORK} table {table} dev {world.network.handoffs[0].interface}",
        f"ip route delete {FIRST} table {table} dev {link}",
        f"tc filter delete dev {link} ingress pref {sources}",
        f"tc filter delete dev {link} ingress",
        f"tc filter delete dev {link} egress",
        f"tc qdisc delete dev {link} clsact",
    )
    took = {}
    elsewhere = [sides.frame(0, source, ELSEWHERE)]
    with Management(edge) as watch, Flood(sides.customers[0], elsewhere, 200) as flood:
        for line in breaks:
            took[line] = repaired(world, line, before)
    watch.must_be_clean()
    must_reach(world.customers[0].namespace, world.customers[0].host, world.network.host)
    slowest = max(took.values())
    world.scene.note(
        f"{len(breaks)} things deleted by hand, back within {slowest:.1f} s; 0 of {flood.sent} packets leaked"
    )


def repaired(world: World, line: str, before: list[object]) -> float:
    """Deletes it; the seconds until all is as it was."""
    world.edge.namespace.run(*line.split())
    began = time.monotonic()
    wait_until(
        f"all as before {line!r}", world.whole, lambda seen: seen == before, REPAIRED_SECONDS, 0.2
    )
    return time.monotonic() - began


def deleted(world: World) -> None:
    """The first ends and the second goes on; then nothing is left."""
    (first, second), network = world.customers, world.network
    world.lent[0].delete()
    wait_until("the session's end", first.router.session, lambda state: state != "Established", 10)
    wait_until("its routes to be gone", network.learned, lambda seen: seen == {SECOND}, 10)
    world.lent[0].wait_state("deleted")
    must_not_reach(first.namespace, first.host, network.host, 3)
    must_reach(second.namespace, second.host, network.host)
    world.lent[1].delete()
    world.edge.wait_clean()
    with Management(world.edge) as watch:
        must_not_reach(second.namespace, second.host, network.host, 3)
        leads_nowhere(network)
    watch.must_be_clean()
    world.scene.note("deleted: the first alone, then nothing is left on the router")


def words(text: str, attribute: str) -> str:
    """The value of an attribute of BGP's in what BIRD shows, communities in order of their numbers."""
    found = re.search(rf"BGP.{attribute}: (.*)", text)
    value = found[1].strip() if found else ""
    pairs = re.findall(r"\((\d+),(\d+)\)", value)
    ordered = sorted((int(high), int(low)) for high, low in pairs)
    return " ".join(f"({high},{low})" for high, low in ordered) or value


def some_of(*prefixes: str) -> list[str]:
    """The host's address in each."""
    return [str(ip_network(prefix)[10]) for prefix in prefixes]


def pings(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame.kind in ("icmp", "icmp6")]
