"""Connections and virtual interfaces, as the two tenants order, lend, accept and watch them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.checks import must_equal, wait_until
from lab.routerconfig import RouterConfig

if TYPE_CHECKING:
    from lab.api import Tenant
    from lab.edge import Port
    from lab.scene import Scene
    from lab.vpc import Vpc


class Connection:
    """A connection of the lender, on a port of the edge."""

    def __init__(self, scene: Scene, lender: Tenant, port: Port) -> None:
        self.lender = lender
        self.scene = scene
        made = lender.call(
            "CreateConnection",
            location=scene.location,
            bandwidth="1Gbps",
            connectionName=f"{port.edge.name} {port.name}",
        )
        self.id: str = made["connectionId"]
        words = ["--edge", port.edge.name, "--interface", port.name]
        scene.server.admin("connection", "approve", self.id, *words)

    def state(self) -> str:
        (found,) = self.lender.call("DescribeConnections", connectionId=self.id)["connections"]
        return found["connectionState"]

    def wait_state(self, wanted: str, patience: float = 60.0) -> None:
        wait_until(
            f"connection {wanted}", self.state, lambda state: state == wanted, patience, 0.25
        )

    def lend(self, owner: Tenant, vlan: int, kind: str = "Private", **more: Any) -> Interface:
        """An interface of this connection, lent to `owner`: of the kind Private, Public or Transit."""
        made = self._call(
            f"Allocate{kind}VirtualInterface",
            f"new{kind}VirtualInterfaceAllocation",
            vlan,
            more,
            ownerAccount=owner.account_id,
        )
        must_equal(made["virtualInterfaceState"], "confirming", "the state after the allocation")
        return Interface(self, owner, made, kind)

    def create(self, vlan: int, kind: str = "Private", **more: Any) -> Interface:
        """An interface of this connection for its owner's own use."""
        operation = f"Create{kind}VirtualInterface"
        made = self._call(operation, f"new{kind}VirtualInterface", vlan, more)
        return Interface(self, self.lender, made, kind)

    def _call(
        self, operation: str, member: str, vlan: int, more: dict[str, Any], **named: str
    ) -> dict[str, Any]:
        """A new interface, as the answer describes it; what is None in `more` is left out."""
        new = {
            "virtualInterfaceName": f"vlan-{vlan}",
            "vlan": vlan,
            "asn": 65000,
            "authKey": f"key-of-vlan-{vlan}",
            "amazonAddress": "169.254.0.1/30",
            "customerAddress": "169.254.0.2/30",
        } | more
        new = {name: value for name, value in new.items() if value is not None}
        made = self.lender.call(operation, connectionId=self.id, **{member: new}, **named)
        made = made.get("virtualInterface", made)
        self.scene.server.secrets.add(made["authKey"])
        return made


class Interface:
    """A virtual interface; one that was lent is the `owner`'s to accept. `kind` is Private, Public or Transit."""

    def __init__(
        self, connection: Connection, owner: Tenant, made: dict[str, Any], kind: str
    ) -> None:
        self.connection = connection
        self.owner = owner
        self.kind = kind
        self.id: str = made["virtualInterfaceId"]
        self.vlan: int = made["vlan"]

    def accept(self, vpc: Vpc) -> None:
        """The owner accepts, for this VPC."""
        self.confirm(virtualGatewayId=vpc.gateway_id)

    def confirm(self, **gateway: str) -> None:
        """The owner accepts, for a gateway; a public interface needs none."""
        operation = f"Confirm{self.kind}VirtualInterface"
        self.owner.call(operation, virtualInterfaceId=self.id, **gateway)

    def delete(self) -> None:
        """The owner deletes it, or rejects it if it is not accepted yet."""
        self.owner.call("DeleteVirtualInterface", virtualInterfaceId=self.id)

    def described(self) -> dict[str, Any]:
        (found,) = self.owner.call("DescribeVirtualInterfaces", virtualInterfaceId=self.id)[
            "virtualInterfaces"
        ]
        return found

    def state(self) -> str:
        return self.described()["virtualInterfaceState"]

    def session(self) -> str:
        """`bgpStatus` of its one session."""
        return self.described()["bgpPeers"][0]["bgpStatus"]

    def peers(self) -> dict[str, dict[str, Any]]:
        """Its BGP peers that are not deleted, by address family."""
        peers = self.described()["bgpPeers"]
        return {peer["addressFamily"]: peer for peer in peers if peer["bgpPeerState"] != "deleted"}

    def change(self, **attributes: Any) -> None:
        """The owner changes attributes of it."""
        self.owner.call(
            "UpdateVirtualInterfaceAttributes", virtualInterfaceId=self.id, **attributes
        )

    def add_peer(self, family: str, asn: int = 65000) -> RouterConfig:
        """The owner adds a peer of this family; what the customer's router needs for it."""
        self.owner.call(
            "CreateBGPPeer",
            virtualInterfaceId=self.id,
            newBGPPeer={"addressFamily": family, "asn": asn},
        )
        self.connection.scene.server.secrets.add(self.peers()[family]["authKey"])
        return RouterConfig.of_peer(self.described(), family)

    def delete_peer(self, family: str) -> None:
        """The owner deletes the peer of this family."""
        self.owner.call(
            "DeleteBGPPeer", virtualInterfaceId=self.id, bgpPeerId=self.peers()[family]["bgpPeerId"]
        )

    def wait_peers(self, wanted: dict[str, str]) -> None:
        """Waits until it has exactly these peers, by family, with these values of `bgpStatus`."""
        wait_until(
            f"{self.id} with the peers {wanted}",
            lambda: {family: peer["bgpStatus"] for family, peer in self.peers().items()},
            lambda seen: seen == wanted,
        )

    def wait_state(self, wanted: str, patience: float = 60.0) -> None:
        wait_until(f"{self.id} {wanted}", self.state, lambda state: state == wanted, patience, 0.25)

    def router_config(self) -> RouterConfig:
        """What the customer's router needs, from the lender's answer (the document's XML)."""
        (found,) = self.connection.lender.call(
            "DescribeVirtualInterfaces", virtualInterfaceId=self.id
        )["virtualInterfaces"]
        return RouterConfig.from_answer(found)
