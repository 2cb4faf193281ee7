"""Five makes of customers' routers, configured from what the API returned and nothing else, come up, reach the VPC and go down."""

from __future__ import annotations

import time

from lab.checks import must, must_equal, wait_until
from lab.customer import Customer
from lab.interface import Interface
from lab.scene import Scene, Site
from lab.traffic import must_not_reach, must_reach, ping

BOUND_SECONDS = 300
DUAL_STACK = ("gobgp", "openbgpd", "exabgp")
# After the answer to DeleteVirtualInterface.
DOWN_SECONDS = 8


def run(scene: Scene) -> None:
    site = scene.site("10.20.0.0/16", "2001:db8:20::/56")
    customers, interfaces = [], []
    for number, kind in enumerate(("bird", "frr", *DUAL_STACK)):
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
        if customer.kind in DUAL_STACK:
            six(scene, site, customer, lent)

    # Never one customer's routes to another.
    first, other = customers[:2]
    for customer in (first, other):
        routes = [route["dst"] for route in customer.namespace.show("-4", "route", "show")]
        theirs = [one.prefixes[0] for one in customers if one is not customer]
        must_equal(sorted(set(theirs) & set(routes)), [], "other customers' prefixes in the routes")
    first.namespace.ip(f"route add {other.prefixes[0]} via {first.config.theirs}")
    pings = ping(first.namespace, first.host, other.host)
    must_equal(pings.answered, 0, "pings to another customer, routed there by hand")
    scene.note("no route of one is told to another")

    for customer, lent in zip(customers, interfaces, strict=True):
        deleted(scene, site, customer, lent)


def six(scene: Scene, site: Site, customer: Customer, lent: Interface) -> None:
    """A second session of the same router, for IPv6."""
    config = lent.add_peer("ipv6", asn=customer.config.our_asn)
    host = customer.add_peer(config, f"2001:db8:c{lent.vlan}::/48")
    customer.wait_up(config=config)
    customer.wait_route(site.vpc.cidrs[1])
    must_reach(customer.namespace, host, site.vpc.hosts[1])
    lent.wait_peers({"ipv4": "up", "ipv6": "up"})
    scene.note(f"{customer.kind}: IPv6 as well")


def deleted(scene: Scene, site: Site, customer: Customer, lent: Interface) -> None:
    """Its sessions end within seconds of the deletion, and nothing is answered any more."""
    lent.delete()
    began = time.monotonic()
    for version in customer.peers:
        wait_until(
            f"{customer.kind}'s IPv{version} session to end",
            lambda version=version: customer.router.session(version),
            lambda state: state != "Established",
            patience=DOWN_SECONDS,
            pause=0.05,
        )
    seconds = time.monotonic() - began
    must(seconds < DOWN_SECONDS, f"the sessions down within {DOWN_SECONDS} s", seconds)
    must_not_reach(customer.namespace, customer.host, site.vpc.host, count=3)
    scene.note(f"{customer.kind}: down {seconds:.1f} s after the deletion")
