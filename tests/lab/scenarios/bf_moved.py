"""Moved to another connection, on the same router and on another one: only one place ever has it, and a dead router keeps it."""

from __future__ import annotations

from typing import Any

from lab.checks import must, must_equal, stays, wait_until
from lab.customer import Customer
from lab.edge import Edge, Port
from lab.fabric import Fabric
from lab.interface import Connection, Interface
from lab.scene import Scene
from lab.traffic import Pinging, must_not_reach, must_reach

CIDR, PREFIX = "10.20.0.0/16", "192.168.1.0/24"
# What stays, wherever an interface is moved to.
KEPT = ("virtualInterfaceName", "vlan", "amazonAddress", "customerAddress", "authKey", "mtu")


class World:
    """One interface, three ports of two routers, and the customer's router at each of them at once."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        owner = scene.tenant("mover")
        self.edges = [scene.edge("a"), scene.edge("b")]
        one, other = self.edges
        self.ports: list[Port] = [one.port("eth1"), one.port("eth2"), other.port("eth1")]
        self.fabric = Fabric(scene, owner, CIDR, self.edges)
        self.fabric.start((CIDR,))
        for edge in self.edges:
            edge.start()
        self.connections: list[Connection] = [scene.connect(owner, port) for port in self.ports]
        self.lent: Interface = self.connections[0].create(
            101, virtualGatewayId=self.fabric.gateway_id
        )
        config = self.lent.router_config()
        self.customers: list[Customer] = [
            scene.customer(port, config, prefixes=(PREFIX,)) for port in self.ports
        ]
        for customer in self.customers:
            customer.start()

    def up(self) -> list[int]:
        """At which of the ports the customer's session is up; never at two."""
        states = [customer.router.session() for customer in self.customers]
        found = [number for number, state in enumerate(states) if state == "Established"]
        must(len(found) < 2, "one session at most", states)
        self.places()
        return found

    def places(self) -> list[tuple[Edge, str]]:
        """The routers and ports that have the interface's VLAN; never two."""
        found = []
        for edge in self.edges:
            for link in edge.namespace.links().values():
                data = link.get("linkinfo", {})
                if data.get("info_kind") == "vlan":
                    must_equal(data["info_data"]["id"], self.lent.vlan, "the VLAN of a link")
                    found.append((edge, link["link"]))
        must(len(found) < 2, "one link at most", found)
        return found

    def move(self, number: int) -> dict[str, Any]:
        """Asks for the move; the interface as it was."""
        before = self.lent.described()
        self.lent.owner.call(
            "AssociateVirtualInterface",
            virtualInterfaceId=self.lent.id,
            connectionId=self.connections[number].id,
        )
        return before

    def must_be_at(self, number: int, before: dict[str, Any] | None = None) -> None:
        """Waits until it is at a port: packets pass there both ways, and at no other."""
        wait_until(f"the session at port {number}", self.up, lambda seen: seen == [number], 90)
        port, customer = self.ports[number], self.customers[number]
        must_equal(self.places(), [(port.edge, port.name)], "the places of the VLAN")
        customer.wait_route(CIDR)
        self.fabric.wait_way(PREFIX, port.edge)
        must_reach(customer.namespace, customer.host, self.fabric.host)
        must_reach(self.fabric.namespace, self.fabric.host, customer.host)
        for other in self.customers:
            if other is not customer:
                must_not_reach(other.namespace, other.config.ours, other.config.theirs, 2)
        self.lent.wait_state("available")
        if before:
            now = self.lent.described()
            must_equal([now[name] for name in KEPT], [before[name] for name in KEPT], "what stays")
            must_equal(now["connectionId"], self.connections[number].id, "the connection")
            peers = [one["bgpPeers"][0]["bgpPeerId"] for one in (before, now)]
            must(peers[0] != peers[1], "another BGP peer", peers)


def run(scene: Scene) -> None:
    world = World(scene)
    first, second = world.edges
    world.must_be_at(0)
    scene.note(
        "up at the first port; the same router's cables at the two others are heard by nobody"
    )

    before = world.move(1)
    world.must_be_at(1, before)
    scene.note("moved to another port of the router: there alone")

    customer = world.customers[1]
    first.kill()
    with Pinging(scene, customer.namespace, customer.host, world.fabric.host) as pings:
        before = world.move(2)
        stays(
            "where it was, while that router's agent is dead",
            lambda: (world.lent.state(), world.up(), second.own_links()),
            lambda seen: seen == ("pending", [1], []),
            4,
        )
    pings.must_lose_none()
    first.start()
    world.must_be_at(2, before)
    first.wait_clean()
    scene.note(
        f"moved to another router: with the first one's agent dead it stays ({pings.result.sent} pings, "
        "none lost), then it is on the other alone"
    )

    world.move(0)
    world.must_be_at(0, before)
    second.wait_clean()
    world.move(2)
    world.lent.delete()
    for edge in world.edges:
        edge.wait_clean()
    world.lent.wait_state("deleted")
    must_equal(world.up(), [], "sessions")
    scene.note("and back; deleted amid a move: nothing of it is left on either router")
