"""A rate limit: both ways within 15 % of it, drops counted, the session survives, another interface is not slowed."""

from __future__ import annotations

from typing import Any

from lab.attach import attach
from lab.checks import must, must_equal, wait_until
from lab.edge import Edge
from lab.interface import Interface
from lab.scene import Scene
from lab.traffic import Pinging, flood, must_reach, stream

LIMIT = 50.0


def run(scene: Scene) -> None:
    site = scene.site()
    edge = site.edge
    lent = site.connection.lend(site.owner, vlan=101, rateLimit="50Mbps")
    lent.accept(site.vpc)
    customer = scene.customer(site.port, lent.router_config(), bfd=True)
    customer.up(site.vpc.cidr)
    other = attach(site.port, site.connection, site.vpc, 102, 2)
    other.wait()
    must_reach(customer.namespace, customer.host, site.vpc.host)
    since = edge.up_since(lent.id)

    for client, server, way in ((customer, site.vpc, "in"), (site.vpc, customer, "out")):
        seen = stream(scene, client, server, seconds=8).megabits_per_second
        must(0.85 * LIMIT <= seen <= 1.15 * LIMIT, f"{LIMIT} Mbit/s {way} within 15 %", seen)
        scene.note(f"{way}: {seen:.1f} Mbit/s")
    with (
        flood(scene, customer, site.vpc, seconds=8),
        flood(scene, site.vpc, customer, seconds=8),
    ):
        free = stream(scene, other.customer, site.vpc, seconds=3).megabits_per_second
    edge.must_be_up_since(lent.id, since)
    must_equal(lent.state(), "available", "the state of the full interface")
    must(free > 1.3 * LIMIT, "the other interface faster than the limit", free)
    scene.note(
        f"flooded both ways: the session with BFD held; the other interface {free:.0f} Mbit/s"
    )

    dropped = wait_until(
        "drops both ways in the report",
        lambda: policed(edge, lent),
        lambda seen: seen["packetsIn"] > 0 and seen["packetsOut"] > 0,
    )
    scene.note(f"dropped: {dropped}")

    changed_in_place(scene, lent, customer, site.vpc)
    edge.must_be_up_since(lent.id, since)
    mended(edge, lent)
    scene.note("deleted by hand: back within ten seconds")


def changed_in_place(scene: Scene, lent: Interface, customer: Any, vpc: Any) -> None:
    """Raised, removed, set again: no ping is lost."""
    lender, edge = lent.connection.lender, customer.port.edge
    with Pinging(scene, customer.namespace, customer.host, vpc.host) as pings:
        for limit, shown in (("200Mbps", "rate 200Mbit"), ("", None), ("50Mbps", "rate 50Mbit")):
            lender.call(
                "UpdateVirtualInterfaceAttributes", virtualInterfaceId=lent.id, rateLimit=limit
            )
            must_equal(lent.described()["rateLimit"], limit, "the rate limit")
            wait_until(
                f"the rate limit {limit!r} on the router",
                lambda: filters(edge, lent),
                lambda text, shown=shown: (shown in text) if shown else "Mbit" not in text,
            )
    pings.must_lose_none()
    scene.note(f"changed three times: none of {pings.result.sent} pings lost")


def mended(edge: Edge, lent: Interface) -> None:
    for way in ("ingress", "egress"):
        before = filters(edge, lent, way)
        must("rate 50Mbit" in before, "the rate limit", before)
        edge.namespace.run("tc", "filter", "del", "dev", lent.id, way)
        wait_until(
            f"the rate limit {way} to be made again",
            lambda way=way: filters(edge, lent, way),
            lambda text: "rate 50Mbit" in text,
            10,
        )


def filters(edge: Edge, lent: Interface, way: str = "ingress") -> str:
    return edge.namespace.run("tc", "filter", "show", "dev", lent.id, way)


def policed(edge: Edge, lent: Interface) -> dict[str, int]:
    return edge.shown_interface(lent.id).get("policed") or {"packetsIn": 0, "packetsOut": 0}
