"""A foreign link has an interface's name: it is reported by name and left alone, others go on."""

from __future__ import annotations

import json

from lab.checks import must_equal, wait_until
from lab.scene import Scene
from lab.traffic import must_not_reach, must_reach

SECOND = {"amazonAddress": "169.254.0.5/30", "customerAddress": "169.254.0.6/30"}


def run(scene: Scene) -> None:
    site = scene.site()
    edge = site.edge
    blocked = site.connection.lend(site.owner, vlan=101)
    edge.namespace.ip(f"link add {blocked.id} type dummy", f"link set {blocked.id} up")
    edge.settle(0.5)
    before = edge.namespace.links()[blocked.id]
    blocked.accept(site.vpc)
    other = site.connection.lend(site.owner, vlan=102, **SECOND)
    other.accept(site.vpc)

    customers = [
        scene.customer(site.port, lent.router_config(), prefixes=(f"192.168.{lent.vlan}.0/24",))
        for lent in (blocked, other)
    ]
    customers[0].start()
    customers[1].up(site.vpc.cidr)
    must_reach(customers[1].namespace, customers[1].host, site.vpc.host)
    shown = wait_until(
        "the edge's error to name the link",
        lambda: edge.shown_interface(blocked.id).get("error", ""),
        lambda error: blocked.id in error,
    )
    scene.note(f"the other one works; of this one is shown: {json.dumps(shown)}")
    must_equal(edge.namespace.links()[blocked.id], before, "the foreign link")
    must_not_reach(customers[0].namespace, customers[0].config.ours, customers[0].config.theirs)

    edge.namespace.ip(f"link delete {blocked.id}")
    customers[0].wait_up()
    customers[0].wait_route(site.vpc.cidr)
    must_reach(customers[0].namespace, customers[0].host, site.vpc.host)
    blocked.wait_state("available")
    scene.note("with the foreign link gone, the edge finishes by itself")
