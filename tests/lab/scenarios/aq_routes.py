"""Routes: the owner sees what each session exchanges now, with AS path and communities; the lender does not."""

from __future__ import annotations

from typing import Any

from lab.api import Refused
from lab.checks import Failed, must, must_equal, wait_until
from lab.interface import Interface
from lab.scene import Scene

ATTRIBUTES = {
    "192.168.1.0/24": "bgp_community.add((7224,7100)); bgp_path.prepend(65010);",
    "192.168.2.0/24": "bgp_community.add((65000,7)); bgp_large_community.add((65000,1,2));",
}


def run(scene: Scene) -> None:
    site = scene.site()
    lent = site.connection.lend(site.owner, vlan=101)
    lent.accept(site.vpc)
    prefixes = (*ATTRIBUTES, "192.168.3.0/24", "10.20.9.0/24")
    bird = scene.customer(site.port, lent.router_config(), prefixes=prefixes)
    bird.router.attributes = ATTRIBUTES
    bird.up(site.vpc.cidr)
    other = site.connection.lend(
        site.owner, vlan=102, amazonAddress="169.254.1.1/30", customerAddress="169.254.1.2/30"
    )
    other.accept(site.vpc)
    frr = scene.customer(site.port, other.router_config(), "frr", ("192.168.9.0/24",))
    frr.up(site.vpc.cidr)

    seen = wait_until(
        "the accepted routes",
        lambda: {route["cidr"]: route for route in routes(lent, routeDirection="accepted")},
        lambda found: set(found) == {"192.168.1.0/24", "192.168.2.0/24", "192.168.3.0/24"},
    )
    one, two, three = (seen[f"192.168.{number}.0/24"] for number in (1, 2, 3))
    must_equal(one["asPath"], [{"path": [65000, 65010], "pathType": "seq"}], "AS path")
    must_equal(one["communities"], ["7224:7100"], "communities")
    must_equal(two["communities"], ["65000:7", "65000:1:2"], "communities of both kinds")
    must_equal(three["communities"], [], "no communities")
    must_equal(three["awsLogicalDeviceId"], site.edge.name, "the edge")
    must(three["routeInstalledAt"] > 1_700_000_000, "a moment", three["routeInstalledAt"])
    scene.note("BIRD: three accepted, the VPC's own turned away; path, communities, time")

    asn = lent.described()["amazonSideAsn"]
    for interface in (lent, other):
        found = routes(interface, routeDirection="advertised")
        must_equal(
            [(route["cidr"], route["asPath"]) for route in found],
            [(site.vpc.cidr, [{"path": [asn], "pathType": "seq"}])],
            "what is announced",
        )
    wait_until(
        "FRR's only route",
        lambda: [route["cidr"] for route in routes(other, routeDirection="accepted")],
        lambda found: found == ["192.168.9.0/24"],
    )
    scene.note("FRR: its own route, and the VPC's with our AS number")

    by_community = routes(lent, communities=["7224:7100"])
    must_equal([route["cidr"] for route in by_community], ["192.168.1.0/24"], "one community")
    by_path = routes(lent, asPath=[65010])
    must_equal([route["cidr"] for route in by_path], ["192.168.1.0/24"], "one AS number")
    try:
        site.lender.call("ListVirtualInterfaceRoutes", virtualInterfaceId=lent.id)
    except Refused as refused:
        must("not yours" in str(refused), "the lender to be refused", str(refused))
    else:
        raise Failed("the lender sees the recipient's routes")

    site.edge.kill()
    bird.announce(["192.168.3.0/24"])
    site.edge.start()
    wait_until(
        "the routes after the agent's restart",
        lambda: [route["cidr"] for route in routes_if_any(lent)],
        lambda found: found == ["192.168.3.0/24"],
    )
    scene.note("after a restart of the agent: what is there now")


def routes(interface: Interface, **filters: Any) -> list[dict[str, Any]]:
    """The routes of an interface."""
    answer = interface.owner.call(
        "ListVirtualInterfaceRoutes", virtualInterfaceId=interface.id, filters=filters
    )
    return answer["routes"]


def routes_if_any(interface: Interface) -> list[dict[str, Any]]:
    """The accepted ones, if the edge can be asked."""
    try:
        return routes(interface, routeDirection="accepted")
    except Refused:
        return []
