"""A customer announces and withdraws 98 prefixes over and over: another tenant loses no ping, the session is shut for a time, and says why."""

from __future__ import annotations

import time

from lab.attach import Attached, attach
from lab.checks import must, must_equal, wait_until
from lab.scene import Scene, Site
from lab.traffic import Pinging, must_not_reach

CYCLES = 40
PREFIXES = [f"172.16.{number}.0/24" for number in range(98)]


def run(scene: Scene) -> None:
    site = scene.site()
    other_vpc = site.edge.vpc(scene.tenant("other owner"), "eth8", "10.30.0.0/16")
    flapping = attach(site.port, site.connection, site.vpc, 101, 1)
    other = attach(site.port, site.connection, other_vpc, 102, 2)
    for attached in (flapping, other):
        attached.wait()
        attached.lent.wait_state("available")
    since = site.edge.up_since(other.lent.id)
    with Pinging(scene, other.customer.namespace, other.hosts[4], other.vpc_host(4)) as pings:
        cycles, shown = flap(site, flapping)
    must(
        shown,
        f"the session shut within {CYCLES} cycles, with an error that tells of its routes",
        site.edge.shown_interface(flapping.lent.id),
    )
    scene.note(f"shut after {cycles} cycles of {len(PREFIXES)} prefixes: {shown}")
    flapping.lent.wait_state("down")
    must_not_reach(flapping.customer.namespace, flapping.hosts[4], flapping.vpc_host(4), count=3)
    pings.must_lose_none()
    site.edge.must_be_up_since(other.lent.id, since)
    must_equal(other.lent.state(), "available", "the other tenant's interface")
    scene.note(f"the other tenant lost none of {pings.result.sent} pings")

    # The operator need not wait for the end of the penalty.
    flapping.customer.announce([*flapping.customer.prefixes[:1], "192.168.1.0/24"])
    scene.server.admin("interface", "reset", flapping.lent.id)
    flapping.wait()
    flapping.lent.wait_state("available")
    wait_until("no error any more", site.edge.errors, lambda seen: not seen, patience=20)
    scene.note("reset by the operator, it is up again")


def flap(site: Site, flapping: Attached) -> tuple[int, str]:
    """All prefixes up and down, until the edge says that it has had enough; how often, and what it says."""
    customer = flapping.customer
    for cycle in range(CYCLES):
        for announced in (["192.168.1.0/24", *PREFIXES], ["192.168.1.0/24"]):
            customer.announce(announced)
            time.sleep(0.15)
        told = site.edge.shown_interface(flapping.lent.id).get("error", "")
        if "routes" in told:
            return cycle + 1, told
    return CYCLES, ""
