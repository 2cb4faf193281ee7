"""Transit interfaces: what is allowed of a transit gateway is announced as it is and reached, nothing outside of it; jumbo frames."""

from __future__ import annotations

from dataclasses import dataclass

from lab.api import Refused
from lab.checks import Failed, must, must_equal, wait_until
from lab.customer import Customer
from lab.dxgateway import Association, DirectConnectGateway
from lab.edge import Edge
from lab.interface import Interface
from lab.leaks import Management
from lab.process import attempt
from lab.scene import Scene
from lab.traffic import Pinging, must_not_reach, must_reach
from lab.vpc import TransitNetwork

REPAIRED_SECONDS = 10.0
ASN = 64_600
# The first network's, of which one is not allowed, and the second's. ANY nobody has behind the gateways.
FIRST, OUTSIDE, FIRST6 = "10.20.0.0/16", "10.21.0.0/16", "2001:db8:20::/56"
SECOND, ANY = "10.30.0.0/16", "172.20.0.0/14"
MTU = 8500


@dataclass
class World:
    """Everything that the parts look at."""

    scene: Scene
    edge: Edge
    networks: list[TransitNetwork]
    gateway: DirectConnectGateway
    associations: list[Association]
    lent: Interface
    customer: Customer

    def must_arrive(self, target: str, *, arrive: bool) -> None:
        """Whether pings of the customer come to the first network's handoff; nobody answers them."""
        network, host = self.networks[0].namespace, self.customer.host
        with self.scene.capture(network, "eth0", "in") as seen:
            must_not_reach(self.customer.namespace, host, target, 3)
        found = seen.pings(host, target)
        must(bool(found) == arrive, f"pings to {target} at the handoff: {arrive}", found)


def run(scene: Scene) -> None:
    world = made(scene)
    jumbo(world)
    nothing_outside(world)
    broken_by_hand(world)
    associations_change(world)
    world.lent.delete()
    world.edge.wait_clean()


def made(scene: Scene) -> World:
    """Two accounts' transit gateways, a Direct Connect gateway of a third, and an interface that a fourth lends it."""
    edge = scene.edge()
    port = edge.port("eth1")
    networks = [
        TransitNetwork(edge, scene.tenant("first owner"), "eth8", 64_520, FIRST, OUTSIDE, FIRST6),
        TransitNetwork(edge, scene.tenant("second owner"), "eth9", 64_521, SECOND),
    ]
    links = [(edge.namespace, "eth1"), (port.trunk, "eth0")]
    for network in networks:
        links += [(edge.namespace, network.interface), (network.namespace, "eth0")]
    for space, name in links:
        space.ip(f"link set {name} mtu 9100")
    edge.start()
    gateway = DirectConnectGateway(scene.tenant("gateway's owner"), ASN)
    associations = [
        gateway.associate(networks[0], FIRST, FIRST6),
        gateway.associate(networks[1], SECOND),
    ]
    lent = scene.connect(scene.tenant("lender"), port).lend(gateway.owner, 101, "Transit", mtu=MTU)
    gateway.accept(lent)
    customer = scene.customer(port, lent.router_config())
    must_equal(customer.config.their_asn, ASN, "the AS number of our side")
    customer.namespace.ip(f"link set {customer.interface} mtu {MTU}")
    customer.start()
    host6 = customer.add_peer(lent.add_peer("ipv6"), "2001:db8:c1::/48")
    for prefix in (FIRST, FIRST6, SECOND):
        customer.wait_route(prefix)
    lent.wait_state("available")
    for network, source, target in (
        (networks[0], customer.host, networks[0].host),
        (networks[0], host6, networks[0].hosts[-1]),
        (networks[1], customer.host, networks[1].host),
    ):
        must_reach(customer.namespace, source, target)
        must_reach(network.namespace, target, source)
    scene.note("both networks are reached and reach the customer")
    return World(scene, edge, networks, gateway, associations, lent, customer)


def jumbo(world: World) -> None:
    """The largest packet passes whole and a larger one does not; the API knows no larger MTU for it."""
    customer, lent = world.customer, world.lent
    must_equal(lent.described()["mtu"], MTU, "the interface's MTU")
    must_equal(world.edge.namespace.links()[lent.id]["mtu"], MTU, "the link's MTU")
    # 28 bytes are the headers of IPv4 and ICMP.
    for size, passes in ((MTU - 28, True), (MTU - 27, False)):
        words = ["ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", "-M", "do", "-s", str(size)]
        words += ["-I", customer.host, world.networks[0].host]
        done = attempt(customer.namespace.words(*words))
        must((done.returncode == 0) == passes, f"pings of {size + 28} bytes: {passes}", done.stdout)
    try:
        lent.change(mtu=9001)
    except Refused as refused:
        must("9001" in refused.message, "the refusal to name the value", refused.message)
    else:
        raise Failed("an MTU of 9001 is taken")
    must_equal(world.edge.errors(), [], "the edge's errors")
    world.scene.note(f"packets of {MTU} bytes pass whole; an MTU of 9001 is refused")


def nothing_outside(world: World) -> None:
    """Sent to the router all the same, by the customer and by the networks."""
    (first, second), customer = world.networks, world.customer
    routes = customer.namespace.show("route", "show")
    told = {route["dst"] for route in routes if "gateway" in route}
    must_equal(told, {FIRST, SECOND}, "what the customer is told")
    customer.namespace.ip(f"route add {OUTSIDE} via {customer.config.theirs}")
    with Management(world.edge) as watch:
        world.must_arrive(first.hosts[1], arrive=False)
        with world.scene.capture(second.namespace, "eth0", "in") as at_second:
            must_not_reach(first.namespace, first.host, second.host)
        must_equal(at_second.pings(first.host, second.host), [], "from network to network")
    watch.must_be_clean()
    customer.namespace.ip(f"route delete {OUTSIDE} via {customer.config.theirs}")
    world.scene.note("outside of what is allowed, and from network to network: 0 packets")


def broken_by_hand(world: World) -> None:
    """An administrator deletes the routes there and back."""
    edge, network, customer = world.edge, world.networks[0], world.customer
    own = customer.prefixes[0]
    tables = [edge.table(world.gateway.vrf(edge)), edge.table(network.gateway_id)]

    def routes() -> list[set[tuple[str, str]]]:
        found = [edge.namespace.show("route", "show", "table", str(table)) for table in tables]
        return [{(route["dst"], route.get("dev", "")) for route in table} for table in found]

    before = routes()
    for line in (
        f"route delete {FIRST} table {tables[0]} dev {network.interface}",
        f"route delete {FIRST} table {tables[1]} dev {network.interface}",
        f"route delete {own} table {tables[0]} dev {world.lent.id}",
        f"route delete {own} table {tables[1]} dev {world.lent.id}",
        f"route delete unreachable default table {tables[1]}",
    ):
        edge.namespace.ip(line)
        wait_until(f"as before {line!r}", routes, lambda seen: seen == before, REPAIRED_SECONDS)
    must_reach(customer.namespace, customer.host, network.host)
    world.scene.note("routes of both tables deleted by hand: back within ten seconds")


def associations_change(world: World) -> None:
    """One association's prefixes change, its handoff fails, it is deleted: the other one loses no packet."""
    (first, second), customer, edge = world.networks, world.customer, world.edge
    since = edge.up_since(world.lent.id)
    with Pinging(world.scene, customer.namespace, customer.host, second.host) as pings:
        world.associations[0].change(add=(ANY,))
        customer.wait_route(ANY)
        world.must_arrive("172.21.0.9", arrive=True)
        first.cut()
        for prefix in (FIRST, FIRST6, ANY):
            customer.wait_no_route(prefix)
        first.mend()
        for prefix in (FIRST, FIRST6, ANY):
            customer.wait_route(prefix)
        world.associations[0].change(remove=(ANY,))
        customer.wait_no_route(ANY)
        must_reach(customer.namespace, customer.host, first.host)
        world.scene.note("what nobody has is announced as it is, while the handoff is up")

        world.associations[0].delete()
        for prefix in (FIRST, FIRST6):
            customer.wait_no_route(prefix)
        customer.namespace.ip(f"route add {FIRST} via {customer.config.theirs}")
        world.must_arrive(first.host, arrive=False)
        must_not_reach(first.namespace, first.host, customer.host)
        links = edge.own_links()
        must(first.gateway_id not in links, "its VRF to be gone", links)
    pings.must_lose_none()
    edge.must_be_up_since(world.lent.id, since)
    world.scene.note(
        f"deleted: 0 packets; of {pings.result.sent} pings to the other network none lost"
    )
