"""Direct Connect gateways, associations and proposals: each client walks the whole family.

The states are those that Terraform's waiters look for: an association is `associated` when the edge
has it, `updating` while its prefixes change, and gone once it is `disassociated`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.clients import Answer, AwsCli, Boto, Client, Refused
from harness.polling import until
from harness.scene import allocation, arn, direct_connect_gateway, lend, order
from harness.server import REGION, Server
from harness.signing import Key
from harness.walk import assert_has, connection_in, interface_in, interfaces

ADD = "addAllowedPrefixesToDirectConnectGateway"
REMOVE = "removeAllowedPrefixesToDirectConnectGateway"
OVERRIDE = "overrideAllowedPrefixesToDirectConnectGateway"
ALLOWED = "allowedPrefixesToDirectConnectGateway"

ClientOf = Callable[[Server, Key, Path], Client]
CLIENTS: dict[str, ClientOf] = {
    "boto3": lambda server, key, _: Boto(server.endpoint, key, server.recorder),
    "aws-cli": lambda server, key, home: AwsCli(server.endpoint, key, home),
}


def prefixes(*cidrs: str) -> list[dict[str, str]]:
    return [{"cidr": cidr} for cidr in cidrs]


def associations(client: Client, **filters: object) -> list[Answer]:
    answer = client.call("DescribeDirectConnectGatewayAssociations", dict(filters))
    return answer["directConnectGatewayAssociations"]


def association_in(client: Client, association: str, state: str) -> Answer:
    found = until(
        lambda: associations(client, associationId=association),
        lambda seen: len(seen) == 1 and seen[0]["associationState"] == state,
        f"{association} in {state}",
    )
    return found[0]


def attachments(client: Client, **filters: object) -> list[Answer]:
    answer = client.call("DescribeDirectConnectGatewayAttachments", dict(filters))
    return answer["directConnectGatewayAttachments"]


def proposals(client: Client, **filters: object) -> list[Answer]:
    answer = client.call("DescribeDirectConnectGatewayAssociationProposals", dict(filters))
    return answer["directConnectGatewayAssociationProposals"]


@dataclass
class Parties:
    """Three accounts: whose the connection is, the interface and Direct Connect gateway, the VPC."""

    server: Server
    lender: Client
    owner: Client
    vpc_owner: Client
    keys: dict[str, Key]


@pytest.fixture(params=CLIENTS)
def parties(
    request: pytest.FixtureRequest,
    server: Server,
    new_account: Callable[[], Key],
    tmp_path: Path,
) -> Parties:
    keys = {role: new_account() for role in ("lender", "owner", "vpc_owner")}

    def client_of(role: str) -> Client:
        home = tmp_path / role
        home.mkdir()
        return CLIENTS[request.param](server, keys[role], home)

    return Parties(server, client_of("lender"), client_of("owner"), client_of("vpc_owner"), keys)


def create_gateway(client: Client, **members: object) -> Answer:
    wanted = {"directConnectGatewayName": "walk", **members}
    return client.call("CreateDirectConnectGateway", wanted)["directConnectGateway"]


def test_gateway_from_creation_to_deletion(parties: Parties) -> None:
    owner, account = parties.owner, parties.keys["owner"].account_id
    tag = {"key": "purpose", "value": "walk"}
    made = create_gateway(owner, amazonSideAsn=64600, tags=[tag])
    gateway = made["directConnectGatewayId"]
    assert made == {
        "directConnectGatewayId": gateway,
        "directConnectGatewayName": "walk",
        "amazonSideAsn": 64600,
        "ownerAccount": account,
        "directConnectGatewayState": "available",
        "tags": [tag],
    }
    by_id = {"directConnectGatewayId": gateway}
    for filters in ({}, by_id):
        seen = owner.call("DescribeDirectConnectGateways", filters)["directConnectGateways"]
        assert seen == [made]
    renamed = owner.call(
        "UpdateDirectConnectGateway", {**by_id, "newDirectConnectGatewayName": "other"}
    )
    assert renamed["directConnectGateway"] == {**made, "directConnectGatewayName": "other"}
    resource = arn(REGION, account, "dx-gateway", gateway)
    owner.call("UntagResource", {"resourceArn": resource, "tagKeys": ["purpose"]})
    owner.call("TagResource", {"resourceArn": resource, "tags": [{"key": "k", "value": "v"}]})
    told = owner.call("DescribeTags", {"resourceArns": [resource]})["resourceTags"]
    assert told == [{"resourceArn": resource, "tags": [{"key": "k", "value": "v"}]}]
    assert parties.lender.call("DescribeDirectConnectGateways", by_id) == {
        "directConnectGateways": []
    }
    deleted = owner.call("DeleteDirectConnectGateway", by_id)["directConnectGateway"]
    assert deleted["directConnectGatewayState"] == "deleted"
    with pytest.raises(Refused, match=f"Direct Connect Gateway {gateway} does not exist"):
        owner.call("DeleteDirectConnectGateway", by_id)


def test_three_accounts(parties: Parties) -> None:
    """A hosted interface to a Direct Connect gateway with a VPC of its owner's and one of another's."""
    server, owner, vpc_owner = parties.server, parties.owner, parties.vpc_owner
    accounts = {role: key.account_id for role, key in parties.keys.items()}
    gateway = create_gateway(owner)["directConnectGatewayId"]
    own_vpc = server.create_gateway(accounts["owner"], cidr="10.1.0.0/16")
    its_vpc = server.create_gateway(accounts["vpc_owner"], cidr="10.2.0.0/16")
    lender = Boto(server.endpoint, parties.keys["lender"], server.recorder)
    connection = order(lender, "lent from")
    connection_in(lender, connection, "available")
    vif = lend(lender, connection, accounts["owner"], allocation(7))
    to_gateway = {"virtualInterfaceId": vif, "directConnectGatewayId": gateway}
    confirmed = owner.call("ConfirmPrivateVirtualInterface", to_gateway)
    assert confirmed["virtualInterfaceState"] in {"pending", "available"}
    seen = interface_in(owner, vif, "available")
    assert_has(
        seen, {"directConnectGatewayId": gateway, "virtualGatewayId": "", "amazonSideAsn": 64512}
    )
    # The lender learns the AS number, not the gateway.
    (lent,) = interfaces(lender, vif)
    assert_has(lent, {"directConnectGatewayId": "", "amazonSideAsn": 64512})
    attached = {
        "attachmentState": "attached",
        "attachmentType": "PrivateVirtualInterface",
        "directConnectGatewayId": gateway,
        "virtualInterfaceId": vif,
        "virtualInterfaceOwnerAccount": accounts["owner"],
        "virtualInterfaceRegion": REGION,
    }
    for filters in (
        {"directConnectGatewayId": gateway},
        {"virtualInterfaceId": vif},
        to_gateway,
        {},
    ):
        assert attachments(owner, **filters) == [attached]
        assert attachments(parties.lender, **filters) == attachments(vpc_owner, **filters) == []
    _own_association(owner, gateway, own_vpc, accounts["owner"])
    _proposed_association(parties, gateway, its_vpc, accounts)
    with pytest.raises(Refused, match="cannot be deleted while these are there"):
        owner.call("DeleteDirectConnectGateway", {"directConnectGatewayId": gateway})
    owner.call("DeleteVirtualInterface", {"virtualInterfaceId": vif})
    until(
        lambda: attachments(owner, directConnectGatewayId=gateway),
        lambda seen: [one["attachmentState"] for one in seen] == ["detached"],
        "the interface to be detached",
    )
    owner.call("DeleteDirectConnectGateway", {"directConnectGatewayId": gateway})


def _own_association(owner: Client, gateway: str, vpc: str, account: str) -> None:
    made = owner.call(
        "CreateDirectConnectGatewayAssociation",
        {"directConnectGatewayId": gateway, "gatewayId": vpc},
    )["directConnectGatewayAssociation"]
    association = made["associationId"]
    assert made == {
        "associationId": association,
        "associationState": made["associationState"],
        "directConnectGatewayId": gateway,
        "directConnectGatewayOwnerAccount": account,
        "associatedGateway": {
            "id": vpc,
            "type": "virtualPrivateGateway",
            "ownerAccount": account,
            "region": REGION,
        },
        "virtualGatewayId": vpc,
        "virtualGatewayOwnerAccount": account,
        "virtualGatewayRegion": REGION,
        ALLOWED: prefixes("10.1.0.0/16"),
    }
    assert made["associationState"] in {"associating", "associated"}
    there = association_in(owner, association, "associated")
    for filters in (
        {"directConnectGatewayId": gateway},
        {"associatedGatewayId": vpc},
        {"virtualGatewayId": vpc},
        {"directConnectGatewayId": gateway, "virtualGatewayId": vpc},
        {},
    ):
        assert associations(owner, **filters) == [there]
    changed = owner.call(
        "UpdateDirectConnectGatewayAssociation",
        {
            "associationId": association,
            ADD: prefixes("10.0.0.0/8"),
            REMOVE: prefixes("10.1.0.0/16"),
        },
    )["directConnectGatewayAssociation"]
    assert changed["associationState"] in {"updating", "associated"}
    assert changed[ALLOWED] == prefixes("10.0.0.0/8")
    association_in(owner, association, "associated")
    ended = owner.call(
        "DeleteDirectConnectGatewayAssociation",
        {"directConnectGatewayId": gateway, "virtualGatewayId": vpc},
    )["directConnectGatewayAssociation"]
    assert ended["associationState"] in {"disassociating", "disassociated"}
    association_in(owner, association, "disassociated")
    with pytest.raises(Refused, match=f"{association} does not exist"):
        owner.call("DeleteDirectConnectGatewayAssociation", {"associationId": association})


def _proposed_association(
    parties: Parties, gateway: str, vpc: str, accounts: dict[str, str]
) -> None:
    owner, vpc_owner = parties.owner, parties.vpc_owner
    asked = {
        "directConnectGatewayId": gateway,
        "directConnectGatewayOwnerAccount": accounts["owner"],
        "gatewayId": vpc,
    }
    made = vpc_owner.call("CreateDirectConnectGatewayAssociationProposal", asked)
    made = made["directConnectGatewayAssociationProposal"]
    assert_has(made, {"proposalState": "requested", "directConnectGatewayId": gateway})
    assert made["requestedAllowedPrefixesToDirectConnectGateway"] == prefixes("10.2.0.0/16")
    assert made["existingAllowedPrefixesToDirectConnectGateway"] == []
    proposal = made["proposalId"]
    for client in (owner, vpc_owner):
        for filters in (
            {"proposalId": proposal},
            {"directConnectGatewayId": gateway},
            {"associatedGatewayId": vpc},
        ):
            assert proposals(client, **filters) == [made]
    assert proposals(parties.lender) == proposals(parties.lender, proposalId=proposal) == []
    answer = {
        "directConnectGatewayId": gateway,
        "proposalId": proposal,
        "associatedGatewayOwnerAccount": accounts["vpc_owner"],
        OVERRIDE: prefixes("10.2.0.0/16", "10.3.0.0/16"),
    }
    accepted = owner.call("AcceptDirectConnectGatewayAssociationProposal", answer)
    accepted = accepted["directConnectGatewayAssociation"]
    association = accepted["associationId"]
    assert accepted[ALLOWED] == prefixes("10.2.0.0/16", "10.3.0.0/16")
    assert proposals(owner, proposalId=proposal)[0]["proposalState"] == "accepted"
    with pytest.raises(Refused, match="has been accepted!"):
        vpc_owner.call("DeleteDirectConnectGatewayAssociationProposal", {"proposalId": proposal})
    there = association_in(vpc_owner, association, "associated")
    assert associations(owner, associationId=association) == [there]
    assert associations(vpc_owner, directConnectGatewayId=gateway) == [there]
    assert associations(parties.lender) == []
    with pytest.raises(Refused, match="is not yours to change"):
        vpc_owner.call(
            "UpdateDirectConnectGatewayAssociation",
            {"associationId": association, ADD: prefixes("10.4.0.0/16")},
        )
    again = vpc_owner.call(
        "CreateDirectConnectGatewayAssociationProposal",
        {**asked, REMOVE: prefixes("10.3.0.0/16")},
    )["directConnectGatewayAssociationProposal"]
    assert again["existingAllowedPrefixesToDirectConnectGateway"] == there[ALLOWED]
    answer = {**answer, "proposalId": again["proposalId"]}
    del answer[OVERRIDE]
    updated = owner.call("AcceptDirectConnectGatewayAssociationProposal", answer)
    updated = updated["directConnectGatewayAssociation"]
    assert_has(updated, {"associationId": association, ALLOWED: prefixes("10.2.0.0/16")})
    third = vpc_owner.call("CreateDirectConnectGatewayAssociationProposal", asked)
    third = third["directConnectGatewayAssociationProposal"]["proposalId"]
    declined = owner.call("DeleteDirectConnectGatewayAssociationProposal", {"proposalId": third})
    declined = declined["directConnectGatewayAssociationProposal"]
    assert declined["proposalState"] == "deleted"
    with pytest.raises(Refused, match="is not found"):
        vpc_owner.call("DeleteDirectConnectGatewayAssociationProposal", {"proposalId": third})
    vpc_owner.call("DeleteDirectConnectGatewayAssociation", {"associationId": association})
    association_in(owner, association, "disassociated")


def test_a_proposal_expires_and_goes(start_server: Callable[..., Server]) -> None:
    settings = {
        "association_proposal_expiry_seconds": 2,
        "association_proposal_visibility_seconds": 2,
    }
    server = start_server(settings)
    keys = [server.create_account(f"10000000000{n}", "one") for n in (1, 2)]
    owner, vpc_owner = (Boto(server.endpoint, key, server.recorder) for key in keys)
    asked = {
        "directConnectGatewayId": direct_connect_gateway(owner, "asked"),
        "directConnectGatewayOwnerAccount": keys[0].account_id,
        "gatewayId": server.create_gateway(keys[1].account_id),
    }
    made = vpc_owner.call("CreateDirectConnectGatewayAssociationProposal", asked)
    proposal = made["directConnectGatewayAssociationProposal"]["proposalId"]
    for state in (["requested"], ["deleted"], []):
        until(
            lambda: [one["proposalState"] for one in proposals(owner, proposalId=proposal)],
            lambda seen, state=state: seen == state,
            f"the proposal to be {state}",
        )
    again = vpc_owner.call("CreateDirectConnectGatewayAssociationProposal", asked)
    assert again["directConnectGatewayAssociationProposal"]["proposalState"] == "requested"


def test_pages_have_no_gap_and_no_repeat(
    server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]
) -> None:
    key = new_account()
    client = boto(key)
    gateways = [direct_connect_gateway(client, f"page {n}") for n in range(7)]
    vpcs = [server.create_gateway(key.account_id, cidr=f"10.{n}.0.0/16") for n in range(7)]
    for vpc in vpcs:
        pair = {"directConnectGatewayId": gateways[0], "gatewayId": vpc}
        client.call("CreateDirectConnectGatewayAssociation", pair)
    client.call("DeleteDirectConnectGateway", {"directConnectGatewayId": gateways[3]})
    one = {"directConnectGatewayId": gateways[0]}
    lists = (
        ("DescribeDirectConnectGateways", "directConnectGateways", "directConnectGatewayId", gateways, {}),
        ("DescribeDirectConnectGatewayAssociations", "directConnectGatewayAssociations", "virtualGatewayId", vpcs, {}),
        ("DescribeDirectConnectGatewayAssociations", "directConnectGatewayAssociations", "virtualGatewayId", vpcs, one),
    )  # fmt: skip
    for operation, member, field, expected, filters in lists:
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = client.call(operation, {"maxResults": 3, **filters, **token})
            assert len(page[member]) <= 3
            found += [item[field] for item in page[member]]
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        assert sorted(found) == sorted(expected)
