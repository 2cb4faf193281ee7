"""The fabric's BGP session: a customer on two edges is found through whichever has it; without the session its VPC is not announced."""

from __future__ import annotations

import json

from lab.checks import must, must_equal, stays, wait_until
from lab.edge import Edge
from lab.fabric import Fabric, TwoWayCustomer, Way
from lab.interface import Interface
from lab.scene import Scene
from lab.traffic import Pinging, must_not_reach, must_reach

BOUND_SECONDS = 480
CIDR = "10.20.0.0/16"
PREFIX = "192.168.1.0/24"


def run(scene: Scene) -> None:
    lender, owner = scene.tenant("lender"), scene.tenant("owner")
    edges = [scene.edge("a"), scene.edge("b")]
    ports = [edge.port("eth1") for edge in edges]
    fabric = Fabric(scene, owner, CIDR, edges)
    for edge in edges:
        edge.start()
    lent, ways = [], {}
    for number, (name, preference) in enumerate((("link_a", 7300), ("link_b", 7100))):
        connection = scene.connect(lender, ports[number])
        addresses = [f"169.254.0.{4 * number + host}/30" for host in (1, 2)]
        one = connection.lend(
            owner, vlan=101, amazonAddress=addresses[0], customerAddress=addresses[1]
        )
        owner.call(
            "ConfirmPrivateVirtualInterface",
            virtualInterfaceId=one.id,
            virtualGatewayId=fabric.gateway_id,
        )
        lent.append(one)
        ways[name] = Way(ports[number], one.router_config(), preference)
    customer = TwoWayCustomer(scene, ways, PREFIX)
    for one in lent:
        one.wait_state("available")
    customer.wait_learned({"link_a": [], "link_b": []})
    stays(
        "no prefix of the VPC without the fabric",
        lambda: (customer.learned("link_a"), customer.learned("link_b")),
        lambda seen: seen == ([], []),
        3,
    )
    names_it(fabric, edges[0], lent[0])
    scene.note(
        "without the fabric's router both are up, nothing is announced, and the error names it"
    )

    # The second is not the VPC's, the third all there is.
    fabric.start((CIDR, "172.30.0.0/16", "0.0.0.0/0"))
    both_ways(fabric, customer, edges[0])
    for edge in edges:
        must_equal(fabric.wait_state(edge, True)["state"], "established", edge.name)
        must_equal(edge.shown_interface(lent[edges.index(edge)].id).get("error"), None, "error")
    scene.note(
        "with it the VPC is announced and nothing else; packets pass both ways by the first edge"
    )

    fails_over(scene, fabric, customer, edges)
    is_broken(scene, fabric, customer, edges, lent)
    is_the_operators(scene, fabric, lent[0])


def both_ways(fabric: Fabric, customer: TwoWayCustomer, edge: Edge) -> None:
    """Each finds the other, and the VPC by this edge."""
    customer.wait_learned({"link_a": [CIDR], "link_b": [CIDR]})
    fabric.wait_way(PREFIX, edge)
    must_reach(customer.namespace, customer.host, fabric.host)
    must_reach(fabric.namespace, fabric.host, customer.host)


def fails_over(scene: Scene, fabric: Fabric, customer: TwoWayCustomer, edges: list[Edge]) -> None:
    """By carrier and by withdrawal, and back."""
    port = customer.ways["link_a"].port
    port.cut()
    fabric.wait_way(PREFIX, edges[1])
    must_reach(fabric.namespace, fabric.host, customer.host)
    must_reach(customer.namespace, customer.host, fabric.host)
    scene.note("the first edge's port has no carrier: the VPC finds the customer by the second")
    port.mend()
    both_ways(fabric, customer, edges[0])

    with Pinging(scene, fabric.namespace, fabric.host, customer.host) as pings:
        customer.ask("disable link_a")
        fabric.wait_way(PREFIX, edges[1])
        before = pings.highest()
        wait_until("answers by the second", pings.highest, lambda seen: seen > before + 10)
        customer.ask("enable link_a")
        both_ways(fabric, customer, edges[0])
    must(
        len(pings.lost_numbers) <= 10,
        "a second of pings lost at most",
        f"{pings.lost_numbers} of {pings.result.sent}",
    )
    lost = len(pings.lost_numbers)
    scene.note(f"its session withdrawn and back: {lost} of {pings.result.sent} pings lost")


def is_broken(
    scene: Scene,
    fabric: Fabric,
    customer: TwoWayCustomer,
    edges: list[Edge],
    lent: list[Interface],
) -> None:
    """The fabric's router is killed, goes silent, and loses one link."""
    fabric.kill()
    customer.wait_learned({"link_a": [], "link_b": []}, patience=20)
    for edge, one in zip(edges, lent, strict=True):
        names_it(fabric, edge, one)
        must_equal(one.state(), "available", "the interface's state")
    must_not_reach(customer.namespace, customer.host, fabric.host, 3)
    scene.note("the fabric's BIRD killed: the VPC is withdrawn, interface and gateway say why")
    fabric.start()
    both_ways(fabric, customer, edges[0])

    fabric.freeze()
    # BFD sees it within a second; without it, the hold time is 90 s.
    customer.wait_learned({"link_a": [], "link_b": []}, patience=20)
    fabric.thaw()
    both_ways(fabric, customer, edges[0])
    scene.note("silent with its links up: BFD sees it; back when it speaks again")

    # The first edge's own handoff fails: the customer goes by the second, the first says why.
    far = fabric.handoffs[0].far
    fabric.router.ip(f"link set {far} down")
    customer.wait_learned({"link_a": [], "link_b": [CIDR]}, patience=20)
    fabric.wait_way(PREFIX, edges[1])
    must_reach(customer.namespace, customer.host, fabric.host)
    names_it(fabric, edges[0], lent[0])
    fabric.router.ip(f"link set {far} up")
    both_ways(fabric, customer, edges[0])
    scene.note("one edge without the fabric: the customer and the VPC use the other one")

    # Our own BIRD dies: what was announced stays while its sessions come back.
    pid = edges[0].bird_pid()
    with Pinging(scene, fabric.namespace, fabric.host, customer.host) as pings:
        edges[0].kill_bird()
        wait_until("another BIRD", edges[0].bird_pid, lambda seen: seen not in (None, pid))
        wait_until(
            "the VPC to stay announced until the session with the fabric is back",
            lambda: (customer.learned("link_a"), fabric.sessions(edges[0])[0].get("state")),
            still_announced,
        )
        both_ways(fabric, customer, edges[0])
    pings.must_lose_none()
    scene.note(
        f"the edge's BIRD killed: its sessions come back, {pings.result.sent} pings, none lost"
    )


def still_announced(seen: tuple[list[str], str | None]) -> bool:
    """Fails at the first look without the VPC's prefix."""
    must_equal(seen[0], [CIDR], "what the customer has learned")
    return seen[1] == "established"


def names_it(fabric: Fabric, edge: Edge, lent: Interface) -> None:
    """The session's state, and the errors of the gateway and of the interface that leads to it."""
    (handoff,) = (one for one in fabric.handoffs if one.edge is edge)
    session = fabric.wait_state(edge, False)
    must(handoff.theirs in session["error"], "the peer in the session's error", session)
    error = wait_until("an error", lambda: edge.shown_interface(lent.id).get("error") or "")
    must(handoff.theirs in error, "the peer in the interface's error", error)
    gateways = fabric.scene.server.admin("gateway", "list")
    (gateway,) = (one for one in gateways if one["virtualGatewayId"] == fabric.gateway_id)
    must(f"{edge.name}: " in gateway.get("error", ""), "the edge in the gateway's error", gateway)


def is_the_operators(scene: Scene, fabric: Fabric, lent: Interface) -> None:
    """Nothing of it is for the tenants."""
    gateways = fabric.owner.call("DescribeVirtualGateways")
    seen = json.dumps([gateways, lent.described()])
    for handoff in fabric.handoffs:
        must(handoff.theirs not in seen, "nothing of the fabric's router for its tenant", seen)
    metrics = scene.server.metrics()
    for name in ("linkway_fabric_bgp_status", "linkway_fabric_reachable"):
        label = f'virtual_gateway_id="{fabric.gateway_id}",address_family="ipv4"}} 1'
        must(name in metrics and label in metrics, f"{name} of the gateway", metrics[-2000:])
    scene.note("tenants see nothing of it; the server's metrics do")
