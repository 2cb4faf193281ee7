"""The server is down all the while, the agent is killed and started: not one ping is lost."""

from __future__ import annotations

from lab.checks import must_equal, stays
from lab.customer import Customer
from lab.scene import Scene
from lab.snapshot import must_be_same
from lab.traffic import Pinging, must_reach

OTHER_ADDRESSES = {"amazonAddress": "169.254.0.5/30", "customerAddress": "169.254.0.6/30"}


def run(scene: Scene) -> None:
    site = scene.site()
    edge = site.edge
    lent = site.connection.lend(site.owner, vlan=101)
    lent.accept(site.vpc)
    customer = scene.customer(site.port, lent.router_config())
    customer.up(site.vpc.cidr)
    lent.wait_state("available")
    must_reach(customer.namespace, customer.host, site.vpc.host)
    before = edge.snapshot()

    with Pinging(scene, customer.namespace, customer.host, site.vpc.host) as pings:
        scene.server.kill()
        edge.settle(3)
        edge.kill()
        edge.settle(1)
        edge.start()
        stays_up(customer)
        edge.stop()
        edge.start()
        stays_up(customer)
        must_be_same(before, edge.snapshot(), "with the server down and the agent started anew")
        scene.server.start()
        # The feed is taken up again: what is new is carried out.
        other = site.connection.lend(site.owner, vlan=102, **OTHER_ADDRESSES)
        other.accept(site.vpc)
        second = scene.customer(site.port, other.router_config(), prefixes=("192.168.2.0/24",))
        second.up(site.vpc.cidr)
        must_reach(second.namespace, second.host, site.vpc.host)
        other.wait_state("available")
        must_equal(lent.state(), "available", "the first interface's state")
    pings.must_lose_none()
    scene.note(
        f"server killed, agent killed, started, ended, started, server back, one more interface:"
        f" none of {pings.result.sent} pings lost"
    )


def stays_up(customer: Customer) -> None:
    """The session holds while the agent starts and finds everything as it should be."""
    stays(
        "the session to hold",
        customer.router.session,
        lambda state: state == "Established",
        seconds=3,
    )
