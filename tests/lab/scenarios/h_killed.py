"""The agent is SIGKILLed at any moment of its work: it converges, and touches nothing foreign."""

from __future__ import annotations

import random
import time

from lab.checks import must_equal, wait_until
from lab.foreign import Foreign
from lab.interface import Interface
from lab.scene import Scene, Site
from lab.traffic import Pinging, must_reach

BOUND_SECONDS = 300
ROUNDS = 12
# From at once to longer than a change takes.
LONGEST_LIFE = 0.8


def run(scene: Scene) -> None:
    seed = random.randrange(1 << 30)
    scene.note(f"seed {seed}")
    chance = random.Random(seed)
    site = scene.site()
    edge = site.edge
    foreign = Foreign(edge)
    staying = site.connection.lend(site.owner, vlan=100)
    staying.accept(site.vpc)
    customer = scene.customer(site.port, staying.router_config())
    customer.up(site.vpc.cidr)
    must_reach(customer.namespace, customer.host, site.vpc.host)

    live = [staying]
    with Pinging(scene, customer.namespace, customer.host, site.vpc.host) as pings:
        for number in range(ROUNDS):
            change(site, live, number, chance)
            time.sleep(chance.uniform(0, LONGEST_LIFE))
            edge.kill()
            foreign.must_be_untouched()
            edge.start()
    pings.must_lose_none()
    scene.note(f"{ROUNDS} kills; none of {pings.result.sent} pings of the standing interface lost")

    wanted = sorted([site.vpc.gateway_id, *(interface.id for interface in live)])
    wait_until("the router to be as configured", edge.own_links, lambda links: links == wanted)
    for interface in live[1:]:
        interface.wait_state("down")
    must_equal(staying.state(), "available", "the standing interface")
    foreign.must_be_untouched()
    for interface in live:
        interface.delete()
    for interface in live:
        interface.wait_state("deleted")
    edge.wait_clean()
    foreign.must_be_untouched()
    scene.note(f"converged to {len(live)} interfaces, then to none; nothing foreign was touched")


def change(site: Site, live: list[Interface], number: int, chance: random.Random) -> None:
    """One interface more or, now and then, one fewer."""
    if len(live) > 2 and chance.random() < 0.4:
        live.pop(chance.randrange(1, len(live))).delete()
        return
    first = 4 * number + 5
    lent = site.connection.lend(
        site.owner,
        vlan=200 + number,
        amazonAddress=f"169.254.0.{first}/30",
        customerAddress=f"169.254.0.{first + 1}/30",
    )
    lent.accept(site.vpc)
    live.append(lent)
