"""Accepted: BGP comes up with the key; pings and a stream cross from customer to VPC and back."""

from __future__ import annotations

import re

from lab.checks import must, must_equal, wait_until
from lab.scene import Scene
from lab.traffic import must_reach, stream


def run(scene: Scene) -> None:
    site = scene.site()
    edge = site.edge
    lent = site.connection.lend(site.owner, vlan=101)
    customer = scene.customer(site.port, lent.router_config())
    customer.start()
    with scene.capture(site.port.trunk, "eth0") as wire:
        lent.accept(site.vpc)
        customer.wait_up()
    customer.wait_route(site.vpc.cidr)
    scene.note("the session is up")

    bgp = [frame for frame in wire.frames if frame.kind == "tcp" and frame.is_bgp]
    must(bgp, "BGP on the wire")
    must(all(frame.has_md5 for frame in bgp), "each of its segments signed with MD5 (RFC 2385)")
    # Segments that belong to no session, a refusal for example, have the kernel's own TTL.
    from_edge = [f for f in bgp if f.source == customer.config.theirs and f.segment]
    must_equal({frame.ttl for frame in from_edge}, {1}, "the TTL of the edge's messages")
    must_equal({frame.vlan for frame in bgp}, {101}, "their VLAN")

    must_reach(customer.namespace, customer.host, site.vpc.host)
    must_reach(site.vpc.namespace, site.vpc.host, customer.host)
    up = stream(scene, customer, site.vpc)
    down = stream(scene, site.vpc, customer)
    must(min(up.megabytes, down.megabytes) > 1, "a megabyte each way", (up, down))
    rates = f"{up.megabits_per_second:.0f} and {down.megabits_per_second:.0f} Mbit/s"
    scene.note(f"pings and streams cross both ways ({rates} in this lab)")

    lent.wait_state("available")
    must_equal(lent.session(), "up", "bgpStatus")
    enough = int(min(up.megabytes, down.megabytes) * 1e6)
    shown = wait_until(
        "the edge to report a prefix each way and the streams' bytes",
        lambda: edge.shown_interface(lent.id),
        lambda shown: counts(shown) and min(numbers(shown, "bytes")) > enough,
        patience=90,
        pause=0.5,
    )
    counted = [numbers(shown, name) for name in ("prefixes", "packets", "bytes")]
    scene.note(f"state available; as counted by the edge: {counted}")


def numbers(shown: object, name: str) -> list[int]:
    """The members whose names begin so, as far as they count customer traffic or routes."""
    found = re.findall(rf"'{name}(?:In|Out|Accepted|Advertised)': (\d+)", str(shown))
    return [int(number) for number in found]


def counts(shown: object) -> bool:
    """Whether one prefix was accepted and one announced, and bytes were counted."""
    return numbers(shown, "prefixes") == [1, 1] and bool(numbers(shown, "bytes"))
