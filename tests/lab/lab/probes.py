"""A short attack on every fence at once, to be repeated while the router is in all kinds of states."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from lab import raw
from lab.checks import must_equal
from lab.leaks import ELSEWHERE, ELSEWHERE6, is_housekeeping, strangers
from lab.raw import Tap

if TYPE_CHECKING:
    from lab.attach import Attached
    from lab.edge import Port

FEW_NEIGHBORS = 16
CLAIMED = 200
NEAR = "198.18.0.5"


class Probes:
    """Taps at a port, at the management link and, with two customers of one gateway on the port, at their VPC."""

    def __init__(
        self, port: Port, vlan: int, customers: tuple[Attached, Attached] | None = None
    ) -> None:
        self._edge, self._vlan, self._customers = port.edge, vlan, customers
        self._port = Tap(port.trunk, "eth0")
        self._management = Tap(port.edge.namespace, "mgmt0", outgoing=True)
        self._vpc = Tap(customers[0].vpc.namespace, "eth0") if customers else None
        self._mac = port.edge.namespace.links()[port.name]["address"]

    def __enter__(self) -> Probes:
        return self

    def __exit__(self, *_: object) -> None:
        for tap in (self._port, self._management, *([self._vpc] if self._vpc else [])):
            tap.close()

    def must_fail(self, when: str) -> None:
        """Sends everything; fails with what got through."""
        for tap in (self._port, self._management):
            tap.collect()
        self._port.send(*self._bare(), *self._elsewhere())
        got = {
            "untagged": self._answers(),
            "management": strangers(self._edge, self._management.collect()),
        }
        if self._customers:
            got |= self._between(self._customers)
        must_equal(
            {name: seen for name, seen in got.items() if seen}, {}, f"{when}: what got through"
        )

    def _bare(self) -> list[bytes]:
        """Untagged frames to the router itself and to its management network."""
        mac, edge = self._port.mac, self._edge
        ask = raw.arp(mac, NEAR, edge.management)
        neighbor = raw.link_local(self._mac)
        solicit = raw.solicitation(mac, raw.link_local(mac), neighbor)
        return [
            raw.ethernet(mac, raw.BROADCAST, raw.ETH_P_ARP, ask),
            raw.packet(mac, self._mac, raw.echo(NEAR, edge.management)),
            raw.packet(mac, self._mac, raw.echo(NEAR, edge.management_far)),
            raw.packet(mac, raw.multicast_mac(raw.solicited_node(neighbor)), solicit),
            raw.packet(mac, self._mac, raw.echo(ELSEWHERE6, edge.management_far6)),
        ]

    def _elsewhere(self) -> list[bytes]:
        """On the VLAN, packets for which only the main table has a route."""
        pairs = [("192.168.1.10", ELSEWHERE), ("2001:db8:c1::a", ELSEWHERE6)]
        if self._customers:
            hosts = self._customers[0].hosts
            pairs = [(hosts[4], ELSEWHERE)] + ([(hosts[6], ELSEWHERE6)] if 6 in hosts else [])
        pairs += [(source, self._edge.management_far) for source, _ in pairs[:1]]
        tags = raw.tagged(self._vlan)
        return [raw.packet(self._port.mac, self._mac, raw.echo(*pair), tags) for pair in pairs]

    def _answers(self) -> list[str]:
        frames = self._port.collect(0.4)
        return sorted(
            {str(frame) for frame in frames if not frame.vlan and not is_housekeeping(frame)}
        )

    def _between(self, customers: tuple[Attached, Attached]) -> dict[str, object]:
        """From customer to customer, with foreign sources to the VPC, and into the neighbor table."""
        assert self._vpc is not None
        one, two = customers
        tags, mac = raw.tagged(self._vlan), self._port.mac
        foreign = {"192.168.99.10": 4, one.vpc.hosts[0]: 4}
        if 6 in one.hosts:
            foreign |= {"2001:db8:f00d::1": 6, one.vpc_host(6): 6}
        crossing = [(one.hosts[version], two.hosts[version]) for version in one.hosts]
        for tap in (self._port, self._vpc):
            tap.collect()
        bodies = [raw.echo(*pair) for pair in crossing]
        # Of the VPC's own sources another than that of its host, whose own packets are seen there too.
        sources = {str(raw.neighbor_of(source)): version for source, version in foreign.items()}
        bodies += [raw.echo(source, one.vpc_host(version)) for source, version in sources.items()]
        self._port.send(*(raw.packet(mac, self._mac, body, tags) for body in bodies))
        config, claimed = one.configs[4], ip_network(one.customer.prefixes[0])
        self._port.send(
            *(
                raw.ethernet(
                    raw.made_mac(number),
                    raw.BROADCAST,
                    raw.ETH_P_ARP,
                    raw.arp(raw.made_mac(number), str(claimed[number + 20]), config.theirs),
                    tags,
                )
                for number in range(CLAIMED)
            )
        )
        at_vpc = {frame.source for frame in self._vpc.collect(0.4)} & set(sources)
        crossed = [
            str(frame)
            for frame in self._port.collect()
            if frame.vlan == two.lent.vlan and (frame.source, frame.target) in crossing
        ]
        entries = self._edge.namespace.show("neighbor", "show", "dev", one.lent.id, "nud", "all")
        neighbors = [entry for entry in entries if not entry["dst"].startswith("ff")]
        return {
            "foreign sources": sorted(at_vpc),
            "customer to customer": crossed,
            "neighbors": len(neighbors) if len(neighbors) > FEW_NEIGHBORS else 0,
        }
