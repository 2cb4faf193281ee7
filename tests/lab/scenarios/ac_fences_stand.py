"""The fences stand while the agent is stopped, is killed amid a change, and starts again: nothing gets through, no ping is lost."""

from __future__ import annotations

from lab.attach import attach
from lab.checks import Findings, wait_until
from lab.probes import Probes
from lab.scene import Scene, Site
from lab.snapshot import must_be_same
from lab.traffic import Pinging
from lab.vpc import Vpc

# After the change has been made in the API, in seconds.
KILLED_AFTER = (0.02, 0.08, 0.15, 0.25, 0.4)


def run(scene: Scene) -> None:
    site = scene.site("10.20.0.0/16", "2001:db8:20::/56")
    one = attach(site.port, site.connection, site.vpc, 101, 1)
    two = attach(site.port, site.connection, site.vpc, 102, 2)
    for attached in (one, two):
        attached.wait()
    other = site.edge.vpc(site.owner, "eth8", "10.30.0.0/16")
    site.edge.settle(2)
    before = site.edge.snapshot()
    four, six = (
        Pinging(scene, one.customer.namespace, one.hosts[v], one.vpc_host(v)) for v in (4, 6)
    )
    with Probes(site.port, 101, (one, two)) as probes, Findings() as findings, four, six:
        with findings.of("agent running"):
            probes.must_fail("agent running")
        site.edge.stop()
        with findings.of("agent stopped"):
            probes.must_fail("agent stopped")
        site.edge.start()
        site.edge.wait_started()
        with findings.of("agent started again"):
            probes.must_fail("agent started again")
            must_be_same(before, site.edge.snapshot(), "by the agent's restart")
        with findings.of("agent killed"):
            killed_amid_changes(site, probes, other)
        with findings.of("afterwards"):
            wait_until(
                "all links of the change gone",
                site.edge.own_links,
                lambda seen: seen == sorted([one.lent.id, two.lent.id, site.vpc.gateway_id]),
            )
            site.edge.settle(2)
            must_be_same(before, site.edge.snapshot(), "afterwards")
            probes.must_fail("afterwards")
    lost = [len(pings.lost_numbers) for pings in (four, six)]
    four.must_lose_none()
    six.must_lose_none()
    scene.note(
        f"stopped, killed {2 * len(KILLED_AFTER)} times, started: nothing got through, lost pings {lost}"
    )


def killed_amid_changes(site: Site, probes: Probes, other: Vpc) -> None:
    """An interface of another gateway comes and goes; each time the agent dies at another moment of it."""
    for number, seconds in enumerate(KILLED_AFTER):
        lent = site.connection.lend(
            other.owner, vlan=110 + number, amazonAddress=None, customerAddress=None
        )
        for change, wanted in ((lambda lent=lent: lent.accept(other), True), (lent.delete, False)):
            change()
            site.edge.settle(seconds)
            site.edge.kill()
            probes.must_fail(f"killed {seconds} s after a change")
            site.edge.start()
            wait_until(
                "the link as configured",
                lambda lent=lent: lent.id in site.edge.own_links(),
                lambda seen, wanted=wanted: seen == wanted,
            )
        lent.wait_state("deleted")
