"""What is not a customer's to announce is turned away; a gateway's packets do not go to another site when its handoff is down."""

from __future__ import annotations

from ipaddress import ip_network

from lab import raw, vpc
from lab.attach import Attached, attach
from lab.checks import Findings, must, must_equal, wait_until
from lab.raw import Flood, Tap
from lab.scene import Scene, Site
from lab.traffic import Pinging

MARTIANS = {
    4: [
        "0.0.0.0/8",
        "127.0.0.0/8",
        "127.1.0.0/16",
        "169.254.7.0/24",
        "224.0.0.0/4",
        "239.1.0.0/16",
        "240.0.0.0/4",
    ],
    6: ["::1/128", "fe80::/10", "fe80:1::/64", "ff00::/8", "ff0e::/16"],
}
HANDOFF = {
    4: ["192.0.2.2/32", "192.0.2.1/32", "192.0.2.0/30", "192.0.2.2/31"],
    6: ["2001:db8:ff::2/128", "2001:db8:ff::1/128", "2001:db8:ff::/64", "2001:db8:ff:0:1::/80"],
}
INSIDE = {
    4: ["10.20.0.0/16", "10.20.1.0/24", "10.20.0.10/32"],
    6: ["2001:db8:20::/56", "2001:db8:20:1::/64", "2001:db8:20::a/128"],
}
# RFC 7607; and a route by a neighbor that is not the one that announces it.
ODD = {
    4: ["192.168.50.0/24 as-path [ 65000 0 ]", "192.168.51.0/24 next-hop 192.0.2.2"],
    6: ["2001:db8:50::/48 as-path [ 65000 0 ]"],
}
# NAT64 prefixes (RFC 6052, RFC 8215) are a site's own matter, as is a default route.
FINE = {
    4: ["192.168.1.0/24", "192.168.1.128/25", "172.16.0.0/12", "0.0.0.0/0"],
    6: ["2001:db8:c1::/48", "64:ff9b::/96", "64:ff9b:1::/48", "fd00:1::/48", "::/0"],
}
COVERING = {4: ["192.168.2.0/24", "10.0.0.0/8"], 6: ["2001:db8:c2::/48", "2001:db8::/32"]}


def run(scene: Scene) -> None:
    site = scene.site("10.20.0.0/16", "2001:db8:20::/56")
    one = attach(site.port, site.connection, site.vpc, 101, 1, kind="exabgp")
    two = attach(site.port, site.connection, site.vpc, 102, 2)
    for attached in (one, two):
        attached.wait()
    for version, prefixes in COVERING.items():
        two.customer.router.announce(two.configs[version], prefixes)
    scene.note(
        "two interfaces of a gateway; the second customer announces prefixes that cover the VPC's"
    )
    with Findings() as findings:
        with findings.of("announcements"):
            announcements(scene, site, one, two)
        with findings.of("handoff without carrier"):
            handoff_down(scene, site, one, two)
        with findings.of("handoff with a small MTU"):
            small_mtu(scene, site, one)


def bird_routes(site: Site, version: int) -> set[str]:
    """The customers' routes in the VRF."""
    table = str(site.edge.table(site.vpc.gateway_id))
    routes = site.edge.namespace.show(
        f"-{version}", "route", "show", "table", table, "proto", "bird"
    )
    everything = "0.0.0.0/0" if version == 4 else "::/0"
    dsts = (route["dst"].replace("default", everything) for route in routes)
    return {str(ip_network(dst)) for dst in dsts}


def announcements(scene: Scene, site: Site, one: Attached, two: Attached) -> None:
    """Everything at once, amid pings, which hang on the very routes that it would like to take over."""
    turned_away = {}
    for version in (4, 6):
        configs = [attached.configs[version] for attached in (one, two)]
        sessions = [
            f"{address}/{32 if version == 4 else 128}"
            for c in configs
            for address in (c.ours, c.theirs)
        ]
        subnets = [str(ip_network(f"{c.ours}/{c.length}", strict=False)) for c in configs]
        turned_away[version] = [
            *HANDOFF[version],
            *INSIDE[version],
            *sessions,
            *subnets,
            *ODD[version],
        ]
    four, six = (
        Pinging(scene, one.customer.namespace, one.hosts[version], one.vpc_host(version))
        for version in (4, 6)
    )
    with four, six:
        for version in (4, 6):
            everything = [*FINE[version], *turned_away[version], *MARTIANS[version]]
            one.customer.router.announce(one.configs[version], everything)
        with Findings() as findings:
            for version in (4, 6):
                wanted = {*FINE[version], *COVERING[version]}
                with findings.of(f"IPv{version} routes in the VRF"):
                    wait_until(
                        "all that may be announced and nothing else",
                        lambda version=version: bird_routes(site, version),
                        wanted.__eq__,
                        15,
                        0.5,
                    )
        site.edge.settle(2)
    must_equal([four.lost_numbers, six.lost_numbers], [[], []], "pings lost")
    rejected = wait_until(
        "the edge to report what it turned away",
        lambda: {
            peer["addressFamily"]: peer["prefixesRejected"]
            for peer in site.edge.shown_interface(one.lent.id).get("peers", [])
        },
        lambda seen: all(
            seen.get(f"ipv{version}", 0) >= len(turned_away[version]) for version in (4, 6)
        ),
        patience=15,
        pause=0.5,
    )
    scene.note(f"turned away: {rejected}; none of {four.result.sent + six.result.sent} pings lost")


def handoff_down(scene: Scene, site: Site, one: Attached, two: Attached) -> None:
    """The VPC's packets are lost then. The other customer, whose prefixes cover the VPC's, sees none of them."""
    links = site.edge.namespace.links()
    with Tap(site.port.trunk, "eth0") as tap:
        frames = [
            raw.packet(
                tap.mac,
                links["eth1"]["address"],
                raw.udp(one.hosts[version], one.vpc_host(version), 7),
                raw.tagged(one.lent.vlan),
            )
            for version in (4, 6)
        ]
        operator = site.edge.namespace
        handoff = site.vpc.interface
        for name, down, up in (
            ("without carrier", site.vpc.cut, site.vpc.mend),
            ("down", lambda: operator.ip(f"link set {handoff} down"), lambda: set_up(site)),
        ):
            tap.collect()
            try:
                with Flood(tap, frames, 200) as flood:
                    down()
                    ways = ways_by_others(site, one, two)
                strays = [
                    frame
                    for frame in tap.collect()
                    if frame.kind == "udp" and frame.vlan == two.lent.vlan
                ]
            finally:
                up()
            must_equal(
                (len(strays), ways),
                (0, []),
                "packets at the other site, ways to the VPC by another site",
            )
            scene.note(f"handoff {name}: none of {flood.sent} packets went to the other site")
            for version in (4, 6):
                one.customer.wait_route(one.cidr(version))
                one.must_pass(version)


def ways_by_others(site: Site, one: Attached, two: Attached) -> list[dict]:
    """How the router would send packets to the VPC but by its handoff, once its prefixes are withdrawn."""
    for version in (4, 6):
        wait_until(
            "the VPC's prefix to be withdrawn",
            lambda version=version: two.customer.namespace.show(
                f"-{version}", "route", "show", two.cidr(version)
            ),
            lambda seen: not seen,
        )
    site.edge.settle(2)
    found = []
    for version in (4, 6):
        words = ("route", "get", one.vpc_host(version), "vrf", site.vpc.gateway_id)
        found += site.edge.namespace.show(f"-{version}", *words)
    return [way for way in found if "gateway" in way and way["dev"] != site.vpc.interface]


def set_up(site: Site) -> None:
    """The handoff, as its operator would: with its IPv6 address, which the kernel may have taken away."""
    ours, _, length = vpc.HANDOFF[6]
    site.edge.namespace.ip(
        f"link set {site.vpc.interface} up",
        f"address replace {ours}/{length} dev {site.vpc.interface} nodad",
    )


def small_mtu(scene: Scene, site: Site, one: Attached) -> None:
    """An interface of 1500 bytes behind which the handoff takes 1400: it works, and the operator is told."""
    handoff = site.vpc.interface
    site.edge.namespace.ip(f"link set {handoff} mtu 1400")
    told = wait_until(
        "an error that names the handoff and its MTU",
        lambda: site.edge.shown_interface(one.lent.id).get("error", ""),
        lambda text: handoff in text and "MTU" in text and "1400" in text,
        patience=15,
        pause=0.5,
    )
    must_equal(one.lent.state(), "available", "the state")
    site.edge.namespace.ip(f"link set {handoff} mtu 1500")
    wait_until(
        "no error any more",
        lambda: site.edge.shown_interface(one.lent.id).get("error", ""),
        lambda text: "MTU" not in text,
        patience=15,
        pause=0.5,
    )
    must(site.edge.errors() == [], "no error left", site.edge.errors())
    scene.note(f"small MTU of the handoff: {told}")
