"""Allocated, not accepted: the VLAN is not there; nothing that is sent to it is answered."""

from __future__ import annotations

from lab.checks import must, must_equal
from lab.scene import Scene
from lab.snapshot import must_be_same
from lab.traffic import must_not_reach


def run(scene: Scene) -> None:
    site = scene.site()
    edge, trunk = site.edge, site.port.trunk
    before = edge.snapshot()
    lent = site.connection.lend(site.owner, vlan=101)
    customer = scene.customer(site.port, lent.router_config())
    # The customer does all it can: its router tries, it knows the way and the port's MAC address.
    customer.start()
    mac = edge.namespace.links()["eth1"]["address"]
    customer.namespace.ip(f"route add {site.vpc.cidr} via {customer.config.theirs}")

    with (
        scene.capture(edge.namespace, "eth1", "in") as arrived,
        scene.capture(trunk, "eth0", "in") as answers,
    ):
        must_not_reach(customer.namespace, customer.config.ours, customer.config.theirs)
        customer.namespace.ip(
            f"neigh replace {customer.config.theirs} lladdr {mac} dev {customer.interface}"
        )
        must_not_reach(customer.namespace, customer.config.ours, customer.config.theirs)
        must_not_reach(customer.namespace, customer.host, site.vpc.host)

    kinds = {frame.kind for frame in arrived.frames if frame.vlan == 101}
    must(kinds >= {"arp", "icmp", "tcp"}, "ARP, pings and TCP arrived at the port, tagged", kinds)
    answered = [str(f) for f in answers.frames if f.vlan is not None or f.kind == "arp"]
    must_equal(answered, [], "what the port answered, not even ARP")
    scene.note(f"{len(arrived.frames)} frames went to VLAN 101, nothing came back")

    must_equal(edge.own_links(), [], "the edge's links of the API")
    must_equal(edge.bird_protocols(), [], "BIRD's protocols of the API")
    must_be_same(before, edge.snapshot(), "an interface that nobody accepted")
    must_equal(lent.state(), "confirming", "the state")
    scene.note("the router is as it was before")
