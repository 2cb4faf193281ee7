"""A tenant floods the router with ARP, neighbor discovery, scans, pings and SYNs: no other tenant loses a ping or a session."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from lab import raw
from lab.attach import Attached, attach
from lab.checks import Findings, must, must_equal
from lab.raw import Flood, Tap
from lab.scene import Scene, Site
from lab.traffic import Pinging

PER_SECOND, SECONDS, DIFFERENT = 10_000, 3.0, 8_000
# Entries of one link in the neighbor tables of both versions, whose kernel takes 1,024 each: a router may be asked for many
# things, but lets a neighbor claim few.
FEW = 64
# The tenant announces a large prefix, from which it can take sources that it may use.
LARGE, LARGE6 = "172.20.0.0/16", "2001:db8:c1::"


def run(scene: Scene) -> None:
    site = scene.site("10.20.0.0/16", "2001:db8:20::/56")
    other_vpc = site.edge.vpc(
        scene.tenant("other owner"), "eth8", "10.30.0.0/16", "2001:db8:30::/56"
    )
    attacker = attach(site.port, site.connection, site.vpc, 101, 1, prefixes=(LARGE,))
    victim = attach(site.port, site.connection, other_vpc, 102, 2)
    attacker.wait()
    victim.wait()
    floods = Floods(scene, site, attacker, victim)
    scene.note("two tenants with two sessions each on one port")
    with (
        Tap(site.port.trunk, "eth0") as tap,
        Tap(site.vpc.namespace, "eth0") as fabric,
        Findings() as findings,
    ):
        for name, wire, frames in (
            ("ARP", tap, floods.arp()),
            ("neighbor discovery", tap, floods.discovery()),
            ("scan by the customer", tap, floods.scan(tap.mac)),
            ("scan by the VPC", fabric, floods.scan_by_vpc(fabric.mac)),
            ("pings, SYNs and BFD to the router", tap, floods.to_router(tap.mac)),
        ):
            with findings.of(name):
                floods.stand(name, wire, frames)
        with findings.of("policing"):
            policed(scene, tap, floods)


class Floods:
    """What the tenant on VLAN 101 can send, and what must not suffer from it."""

    def __init__(self, scene: Scene, site: Site, attacker: Attached, victim: Attached) -> None:
        self.scene, self.site, self.attacker, self.victim = scene, site, attacker, victim
        self._tags = raw.tagged(attacker.lent.vlan)
        self.router_mac = site.edge.namespace.links()["eth1"]["address"]
        self._handoff_mac = site.edge.namespace.links()[site.vpc.interface]["address"]

    def arp(self) -> list[bytes]:
        """Requests and replies of senders within its subnet, within what it announces, and outside of both."""
        config = self.attacker.configs[4]
        own = [
            str(address) for address in ip_network(f"{config.ours}/{config.length}", strict=False)
        ]
        found = []
        for number in range(DIFFERENT):
            low = f"{number >> 8 & 255}.{number & 255}"
            source = (own[number % len(own)], f"172.20.{low}", f"172.31.{low}", f"10.20.{low}")[
                number % 4
            ]
            sender = raw.made_mac(number)
            reply_to = self.router_mac if number % 16 > 12 else None
            body = raw.arp(sender, source, config.theirs, reply_to=reply_to)
            target = self.router_mac if reply_to else raw.BROADCAST
            found.append(raw.ethernet(sender, target, raw.ETH_P_ARP, body, self._tags))
        # Its own router is not to be told a wrong address of itself.
        return [frame for frame in found if ip_address(config.ours).packed not in frame]

    def discovery(self) -> list[bytes]:
        """Solicitations and advertisements of link-local and global senders."""
        router = self.attacker.configs[6].theirs
        targets = (router, raw.link_local(self.router_mac))
        found = []
        for number in range(DIFFERENT):
            sender, target = raw.made_mac(number), targets[number & 1]
            prefix = ("fe80::", LARGE6, "2001:db8:f00d::", "fd6c::")[number // 2 % 4]
            source = f"{prefix}4c:{number:x}"
            if number % 16 > 12:
                body = raw.advertisement(sender, source, target)
                found.append(raw.packet(sender, self.router_mac, body, self._tags))
            else:
                body = raw.solicitation(sender, source, target)
                group = raw.multicast_mac(raw.solicited_node(target))
                found.append(raw.packet(sender, group, body, self._tags))
        return found

    def scan(self, mac: str) -> list[bytes]:
        """Pings to every address of the subnets that the router is in."""
        found = []
        for number in range(1, DIFFERENT):
            for source, target in (
                (self.attacker.hosts[6], f"2001:db8:ff::{number:x}"),
                (self.attacker.hosts[4], f"192.0.2.{number % 4}"),
                (self.attacker.hosts[4], nth(self.attacker, 4, number)),
                (self.attacker.hosts[6], nth(self.attacker, 6, number)),
                (raw.link_local(mac), f"fe80::5ca:{number:x}"),
            )[number % 5 :: 5] or ():
                found.append(raw.packet(mac, self.router_mac, raw.echo(source, target), self._tags))
            body = raw.echo(self.attacker.hosts[6], f"2001:db8:ff::1:{number:x}")
            found.append(raw.packet(mac, self.router_mac, body, self._tags))
        return found

    def scan_by_vpc(self, mac: str) -> list[bytes]:
        """The same from the other side: the sessions' subnets, and the handoff's own."""
        four, six = self.site.vpc.hosts
        found = []
        for number in range(1, DIFFERENT):
            source, target = (
                (four, nth(self.attacker, 4, number)),
                (six, nth(self.attacker, 6, number)),
                (six, f"2001:db8:ff::2:{number:x}"),
            )[number % 3]
            found.append(raw.packet(mac, self._handoff_mac, raw.echo(source, target)))
        return found

    def to_router(self, mac: str) -> list[bytes]:
        """Pings, SYNs to BGP's port and datagrams to BFD's, of its own and of other sources, all to the router itself."""
        found = []
        for number in range(DIFFERENT):
            low = f"{number >> 8 & 255}.{number & 255}"
            config = self.attacker.configs[4 if number % 2 else 6]
            if config.version == 4:
                source = (config.ours, f"172.20.{low}")[number // 2 % 2]
            else:
                source = (config.ours, f"{LARGE6}5:{number:x}")[number // 2 % 2]
            router = config.theirs
            body = (
                raw.echo(source, router, number),
                raw.syn(source, router, 179, 20_000 + number),
                raw.udp(source, router, 3784, ttl=255),
            )[number // 4 % 3]
            found.append(raw.packet(mac, self.router_mac, body, self._tags))
        return found

    def neighbors(self) -> dict[str, int]:
        """How many entries each link of the router has in the neighbor tables of both versions."""
        counts: dict[str, int] = {}
        for entry in self.site.edge.namespace.show("neighbor", "show", "nud", "all"):
            if entry.get("state") != ["NOARP"] and not entry["dst"].startswith("ff"):
                counts[entry["dev"]] = counts.get(entry["dev"], 0) + 1
        return counts

    def stand(self, name: str, wire: Tap, frames: list[bytes]) -> None:
        """A flood of these, which must not be felt by the other tenant, nor fill the neighbor tables."""
        victim, edge = self.victim, self.site.edge
        since = edge.up_since(victim.lent.id)
        must_equal(len(since), 2, "the other tenant's sessions")
        four, six = (
            Pinging(
                self.scene,
                victim.customer.namespace,
                victim.hosts[version],
                victim.vpc_host(version),
            )
            for version in (4, 6)
        )
        with four, six, Flood(wire, frames, PER_SECOND) as flood:
            edge.settle(SECONDS / 2)
            # As when the neighbor is another router from here on: it has to be found again, in a full table.
            edge.namespace.ip(
                f"neighbor flush dev {victim.lent.id}", f"neighbor flush dev {victim.vpc.interface}"
            )
            edge.settle(SECONDS / 2)
            counts = self.neighbors()
        self.scene.note(f"{name}: {flood.rate}; neighbors {counts}")
        lost = [len(pings.lost_numbers) for pings in (four, six)]
        must(
            lost == [0, 0] and all(count <= FEW for count in counts.values()),
            f"no ping of the other tenant lost, at most {FEW} neighbors on each link",
            f"lost (IPv4, IPv6): {lost}, neighbors: {counts}",
        )
        edge.must_be_up_since(victim.lent.id, since)


def nth(attached: Attached, version: int, number: int) -> str:
    """An address of the session's subnet."""
    config = attached.configs[version]
    subnet = ip_network(f"{config.ours}/{config.length}", strict=False)
    return str(subnet[number % subnet.num_addresses])


def policed(scene: Scene, tap: Tap, floods: Floods) -> None:
    """Of a flood of pings to the router's own address, the router answers a part."""
    config, customer = floods.attacker.configs[4], floods.attacker.customer
    mac = customer.namespace.links()[customer.interface]["address"]
    frames = [
        raw.packet(
            mac, floods.router_mac, raw.echo(config.ours, config.theirs, number), raw.tagged(101)
        )
        for number in range(2_000)
    ]
    tap.collect(0.5)
    with Flood(tap, frames, PER_SECOND) as flood:
        floods.site.edge.settle(1)
    answered = [
        frame
        for frame in tap.collect(0.5)
        if frame.source == config.theirs and frame.kind == "icmp"
    ]
    must(
        len(answered) < flood.sent / 2,
        "pings to the router to be policed",
        f"{len(answered)} of {flood.sent} answered in {flood.seconds:.1f} s",
    )
    scene.note(f"policed: {len(answered)} of {flood.sent} pings to the router answered")
