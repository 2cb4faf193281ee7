"""No packet leaves a VRF for the router's own networks: not with its default route or rule deleted, nor by a foreign rule or route."""

from __future__ import annotations

from collections.abc import Callable

from lab import raw
from lab.attach import Attached, attach
from lab.checks import Findings, must, wait_until
from lab.edge import Edge
from lab.leaks import ELSEWHERE, ELSEWHERE6, Management
from lab.raw import Flood, Tap
from lab.scene import Scene, Site
from lab.traffic import ping

REPAIRED_SECONDS = 10.0
# Until the edge's report has brought it to the server as well.
TOLD_SECONDS = REPAIRED_SECONDS + 10.0

# What rules select, with the family; None: what comes in by the VRF.
FOREIGN = ((None, "-4"), ("from all", "-4"), (f"to {ELSEWHERE}", "-4"), ("from all", "-6"))


def run(scene: Scene) -> None:
    site = scene.site("10.20.0.0/16", "2001:db8:20::/56")
    attached = attach(site.port, site.connection, site.vpc, 101)
    attached.wait()
    attached.lent.wait_state("available")
    with Tap(site.port.trunk, "eth0") as tap, Tap(site.vpc.namespace, "eth0") as fabric:
        exits = Exits(scene, site, attached, tap, fabric)
        with Findings() as findings:
            with findings.of("unreachable default routes"):
                exits.default_routes()
            with findings.of("l3mdev rules"):
                exits.l3mdev_rules()
            for selector, family in FOREIGN:
                with findings.of(f"a foreign rule ({selector or 'iif of the VRF'}, {family})"):
                    exits.foreign_rule(selector or f"iif {site.vpc.gateway_id}", family)
            for family in ("-4", "-6"):
                with findings.of(f"a foreign rule before all others ({family})"):
                    exits.rule_before_all(family)
            with findings.of("foreign routes"):
                exits.foreign_routes()


class Exits:
    """Packets to elsewhere from customer and VPC, while an administrator deletes and adds what he should not."""

    def __init__(self, scene: Scene, site: Site, attached: Attached, tap: Tap, fabric: Tap) -> None:
        self.scene, self.site, self.attached = scene, site, attached
        self.edge: Edge = site.edge
        links = site.edge.namespace.links()
        self._taps = (tap, fabric)
        pairs = ((attached.hosts[4], ELSEWHERE), (attached.hosts[6], ELSEWHERE6))
        port, handoff = (links[name]["address"] for name in ("eth1", site.vpc.interface))
        self._from_customer = [
            raw.packet(tap.mac, port, raw.udp(*pair, 7), raw.tagged(attached.lent.vlan))
            for pair in pairs
        ]
        hosts = zip(site.vpc.hosts, (ELSEWHERE, ELSEWHERE6), strict=True)
        self._from_vpc = [raw.packet(fabric.mac, handoff, raw.udp(*pair, 7)) for pair in hosts]
        self._table = site.edge.table(site.vpc.gateway_id)

    def no_packet_leaves(
        self, name: str, family: str | None, change: list[str], until: Callable[[], object]
    ) -> None:
        """Carries out `change` amid a stream from both sides; `until` is done before the stream ends."""
        with Findings() as findings:
            with (
                Management(self.edge) as watch,
                Flood(self._taps[0], self._from_customer, 200) as flood,
                Flood(self._taps[1], self._from_vpc, 200),
                findings.of(name),
            ):
                self.edge.namespace.ip(*change, family=family)
                until()
                self.edge.settle(0.5)
            watch.must_be_clean()
        self.scene.note(
            f"{name}: none of {2 * flood.sent} packets left by the management interface"
        )

    def default_routes(self) -> None:
        """Deleted one after the other."""
        for family in ("-4", "-6"):

            def defaults(family: str = family) -> list[str]:
                routes = self.edge.namespace.show(
                    family, "route", "show", "table", str(self._table)
                )
                return [route["type"] for route in routes if route["dst"] == "default"]

            must(
                defaults() == ["unreachable"],
                f"an unreachable default route ({family})",
                defaults(),
            )
            self.no_packet_leaves(
                f"unreachable default route ({family}) deleted",
                family,
                [f"route delete unreachable default table {self._table}"],
                lambda: wait_until(
                    "it to be back",
                    defaults,
                    lambda seen: seen == ["unreachable"],
                    REPAIRED_SECONDS,
                ),
            )

    def l3mdev_rules(self) -> None:
        """The rules by which a packet of a VRF is looked up in its table, deleted."""
        for family in ("-4", "-6"):

            def rules(family: str = family) -> list[int]:
                seen = self.edge.namespace.show(family, "rule", "show")
                return [rule["priority"] for rule in seen if "l3mdev" in rule]

            before = rules()
            must(before, f"an l3mdev rule ({family})", before)
            try:
                self.no_packet_leaves(
                    f"l3mdev rule ({family}) deleted",
                    family,
                    [f"rule delete priority {priority}" for priority in before],
                    lambda: wait_until("it to be back", rules, bool, REPAIRED_SECONDS),
                )
            finally:
                # The next part is to start from a router that is whole.
                if not rules():
                    self.edge.namespace.ip(
                        "rule add priority 1000 l3mdev protocol kernel", family=family
                    )
            self.attached.must_pass(4)
            self.attached.must_pass(6)

    def foreign_rule(self, selector: str, family: str) -> None:
        """A rule at a usual preference: it either takes nothing of the VRF's, or the edge says that it does."""
        rule = f"rule {{}} priority 500 {selector} lookup main"

        def harmless_or_told() -> None:
            version = int(family[1:])
            hosts = self.attached.hosts[version], self.attached.vpc_host(version)
            self.edge.settle(3)
            if ping(self.attached.customer.namespace, *hosts, count=4).lost:
                self._told()

        try:
            self.no_packet_leaves(
                f"foreign rule {selector} ({family})",
                family,
                [rule.format("add")],
                harmless_or_told,
            )
        finally:
            self.edge.namespace.ip(rule.format("delete"), family=family)
        self._recovered()

    def rule_before_all(self, family: str) -> None:
        """A rule that is asked before the VRFs' and takes their traffic: it cannot be repaired, so it must be told."""
        seen = self.edge.namespace.show(family, "rule", "show")
        change = [
            f"rule delete priority {rule['priority']} l3mdev" for rule in seen if "l3mdev" in rule
        ]
        foreign = "rule {} priority 0 from all lookup main protocol 99"
        try:
            # Nothing is asked before it: what leaves then is the rule's doing.
            self.edge.namespace.ip(*change, foreign.format("add"), family=family)
            self._told()
        finally:
            self.edge.namespace.ip(foreign.format("delete"), family=family)
        self._recovered()

    def _recovered(self) -> None:
        """Without the rule, all is well by itself."""
        self.attached.lent.wait_state("available", patience=90)
        wait_until("no error any more", self.edge.errors, lambda seen: not seen)
        self.attached.must_pass(4)
        self.attached.must_pass(6)

    def _told(self) -> None:
        wait_until(
            "the edge's error to name the rule",
            self.edge.errors,
            lambda seen: any("rule" in text for text in seen),
            TOLD_SECONDS,
        )
        wait_until(
            "the interface not available",
            self.attached.lent.state,
            lambda state: state != "available",
            TOLD_SECONDS,
        )

    def foreign_routes(self) -> None:
        """Routes in the VRF's table that lead out by the management interface are gone at once."""
        edge, table = self.edge, self._table
        four = f"via {edge.management_far} dev mgmt0 table {table} onlink"
        six = f"via {edge.management_far6} dev mgmt0 table {table}"
        routes = [f"route {{}} {dst} {four}" for dst in ("198.18.0.0/15", "0.0.0.0/0 metric 1")]
        routes += [f"route {{}} {dst} {six}" for dst in ("2001:db8:e15e::/48", "::/0 metric 1")]
        try:
            edge.namespace.ip(*[route.format("add") for route in routes])
            edge.settle(2)
            self.no_packet_leaves(
                "routes out of the VRF by hand",
                None,
                ["address show dev lo"],
                lambda: edge.settle(1),
            )
        finally:
            for route in routes:
                edge.namespace.try_ip(*route.format("delete").split())
        self.attached.must_pass(4)
        self.attached.must_pass(6)
