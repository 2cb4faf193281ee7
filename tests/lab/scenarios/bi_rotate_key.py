"""A new BGP key: nobody loses a ping while it waits, few when the customer changes to it, server away or not; in the end only it works."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.checks import must, must_equal, stays, wait_until
from lab.customer import Customer
from lab.interface import Interface
from lab.scene import Scene, Site
from lab.traffic import Pinging, must_reach

BOUND_SECONDS = 480
# The shortest that there is.
WINDOW = 60


@dataclass(frozen=True)
class Stage:
    """An accepted interface whose customer is up."""

    scene: Scene
    site: Site
    lent: Interface
    customer: Customer

    def pinging(self) -> Pinging:
        return Pinging(self.scene, self.customer.namespace, self.customer.host, self.site.vpc.host)

    def reach(self) -> None:
        self.customer.wait_route(self.site.vpc.cidr)
        must_reach(self.customer.namespace, self.customer.host, self.site.vpc.host)

    def key(self) -> str:
        """The interface's key, as its parties are shown it."""
        return self.lent.described()["bgpPeers"][0]["authKey"]

    def wait_key(self, key: str) -> None:
        wait_until("the new key to be the interface's", self.key, lambda shown: shown == key)

    def md5(self) -> str:
        """What is said of the key."""
        checks = self.site.owner.explain(self.lent.id)["checks"]
        return next(check["seen"] for check in checks if check["check"] == "md5")

    def changes(self, key: str) -> None:
        """An administrator gives the customer's router another key."""
        self.customer.config = dataclasses.replace(self.customer.config, key=key)
        self.customer.announce(self.customer.prefixes)

    def stays_up(self) -> None:
        stays(
            "the session to hold",
            self.customer.router.session,
            lambda state: state == "Established",
            seconds=5,
        )

    def measured(self, what: str, act: Callable[[], None]) -> None:
        """How long the session and the pings are away."""
        session = self.customer.router.session
        with self.pinging() as pings:
            began = time.monotonic()
            act()
            wait_until("it to fall", session, lambda state: state != "Established", 20, 0.05)
            self.customer.wait_up()
            up = time.monotonic() - began
            self.reach()
        lost = pings.result.lost / 10
        self.scene.note(f"the customer {what}: up after {up:.1f} s, {lost:.1f} s of pings lost")


def run(scene: Scene) -> None:
    site = scene.site()
    lent = site.connection.lend(site.owner, vlan=101)
    lent.accept(site.vpc)
    stage = Stage(scene, site, lent, scene.customer(site.port, lent.router_config()))
    stage.customer.up(site.vpc.cidr)
    lent.wait_state("available")
    stage.reach()
    waits(stage)
    changed(stage)
    restarted(stage)
    over(stage)


def waits(stage: Stage) -> None:
    """The new key disturbs nothing while the customer has the other one, whatever becomes of server and agent."""
    site, edge, scene = stage.site, stage.site.edge, stage.scene
    held = edge.up_since(stage.lent.id)
    with stage.pinging() as pings:
        answer = site.owner.rotate_key(stage.lent.id, "the-second-key")
        must("until" in answer and "second" not in str(answer), "an end and no key", answer)
        told = wait_until(
            "the explanation to tell of it", stage.md5, lambda seen: "a new key waits" in seen
        )
        edge.settle(2)
        scene.server.kill()
        edge.kill()
        edge.start()
        stage.stays_up()
        edge.must_be_up_since(stage.lent.id, held)
    pings.must_lose_none()
    scene.note(f"server and agent killed, agent started: none of {pings.result.sent} pings lost")
    scene.note(told)


def changed(stage: Stage) -> None:
    """The customer changes its key, while the server is away; then the server hears of it."""
    stage.measured("changes the key", lambda: stage.changes("the-second-key"))
    edge = stage.site.edge
    held = edge.up_since(stage.lent.id)
    edge.kill()
    edge.start()
    stage.stays_up()
    edge.must_be_up_since(stage.lent.id, held)
    stage.scene.server.start()
    stage.wait_key("the-second-key")
    stage.lent.wait_state("available")
    edge.settle(2)
    edge.must_be_up_since(stage.lent.id, held)
    stage.scene.note("all that with the server stopped; back, it has made the new key the only one")


def restarted(stage: Stage) -> None:
    """A customer that restarts gracefully with the new key, and one whose session falls with the key before."""
    customer, owner = stage.customer, stage.site.owner
    customer.router.graceful = True
    stage.changes("the-second-key")
    customer.wait_up()
    stage.reach()
    owner.rotate_key(stage.lent.id, "the-third-key")
    stage.site.edge.settle(2)

    def gracefully() -> None:
        """It dies with its routes in its kernel, and is started with the new key."""
        customer.config = dataclasses.replace(customer.config, key="the-third-key")
        customer.router.kill()
        customer.start()

    stage.measured("restarts gracefully with the new key", gracefully)
    stage.wait_key("the-third-key")
    owner.rotate_key(stage.lent.id, "the-fourth-key")
    stage.site.edge.settle(2)
    stage.measured("starts BGP anew with the key before", customer.router.restart_session)
    must_equal(stage.key(), "the-third-key", "the key in use")


def over(stage: Stage) -> None:
    """The customer never changes its key: it is good until the end of the window, also while the server is away."""
    edge, session = stage.site.edge, stage.customer.router.session
    answer = stage.site.owner.rotate_key(stage.lent.id, "the-fifth-key", WINDOW)
    began = time.monotonic()
    held = edge.up_since(stage.lent.id)
    edge.settle(2)
    stage.scene.server.kill()
    while time.monotonic() < began + WINDOW - 10:
        must_equal(session(), "Established", "the session with the key before, in its time")
        edge.settle(2)
    edge.must_be_up_since(stage.lent.id, held)
    wait_until("the session to end", session, lambda state: state != "Established")
    took = time.monotonic() - began
    must(took > WINDOW - 5, "the session to hold until the end", took)
    stays("it down with the key before", session, lambda state: state != "Established", 15)
    stage.scene.note(
        f"{took:.0f} s later the key before is of no use, without a server: {answer['until']}"
    )
    stage.changes("the-fifth-key")
    stage.customer.wait_up()
    stage.reach()
    stage.scene.server.start()
    stage.wait_key("the-fifth-key")
    stage.lent.wait_state("available")
