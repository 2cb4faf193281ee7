"""Two interfaces of one gateway: each may send what is announced on the other; no foreign source passes, nor a packet between the two."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from lab import raw
from lab.attach import Attached, attach
from lab.checks import Findings, must_equal
from lab.frames import Frame
from lab.raw import Tap
from lab.scene import Scene, Site

VPC6 = "2001:db8:20::/56"
TIMES = 10
# RFC 6890: never sources of a forwarded packet.
MARTIANS = [
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "127.9.9.9",
    "224.0.0.5",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.1.1.1",
    "ff02::1",
    "ff0e::1",
    "fe80::1",
]
NEVER_ANNOUNCED = ["192.168.99.10", "10.99.0.1", "2001:db8:f00d::1", "fd00:99::1"]


def run(scene: Scene) -> None:
    site = scene.site("10.20.0.0/16", VPC6)
    second_port = site.edge.port("eth2")
    second_connection = scene.connect(scene.tenant("second lender"), second_port)
    other_vpc = site.edge.vpc(
        scene.tenant("other owner"), "eth8", "10.30.0.0/16", "2001:db8:30::/56"
    )
    one = attach(site.port, site.connection, site.vpc, 101, 1)
    two = attach(second_port, second_connection, site.vpc, 101, 2)
    other = attach(site.port, site.connection, other_vpc, 102, 3)
    for attached in (one, two, other):
        attached.wait()
    scene.note("two interfaces of a gateway, of two lenders, and another tenant on the first port")
    with Sides(site, one, two) as sides, Findings() as findings:
        with findings.of("asymmetric customer"):
            asymmetric(scene, sides)
        with findings.of("foreign sources"):
            foreign_sources(scene, sides, other)
        with findings.of("customer to customer"):
            customer_to_customer(scene, sides)
        with findings.of("after announcing everything"):
            one.customer.announce(["192.168.1.0/24", "0.0.0.0/0", "10.0.0.0/8"])
            site.edge.settle(2)
            own = [*some_of(site.vpc.cidrs), *MARTIANS]
            must_equal(sides.that_arrive(own), [], "sources that reach the VPC")
            must_equal(sides.crossing(), {}, "packets from one customer to the other")
            scene.note("nor after the customer has announced a default route and 10.0.0.0/8")


class Sides:
    """Both customers' ends of their cables, and the VPC's, with what is put on the wire there."""

    def __init__(self, site: Site, one: Attached, two: Attached) -> None:
        self.site, self.pair = site, (one, two)
        self._links = site.edge.namespace.links()

    def __enter__(self) -> Sides:
        self.vpc = Tap(self.site.vpc.namespace, "eth0")
        self.customers = [Tap(attached.customer.port.trunk, "eth0") for attached in self.pair]
        return self

    def __exit__(self, *_: object) -> None:
        for tap in (self.vpc, *self.customers):
            tap.close()

    def send(self, number: int, source: str, target: str, count: int = TIMES) -> None:
        """Pings from the side of a customer, 0 or 1."""
        attached, tap = self.pair[number], self.customers[number]
        mac = attached.customer.namespace.links()[attached.customer.interface]["address"]
        port = self._links[attached.customer.port.name]["address"]
        frames = [
            raw.packet(mac, port, raw.echo(source, target, at), raw.tagged(attached.lent.vlan))
            for at in range(count)
        ]
        tap.send(*frames)

    def send_by_vpc(self, source: str, target: str, count: int = TIMES) -> None:
        """Pings from the VPC's side."""
        handoff = self._links[self.site.vpc.interface]["address"]
        self.vpc.send(
            *(
                raw.packet(self.vpc.mac, handoff, raw.echo(source, target, at))
                for at in range(count)
            )
        )

    def drain(self) -> None:
        """What came before is of no interest."""
        for tap in (self.vpc, *self.customers):
            tap.collect()

    def that_arrive(self, sources: list[str]) -> list[str]:
        """Which of these sources reach the VPC, from one or the other customer."""
        self.drain()
        for source in sources:
            target = self.pair[0].vpc_host(ip_address(source).version)
            for number in (0, 1):
                self.send(number, source, target, 4)
        arrived = {
            frame.source for frame in self.vpc.collect(1.0) if frame.kind in ("icmp", "icmp6")
        }
        return sorted(arrived & set(sources))

    def crossing(self) -> dict[str, int]:
        """Pings from one customer to the other's host and router, and to the router's address there, that arrive
        or are answered, by what was tried."""
        seen = {}
        for version in (4, 6):
            for number, (here, there) in enumerate((self.pair, self.pair[::-1])):
                targets = (
                    there.hosts[version],
                    there.configs[version].ours,
                    there.configs[version].theirs,
                )
                for target in targets:
                    self.drain()
                    self.send(number, here.hosts[version], target, 4)
                    arrived = count(
                        self.customers[1 - number].collect(0.4), here.hosts[version], target
                    )
                    answered = count(self.customers[number].collect(), target, here.hosts[version])
                    if arrived or answered:
                        seen[f"{here.hosts[version]} > {target}"] = arrived + answered
        return seen


def count(frames: list[Frame], source: str, target: str) -> int:
    """How many pings or answers are among them, from one to the other."""
    return sum(
        frame.source == source and frame.target == target and frame.kind in ("icmp", "icmp6")
        for frame in frames
    )


def some_of(cidrs: list[str]) -> list[str]:
    """An address in each, and one near its end."""
    networks = (ip_network(cidr) for cidr in cidrs)
    return [str(network[at]) for network in networks for at in (11, -2)]


def asymmetric(scene: Scene, sides: Sides) -> None:
    """Sent by the second interface with the first one's source: it arrives, and the answers come by the first."""
    one = sides.pair[0]
    seen = {}
    for version in (4, 6):
        sides.drain()
        sides.send(1, one.hosts[version], one.vpc_host(version))
        there = count(sides.vpc.collect(1.0), one.hosts[version], one.vpc_host(version))
        back = count(sides.customers[0].collect(), one.vpc_host(version), one.hosts[version])
        seen[version] = (there, back)
    must_equal(
        seen,
        {4: (TIMES, TIMES), 6: (TIMES, TIMES)},
        f"of {TIMES}: arrived, answered by the other interface",
    )
    scene.note(f"asymmetric: {TIMES} of {TIMES} arrive and are answered, IPv4 and IPv6")


def foreign_sources(scene: Scene, sides: Sides, other: Attached) -> None:
    """Sources that nobody announces, the VPC's own, another tenant's, the handoff's and the router's, martians."""
    one, two = sides.pair
    handoff = ["192.0.2.1", "192.0.2.2", "2001:db8:ff::1", "2001:db8:ff::2"]
    router = [attached.configs[version].theirs for attached in (one, two) for version in (4, 6)]
    sources = [*NEVER_ANNOUNCED, *some_of(sides.site.vpc.cidrs), *other.hosts.values()]
    sources += [*handoff, *router, *MARTIANS]
    must_equal(sides.that_arrive(sources), [], "sources that reach the VPC")
    scene.note(f"{len(sources)} sources that no customer may use: none reaches the VPC")


def customer_to_customer(scene: Scene, sides: Sides) -> None:
    """Nothing passes; the VPC is reached by both, and each reaches the router's address on its own VLAN."""
    must_equal(sides.crossing(), {}, "packets from one customer to the other")
    seen = {}
    for number, attached in enumerate(sides.pair):
        for version in (4, 6):
            host, theirs = attached.hosts[version], attached.vpc_host(version)
            config = attached.configs[version]
            sides.drain()
            sides.send(number, host, theirs, 4)
            sides.send(number, config.ours, config.theirs, 4)
            answers = sides.customers[number].collect(0.5)
            sides.drain()
            sides.send_by_vpc(theirs, host, 4)
            answers_to_vpc = sides.vpc.collect(0.5)
            seen[number, version] = (
                count(answers, theirs, host),
                count(answers, config.theirs, config.ours),
                count(answers_to_vpc, host, theirs),
            )
    wanted = {(number, version): (4, 4, 4) for number in (0, 1) for version in (4, 6)}
    must_equal(seen, wanted, "of 4: answers of the VPC, of the router, and to the VPC")
    scene.note("customer to customer 0 of 4 each way, the VPC both ways 4 of 4")
