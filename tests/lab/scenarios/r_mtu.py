"""The MTU of an accepted interface changed: in place, with no ping lost and no session started anew."""

from __future__ import annotations

from lab.checks import must_equal, wait_until
from lab.scene import Scene
from lab.traffic import Pinging, must_reach


def run(scene: Scene) -> None:
    site = scene.site()
    for space, name in ((site.edge.namespace, "eth1"), (site.port.trunk, "eth0")):
        space.ip(f"link set {name} mtu 9100")
    lent = site.connection.lend(site.owner, vlan=101)
    lent.accept(site.vpc)
    customer = scene.customer(site.port, lent.router_config())
    customer.up(site.vpc.cidr)
    must_reach(customer.namespace, customer.host, site.vpc.host)

    def link() -> dict:
        return site.edge.namespace.links()[lent.id]

    before, since = link(), site.edge.up_since(lent.id)
    must_equal(before["mtu"], 1500, "the link's MTU")
    with Pinging(scene, customer.namespace, customer.host, site.vpc.host) as pings:
        for mtu in (9001, 1500):
            lent.change(mtu=mtu)
            must_equal(lent.described()["mtu"], mtu, "the interface's MTU")
            wait_until(f"the link to have an MTU of {mtu}", lambda: link()["mtu"], mtu.__eq__)
            scene.note(f"MTU {mtu} on the router")
    pings.must_lose_none()
    must_equal(link()["ifindex"], before["ifindex"], "the link's index")
    site.edge.must_be_up_since(lent.id, since)
    must_equal(lent.state(), "available", "the state")
    scene.note(f"{pings.result.sent} pings, none lost; the session was never down")
