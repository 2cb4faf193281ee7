"""Quotas with a real client: who gets the last one, what a refusal says, and what it does not tell."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.clients import Boto, Refused
from harness.scene import allocation, lend, order, prepare_locations
from harness.server import Server
from harness.walk import connection_in

StartServer = Callable[..., Server]

LENDER, RECIPIENT, NOBODY = "100000000001", "100000000002", "999999999999"
PLACES = 3


def ground(start_server: StartServer) -> tuple[Server, Callable[[], Boto], str]:
    """A server with few places on a connection, clients of the lender, and the connection."""
    server = start_server(
        {
            "simulated_approval_seconds": 0.1,
            "simulated_step_seconds": 0.1,
            "quotas": {"private_and_public_interfaces_per_connection": PLACES},
        }
    )
    prepare_locations(server)
    key = server.create_account(LENDER, "lender")
    server.create_account(RECIPIENT, "recipient")

    def client() -> Boto:
        return Boto(server.endpoint, key, server.recorder)

    connection = order(client(), "narrow")
    connection_in(client(), connection, "available")
    return server, client, connection


def refusal(client: Boto, connection: str, recipient: str, vlan: int) -> str:
    """The text of a refused allocation, without the recipient."""
    try:
        lend(client, connection, recipient, allocation(vlan))
    except Refused as refused:
        assert refused.error == "DirectConnectClientException"
        return refused.message.replace(recipient, "RECIPIENT")
    raise AssertionError("it was not refused")


def used(server: Server, account: str) -> dict[tuple[str, str], int]:
    shown = server.admin("account", "show", account)
    assert isinstance(shown, dict)
    return {(row["quota"], row.get("of", "")): row["used"] for row in shown["quotas"]}


def test_the_last_places_go_to_as_many_and_come_back(start_server: StartServer) -> None:
    server, client, connection = ground(start_server)

    def attempt(vlan: int) -> str | None:
        try:
            return lend(client(), connection, RECIPIENT, allocation(vlan))
        except Refused as refused:
            assert f"may have {PLACES} private and public" in refused.message, refused.message
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [one for one in pool.map(attempt, range(1, 17)) if one]
    assert len(made) == PLACES
    assert used(server, LENDER)["interfaces_per_connection", connection] == PLACES
    assert used(server, RECIPIENT)["unanswered_offers_per_lender", LENDER] == PLACES
    for interface in made:
        client().call("DeleteVirtualInterface", {"virtualInterfaceId": interface})
    assert ("interfaces_per_connection", connection) not in used(server, LENDER)
    assert used(server, RECIPIENT)["unanswered_offers", ""] == 0
    lend(client(), connection, RECIPIENT, allocation(20))


def test_the_bytes_of_tags_are_counted_until_the_tags_go(start_server: StartServer) -> None:
    server = start_server({"quotas": {"tag_bytes_per_account": 100}})
    prepare_locations(server)
    client = Boto(server.endpoint, server.create_account(LENDER, "lender"), server.recorder)
    connections = [order(client, name) for name in ("one", "another")]
    arns = [f"arn:aws:directconnect:eu-west-2:{LENDER}:dxcon/{it}" for it in connections]

    def tag(arn: str, length: int) -> None:
        tags = [{"key": "k", "value": "v" * (length - 1)}]
        client.call("TagResource", {"resourceArn": arn, "tags": tags})

    tag(arns[0], 60)
    with pytest.raises(Refused) as refused:
        tag(arns[1], 41)
    assert refused.value.error == "DirectConnectClientException"
    assert "may have 100 bytes of tags" in refused.value.message
    assert used(server, LENDER)["tag_bytes_per_account", ""] == 60
    tag(arns[1], 40)
    client.call("UntagResource", {"resourceArn": arns[0], "tagKeys": ["k"]})
    tag(arns[1], 100)
    assert used(server, LENDER)["tag_bytes_per_account", ""] == 100


def test_a_refused_allocation_does_not_tell_whether_an_account_exists(
    start_server: StartServer,
) -> None:
    _, client, connection = ground(start_server)
    lend(client(), connection, RECIPIENT, allocation(1))
    used_vlan = [refusal(client(), connection, who, 1) for who in (RECIPIENT, NOBODY)]
    assert used_vlan[0] == used_vlan[1]
    assert "is in use by another Virtual Interface" in used_vlan[0]
    for vlan in range(2, PLACES + 1):
        lend(client(), connection, RECIPIENT, allocation(vlan))
    full = [refusal(client(), connection, who, 9) for who in (RECIPIENT, NOBODY)]
    assert full[0] == full[1]
    assert "is used up" in full[0]
