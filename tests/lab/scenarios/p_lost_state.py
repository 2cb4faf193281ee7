"""The agent dies and its state directory is lost: it takes over, with one BIRD, no ping lost."""

from __future__ import annotations

from lab.checks import must, must_equal, wait_until
from lab.scene import Scene
from lab.snapshot import must_be_same
from lab.traffic import Pinging, must_reach

SECOND = {"amazonAddress": "169.254.0.5/30", "customerAddress": "169.254.0.6/30"}
THIRD = {"amazonAddress": "169.254.0.9/30", "customerAddress": "169.254.0.10/30"}


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
    before = edge.snapshot()

    first, second = (
        Pinging(scene, customer.namespace, customer.host, site.vpc.host) for customer in customers
    )
    with first, second:
        (old,) = edge.bird_pids()
        edge.kill()
        edge.lose_state()
        edge.start()
        wait_until("the old BIRD to end", edge.bird_pids, lambda pids: old not in pids)
        wait_until(
            "both sessions with it",
            lambda: edge.bird("show protocols").count("Established"),
            lambda count: count == len(customers),
            patience=90,
        )
        # Longer than the time after which stale routes would be swept.
        edge.settle(10)
        new = int((edge.state / "bird.pid").read_text())
        must_equal(edge.bird_pids(), [new], "the BIRDs of this edge")
        must((edge.state / "config.json").exists(), "the configuration to be on disk again")
        must_be_same(before, edge.snapshot(), "with the state directory lost")
    first.must_lose_none()
    second.must_lose_none()
    sent = first.result.sent + second.result.sent
    scene.note(f"BIRD {new} took over from {old}; BIRD's and FRR's customer: none of {sent} lost")

    lent = site.connection.lend(site.owner, vlan=103, **THIRD)
    lent.accept(site.vpc)
    third = scene.customer(site.port, lent.router_config(), prefixes=("192.168.3.0/24",))
    third.up(site.vpc.cidr)
    must_reach(third.namespace, third.host, site.vpc.host)
    scene.note("what is accepted then works")
