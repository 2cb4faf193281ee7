"""A Direct Connect gateway of an account, with the gateways that other accounts let it reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.checks import must_equal, wait_until

if TYPE_CHECKING:
    from lab.api import Answer, Tenant
    from lab.edge import Edge
    from lab.interface import Interface
    from lab.vpc import Vpc


class DirectConnectGateway:
    """Made by its owner, with an AS number of its own."""

    def __init__(self, owner: Tenant, asn: int) -> None:
        self.owner = owner
        made = owner.call(
            "CreateDirectConnectGateway",
            directConnectGatewayName="the lab's",
            amazonSideAsn=asn,
        )["directConnectGateway"]
        self.id: str = made["directConnectGatewayId"]

    def accept(self, lent: Interface) -> None:
        """The owner accepts an interface that was lent to it."""
        lent.confirm(directConnectGatewayId=self.id)

    def associate(self, vpc: Vpc, *prefixes: str) -> Association:
        """The VPC's owner proposes, the gateway's owner accepts; waits until it is done."""
        proposal = vpc.owner.call(
            "CreateDirectConnectGatewayAssociationProposal",
            directConnectGatewayId=self.id,
            directConnectGatewayOwnerAccount=self.owner.account_id,
            gatewayId=vpc.gateway_id,
            addAllowedPrefixesToDirectConnectGateway=routes(prefixes),
        )["directConnectGatewayAssociationProposal"]
        made = self.owner.call(
            "AcceptDirectConnectGatewayAssociationProposal",
            directConnectGatewayId=self.id,
            proposalId=proposal["proposalId"],
            associatedGatewayOwnerAccount=vpc.owner.account_id,
        )["directConnectGatewayAssociation"]
        association = Association(self.owner, made["associationId"])
        association.wait_state("associated")
        return association

    def vrf(self, edge: Edge) -> str:
        """The name of its VRF on a router; the lab has one such gateway on each."""
        (name,) = [name for name in edge.namespace.links() if name.startswith("dxgw-")]
        return name


class Association:
    """What a gateway and a VPC have with one another."""

    def __init__(self, owner: Tenant, association_id: str) -> None:
        self._owner = owner
        self.id = association_id

    def _described(self) -> list[Answer]:
        return self._owner.call("DescribeDirectConnectGatewayAssociations", associationId=self.id)[
            "directConnectGatewayAssociations"
        ]

    def state(self) -> str:
        """`disassociated` when it is not described any more."""
        found = self._described()
        return found[0]["associationState"] if found else "disassociated"

    def wait_state(self, wanted: str) -> None:
        wait_until(f"{self.id} {wanted}", self.state, lambda state: state == wanted, 60, 0.25)

    def allowed(self) -> set[str]:
        (found,) = self._described()
        return {prefix["cidr"] for prefix in found["allowedPrefixesToDirectConnectGateway"]}

    def change(self, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> None:
        """Other allowed prefixes; waits until they count."""
        before = self.allowed()
        self._owner.call(
            "UpdateDirectConnectGatewayAssociation",
            associationId=self.id,
            addAllowedPrefixesToDirectConnectGateway=routes(add),
            removeAllowedPrefixesToDirectConnectGateway=routes(remove),
        )
        self.wait_state("associated")
        must_equal(self.allowed(), (before | set(add)) - set(remove), "the allowed prefixes")

    def delete(self) -> None:
        """Waits until it is gone."""
        self._owner.call("DeleteDirectConnectGatewayAssociation", associationId=self.id)
        self.wait_state("disassociated")


def routes(prefixes: tuple[str, ...]) -> list[Answer]:
    """As the API has them."""
    return [{"cidr": prefix} for prefix in prefixes]
