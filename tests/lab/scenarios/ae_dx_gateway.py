"""A Direct Connect gateway: two customers reach what two accounts' VPCs allow; VPCs and customers reach one another only by SiteLink."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.checks import must, must_equal, stays, wait_until
from lab.customer import Customer
from lab.dxgateway import Association, DirectConnectGateway
from lab.edge import Edge
from lab.interface import Interface
from lab.leaks import Management
from lab.process import attempt
from lab.scene import Scene
from lab.traffic import Pinging, must_not_reach, must_reach
from lab.vpc import Vpc

BOUND_SECONDS = 480
REPAIRED_SECONDS = 10.0
ASN = 64_600
# The first VPC has two prefixes, of which one is allowed at first.
FIRST, NOT_YET, SECOND = "10.20.0.0/16", "10.21.0.0/16", "10.30.0.0/16"
FIRST6, SECOND6 = "2001:db8:20::/56", "2001:db8:30::/56"
# Two routers of different make on two ports.
KINDS = ("bird", "frr")


@dataclass
class World:
    """Everything that the parts look at."""

    scene: Scene
    edge: Edge
    gateway: DirectConnectGateway
    vpcs: list[Vpc]
    associations: list[Association]
    lent: list[Interface]
    customers: list[Customer]
    # The IPv6 addresses of the customers' hosts.
    hosts6: list[str]

    def up_since(self) -> list[dict[str, float]]:
        return [self.edge.up_since(one.id) for one in self.lent]

    def six(self, verb: str) -> None:
        """A way of the first customer to the second's IPv6 network, made or removed by hand."""
        first = self.customers[0]
        first.namespace.ip(f"route {verb} 2001:db8:c2::/48 via {first.peers[6].theirs}")

    def must_be_undisturbed(self, before: list[dict[str, float]]) -> None:
        for one, since in zip(self.lent, before, strict=True):
            self.edge.must_be_up_since(one.id, since)

    def routes(self, vrf: str) -> set[tuple[str, str]]:
        """What a VRF's table has that BIRD or the agent made, with the link that each leads over."""
        table = self.edge.table(vrf)
        show = self.edge.namespace.show
        found = [show(family, "route", "show", "table", str(table)) for family in ("-4", "-6")]
        routes = [route for routes in found for route in routes if "gateway" in route]
        return {(route["dst"], route["dev"]) for route in routes}


def run(scene: Scene) -> None:
    world = made(scene)
    for customer in world.customers:
        for prefix in (FIRST, SECOND, FIRST6, SECOND6):
            customer.wait_route(prefix)
    scene.note("a BIRD and an FRR on two ports have both VPCs' prefixes")
    each_reaches_what_is_allowed(world)
    nothing_else_passes(world)
    prefixes_change(world)
    associations_change(world)
    deleted_by_hand(world)
    site_link(world)


def made(scene: Scene) -> World:
    """The gateway's owner, two accounts with a VPC each, and two connections of a lender."""
    edge = scene.edge()
    ports = [edge.port("eth1"), edge.port("eth2")]
    owner, lender = scene.tenant("gateway's owner"), scene.tenant("lender")
    vpcs = [
        edge.vpc(scene.tenant("first owner"), "eth8", FIRST, NOT_YET, FIRST6),
        edge.vpc(scene.tenant("second owner"), "eth9", SECOND, SECOND6),
    ]
    edge.start()
    gateway = DirectConnectGateway(owner, ASN)
    associations = [
        gateway.associate(vpcs[0], FIRST, FIRST6),
        gateway.associate(vpcs[1], SECOND, SECOND6),
    ]
    lent, customers, hosts6 = [], [], []
    for number, (port, kind) in enumerate(zip(ports, KINDS, strict=True)):
        one = scene.connect(lender, port).lend(
            owner,
            vlan=101,
            asn=65_001 + number,
            amazonAddress=f"169.254.0.{4 * number + 1}/30",
            customerAddress=f"169.254.0.{4 * number + 2}/30",
        )
        gateway.accept(one)
        prefixes = (f"192.168.{number + 1}.0/24",)
        customer = scene.customer(port, one.router_config(), kind, prefixes)
        must_equal(customer.config.their_asn, ASN, "the AS number of our side")
        customer.start()
        peer = one.add_peer("ipv6", asn=65_001 + number)
        hosts6.append(customer.add_peer(peer, f"2001:db8:c{number + 1}::/48"))
        lent.append(one)
        customers.append(customer)
    for customer in customers:
        customer.wait_up()
    return World(scene, edge, gateway, vpcs, associations, lent, customers, hosts6)


def each_reaches_what_is_allowed(world: World) -> None:
    """Both ways, and the prefix that is not allowed not at all."""
    first, second = world.vpcs
    for customer, host6 in zip(world.customers, world.hosts6, strict=True):
        for vpc in (first, second):
            must_reach(customer.namespace, customer.host, vpc.host)
            must_reach(vpc.namespace, vpc.host, customer.host)
            must_reach(customer.namespace, host6, vpc.hosts[-1])
            must_reach(vpc.namespace, vpc.hosts[-1], host6)
        customer.namespace.ip(f"route add {NOT_YET} via {customer.config.theirs}")
        with world.scene.capture(first.namespace, "eth0", "in") as seen:
            must_not_reach(customer.namespace, customer.host, first.hosts[1])
        must_equal(seen.pings(customer.host, first.hosts[1]), [], "packets for what is not allowed")
        customer.namespace.ip(f"route delete {NOT_YET} via {customer.config.theirs}")
    world.scene.note("each reaches both VPCs and is reached; not the prefix that is not allowed")


def nothing_else_passes(world: World) -> None:
    """From VPC to VPC and from customer to customer, also after a customer has announced all of it."""
    first, second = world.vpcs
    one, two = world.customers
    for customer, other in ((one, two), (two, one)):
        customer.namespace.ip(f"route add {other.prefixes[0]} via {customer.config.theirs}")
    world.six("add")
    captures = {
        "first VPC": (world.scene.capture(first.namespace, "eth0", "in"), second.host, first.host),
        "second VPC": (
            world.scene.capture(second.namespace, "eth0", "in"),
            first.host,
            second.host,
        ),
        "first customer": (
            world.scene.capture(one.namespace, one.interface, "in"),
            two.host,
            one.host,
        ),
        "second customer": (
            world.scene.capture(two.namespace, two.interface, "in"),
            one.host,
            two.host,
        ),
    }
    with Management(world.edge) as watch:
        for capture, _, _ in captures.values():
            capture.__enter__()
        must_not_reach(first.namespace, first.host, second.host)
        must_not_reach(second.namespace, second.host, first.host)
        must_not_reach(one.namespace, one.host, two.host)
        must_not_reach(two.namespace, two.host, one.host)
        must_not_reach(first.namespace, first.hosts[-1], second.hosts[-1])
        must_not_reach(one.namespace, world.hosts6[0], world.hosts6[1])
        for capture, _, _ in captures.values():
            capture.__exit__()
    for name, (capture, source, target) in captures.items():
        must_equal(capture.pings(source, target), [], f"what came to the {name}")
    at_second, at_two = captures["second VPC"][0], captures["second customer"][0]
    must_equal(at_second.pings(first.hosts[-1], second.hosts[-1]), [], "IPv6 from VPC to VPC")
    must_equal(at_two.pings(*world.hosts6), [], "IPv6 from customer to customer")
    watch.must_be_clean()
    for customer, other in ((one, two), (two, one)):
        customer.namespace.ip(f"route delete {other.prefixes[0]} via {customer.config.theirs}")
    world.six("delete")
    world.scene.note("VPC to VPC and customer to customer: 0 packets")
    # A covering announcement brings packets to its customer, not to the other VPC.
    one.announce([*one.prefixes, "10.0.0.0/8"])
    wait_until(
        "the covering route",
        lambda: {dst for dst, _ in world.routes(first.gateway_id)},
        lambda seen: "10.0.0.0/8" in seen,
    )
    with (
        world.scene.capture(second.namespace, "eth0", "in") as at_vpc,
        world.scene.capture(one.namespace, one.interface, "in") as at_customer,
    ):
        must_not_reach(first.namespace, first.host, second.hosts[0][:-1] + "9")
        must_not_reach(first.namespace, first.host, "10.99.0.1")
    must_equal(at_vpc.pings(first.host, second.host), [], "what came to the other VPC")
    must(at_customer.pings(first.host, "10.99.0.1"), "pings at the customer that announces it")
    one.announce([one.prefixes[0]])
    world.scene.note("with a covering announcement: to its customer")


def prefixes_change(world: World) -> None:
    """While pings pass, a prefix is allowed and not allowed any more."""
    first = world.vpcs[0]
    one = world.customers[0]
    before = world.up_since()
    with Pinging(world.scene, one.namespace, one.host, first.host) as pings:
        world.associations[0].change(add=(NOT_YET,))
        for customer in world.customers:
            customer.wait_route(NOT_YET)
            must_reach(customer.namespace, customer.host, first.hosts[1])
        world.associations[0].change(remove=(NOT_YET,))
        for customer in world.customers:
            customer.wait_no_route(NOT_YET)
            must_not_reach(customer.namespace, customer.host, first.hosts[1], 2)
    pings.must_lose_none()
    world.must_be_undisturbed(before)
    world.scene.note(f"a prefix allowed and taken back: 0 of {pings.result.sent} pings lost")


def associations_change(world: World) -> None:
    """While pings pass to one VPC, the other goes and comes back."""
    first, second = world.vpcs
    one = world.customers[0]
    before = world.up_since()
    with Pinging(world.scene, one.namespace, one.host, first.host) as pings:
        world.associations[1].delete()
        for customer in world.customers:
            customer.wait_no_route(SECOND)
            must_not_reach(customer.namespace, customer.host, second.host, 2)
            must_not_reach(second.namespace, second.host, customer.host, 2)
        world.associations[1] = world.gateway.associate(second, SECOND)
        for customer in world.customers:
            customer.wait_route(SECOND)
            must_reach(customer.namespace, customer.host, second.host)
    pings.must_lose_none()
    world.must_be_undisturbed(before)
    world.scene.note(f"an association less, and back: 0 of {pings.result.sent} pings lost")


def deleted_by_hand(world: World) -> None:
    """The routes of both directions and foreign ones in their place are as before within ten seconds."""
    first, second = world.vpcs
    vrf = world.gateway.vrf(world.edge)
    tables = [vrf, first.gateway_id, second.gateway_id]
    look = lambda: [world.routes(name) for name in tables]  # noqa: E731 - one word for it
    before = look()
    must(all(before), "routes in each of the three tables", before)
    with (
        Management(world.edge) as watch,
        world.scene.capture(second.namespace, "eth0", "in") as at_second,
    ):
        for name, routes in zip(tables, before, strict=True):
            table = world.edge.table(name)
            for destination, link in sorted(routes):
                world.edge.namespace.ip(f"route delete {destination} table {table} dev {link}")
            repaired(f"the routes of {name}", look, before)
        # Led out of a VRF by hand: to what is not allowed, and from VPC to VPC.
        for line in (
            f"route add {NOT_YET} via 192.0.2.2 dev eth8 table {world.edge.table(vrf)} onlink",
            f"route add {SECOND} via 192.0.2.2 dev eth9 table {world.edge.table(first.gateway_id)} onlink",
        ):
            attempt(["ip", "-n", world.edge.namespace.name, *line.split()])
            repaired(line, look, before)
        must_not_reach(first.namespace, first.host, second.host)
    must_equal(at_second.pings(first.host, second.host), [], "what came to the second VPC")
    watch.must_be_clean()
    for customer in world.customers:
        for vpc in world.vpcs:
            must_reach(customer.namespace, customer.host, vpc.host)
    world.scene.note("leaked routes deleted and added by hand: as before within ten seconds")


def site_link(world: World) -> None:
    """Only when both have it do the customers reach one another; VPCs still do not."""
    first, second = world.vpcs
    one, two = world.customers
    world.lent[0].change(enableSiteLink=True)
    stays(
        "no route to one another while one has it",
        lambda: [route["dst"] for route in one.namespace.show("route", "show")],
        lambda seen: two.prefixes[0] not in seen,
        3,
    )
    world.lent[1].change(enableSiteLink=True)
    for customer, other in ((one, two), (two, one)):
        customer.wait_route(other.prefixes[0])
        must_reach(customer.namespace, customer.host, other.host)
    with world.scene.capture(second.namespace, "eth0", "in") as at_second:
        must_not_reach(first.namespace, first.host, second.host)
    must_equal(at_second.pings(first.host, second.host), [], "what came to the second VPC")
    for customer in world.customers:
        for vpc in world.vpcs:
            must_reach(customer.namespace, customer.host, vpc.host)
    world.lent[1].change(enableSiteLink=False)
    one.wait_no_route(two.prefixes[0])
    two.wait_no_route(one.prefixes[0])
    two.namespace.ip(f"route add {one.prefixes[0]} via {two.config.theirs}")
    with world.scene.capture(one.namespace, one.interface, "in") as at_one:
        must_not_reach(two.namespace, two.host, one.host)
    must_equal(at_one.pings(two.host, one.host), [], "what came to the customer without it")
    world.scene.note("SiteLink on both: the customers reach one another; on one: 0 packets")


def repaired(what: str, look: Callable[[], object], before: object) -> None:
    """Waits until it is as before, not longer than an administrator may wait."""
    began = time.monotonic()
    wait_until(f"{what} to be as before", look, lambda seen: seen == before, REPAIRED_SECONDS)
    must(time.monotonic() - began < REPAIRED_SECONDS, f"{what} within ten seconds")
