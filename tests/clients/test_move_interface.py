"""AssociateVirtualInterface: an interface moves to another connection of its owner's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.clients import AwsCli, Boto, Client, Refused
from harness.polling import until
from harness.scene import allocation, confirm, lend, order
from harness.server import Server
from harness.signing import Key
from harness.walk import assert_has, connection_in, interface_in, interfaces

MOVE = "AssociateVirtualInterface"

ClientOf = Callable[[Server, Key, Path], Client]
CLIENTS: dict[str, ClientOf] = {
    "boto3": lambda server, key, _: Boto(server.endpoint, key, server.recorder),
    "aws-cli": lambda server, key, home: AwsCli(server.endpoint, key, home),
}


def line(client: Boto, name: str) -> str:
    connection = order(client, name)
    connection_in(client, connection, "available")
    return connection


def own_interface(client: Boto, connection: str, gateway: str, vlan: int) -> str:
    new = {**allocation(vlan), "virtualGatewayId": gateway}
    creating = {"connectionId": connection, "newPrivateVirtualInterface": new}
    made = client.call("CreatePrivateVirtualInterface", creating)
    interface_in(client, made["virtualInterfaceId"], "available")
    return made["virtualInterfaceId"]


@pytest.mark.parametrize("client_of", CLIENTS.values(), ids=CLIENTS.keys())
def test_it_moves(
    client_of: ClientOf, server: Server, new_account: Callable[[], Key], tmp_path: Path
) -> None:
    key = new_account()
    boto = Boto(server.endpoint, key, server.recorder)
    client = client_of(server, key, tmp_path)
    first, second = line(boto, "first"), line(boto, "second")
    gateway = server.create_gateway(key.account_id)
    interface = own_interface(boto, first, gateway, 11)
    (before,) = interfaces(client, interface)
    moved = client.call(MOVE, {"virtualInterfaceId": interface, "connectionId": second})
    facts = {
        "virtualInterfaceId": interface,
        "virtualInterfaceState": "pending",
        "connectionId": second,
        "vlan": 11,
        "virtualGatewayId": gateway,
    }
    assert_has(moved, facts)
    states = [peer["bgpPeerState"] for peer in moved["bgpPeers"]]
    assert states == ["deleting", "pending"]
    old, new = (peer["bgpPeerId"] for peer in moved["bgpPeers"])
    assert old == before["bgpPeers"][0]["bgpPeerId"] != new
    after = interface_in(client, interface, "available")
    (peer,) = after["bgpPeers"]
    assert_has(peer, {"bgpPeerId": new, "bgpPeerState": "available"})
    for member in ("authKey", "amazonAddress", "customerAddress", "asn"):
        assert after[member] == before[member]
    on = client.call("DescribeVirtualInterfaces", {"connectionId": first})["virtualInterfaces"]
    assert on == []
    on = client.call("DescribeVirtualInterfaces", {"connectionId": second})["virtualInterfaces"]
    assert [one["virtualInterfaceId"] for one in on] == [interface]
    # The first VLAN is free again, and its connection can go.
    client.call("DeleteConnection", {"connectionId": first})


def test_what_is_refused(
    server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]
) -> None:
    lender, owner = new_account(), new_account()
    client, recipient = boto(lender), boto(owner)
    first, second = line(client, "first"), line(client, "second")
    gateway = server.create_gateway(lender.account_id)
    interface = own_interface(client, first, gateway, 11)
    other = own_interface(client, second, server.create_gateway(lender.account_id), 11)
    cases = [
        ({"virtualInterfaceId": interface, "connectionId": second}, "has VLAN 11"),
        ({"virtualInterfaceId": interface, "connectionId": "dxlag-fabcdefg"}, "Could not find Lag"),
        (
            {"virtualInterfaceId": interface, "connectionId": "dxcon-fabcdefg"},
            "Could not find Connection with ID dxcon-fabcdefg",
        ),
        (
            {"virtualInterfaceId": "dxvif-fabcdefg", "connectionId": second},
            "Virtual Interface dxvif-fabcdefg does not exist",
        ),
    ]
    for body, text in cases:
        with pytest.raises(Refused) as refusal:
            client.call(MOVE, body)
        assert text in refusal.value.message
    hosted = lend(client, first, owner.account_id, allocation(12))
    with pytest.raises(Refused):
        client.call(MOVE, {"virtualInterfaceId": hosted, "connectionId": second})
    confirm(recipient, hosted, server.create_gateway(owner.account_id))
    third = line(recipient, "the recipient's")
    with pytest.raises(Refused) as refusal:
        recipient.call(MOVE, {"virtualInterfaceId": hosted, "connectionId": third})
    assert "only one on a connection of yours can be moved" in refusal.value.message
    client.call("DeleteVirtualInterface", {"virtualInterfaceId": other})
    until(
        lambda: [one["virtualInterfaceState"] for one in interfaces(client, other)],
        lambda states: states in (["deleted"], []),
        "the other interface to be gone",
    )
    client.call(MOVE, {"virtualInterfaceId": interface, "connectionId": second})
    interface_in(client, interface, "available")
