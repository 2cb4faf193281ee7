"""BIRD dies: a session shut for too many prefixes stays shut, one that is down delays no other; a link may be made anew, BFD turned off."""

from __future__ import annotations

from lab.checks import Findings, must, must_equal, stays, wait_until
from lab.customer import Customer
from lab.interface import Interface
from lab.process import attempt
from lab.scene import Scene, Site
from lab.traffic import Pinging, must_reach

BOUND_SECONDS = 300
LIMIT = 100
# Of a customer with BFD, when BIRD is killed: BFD needs a second to see it, the new BIRD some to have the session and to be
# done with waiting for those that are down.
LOST_SECONDS = 8.0
# Which BIRD does as the RFC says, and how long the session of an older one is down.
LEAVES_THE_SESSION = (2, 14)
BFD_OFF_SECONDS = 8.0
# What our side waits for before it tries again, and the customer's.
SESSION_SECONDS = 60.0


def run(scene: Scene) -> None:
    site = scene.site()
    lines = [
        bring_up(scene, site, vlan, kind, bfd=bfd)
        for vlan, kind, bfd in (
            (101, "bird", False),
            (103, "bird", True),
            (104, "frr", False),
            (105, "frr", True),
        )
    ]
    limited, quick, plain, quick_frr = lines
    # Accepted, and nobody there.
    site.connection.lend(site.owner, vlan=102, amazonAddress=None, customerAddress=None).accept(
        site.vpc
    )
    for _, customer in lines:
        customer.wait_up()
        customer.wait_route(site.vpc.cidr)
        must_reach(customer.namespace, customer.host, site.vpc.host)
    shut(site, *limited)
    scene.note(
        "a session shut for 101 prefixes, one without a customer, two with BFD and one without up"
    )
    site.edge.settle(3)
    with Findings() as findings:
        with findings.of("BIRD killed"):
            killed(scene, site, limited, [quick[1], quick_frr[1]], plain[1])
        with findings.of("agent and BIRD killed"):
            both_killed(scene, site, limited, plain[1])
        with findings.of("a link made anew"):
            made_anew(scene, site, quick)
        for lent, customer in (quick, quick_frr):
            with findings.of(f"BFD turned off by {customer.kind}"):
                bfd_off(scene, site, lent, customer)


def bring_up(
    scene: Scene, site: Site, vlan: int, kind: str, *, bfd: bool
) -> tuple[Interface, Customer]:
    """An accepted interface with its customer, whose router is started."""
    lent = site.connection.lend(site.owner, vlan=vlan, amazonAddress=None, customerAddress=None)
    lent.accept(site.vpc)
    customer = scene.customer(
        site.port, lent.router_config(), kind, (f"192.168.{vlan}.0/24",), bfd=bfd
    )
    customer.start()
    return lent, customer


def shut(site: Site, lent: Interface, customer: Customer) -> None:
    """The customer announces one prefix too many."""
    customer.announce([f"172.16.{number}.0/24" for number in range(LIMIT + 1)])
    lent.wait_state("down")
    wait_until(
        "the reason to be shown",
        lambda: str(site.edge.shown_interface(lent.id)),
        lambda text: "prefixLimit" in text,
    )
    # What it would be let in with again, if it were let in.
    customer.announce(["172.16.0.0/24"])


def stays_shut(lent: Interface, customer: Customer, seconds: float) -> None:
    """Nobody has reset it."""
    stays(
        "the session shut",
        lambda: (lent.state(), customer.router.session()),
        lambda seen: seen[0] != "available" and seen[1] != "Established",
        seconds,
    )


def killed(
    scene: Scene,
    site: Site,
    limited: tuple[Interface, Customer],
    quick: list[Customer],
    plain: Customer,
) -> None:
    """SIGKILL to BIRD alone, amid pings of all."""
    pingings = [Pinging(scene, one.namespace, one.host, site.vpc.host) for one in (*quick, plain)]
    with Findings() as findings:
        with pingings[0], pingings[1], pingings[2], findings.of("prefix limit"):
            old = site.edge.bird_pid()
            site.edge.kill_bird()
            wait_until(
                "BIRD to be started again", site.edge.bird_pid, lambda pid: pid not in (None, old)
            )
            for customer in (*quick, plain):
                customer.wait_up()
            stays_shut(*limited, seconds=15)
        seconds = [len(pings.lost_numbers) / 10 for pings in pingings]
        must(
            max(seconds) <= LOST_SECONDS and seconds[-1] == 0,
            f"at most {LOST_SECONDS:.0f} s lost with BFD, nothing without",
            seconds,
        )
    scene.note(
        f"BIRD killed: with BFD {seconds[0]} s (BIRD) and {seconds[1]} s (FRR) lost, without 0; shut stays shut"
    )


def both_killed(
    scene: Scene, site: Site, limited: tuple[Interface, Customer], plain: Customer
) -> None:
    """SIGKILL to both, the agent started some seconds later."""
    with Pinging(scene, plain.namespace, plain.host, site.vpc.host) as pings:
        site.edge.kill()
        site.edge.kill_bird()
        site.edge.settle(2)
        site.edge.start()
        wait_until("BIRD", site.edge.bird_pid)
        stays_shut(*limited, seconds=12)
        plain.wait_up()
    pings.must_lose_none()
    scene.server.admin("interface", "reset", limited[0].id)
    limited[1].wait_up()
    limited[0].wait_state("available")
    scene.note("agent and BIRD killed: shut stays shut until it is reset")


def made_anew(scene: Scene, site: Site, line: tuple[Interface, Customer]) -> None:
    """The VLAN link is deleted by hand while BIRD runs: link, session and routes are back."""
    lent, customer = line
    customer.wait_up()
    before = site.edge.namespace.links()[lent.id]["ifindex"]
    site.edge.namespace.ip(f"link delete {lent.id}")
    wait_until(
        "another link of this name",
        lambda: site.edge.namespace.links().get(lent.id, {}).get("ifindex", before),
        lambda number: number != before,
        patience=10,
    )
    table = str(site.edge.table(site.vpc.gateway_id))
    wait_until(
        "the customer's route in the kernel by the new link",
        lambda: site.edge.namespace.show("route", "show", customer.prefixes[0], "table", table),
        lambda routes: any(route.get("dev") == lent.id for route in routes),
        patience=SESSION_SECONDS,
    )
    customer.wait_up()
    must_reach(customer.namespace, customer.host, site.vpc.host)
    lent.wait_state("available")
    scene.note("a link made anew while BIRD runs: session and routes are back")


def bfd_off(scene: Scene, site: Site, lent: Interface, customer: Customer) -> None:
    """RFC 5882, section 4.2: that a neighbor stops BFD is no reason to close the session. An older BIRD closes it, for a time
    that the failure guide tells."""
    customer.wait_up()
    must_reach(customer.namespace, customer.host, site.vpc.host)
    wait_until(
        "BFD to be up",
        lambda: site.edge.bird("show bfd sessions"),
        lambda text: f"{customer.config.ours} " in text,
    )
    site.edge.settle(3)
    since = site.edge.up_since(lent.id)
    with Pinging(scene, customer.namespace, customer.host, site.vpc.host) as pings:
        customer.router.bfd_off()
        site.edge.settle(8)
        customer.wait_up()
    lost = len(pings.lost_numbers) / 10
    if bird_version() >= LEAVES_THE_SESSION:
        must_equal(lost, 0, "seconds lost when the customer turns BFD off")
        site.edge.must_be_up_since(lent.id, since)
    else:
        must(
            lost <= BFD_OFF_SECONDS,
            f"at most {BFD_OFF_SECONDS:.0f} s lost when BFD is turned off",
            lost,
        )
    must_reach(customer.namespace, customer.host, site.vpc.host)
    scene.note(f"{customer.kind}: BFD turned off, {lost} s lost")


def bird_version() -> tuple[int, ...]:
    """That of the router's BIRD, which is the machine's."""
    done = attempt(["bird", "--version"])
    return tuple(map(int, (done.stderr + done.stdout).split()[-1].split(".")))
