"""The BGP daemon is SIGKILLed and started again by the agent: gracefully, not one ping is lost."""

from __future__ import annotations

from lab.checks import must, wait_until
from lab.scene import Scene
from lab.traffic import Pinging, must_reach

SECOND = {"amazonAddress": "169.254.0.5/30", "customerAddress": "169.254.0.6/30"}


def run(scene: Scene) -> None:
    site = scene.site()
    edge = site.edge
    customers = []
    for number, kind in enumerate(("bird", "frr")):
        addresses = SECOND if number else {}
        lent = site.connection.lend(site.owner, vlan=101 + number, **addresses)
        lent.accept(site.vpc)
        prefixes = (f"192.168.{number + 1}.0/24",)
        customers.append(scene.customer(site.port, lent.router_config(), kind, prefixes))
    for customer in customers:
        customer.up(site.vpc.cidr)
        must_reach(customer.namespace, customer.host, site.vpc.host)

    first, second = (
        Pinging(scene, customer.namespace, customer.host, site.vpc.host) for customer in customers
    )
    with first, second:
        old = edge.bird_pid()
        must(old, "a BIRD of the edge")
        edge.kill_bird()
        new = wait_until(
            "the agent to start BIRD again", edge.bird_pid, lambda pid: pid not in (None, old)
        )
        for customer in customers:
            wait_until(
                "a session with the new daemon",
                lambda: edge.bird("show protocols").count("Established"),
                lambda count: count == len(customers),
                patience=60,
            )
            customer.wait_up()
        # Longer than the time after which stale routes would be swept.
        edge.settle(10)
    first.must_lose_none()
    second.must_lose_none()
    sent = first.result.sent + second.result.sent
    scene.note(
        f"BIRD {old} killed, {new} took over; BIRD's and FRR's customer: none of {sent} pings lost"
    )
