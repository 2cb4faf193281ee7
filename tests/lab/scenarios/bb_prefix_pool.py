"""A prefix allocation of 300: 120 prefixes are taken; changed without a lost ping; one too many shuts, a higher number lets it come back."""

from __future__ import annotations

from lab.api import Refused
from lab.checks import must, must_equal, wait_until
from lab.scene import Scene
from lab.traffic import Pinging, must_reach

MEMBER = "prefixPoolAllocatedCountIpv4"


def run(scene: Scene) -> None:
    site = scene.site()
    lent = site.connection.lend(site.owner, vlan=101)

    def allocate(number: int) -> None:
        wanted = {"virtualInterfaceId": lent.id, MEMBER: number}
        site.connection.lender.call("UpdateVirtualInterfaceAttributes", **wanted)
        must_equal(lent.described()[MEMBER], number, "the allocation")
        wait_until(
            f"a limit of {number} at the router",
            lambda: site.edge.bird(f"show protocols all {lent.id.replace('-', '_')}"),
            lambda text: str(number) in limit_of(text),
        )

    lent.accept(site.vpc)
    allocate(300)
    customer = scene.customer(site.port, lent.router_config(), prefixes=tuple(networks(120)))
    customer.up(site.vpc.cidr)
    must_reach(customer.namespace, customer.host, site.vpc.host)
    since = site.edge.up_since(lent.id)
    wait_until(
        "120 prefixes in the report",
        lambda: site.edge.shown_interface(lent.id)["peers"][0]["prefixesAccepted"],
        lambda seen: seen == 120,
    )
    scene.note("120 prefixes taken with an allocation of 300")

    with Pinging(scene, customer.namespace, customer.host, site.vpc.host) as pings:
        for number in (1000, 150, 130):
            allocate(number)
    pings.must_lose_none()
    site.edge.must_be_up_since(lent.id, since)
    try:
        allocate(119)
    except Refused as refused:
        must("120" in refused.message, "the refusal to name what is in use", refused.message)
    else:
        must(False, "fewer than what is in use to be refused", "taken")
    scene.note(f"1000, 150, 130: none of {pings.result.sent} pings lost; 119 refused")

    customer.announce(networks(131))
    lent.wait_state("down")
    allocate(200)
    customer.wait_up()
    lent.wait_state("available")
    must_reach(customer.namespace, customer.host, site.vpc.host)
    scene.note("shut at 131, back by itself with 200")


def networks(count: int) -> list[str]:
    return [f"192.168.{number}.0/24" for number in range(1, count + 1)]


def limit_of(text: str) -> str:
    """BIRD's line of the limit."""
    return next((line for line in text.splitlines() if "Receive limit" in line), "")
