"""BIRD and FRR as customers' routers, configured from what the API returned and nothing else."""

from __future__ import annotations

from lab.checks import must_equal
from lab.scene import Scene
from lab.traffic import must_reach, ping


def run(scene: Scene) -> None:
    site = scene.site()
    customers, interfaces = [], []
    for number, kind in enumerate(("bird", "frr")):
        # Key and addresses are the server's choice.
        lent = site.connection.lend(
            site.owner,
            vlan=101 + number,
            asn=65001 + number,
            authKey=None,
            amazonAddress=None,
            customerAddress=None,
        )
        lent.accept(site.vpc)
        prefixes = (f"192.168.{number + 1}.0/24",)
        customers.append(scene.customer(site.port, lent.router_config(), kind, prefixes))
        interfaces.append(lent)
    for customer in customers:
        customer.start()
    for customer, lent in zip(customers, interfaces, strict=True):
        customer.wait_up()
        customer.wait_route(site.vpc.cidr)
        must_reach(customer.namespace, customer.host, site.vpc.host)
        lent.wait_state("available")
        scene.note(f"{customer.kind}: up, packets pass")

    # Never one customer's routes to another.
    for customer, other in zip(customers, reversed(customers), strict=True):
        routes = [route["dst"] for route in customer.namespace.show("-4", "route", "show")]
        must_equal(other.prefixes[0] in routes, False, "the other customer's prefix in the routes")
    customers[0].namespace.ip(
        f"route add {customers[1].prefixes[0]} via {customers[0].config.theirs}"
    )
    pings = ping(customers[0].namespace, customers[0].host, customers[1].host)
    scene.note(
        f"no route of one is told to the other; forced: {pings.answered} of {pings.sent} pings"
    )
