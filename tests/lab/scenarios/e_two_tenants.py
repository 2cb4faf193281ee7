"""Two tenants with the same addresses on one port: no packet crosses.

Nor does one reach the router's own networks, or come with a source that was not announced.
"""

from __future__ import annotations

from lab.checks import must_equal
from lab.customer import Customer
from lab.frames import Frame
from lab.scene import Scene, Site
from lab.server import LISTEN
from lab.traffic import must_not_reach, must_reach, ping
from lab.vpc import Vpc

# The second tenant announces one prefix more, which the first must not reach.
ONLY_SECOND = "192.168.77.0/24"
ONLY_SECOND_HOST = "192.168.77.10"
NEVER_ANNOUNCED = "192.168.99.10"
MARKS = ("a1", "b2")


def run(scene: Scene) -> None:
    site = scene.site()
    second_owner = scene.tenant("other owner")
    vpcs = (site.vpc, site.edge.vpc(second_owner, "eth8", site.vpc.cidr))
    customers = bring_up(scene, site, vpcs)
    scene.note("both sessions are up, with the same addresses and prefixes")

    places = [(customer.namespace, customer.interface) for customer in customers]
    places += [(vpc.namespace, "eth0") for vpc in vpcs]
    captures = [scene.capture(*place) for place in places]
    management = scene.capture(site.edge.namespace, "mgmt0")
    with captures[0], captures[1], captures[2], captures[3], management:
        for customer, vpc, mark in zip(customers, vpcs, MARKS, strict=True):
            pings = ping(customer.namespace, customer.host, vpc.host, count=10, mark=mark)
            must_equal(pings.lost, 0, f"pings lost by the tenant marked {mark}")
        must_not_reach(vpcs[0].namespace, vpcs[0].host, ONLY_SECOND_HOST)
        must_reach(vpcs[1].namespace, vpcs[1].host, ONLY_SECOND_HOST)
        try_what_is_forbidden(site, customers[0])

    for capture, mark in zip(captures, MARKS * 2, strict=True):
        seen = {frame_mark(frame) for frame in capture.frames} - {None}
        must_equal(seen, {mark}, f"the marks seen on the side of {mark}")
    scene.note("captures on all four sides: each saw its own packets only")
    strangers = [str(f) for f in captures[2].frames if NEVER_ANNOUNCED in (f.source, f.target)]
    must_equal(strangers, [], "packets from a source that was not announced")
    leaked = [str(frame) for frame in management.frames if frame.kind == "icmp"]
    must_equal(leaked, [], "pings on the management network")
    scene.note("spoofed sources and the router's own networks: dropped")


def bring_up(scene: Scene, site: Site, vpcs: tuple[Vpc, Vpc]) -> list[Customer]:
    """A customer for each VPC, on one port, with the same addresses; the hosts are reachable."""
    customers = []
    for number, vpc in enumerate(vpcs):
        lent = site.connection.lend(vpc.owner, vlan=101 + number)
        lent.accept(vpc)
        prefixes = ("192.168.1.0/24", ONLY_SECOND)[: number + 1]
        customers.append(scene.customer(site.port, lent.router_config(), prefixes=prefixes))
    customers[1].namespace.ip(f"address add {ONLY_SECOND_HOST} dev lo")
    for customer in customers:
        customer.start()
    for customer, vpc in zip(customers, vpcs, strict=True):
        customer.wait_up()
        customer.wait_route(vpc.cidr)
        must_reach(customer.namespace, customer.host, vpc.host)
    return customers


def try_what_is_forbidden(site: Site, customer: Customer) -> None:
    """A source that was not announced; the management network and the router's address there."""
    space = customer.namespace
    space.ip(f"address add {NEVER_ANNOUNCED} dev lo")
    must_not_reach(space, NEVER_ANNOUNCED, site.vpc.host)
    space.ip(f"route add default via {customer.config.theirs}")
    must_not_reach(space, customer.host, LISTEN)
    must_not_reach(space, customer.host, site.edge.management)
    must_not_reach(site.vpc.namespace, site.vpc.host, LISTEN)


def frame_mark(frame: Frame) -> str | None:
    """The mark that fills an echo request or reply."""
    found = frame.payload[-1:].hex()
    is_echo = frame.kind == "icmp" and frame.payload[:1] in (b"\0", b"\x08")
    return found if is_echo and found in MARKS else None
