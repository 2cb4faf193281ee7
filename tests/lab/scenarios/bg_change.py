"""Everything that can be changed of an interface at once, and its gateway's associations: no ping of either IP version is lost."""

from __future__ import annotations

from lab.checks import must_equal, wait_until
from lab.dxgateway import DirectConnectGateway
from lab.edge import Edge
from lab.interface import Interface
from lab.scene import Scene
from lab.traffic import Pinging, must_reach

FOUR, SIX, MORE6 = "10.20.0.0/16", "2001:db8:20::/56", "2001:db8:21::/56"
ALL = {
    "virtualInterfaceName": "Paris, everything",
    "mtu": 9001,
    "rateLimit": "200Mbps",
    "prefixPoolAllocatedCountIpv4": 300,
    "prefixPoolAllocatedCountIpv6": 250,
    "enableSiteLink": True,
}
BACK = {
    "virtualInterfaceName": "Paris",
    "mtu": 1500,
    "rateLimit": "",
    "prefixPoolAllocatedCountIpv4": 100,
    "prefixPoolAllocatedCountIpv6": 100,
    "enableSiteLink": False,
}


def run(scene: Scene) -> None:
    edge = scene.edge()
    port = edge.port("eth1")
    owner = scene.tenant("changer")
    vpc = edge.vpc(owner, "eth9", FOUR, SIX, MORE6)
    for space, name in (
        (edge.namespace, "eth1"),
        (port.trunk, "eth0"),
        (edge.namespace, "eth9"),
        (vpc.namespace, "eth0"),
    ):
        space.ip(f"link set {name} mtu 9100")
    edge.start()
    gateway = DirectConnectGateway(owner, 64_600)
    association = gateway.associate(vpc, FOUR, SIX)
    connection = scene.connect(owner, port)
    lent = connection.create(101, directConnectGatewayId=gateway.id)
    customer = scene.customer(port, lent.router_config())
    customer.up(FOUR)
    config = lent.add_peer("ipv6")
    host6 = customer.add_peer(config, "2001:db8:c1::/48")
    customer.wait_up(config=config)
    customer.wait_route(SIX)
    must_reach(customer.namespace, customer.host, vpc.host)
    must_reach(customer.namespace, host6, vpc.hosts[1])
    lent.wait_peers({"ipv4": "up", "ipv6": "up"})
    since, index = edge.up_since(lent.id), edge.namespace.links()[lent.id]["ifindex"]
    with (
        Pinging(scene, customer.namespace, customer.host, vpc.host) as four,
        Pinging(scene, customer.namespace, host6, vpc.hosts[1]) as six,
    ):
        lent.change(virtualInterfaceName="a name of its own")
        must_equal(lent.described()["virtualInterfaceName"], "a name of its own", "the name")
        for wanted in (ALL, BACK, ALL):
            changed(edge, lent, wanted)
        association.change(add=(MORE6,))
        customer.wait_route(MORE6)
        must_reach(customer.namespace, host6, vpc.hosts[2])
        association.change(remove=(MORE6,))
        renamed = owner.call(
            "UpdateDirectConnectGateway",
            directConnectGatewayId=gateway.id,
            newDirectConnectGatewayName="another",
        )
        must_equal(renamed["directConnectGateway"]["directConnectGatewayName"], "another", "name")
        changed(edge, lent, BACK)
    for pings in (four, six):
        pings.must_lose_none()
    must_equal(edge.namespace.links()[lent.id]["ifindex"], index, "the link's index")
    edge.must_be_up_since(lent.id, since)
    must_equal(lent.state(), "available", "the state")
    scene.note(
        f"name, MTU, rate limit, prefix allocations and SiteLink at once, four times; allowed prefixes; names: "
        f"0 of {four.result.sent} IPv4 and {six.result.sent} IPv6 pings lost, the sessions were never down"
    )


def changed(edge: Edge, lent: Interface, wanted: dict[str, object]) -> None:
    """One call; waits until the router has all of it."""
    lent.change(**wanted)
    described = lent.described()
    # SiteLink has another name in answers.
    shown = {name.replace("enableSiteLink", "siteLinkEnabled"): wanted[name] for name in wanted}
    must_equal({name: described[name] for name in shown}, shown, "the interface")
    protocol = lent.id.replace("-", "_")

    def on_router() -> tuple[int, bool, list[bool], bool]:
        filters = edge.namespace.run("tc", "filter", "show", "dev", lent.id, "ingress")
        limits = []
        for name, version in ((protocol, "Ipv4"), (f"{protocol}_v6", "Ipv6")):
            lines = edge.bird(f"show protocols all {name}").splitlines()
            line = next((line for line in lines if "Receive limit" in line), "")
            limits.append(str(wanted[f"prefixPoolAllocatedCount{version}"]) in line)
        # The mark of what comes from customers with SiteLink, which passes on the way out.
        out = edge.namespace.run("tc", "filter", "show", "dev", lent.id, "egress")
        site = "handle 0x10000000" in out
        return edge.namespace.links()[lent.id]["mtu"], "rate 200Mbit" in filters, limits, site

    wait_until(
        f"{wanted} on the router",
        on_router,
        lambda seen: (
            seen
            == (
                wanted["mtu"],
                bool(wanted["rateLimit"]),
                [True, True],
                wanted["enableSiteLink"],
            )
        ),
    )
