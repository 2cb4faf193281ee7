"""Expired and rejected: never on the router, and not to be accepted any more."""

from __future__ import annotations

from lab.api import Refused
from lab.checks import Failed, must_equal
from lab.interface import Interface
from lab.scene import Scene
from lab.snapshot import must_be_same
from lab.traffic import must_not_reach
from lab.vpc import Vpc

SERVER = {"hosted_interface_expiry_seconds": 4.0}


def run(scene: Scene) -> None:
    site = scene.site()
    edge = site.edge
    before = edge.snapshot()
    rejected = site.connection.lend(site.owner, vlan=101)
    expired = site.connection.lend(site.owner, vlan=102)
    customers = [scene.customer(site.port, lent.router_config()) for lent in (rejected, expired)]
    rejected.delete()
    must_equal(rejected.state(), "rejected", "the state after the owner's no")
    expired.wait_state("expired")
    for lent, customer in zip((rejected, expired), customers, strict=True):
        must_be_refused(lent, site.vpc)
        customer.start()
    edge.settle(2)
    for customer in customers:
        must_not_reach(customer.namespace, customer.config.ours, customer.config.theirs)
    must_equal(edge.own_links(), [], "the edge's links of the API")
    must_equal(edge.bird_protocols(), [], "BIRD's protocols of the API")
    must_be_same(before, edge.snapshot(), "after a rejected and an expired interface")
    scene.note("rejected and expired: refused when accepted late, the router is as before")


def must_be_refused(lent: Interface, vpc: Vpc) -> None:
    """It is too late to accept."""
    try:
        lent.accept(vpc)
    except Refused:
        return
    raise Failed(f"{lent.id} could be accepted in state {lent.state()}")
