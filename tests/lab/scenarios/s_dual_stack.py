"""Two BGP peers on one VLAN: the second comes and goes without a packet or the session of the first lost."""

from __future__ import annotations

from lab.checks import must_equal, wait_until
from lab.scene import Scene
from lab.traffic import Pinging, must_not_reach, must_reach


def run(scene: Scene) -> None:
    site = scene.site("10.20.0.0/16", "2001:db8:20::/56")
    four, six = site.vpc.hosts
    for number, kind in enumerate(("bird", "frr")):
        lent = site.connection.lend(
            site.owner, vlan=101 + number, amazonAddress=None, customerAddress=None
        )
        lent.accept(site.vpc)
        prefixes = (f"192.168.{number + 1}.0/24",)
        customer = scene.customer(site.port, lent.router_config(), kind, prefixes)
        customer.up(site.vpc.cidr)
        must_reach(customer.namespace, customer.host, four)
        since = site.edge.up_since(lent.id)
        with Pinging(scene, customer.namespace, customer.host, four) as pings:
            config = lent.add_peer("ipv6")
            host = customer.add_peer(config, f"2001:db8:c{number}::/48")
            customer.wait_up(config=config)
            customer.wait_route(site.vpc.cidrs[1])
            must_reach(customer.namespace, host, six)
            lent.wait_peers({"ipv4": "up", "ipv6": "up"})
            must_equal(lent.state(), "available", "the state")
            scene.note(f"{kind}: both sessions are up, packets pass over both")

            lent.delete_peer("ipv6")
            lent.wait_peers({"ipv4": "up"})

            def addresses(link: str = lent.id) -> list[str]:
                (found,) = site.edge.namespace.show("address", "show", "dev", link)
                return [one["family"] for one in found["addr_info"]]

            wait_until("IPv4 alone on the VLAN", addresses, lambda seen: seen == ["inet"])
            must_not_reach(customer.namespace, host, six)
        pings.must_lose_none()
        site.edge.must_be_up_since(lent.id, since)
        must_equal(lent.state(), "available", "the state")
        scene.note(f"{kind}: {pings.result.sent} IPv4 pings, none lost; its session was never down")
