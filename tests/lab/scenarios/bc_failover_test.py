"""A failover test: the other interface carries the traffic; the session comes back by itself with the server stopped, BIRD and the agent killed meanwhile."""

from __future__ import annotations

from lab.attach import attach
from lab.checks import must, must_equal, stays, wait_until
from lab.scene import Scene
from lab.traffic import must_reach

MINUTES = 1


def run(scene: Scene) -> None:
    site = scene.site()
    edge = site.edge
    lent = site.connection.lend(site.owner, vlan=101)
    lent.accept(site.vpc)
    customer = scene.customer(site.port, lent.router_config())
    customer.up(site.vpc.cidr)
    other = attach(site.port, site.connection, site.vpc, 102, 2)
    other.wait()
    lent.wait_state("available")
    must_reach(customer.namespace, customer.host, site.vpc.host)
    held = edge.up_since(other.lent.id)

    test = site.owner.call(
        "StartBgpFailoverTest", virtualInterfaceId=lent.id, testDurationInMinutes=MINUTES
    )["virtualInterfaceTest"]
    lent.wait_state("testing")
    wait_until("the session shut", customer.router.session, lambda state: state != "Established")
    told = wait_until(
        "the customer's router to hear why",
        customer.router.details,
        lambda text: "dministrative shutdown" in text,
    )
    must("dministrative shutdown" in told, "an administrative shutdown", told)
    edge.must_be_up_since(other.lent.id, held)
    wait_until(
        "the reason to be shown to the operator",
        lambda: str(edge.shown_interface(lent.id)),
        lambda text: "BGP failover test" in text,
    )
    scene.note("shut, the other interface undisturbed")

    scene.server.kill()
    edge.kill()
    edge.kill_bird()
    edge.start()
    stays(
        "the session shut while everything starts anew",
        customer.router.session,
        lambda state: state != "Established",
        seconds=8,
    )
    scene.note("server stopped; agent and BIRD killed and started: still shut")
    customer.wait_up(patience=60 * MINUTES + 60)
    customer.wait_route(site.vpc.cidr)
    must_reach(customer.namespace, customer.host, site.vpc.host)
    scene.note("back by itself, the server is still stopped")

    scene.server.start()
    lent.wait_state("available")
    wanted = {"virtualInterfaceId": lent.id}
    (over,) = site.owner.call("ListVirtualInterfaceTestHistory", **wanted)[
        "virtualInterfaceTestHistory"
    ]
    must_equal(over["status"], "Completed", "the status of the test")
    must_equal(over["testId"], test["testId"], "the test")
    must_equal(round(over["endTime"] - over["startTime"]), 60 * MINUTES, "its seconds")

    site.owner.call("StartBgpFailoverTest", **wanted)
    wait_until("the session shut", customer.router.session, lambda state: state != "Established")
    stopped = site.owner.call("StopBgpFailoverTest", **wanted)["virtualInterfaceTest"]
    must_equal(stopped["status"], "Cancelled", "the status of the test")
    customer.wait_up()
    lent.wait_state("available")
    scene.note("another one, stopped: back")
