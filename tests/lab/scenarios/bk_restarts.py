"""Public and transit interfaces: server and agent killed and started without a lost ping, drained and back, BIRD started anew."""

from __future__ import annotations

from lab.checks import must, must_equal, wait_until
from lab.customer import Customer
from lab.dxgateway import DirectConnectGateway
from lab.edge import Edge
from lab.interface import Interface
from lab.public import PublicNetwork
from lab.scene import Scene
from lab.snapshot import must_be_same
from lab.traffic import Pinging, must_reach
from lab.vpc import TransitNetwork

NETWORK, NETWORK6, TRANSIT = "203.0.113.0/25", "2001:db8:40::/48", "10.30.0.0/16"
OF_PUBLIC, OF_TRANSIT = "198.18.1.0/24", "192.168.1.0/24"
GRACEFUL_SHUTDOWN = "(65535,0)"


def run(scene: Scene) -> None:
    edge = scene.edge()
    ports = [edge.port("eth1"), edge.port("eth2")]
    owner = scene.tenant("owner")
    network = PublicNetwork(scene, edge, NETWORK, NETWORK6)
    network.start()
    transit = TransitNetwork(edge, owner, "eth8", 64_520, TRANSIT)
    edge.start()
    gateway = DirectConnectGateway(owner, 64_600)
    gateway.associate(transit, TRANSIT)
    public = scene.connect(owner, ports[0]).create(
        101,
        "Public",
        amazonAddress="198.19.0.1/30",
        customerAddress="198.19.0.2/30",
        routeFilterPrefixes=[{"cidr": OF_PUBLIC}],
    )
    scene.server.admin("interface", "verify", public.id)
    private = scene.connect(owner, ports[1]).create(
        101, "Transit", directConnectGatewayId=gateway.id
    )
    customers = []
    for port, lent, prefix, reached in (
        (ports[0], public, OF_PUBLIC, NETWORK),
        (ports[1], private, OF_TRANSIT, TRANSIT),
    ):
        customer = scene.customer(port, lent.router_config(), prefixes=(prefix,))
        customer.up(reached)
        lent.wait_state("available")
        customers.append(customer)
    one, other = customers
    must_reach(one.namespace, one.host, network.host)
    must_reach(other.namespace, other.host, transit.host)

    before = edge.snapshot()
    since = [edge.up_since(lent.id) for lent in (public, private)]
    with (
        Pinging(scene, one.namespace, one.host, network.host) as to_network,
        Pinging(scene, other.namespace, other.host, transit.host) as to_transit,
    ):
        scene.server.kill()
        edge.kill()
        edge.start()
        edge.settle(4)
        must_be_same(before, edge.snapshot(), "the agent started from its disk")
        scene.server.start()
        edge.wait_started()
        for lent in (public, private):
            lent.wait_state("available")
        drained(edge, scene, public, one, NETWORK)
        drained(edge, scene, private, other, TRANSIT)
    for pings in (to_network, to_transit):
        pings.must_lose_none()
    for lent, at in zip((public, private), since, strict=True):
        edge.must_be_up_since(lent.id, at)
    scene.note(
        f"server and agent killed and started, both drained and back: of {to_network.result.sent} and "
        f"{to_transit.result.sent} pings none lost"
    )

    pid = edge.bird_pid()
    edge.kill_bird()
    wait_until("another BIRD", edge.bird_pid, lambda seen: seen not in (None, pid))
    for customer, target in ((one, network.host), (other, transit.host)):
        customer.wait_up()
        must_reach(customer.namespace, customer.host, target)
    wait_until("the network's routes", network.learned, lambda seen: seen == {OF_PUBLIC})
    scene.note("BIRD killed: both sessions are back")


def drained(edge: Edge, scene: Scene, lent: Interface, customer: Customer, prefix: str) -> None:
    """Announced with the community of RFC 8326 in addition to what is there otherwise, and without it again."""
    before = communities(customer, prefix)
    must(GRACEFUL_SHUTDOWN not in before, "no such community", before)
    scene.server.admin("interface", "drain", lent.id, "--wait", "600")
    wait_until(
        f"{prefix} with {GRACEFUL_SHUTDOWN}",
        lambda: communities(customer, prefix),
        lambda seen: seen == before | {GRACEFUL_SHUTDOWN},
    )
    name = lent.id.replace("-", "_")
    wait_until(
        "the lowest preference of what is accepted",
        lambda: edge.bird(f"show route protocol {name} all table all"),
        lambda text: "BGP.local_pref: 0\n" in text,
    )
    scene.server.admin("interface", "drain", lent.id, "--undo")
    wait_until(
        f"{prefix} as before",
        lambda: communities(customer, prefix),
        lambda seen: seen == before,
    )
    must_equal(lent.state(), "available", "the state")


def communities(customer: Customer, prefix: str) -> set[str]:
    """The communities of a route that the customer's router has learned."""
    lines = customer.router.route(prefix).splitlines()
    line = next((line for line in lines if "BGP.community:" in line), "")
    return set(line.partition(":")[2].split())
