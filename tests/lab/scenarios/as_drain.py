"""Drained: an interface of two is taken out of use and back into it, and not one ping is lost."""

from __future__ import annotations

from pathlib import Path

from lab.bird import Bird
from lab.checks import must, must_equal, wait_until
from lab.customer import Customer
from lab.interface import Interface
from lab.routerconfig import RouterConfig
from lab.scene import Scene, Site
from lab.traffic import Pinging, must_reach

PREFIX = "192.168.1.0/24"
WAIT = 6
HEAD = """\
log stderr all;
router id 10.254.0.1;
protocol device { }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
protocol static announced { ipv4; route 192.168.1.0/24 unreachable; }
"""


class TwoSessions(Bird):
    """A customer's BIRD with a session on each of two interfaces, which heeds RFC 8326."""

    configs: tuple[RouterConfig, ...] = ()

    def _configure(self) -> None:
        self._write(HEAD + "".join(map(session, self.configs)))

    def is_up(self, vlan: int) -> bool:
        """Whether the session on this VLAN is established."""
        return "Established" in self._ask(f"show protocols dx{vlan}")

    def communities(self, vlan: int) -> str:
        """What BIRD says of the routes of a session."""
        return self._ask(f"show route protocol dx{vlan} all")


def session(config: RouterConfig) -> str:
    """The protocol of one session."""
    return f"""\
protocol bgp dx{config.vlan} {{
  local {config.ours} as {config.our_asn};
  neighbor {config.theirs} as {config.their_asn};
  password "{config.key}";
  connect delay time 1; connect retry time 2; error wait time 1, 4;
  ipv4 {{
    import filter {{ if (65535, 0) ~ bgp_community then bgp_local_pref = 0; accept; }};
    export where source = RTS_STATIC;
  }};
}}
"""


def run(scene: Scene) -> None:
    site = scene.site()
    lents = [
        site.connection.lend(
            site.owner,
            vlan=101 + number,
            amazonAddress=f"169.254.{number}.1/30",
            customerAddress=f"169.254.{number}.2/30",
        )
        for number in range(2)
    ]
    for lent in lents:
        lent.accept(site.vpc)
    customer, router = plug(scene, site, lents)
    must_reach(customer.namespace, customer.host, site.vpc.host)
    scene.note("one router with two interfaces")

    # Whichever is in use.
    for lent in lents:
        one(scene, site, customer, router, lent)

    scene.server.admin("edge", "drain", site.edge.name, "--wait", "0")
    for lent in lents:
        wait_until("both drained", lambda lent=lent: shown(scene, lent), "drained".__eq__)
    lents[0].wait_state("down")
    answer = site.owner.explain(lents[0].id)
    must_equal(answer["reason"], "open", "why it is not up")
    scene.server.admin("edge", "drain", site.edge.name, "--undo")
    for lent in lents:
        wait_until("the session back", lambda lent=lent: router.is_up(lent.vlan))
    must_reach(customer.namespace, customer.host, site.vpc.host)
    scene.note("the whole edge: drained and back")


def one(scene: Scene, site: Site, customer: Customer, router: TwoSessions, lent: Interface) -> None:
    """Drains an interface and undoes it."""
    with Pinging(scene, customer.namespace, customer.host, site.vpc.host) as pings:
        made = scene.server.admin("interface", "drain", lent.id, "--wait", str(WAIT))
        must_equal(made["drain"], "draining", "the first stage")
        wait_until(
            "the community of RFC 8326",
            lambda: router.communities(lent.vlan),
            lambda text: "(65535,0)" in text,
        )
        must(router.is_up(lent.vlan), "the session to stay while other ways are chosen", "")
        wait_until(
            "nothing to be announced",
            lambda: router.communities(lent.vlan),
            lambda text: site.vpc.cidr not in text,
        )
        wait_until("it drained", lambda: shown(scene, lent), "drained".__eq__)
        lent.wait_state("down")
        scene.note(f"VLAN {lent.vlan}: asked, withdrawn, shut")
        scene.server.admin("interface", "drain", lent.id, "--undo")
        wait_until("the session back", lambda: router.is_up(lent.vlan))
        lent.wait_state("available")
        wait_until(
            "no community any more",
            lambda: router.communities(lent.vlan),
            lambda text: site.vpc.cidr in text and "(65535,0)" not in text,
        )
    pings.must_lose_none()
    scene.note(f"VLAN {lent.vlan}: {pings.result.sent} pings, none lost")


def shown(scene: Scene, lent: Interface) -> str:
    """How far it is drained, as the operator sees it."""
    return scene.server.admin("interface", "show", lent.id).get("drain", "")


def plug(scene: Scene, site: Site, lents: list[Interface]) -> tuple[Customer, TwoSessions]:
    """A customer with both VLANs, and its router with both sessions."""
    configs = tuple(lent.router_config() for lent in lents)
    customer = scene.customer(site.port, configs[0])
    name = f"v{configs[1].vlan}"
    site.port.trunk.ip(
        f"link add link eth0 name {name} type vlan id {configs[1].vlan}",
        f"link set {name} netns {customer.namespace.name}",
    )
    customer.namespace.ip(
        f"address add {configs[1].ours}/{configs[1].length} dev {name}", f"link set {name} up"
    )
    directory = Path(scene.directory) / "two-sessions"
    directory.mkdir()
    router = TwoSessions(customer.namespace, directory)
    router.configs = configs
    scene.on_failure("the customer's router", router.details)
    scene.undo(router.end)
    router.start(configs[0], [PREFIX])
    for config in configs:
        wait_until(
            f"the session on VLAN {config.vlan}", lambda vlan=config.vlan: router.is_up(vlan)
        )
    customer.wait_route(site.vpc.cidr)
    return customer, router
