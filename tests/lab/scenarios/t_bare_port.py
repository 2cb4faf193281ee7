"""A port carries its VLANs and nothing else: untagged, priority-tagged and double-tagged frames are not answered or forwarded."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from lab import raw
from lab.checks import must_equal
from lab.edge import Edge
from lab.leaks import Management, is_housekeeping
from lab.raw import Tap
from lab.scene import Scene, Site
from lab.server import LISTEN
from lab.traffic import Pinging, must_reach

SERVICE_PORT = 2222
# The operator's, set on the bare port by hand, and where the attacker says it is.
BY_HAND, BY_HAND6 = "203.0.113.9", "2001:db8:bad::9"
NEAR, NEAR6 = "203.0.113.200", "2001:db8:bad::200"
FAR, FAR6 = "198.18.0.5", "2001:db8:e15e::5"
CTAG, STAG = raw.ETH_P_8021Q, raw.ETH_P_8021AD
TAGS = {
    "untagged": [],
    "priority-tagged": [(CTAG, 0)],
    "802.1ad priority-tagged": [(STAG, 0)],
    "double-tagged 0, 0": [(CTAG, 0), (CTAG, 0)],
    "double-tagged 101, 0": [(CTAG, 101), (CTAG, 0)],
    "double-tagged 101, 102": [(CTAG, 101), (CTAG, 102)],
    "802.1ad 101": [(STAG, 101)],
}


@dataclass
class Attack:
    """The carrier's end of the cable, and what is known of the router."""

    tap: Tap
    edge: Edge
    router_mac: str

    @property
    def router(self) -> str:
        """The port's own IPv6 address."""
        return raw.link_local(self.router_mac)

    def frames(self, tags: list[tuple[int, int]]) -> list[bytes]:
        """Everything that could be answered or forwarded, with these tags."""
        mac, edge = self.tap.mac, self.edge
        ours = raw.link_local(mac)
        found = []
        for target in (edge.management, BY_HAND, LISTEN):
            for source in (NEAR, FAR):
                request = raw.arp(mac, source, target)
                found.append(raw.ethernet(mac, raw.BROADCAST, raw.ETH_P_ARP, request, tags))
                found += [
                    raw.packet(mac, self.router_mac, body, tags)
                    for body in (
                        raw.echo(source, target),
                        raw.syn(source, target, SERVICE_PORT),
                        raw.udp(source, target, SERVICE_PORT),
                    )
                ]
        for target in (self.router, edge.management6, BY_HAND6, edge.management_far6):
            for source in (ours, NEAR6, FAR6):
                group = raw.solicited_node(target)
                ask = raw.solicitation(mac, source, target)
                found.append(raw.packet(mac, raw.multicast_mac(group), ask, tags))
                found += [
                    raw.packet(mac, self.router_mac, body, tags)
                    for body in (raw.echo(source, target), raw.syn(source, target, SERVICE_PORT))
                ]
        everybody = raw.echo(ours, "ff02::1")
        found.append(raw.packet(mac, raw.multicast_mac("ff02::1"), everybody, tags))
        return found

    def answers(self, tags: list[tuple[int, int]]) -> list[str]:
        """What comes back for all of them, each text once."""
        self.tap.collect()
        self.tap.send(*self.frames(tags))
        ends = {NEAR, FAR, NEAR6, FAR6, raw.link_local(self.tap.mac)}
        return sorted(
            {
                str(frame)
                for frame in self.tap.collect(1.0)
                if ends & {frame.source, frame.target}
                or (not frame.vlan and not is_housekeeping(frame))
            }
        )


def run(scene: Scene) -> None:
    site = scene.site()
    edge = site.edge
    listener = serve(edge)
    mac = edge.namespace.links()["eth1"]["address"]
    with Tap(site.port.trunk, "eth0") as tap, listener:
        attack = Attack(tap, edge, mac)
        nothing_gets_through(attack, "with no interface accepted")
        scene.note("no interface yet: nothing is answered, nothing is forwarded")

        lent = site.connection.lend(site.owner, vlan=101)
        lent.accept(site.vpc)
        customer = scene.customer(site.port, lent.router_config())
        customer.up(site.vpc.cidr)
        must_reach(customer.namespace, customer.host, site.vpc.host)
        with Pinging(scene, customer.namespace, customer.host, site.vpc.host) as pings:
            nothing_gets_through(attack, "with an interface")
            scene.note("nothing with an interface, whatever the tags")
            # Nor does what the operator sets on the port, or for the whole router, open it.
            edge.namespace.ip(f"address add {BY_HAND}/24 dev eth1")
            edge.namespace.try_ip("address", "add", f"{BY_HAND6}/64", "dev", "eth1", "nodad")
            edge.namespace.sysctl(**{"net.ipv4.ip_forward": "1"})
            edge.settle(2)
            nothing_gets_through(attack, "with addresses on the port and ip_forward=1")
            scene.note("nothing with addresses on the bare port and forwarding on everywhere")
            edge.namespace.sysctl(**{"net.ipv6.conf.all.forwarding": "0"})
            advertise(site, tap)
            edge.namespace.sysctl(**{"net.ipv6.conf.all.forwarding": "1"})
        pings.must_lose_none()
        scene.note(f"meanwhile the tenant on the port lost none of {pings.result.sent} pings")

        lent.delete()
        lent.wait_state("deleted")
        nothing_gets_through(attack, "after the last interface")


def serve(edge: Edge) -> socket.socket:
    """A service of the router's, such as its SSH, on all addresses of both versions."""
    listener = edge.namespace.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", SERVICE_PORT))
    listener.listen()
    return listener


def nothing_gets_through(attack: Attack, when: str) -> None:
    """Sends everything with all tags; fails with what was answered or reached the management network."""
    with Management(attack.edge) as watch:
        seen = {name: attack.answers(tags) for name, tags in TAGS.items()}
    answered = {name: texts for name, texts in seen.items() if texts}
    must_equal(
        (answered, watch.strangers()),
        ({}, []),
        f"{when}: answers, and packets on the management link",
    )


def advertise(site: Site, tap: Tap) -> None:
    """A router that is none advertises itself, on the bare port and on a VLAN with IPv4 only."""
    advertised = {"port": ([], "2001:db8:badd:1::"), "VLAN": (raw.tagged(101), "2001:db8:badd:2::")}
    for tags, prefix in advertised.values():
        body = raw.router_advertisement(tap.mac, raw.link_local(tap.mac), prefix)
        for _ in range(3):
            tap.send(raw.packet(tap.mac, raw.multicast_mac("ff02::1"), body, tags))
    site.edge.settle(2)
    space = site.edge.namespace
    routes = space.show("-6", "route", "show", "table", "all")
    taken = [route for route in routes if route.get("protocol") == "ra" or "badd:" in route["dst"]]
    texts = [text for text in map(str, space.show("-6", "address", "show")) if "badd:" in text]
    must_equal((taken, texts), ([], []), "routes and addresses taken from router advertisements")
    site.edge.scene.note("router advertisements install nothing, on the port or on a VLAN")
