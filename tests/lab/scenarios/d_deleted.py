"""Deleted: traffic stops, nothing is left behind, the neighbour on the same port notices nothing."""

from __future__ import annotations

from lab.checks import must, must_equal, wait_until
from lab.scene import Scene
from lab.snapshot import must_be_same
from lab.traffic import Pinging, must_not_reach, must_reach


def run(scene: Scene) -> None:
    site = scene.site()
    edge = site.edge
    other_owner = scene.tenant("other owner")
    other_vpc = edge.vpc(other_owner, "eth8", "10.30.0.0/16")
    empty = edge.snapshot()

    staying = site.connection.lend(other_owner, vlan=102)
    staying.accept(other_vpc)
    neighbour = scene.customer(site.port, staying.router_config())
    neighbour.up(other_vpc.cidr)
    must_reach(neighbour.namespace, neighbour.host, other_vpc.host)
    alone, protocols = edge.snapshot(), edge.bird_protocols()

    lent = site.connection.lend(site.owner, vlan=101)
    lent.accept(site.vpc)
    customer = scene.customer(site.port, lent.router_config())
    customer.up(site.vpc.cidr)
    must_reach(customer.namespace, customer.host, site.vpc.host)

    with Pinging(scene, neighbour.namespace, neighbour.host, other_vpc.host) as pings:
        lent.delete()
        lent.wait_state("deleted")
        # The customer's router may believe in its route for longer; nothing answers any more.
        must_not_reach(customer.namespace, customer.host, site.vpc.host)
        wait_until(
            "the customer's session to end",
            customer.router.session,
            lambda state: state != "Established",
        )
    pings.must_lose_none()
    must_be_same(alone, edge.snapshot(), "after the deletion")
    must_equal(edge.bird_protocols(), protocols, "BIRD's protocols")
    scene.note(f"deleted and gone; the neighbour lost none of {pings.result.sent} pings")

    with scene.capture(site.port.trunk, "eth0", "in") as answers:
        must_not_reach(customer.namespace, customer.config.ours, customer.config.theirs)
    answered = [str(frame) for frame in answers.frames if frame.vlan == 101]
    must_equal(answered, [], "what the port says on the VLAN")

    staying.delete()
    staying.wait_state("deleted")
    edge.wait_clean()
    must_be_same(empty, edge.snapshot(), "after the last deletion")
    must(not edge.bird_protocols(), "no protocol of the API in BIRD", edge.bird_protocols())
    scene.note("after the last one, the router is as it was before the first")
