"""Direct Connect gateways, associations and proposals that must be refused."""

from __future__ import annotations

from typing import Any

from bad_inputs.rows import ABSENT, Bad, creating, without_absent

CREATE = "CreateDirectConnectGateway"
RENAME = "UpdateDirectConnectGateway"
DELETE = "DeleteDirectConnectGateway"
ASSOCIATE = "CreateDirectConnectGatewayAssociation"
UPDATE = "UpdateDirectConnectGatewayAssociation"
DISASSOCIATE = "DeleteDirectConnectGatewayAssociation"
PROPOSE = "CreateDirectConnectGatewayAssociationProposal"
ACCEPT = "AcceptDirectConnectGatewayAssociationProposal"
WITHDRAW = "DeleteDirectConnectGatewayAssociationProposal"
ADD = "addAllowedPrefixesToDirectConnectGateway"
REMOVE = "removeAllowedPrefixesToDirectConnectGateway"
OVERRIDE = "overrideAllowedPrefixesToDirectConnectGateway"


def prefixes(*cidrs: str) -> list[dict[str, str]]:
    return [{"cidr": cidr} for cidr in cidrs]


def making(name: str, says: tuple[str, ...], **changes: Any) -> Bad:
    good = {"directConnectGatewayName": "bad"}
    return Bad(name, CREATE, without_absent({**good, **changes}), says)


def associating(name: str, says: tuple[str, ...], by: str = "owner", **changes: Any) -> Bad:
    """The stranger's Direct Connect gateway and gateway are good for each other."""
    good = {"directConnectGatewayId": "{dx_c}", "gatewayId": "{gw_c}"}
    return Bad(name, ASSOCIATE, without_absent({**good, **changes}), says, by=by)


def updating(name: str, says: tuple[str, ...], **changes: Any) -> Bad:
    return Bad(name, UPDATE, without_absent({"associationId": "{association}", **changes}), says)


def proposing(name: str, says: tuple[str, ...], **changes: Any) -> Bad:
    good = {
        "directConnectGatewayId": "{dx}",
        "directConnectGatewayOwnerAccount": "{lender}",
        "gatewayId": "{gw}",
    }
    return Bad(name, PROPOSE, without_absent({**good, **changes}), says, by="owner")


def accepting(name: str, says: tuple[str, ...], by: str = "lender", **changes: Any) -> Bad:
    good = {
        "directConnectGatewayId": "{dx}",
        "proposalId": "{proposal}",
        "associatedGatewayOwnerAccount": "{owner}",
    }
    return Bad(name, ACCEPT, without_absent({**good, **changes}), says, by=by)


GATEWAYS = [
    making("no name", ("directConnectGatewayName", "required"), directConnectGatewayName=ABSENT),
    making("an empty name", ("directConnectGatewayName",), directConnectGatewayName=""),
    making(
        "a name of 101", ("directConnectGatewayName", "101"), directConnectGatewayName="n" * 101
    ),
    making("a public AS number", ("amazonSideAsn", "7224"), amazonSideAsn=7224),
    making("AS number 0", ("amazonSideAsn", "0"), amazonSideAsn=0),
    making("an AS number beyond the range", ("amazonSideAsn", "65535"), amazonSideAsn=65535),
    Bad(
        "a new name for no gateway",
        RENAME,
        {"directConnectGatewayId": "{no_dx}", "newDirectConnectGatewayName": "bad"},
        ("Direct Connect Gateway {no_dx} does not exist",),
    ),
    Bad(
        "an empty new name",
        RENAME,
        {"directConnectGatewayId": "{dx}", "newDirectConnectGatewayName": ""},
        ("newDirectConnectGatewayName",),
    ),
    Bad(
        "deleting what was deleted",
        DELETE,
        {"directConnectGatewayId": "{dx_deleted}"},
        ("Direct Connect Gateway {dx_deleted} does not exist",),
    ),
    Bad(
        "deleting what is no id",
        DELETE,
        {"directConnectGatewayId": "not a uuid"},
        ("Direct Connect Gateway not a uuid does not exist",),
    ),
    Bad(
        "deleting what is associated",
        DELETE,
        {"directConnectGatewayId": "{dx}"},
        ("directConnectGatewayId", "{dx}", "cannot be deleted", "{association}"),
    ),
    Bad(
        "an interface to a deleted gateway",
        "CreatePrivateVirtualInterface",
        creating(virtualGatewayId=ABSENT, directConnectGatewayId="{dx_deleted}"),
        ("Direct Connect Gateway {dx_deleted} does not exist",),
    ),
    Bad(
        "an interface with the gateway's AS number",
        "CreatePrivateVirtualInterface",
        creating(virtualGatewayId=ABSENT, directConnectGatewayId="{dx}", asn=64512),
        ("asn", "64512", "{dx}", "must differ"),
    ),
]

ASSOCIATIONS = [
    associating("no gateway", ("gatewayId", "required"), by="stranger", gatewayId=ABSENT),
    associating(
        "both members", ("virtualGatewayId", "exclude"), by="stranger", virtualGatewayId="{gw_c}"
    ),
    associating(
        "no Direct Connect gateway",
        ("directConnectGatewayId", "required"),
        by="stranger",
        directConnectGatewayId=ABSENT,
    ),
    associating(
        "a transit gateway that is not there",
        ("The TransitGateway tgw-01234567 does not exist",),
        by="stranger",
        gatewayId="tgw-01234567",
    ),
    associating(
        "a transit gateway in the member of virtual ones",
        ("The VirtualGateway tgw-01234567 does not exist",),
        by="stranger",
        gatewayId=ABSENT,
        virtualGatewayId="tgw-01234567",
    ),
    associating(
        "a virtual gateway that is not there",
        ("The VirtualGateway {no_gw} does not exist",),
        by="stranger",
        gatewayId="{no_gw}",
    ),
    associating("another's", ("Direct Connect Gateway {dx_c} does not exist",), gatewayId="{gw}"),
    associating(
        "a prefix with host bits",
        (f"{ADD}[0].cidr", "10.0.0.1/8", "host bits"),
        by="stranger",
        **{ADD: prefixes("10.0.0.1/8")},
    ),
    associating(
        "a prefix that is none",
        (f"{ADD}[1].cidr", "ten", "is not a prefix"),
        by="stranger",
        **{ADD: prefixes("10.0.0.0/8", "ten")},
    ),
    associating(
        "too many prefixes",
        (ADD, "201", "200"),
        by="stranger",
        **{ADD: prefixes(*(f"10.{n}.0.0/16" for n in range(201)))},
    ),
    Bad(
        "a gateway that has one",
        ASSOCIATE,
        {"directConnectGatewayId": "{dx}", "gatewayId": "{gw_lender}"},
        ("gatewayId", "{gw_lender}", "is associated with a Direct Connect Gateway already"),
    ),
    updating("an update of nothing", ("associationId", "required"), associationId=ABSENT),
    updating(
        "an update of what is not there",
        ("Direct Connect Gateway Association {no_dx} does not exist",),
        associationId="{no_dx}",
    ),
    updating(
        "a prefix both ways",
        (ADD, "10.7.0.0/16", REMOVE),
        **{ADD: prefixes("10.7.0.0/16"), REMOVE: prefixes("10.7.0.0/16")},
    ),
    Bad("ending nothing", DISASSOCIATE, {}, ("associationId", "required")),
    Bad(
        "ending half a pair",
        DISASSOCIATE,
        {"directConnectGatewayId": "{dx}"},
        ("associationId", "required", "virtualGatewayId"),
    ),
    Bad(
        "ending what is not there",
        DISASSOCIATE,
        {"associationId": "{no_dx}"},
        ("Direct Connect Gateway Association {no_dx} does not exist",),
    ),
    Bad(
        "ending a pair that is none",
        DISASSOCIATE,
        {"directConnectGatewayId": "{dx}", "virtualGatewayId": "{gw}"},
        ("Direct Connect Gateway Association", "{gw}", "{dx}", "does not exist"),
    ),
]

PROPOSALS = [
    proposing("no gateway", ("gatewayId", "required"), gatewayId=ABSENT),
    proposing(
        "an owner that is none",
        ("directConnectGatewayOwnerAccount", "12", "12 digits"),
        directConnectGatewayOwnerAccount="12",
    ),
    proposing(
        "another owner",
        ("Direct Connect Gateway {dx} does not exist",),
        directConnectGatewayOwnerAccount="{nobody}",
    ),
    proposing(
        "to a deleted gateway",
        ("Direct Connect Gateway {dx_deleted} does not exist",),
        directConnectGatewayId="{dx_deleted}",
    ),
    proposing(
        "another's gateway",
        ("The VirtualGateway {gw_lender} does not exist",),
        gatewayId="{gw_lender}",
    ),
    proposing(
        "a second one", ("gatewayId", "{gw2}", "unanswered proposal", "{dx}"), gatewayId="{gw2}"
    ),
    proposing(
        "a prefix that is none",
        (f"{ADD}[0].cidr", "0.0.0.0/0", "default route"),
        **{ADD: prefixes("0.0.0.0/0")},
    ),
    accepting("no proposal", ("proposalId", "required"), proposalId=ABSENT),
    accepting(
        "a proposal that is not there",
        ("Direct Connect Gateway Association Proposal {no_dx} is not found",),
        proposalId="{no_dx}",
    ),
    accepting(
        "another account's",
        ("associatedGatewayOwnerAccount", "{nobody}", "{owner}"),
        associatedGatewayOwnerAccount="{nobody}",
    ),
    accepting(
        "by whom it is from",
        ("Direct Connect Gateway {dx} does not exist",),
        by="owner",
    ),
    accepting(
        "a VPC that overlaps",
        ("proposalId", "{gw2}", "10.0.0.0/16", "overlaps", "{gw_lender}"),
    ),
    accepting(
        "an override that is none",
        (f"{OVERRIDE}[0].cidr", "ten", "is not a prefix"),
        **{OVERRIDE: prefixes("ten")},
    ),
    Bad("withdrawing nothing", WITHDRAW, {}, ("proposalId", "required")),
    Bad(
        "withdrawing what is not there",
        WITHDRAW,
        {"proposalId": "{no_dx}"},
        ("Direct Connect Gateway Association Proposal {no_dx} is not found",),
    ),
]

DIRECT = [*GATEWAYS, *ASSOCIATIONS, *PROPOSALS]
