"""Whatever an administrator deletes or changes by hand is right again within ten seconds; no packet leaks meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from ipaddress import ip_network

from lab import raw
from lab.attach import Attached, attach
from lab.checks import Failed, Findings, must
from lab.leaks import ELSEWHERE, ELSEWHERE6, Management
from lab.process import attempt
from lab.raw import Flood, Tap
from lab.scene import Scene, Site
from lab.snapshot import Snapshot, must_be_same

BOUND_SECONDS = 360
REPAIRED_SECONDS = 10.0
# A session that has fallen waits for both routers' timers.
SESSION_SECONDS = 60.0
SETTINGS = {
    "ipv4": [
        "rp_filter",
        "forwarding",
        "proxy_arp",
        "arp_ignore",
        "arp_announce",
        "arp_filter",
        "accept_local",
        "accept_redirects",
        "send_redirects",
    ],
    "ipv6": [
        "accept_ra",
        "autoconf",
        "forwarding",
        "proxy_ndp",
        "accept_redirects",
        "disable_ipv6",
        "keep_addr_on_down",
    ],
}
# Whichever of these there is.
FLUSH = "nft flush ruleset; for one in ip6tables ip6tables-legacy iptables; do $one -t raw -F; done 2>/dev/null; true"
NO_FILTERS = "tc qdisc delete dev {} clsact 2>/dev/null; true"
# How many filters each link has, without the numbers that the kernel gives them.
FILTERS = "for one in {}; do for way in ingress egress; do echo $one $way $(tc filter show dev $one $way | grep -c ^filter); done; done"
RAW = "ip6tables -t raw -S; ip6tables-legacy -t raw -S 2>/dev/null"


@dataclass
class Break:
    """Something done by hand: `ip` commands, settings, or another program's words."""

    name: str
    ip: list[str] = field(default_factory=list)
    family: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    program: list[str] = field(default_factory=list)
    # The session may fall by it, and BIRD's routes with it.
    session_falls: bool = False


def run(scene: Scene) -> None:
    site = scene.site("10.20.0.0/16", "2001:db8:20::/56")
    attached = attach(site.port, site.connection, site.vpc, 101)
    attached.wait()
    attached.lent.wait_state("available")
    site.edge.settle(2)
    router = Router(site, attached)
    before = router.look()
    with (
        Management(site.edge) as watch,
        Tap(site.port.trunk, "eth0") as tap,
        Findings() as findings,
    ):
        mac = site.edge.namespace.links()["eth1"]["address"]
        pairs = ((attached.hosts[4], ELSEWHERE), (attached.hosts[6], ELSEWHERE6))
        frames = [raw.packet(tap.mac, mac, raw.udp(*pair, 7), raw.tagged(101)) for pair in pairs]
        with Flood(tap, frames, 100) as flood:
            for one in breaks(site, attached):
                with findings.of(one.name):
                    try:
                        seconds = router.break_and_wait(one, before)
                    except Failed:
                        # The next thing is to be judged by itself.
                        router.put_back(one, before)
                        before = router.look()
                        raise
                    scene.note(f"{one.name}: right again after {seconds:.1f} s")
        with findings.of("BIRD's routes while there is no agent"):
            site.edge.kill()
            table = site.edge.table(site.vpc.gateway_id)
            site.edge.namespace.ip(f"route flush table {table} proto bird")
            site.edge.start()
            site.edge.wait_started()
            seconds = router.break_and_wait(Break("nothing more"), before)
            scene.note(
                f"BIRD's routes while there was no agent: right again {seconds:.1f} s after its start"
            )
    watch.must_be_clean()
    scene.note(f"none of {flood.sent} packets to elsewhere left by the management interface")
    attached.lent.wait_state("available")


def breaks(site: Site, attached: Attached) -> list[Break]:
    """One by one, the least first."""
    link, vrf, handoff = attached.lent.id, site.vpc.gateway_id, site.vpc.interface
    table = f"table {site.edge.table(vrf)}"
    found = [
        Break("BIRD's IPv4 route", [f"route delete {attached.customer.prefixes[0]} {table}"]),
        Break("BIRD's IPv6 route", [f"route delete 2001:db8:c1::/48 {table}"]),
        Break(
            "BIRD's IPv4 route taken by another program's",
            [f"route replace unreachable {attached.customer.prefixes[0]} {table} metric 32"],
        ),
        Break(
            "BIRD's IPv6 route changed",
            [f"route change unreachable 2001:db8:c1::/48 {table} proto bird metric 32"],
        ),
        Break(
            "a route in BIRD's name",
            [f"route add 198.18.7.0/24 dev {link} {table} proto bird metric 32"],
        ),
        Break("the VPC's IPv4 route", [f"route delete {site.vpc.cidrs[0]} {table}"]),
        Break("the VPC's IPv6 route", [f"route delete {site.vpc.cidrs[1]} {table}"]),
        Break(
            "the handoff's connected route", [f"route delete 192.0.2.0/30 dev {handoff} {table}"]
        ),
        Break("the handoff's local route", [f"route delete local 192.0.2.1 dev {handoff} {table}"]),
    ]
    for version, config in attached.configs.items():
        theirs, subnet = config.theirs, ip_network(f"{config.ours}/{config.length}", strict=False)
        found += [
            Break(
                f"the link's IPv{version} local route",
                [f"route delete local {theirs} dev {link} {table}"],
            ),
            Break(
                f"the link's IPv{version} connected route",
                [f"route delete {subnet} dev {link} {table}"],
            ),
            Break(
                f"the link's IPv{version} address",
                [f"address delete {theirs}/{config.length} dev {link}"],
                session_falls=True,
            ),
        ]
    found += [
        Break(f"{name}={value}", settings={name.replace("LINK", one): value})
        for name, value in (
            ("net.ipv4.conf.LINK.rp_filter", "0"),
            ("net.ipv4.conf.LINK.forwarding", "0"),
            ("net.ipv4.conf.LINK.proxy_arp", "1"),
            ("net.ipv4.conf.LINK.arp_ignore", "8"),
            ("net.ipv4.conf.LINK.accept_local", "1"),
            ("net.ipv6.conf.LINK.accept_ra", "2"),
            ("net.ipv6.conf.LINK.proxy_ndp", "1"),
        )
        for one in (link,)
    ]
    found += [
        Break("the handoff's rp_filter", settings={f"net.ipv4.conf.{handoff}.rp_filter": "0"}),
        Break("the handoff's forwarding", settings={f"net.ipv4.conf.{handoff}.forwarding": "0"}),
        Break("the VRF's rp_filter", settings={f"net.ipv4.conf.{vrf}.rp_filter": "0"}),
        Break("the whole packet filter", program=["sh", "-c", FLUSH]),
        Break("the filters of the link", program=["sh", "-c", NO_FILTERS.format(link)]),
        Break("the filters of the port", program=["sh", "-c", NO_FILTERS.format("eth1")]),
        Break("the filters of the handoff", program=["sh", "-c", NO_FILTERS.format(handoff)]),
        Break(
            "a filter chain of the link",
            program=["sh", "-c", f"tc filter delete dev {link} ingress; true"],
        ),
        Break("the handoff taken out of its VRF", [f"link set {handoff} nomaster"]),
        Break("the link's MTU", [f"link set {link} mtu 1300"]),
        Break("the link set down", [f"link set {link} down"], session_falls=True),
        Break("the link taken out of its VRF", [f"link set {link} nomaster"], session_falls=True),
        Break("the VRF set down", [f"link set {vrf} down"], session_falls=True),
        Break("the link deleted", [f"link delete {link}"], session_falls=True),
        Break("the VRF deleted", [f"link delete {vrf}"], session_falls=True),
    ]
    return found


@dataclass
class Look:
    """Everything in the kernel that is the agent's, and what BIRD made of it."""

    kernel: Snapshot
    customers: list[str]


class Router:
    """The router, as its operator looks at it."""

    def __init__(self, site: Site, attached: Attached) -> None:
        self.site, self.attached = site, attached

    def look(self) -> Look:
        space = self.site.edge.namespace
        seen = self.site.edge.snapshot()
        customers = [
            line for kind in ("route", "route6") for line in seen[kind] if "'bird'" in line
        ]
        for kind in ("route", "route6"):
            seen[kind] = [line for line in seen[kind] if "'bird'" not in line and not passing(line)]
        # A VRF that is made anew may have another table, and has another MAC address.
        links = space.links()
        if self.site.vpc.gateway_id in links:
            vrf = links[self.site.vpc.gateway_id]
            names = {str(vrf["linkinfo"]["info_data"]["table"]): "TABLE", vrf["address"]: "MAC"}
            seen = {kind: renamed(lines, names) for kind, lines in seen.items()}
            customers = renamed(customers, names)
        ours = (self.attached.lent.id, self.site.vpc.gateway_id, self.site.vpc.interface, "eth1")
        files = " ".join(
            f"/proc/sys/net/{family}/conf/{link}/{name}"
            for family, wanted in SETTINGS.items()
            for link in ours
            for name in wanted
        )
        script = (
            f"tc qdisc show; {FILTERS.format(' '.join(ours))}; {RAW}; grep -H . {files} 2>/dev/null"
        )
        seen["other"] = sorted(attempt(space.words("sh", "-c", script)).stdout.splitlines())
        return Look(seen, customers)

    def break_and_wait(self, one: Break, before: Look) -> float:
        """Does it, and waits until all is as before; how many seconds that took."""
        space, attached = self.site.edge.namespace, self.attached
        if one.ip:
            space.ip(*one.ip, family=one.family)
        if one.settings:
            space.sysctl(**one.settings)
        if one.program:
            space.run(*one.program)
        began = time.monotonic()
        seconds = self._wait(began, before, REPAIRED_SECONDS, customers=not one.session_falls)
        if one.session_falls:
            self._wait(began, before, SESSION_SECONDS, customers=True)
        for version in attached.configs:
            attached.must_pass(version)
        return seconds

    def put_back(self, one: Break, before: Look) -> None:
        """The settings as they were."""
        values = dict(
            line.rsplit(":", 1) for line in before.kernel["other"] if line.startswith("/proc/sys/")
        )
        paths = {name: "/proc/sys/" + name.replace(".", "/") for name in one.settings}
        if paths:
            self.site.edge.namespace.sysctl(**{name: values[path] for name, path in paths.items()})

    def _wait(self, began: float, before: Look, patience: float, *, customers: bool) -> float:
        """Until the kernel is as before, with the customers' routes if these are asked for."""
        while True:
            seconds = time.monotonic() - began
            now = self.look()
            try:
                must_be_same(before.kernel, now.kernel, f"after {seconds:.1f} s")
                must(
                    not customers or now.customers == before.customers,
                    "the customers' routes",
                    now.customers,
                )
            except Failed:
                if seconds > patience:
                    raise
            else:
                must(
                    seconds <= patience, f"right again within {patience:.0f} s", f"{seconds:.1f} s"
                )
                return seconds
            time.sleep(0.2)


def renamed(lines: list[str], names: dict[str, str]) -> list[str]:
    """The lines with these texts replaced."""
    for text, name in names.items():
        lines = [line.replace(text, name) for line in lines]
    return sorted(lines)


def passing(line: str) -> bool:
    """Routes that the kernel makes for groups, with some delay."""
    return "'multicast'" in line or "'anycast'" in line
