"""Transit gateways and transit interfaces: the whole family, by each client, with three accounts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.clients import Answer, AwsCli, Boto, Client, Refused
from harness.polling import until
from harness.scene import direct_connect_gateway, order
from harness.server import REGION, AdminRefused, Server
from harness.signing import Key
from harness.walk import assert_has, connection_in, interface_in, interfaces

ADD = "addAllowedPrefixesToDirectConnectGateway"
REMOVE = "removeAllowedPrefixesToDirectConnectGateway"
ALLOWED = "allowedPrefixesToDirectConnectGateway"

ClientOf = Callable[[Server, Key, Path], Client]
CLIENTS: dict[str, ClientOf] = {
    "boto3": lambda server, key, _: Boto(server.endpoint, key, server.recorder),
    "aws-cli": lambda server, key, home: AwsCli(server.endpoint, key, home),
}


def prefixes(*cidrs: str) -> list[dict[str, str]]:
    return [{"cidr": cidr} for cidr in cidrs]


def transit_gateway(server: Server, account: str, asn: int = 64520) -> str:
    """Makes one as the operator; gives its id."""
    words = ("transit-gateway", "create", "--account", account, "--asn", str(asn))
    made: Any = server.admin(*words)
    return made["transitGatewayId"]


def associate(client: Client, gateway: str, transit: str, *cidrs: str) -> Answer:
    asked = {"directConnectGatewayId": gateway, "gatewayId": transit, ADD: prefixes(*cidrs)}
    made = client.call("CreateDirectConnectGatewayAssociation", asked)
    return made["directConnectGatewayAssociation"]


def association_in(client: Client, association: str, state: str) -> Answer:
    asked = {"associationId": association}
    found = until(
        lambda: client.call("DescribeDirectConnectGatewayAssociations", asked)[
            "directConnectGatewayAssociations"
        ],
        lambda seen: [one["associationState"] for one in seen] == [state],
        f"{association} in {state}",
    )
    return found[0]


class Parties:
    """The connection's owner, the owner of the interface and gateways, and a third account."""

    def __init__(self, server: Server, keys: list[Key], clients: list[Client]) -> None:
        self.server = server
        self.lender, self.owner, self.third = clients
        self.accounts = [key.account_id for key in keys]
        lender = Boto(server.endpoint, keys[0], server.recorder)
        self.connection = order(lender, "transit")
        connection_in(lender, self.connection, "available")
        owner = Boto(server.endpoint, keys[1], server.recorder)
        self.gateway = direct_connect_gateway(owner, "transit")


@pytest.fixture(params=CLIENTS)
def parties(
    request: pytest.FixtureRequest,
    server: Server,
    new_account: Callable[[], Key],
    tmp_path: Path,
) -> Parties:
    keys = [new_account() for _ in range(3)]
    homes = [tmp_path / str(number) for number in range(3)]
    for home in homes:
        home.mkdir()
    made = CLIENTS[request.param]
    clients = [made(server, key, home) for key, home in zip(keys, homes, strict=True)]
    return Parties(server, keys, clients)


def test_lent_confirmed_associated_and_deleted(parties: Parties) -> None:
    owner, account = parties.owner, parties.accounts[1]
    lending = {
        "connectionId": parties.connection,
        "ownerAccount": account,
        "newTransitVirtualInterfaceAllocation": {
            "virtualInterfaceName": "transit",
            "vlan": 31,
            "asn": 65000,
            "mtu": 8500,
        },
    }
    # Wrapped, unlike the answers about private and public ones.
    lent = parties.lender.call("AllocateTransitVirtualInterface", lending)
    assert list(lent) == ["virtualInterface"]
    lent = lent["virtualInterface"]
    facts = {
        "virtualInterfaceType": "transit",
        "virtualInterfaceState": "confirming",
        "mtu": 8500,
        "virtualGatewayId": "",
        "directConnectGatewayId": "",
    }
    assert_has(lent, facts)
    interface = lent["virtualInterfaceId"]
    with pytest.raises(Refused, match="ConfirmTransitVirtualInterface"):
        owner.call(
            "ConfirmPrivateVirtualInterface",
            {"virtualInterfaceId": interface, "directConnectGatewayId": parties.gateway},
        )
    confirming = {"virtualInterfaceId": interface, "directConnectGatewayId": parties.gateway}
    with pytest.raises(Refused, match="does not exist"):
        parties.third.call("ConfirmTransitVirtualInterface", confirming)
    confirmed = owner.call("ConfirmTransitVirtualInterface", confirming)
    assert confirmed["virtualInterfaceState"] in {"pending", "available", "down"}
    seen = interface_in(owner, interface, "available")
    assert_has(seen, {"directConnectGatewayId": parties.gateway, "amazonSideAsn": 64512})
    assert "<connection_type>transit</connection_type>" in seen["customerRouterConfig"]
    by_gateway = {"directConnectGatewayId": parties.gateway}
    attached = owner.call("DescribeDirectConnectGatewayAttachments", by_gateway)
    (attached,) = attached["directConnectGatewayAttachments"]
    assert_has(
        attached,
        {"attachmentType": "TransitVirtualInterface", "attachmentState": "attached"},
    )
    transit = transit_gateway(parties.server, account)
    made = associate(owner, parties.gateway, transit, "10.0.0.0/8", "2001:db8::/32")
    assert_has(
        made,
        {
            "associatedGateway": {
                "id": transit,
                "type": "transitGateway",
                "ownerAccount": account,
                "region": REGION,
            },
            ALLOWED: prefixes("10.0.0.0/8", "2001:db8::/32"),
        },
    )
    assert "virtualGatewayId" not in made
    association = made["associationId"]
    association_in(owner, association, "associated")
    by_transit = {"associatedGatewayId": transit}
    listed = owner.call("DescribeDirectConnectGatewayAssociations", by_transit)
    (listed,) = listed["directConnectGatewayAssociations"]
    assert listed["associationId"] == association
    with pytest.raises(Refused, match="one allowed prefix at least"):
        owner.call(
            "UpdateDirectConnectGatewayAssociation",
            {"associationId": association, REMOVE: prefixes("10.0.0.0/8", "2001:db8::/32")},
        )
    with pytest.raises(AdminRefused, match="gateway association"):
        parties.server.admin("transit-gateway", "delete", transit)
    owner.call("DeleteVirtualInterface", {"virtualInterfaceId": interface})
    until(
        lambda: [one["virtualInterfaceState"] for one in interfaces(owner, interface)],
        lambda states: states in (["deleted"], []),
        "the interface to be gone",
    )
    owner.call("DeleteDirectConnectGatewayAssociation", {"associationId": association})
    association_in(owner, association, "disassociated")
    deleted: Any = parties.server.admin("transit-gateway", "delete", transit)
    assert deleted["transitGatewayState"] == "deleted"
    owner.call("DeleteDirectConnectGateway", by_gateway)


def test_one_of_ones_own(parties: Parties) -> None:
    own = parties.lender.call("CreateDirectConnectGateway", {"directConnectGatewayName": "own"})[
        "directConnectGateway"
    ]["directConnectGatewayId"]
    new = {
        "virtualInterfaceName": "transit",
        "vlan": 32,
        "asn": 65000,
        "directConnectGatewayId": own,
        "enableSiteLink": True,
        "rateLimit": "50Mbps",
    }
    creating = {"connectionId": parties.connection, "newTransitVirtualInterface": new}
    made = parties.lender.call("CreateTransitVirtualInterface", creating)
    assert list(made) == ["virtualInterface"]
    facts = {
        "virtualInterfaceType": "transit",
        "directConnectGatewayId": own,
        "siteLinkEnabled": True,
    }
    assert_has(made["virtualInterface"], facts)
    interface = made["virtualInterface"]["virtualInterfaceId"]
    interface_in(parties.lender, interface, "available")
    vpc = parties.server.create_gateway(parties.accounts[0], cidr="10.1.0.0/16")
    with pytest.raises(Refused, match="transit gateways or interfaces"):
        parties.lender.call(
            "CreateDirectConnectGatewayAssociation",
            {"directConnectGatewayId": own, "gatewayId": vpc},
        )
    private = {
        "virtualInterfaceName": "private",
        "vlan": 33,
        "asn": 65000,
        "directConnectGatewayId": own,
    }
    with pytest.raises(Refused, match="takes no private Virtual Interfaces"):
        parties.lender.call(
            "CreatePrivateVirtualInterface",
            {"connectionId": parties.connection, "newPrivateVirtualInterface": private},
        )


def test_a_proposal_of_another_accounts_transit_gateway(parties: Parties) -> None:
    theirs = transit_gateway(parties.server, parties.accounts[2])
    asked = {
        "directConnectGatewayId": parties.gateway,
        "directConnectGatewayOwnerAccount": parties.accounts[1],
        "gatewayId": theirs,
    }
    with pytest.raises(Refused, match="required"):
        parties.third.call("CreateDirectConnectGatewayAssociationProposal", asked)
    made = parties.third.call(
        "CreateDirectConnectGatewayAssociationProposal",
        {**asked, ADD: prefixes("10.0.0.0/8")},
    )["directConnectGatewayAssociationProposal"]
    assert made["associatedGateway"]["type"] == "transitGateway"
    with pytest.raises(Refused, match=f"The TransitGateway {theirs} does not exist"):
        associate(parties.owner, parties.gateway, theirs, "10.0.0.0/8")
    accepted = parties.owner.call(
        "AcceptDirectConnectGatewayAssociationProposal",
        {
            "directConnectGatewayId": parties.gateway,
            "proposalId": made["proposalId"],
            "associatedGatewayOwnerAccount": parties.accounts[2],
        },
    )["directConnectGatewayAssociation"]
    assert accepted[ALLOWED] == prefixes("10.0.0.0/8")
    association_in(parties.third, accepted["associationId"], "associated")
    own = transit_gateway(parties.server, parties.accounts[1])
    with pytest.raises(Refused, match="overlaps 10.0.0.0/8"):
        associate(parties.owner, parties.gateway, own, "10.1.0.0/16")
    same = transit_gateway(parties.server, parties.accounts[1], 64512)
    with pytest.raises(Refused, match="the two must differ"):
        associate(parties.owner, parties.gateway, same, "192.168.0.0/16")
