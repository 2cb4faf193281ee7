"""An IPv6 interface into an IPv6 VPC: session up, pings cross both ways."""

from __future__ import annotations

from lab.checks import must_equal
from lab.scene import Scene
from lab.traffic import must_reach


def run(scene: Scene) -> None:
    site = scene.site("2001:db8:20::/56")
    for number, kind in enumerate(("bird", "frr")):
        # IPv6 addresses are always the server's choice.
        lent = site.connection.lend(
            site.owner,
            vlan=101 + number,
            addressFamily="ipv6",
            amazonAddress=None,
            customerAddress=None,
        )
        lent.accept(site.vpc)
        prefixes = (f"2001:db8:c{number}::/48",)
        customer = scene.customer(site.port, lent.router_config(), kind, prefixes)
        customer.up(site.vpc.cidr)
        must_reach(customer.namespace, customer.host, site.vpc.host)
        must_reach(site.vpc.namespace, site.vpc.host, customer.host)
        lent.wait_state("available")
        must_equal(lent.session(), "up", "bgpStatus")
        scene.note(f"{kind}: up at {customer.config.ours}, packets pass both ways")
