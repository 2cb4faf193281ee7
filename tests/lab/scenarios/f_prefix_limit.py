"""101 prefixes: the session is shut, everybody can see why; it is back once fixed and cleared."""

from __future__ import annotations

import json

from lab.checks import must, must_equal, stays, wait_until
from lab.scene import Scene
from lab.traffic import must_not_reach, must_reach

LIMIT = 100


def run(scene: Scene) -> None:
    site = scene.site()
    edge = site.edge
    lent = site.connection.lend(site.owner, vlan=101)
    lent.accept(site.vpc)
    customer = scene.customer(site.port, lent.router_config(), prefixes=tuple(networks(LIMIT)))
    customer.up(site.vpc.cidr)
    must_reach(customer.namespace, customer.host, site.vpc.host)
    lent.wait_state("available")
    scene.note(f"up with {LIMIT} prefixes")

    customer.announce(networks(LIMIT + 1))
    lent.wait_state("down")
    must_equal(lent.session(), "down", "bgpStatus")
    shown = wait_until(
        "the reason to be shown to the operator",
        lambda: json.dumps(edge.shown_interface(lent.id)),
        lambda text: "prefixLimit" in text or "limit" in text.lower(),
    )
    must("limit" in shown.lower(), "the limit to be named", shown)
    must_not_reach(customer.namespace, customer.host, site.vpc.host)
    scene.note("shut at 101: state down, the reason is shown")

    customer.announce(networks(50))
    stays("the session shut until cleared", lent.state, lambda state: state == "down", seconds=6)
    must(customer.router.session() != "Established", "no session", customer.router.session())
    scene.note("the customer announces 50: still shut")

    scene.server.admin("interface", "reset", lent.id)
    customer.wait_up()
    lent.wait_state("available")
    must_reach(customer.namespace, customer.host, site.vpc.host)
    scene.note("cleared by the operator: up again")


def networks(count: int) -> list[str]:
    return [f"192.168.{number}.0/24" for number in range(1, count + 1)]
