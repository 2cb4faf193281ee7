"""The states of connections and interfaces: who moves them, what is seen, when they vanish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.clients import AwsCli, Boto, Curl, OscCli, Refused
from harness.polling import until
from harness.scene import MANUAL_LOCATION, allocation, confirm, lend, order, prepare_locations
from harness.server import Server, Settings
from harness.signing import Key
from harness.walk import connection_in, interface_in, interfaces

HASTY: Settings = {"hosted_interface_expiry_seconds": 3, "terminal_visibility_seconds": 4}


@dataclass
class Pair:
    """A lender with an available connection, and whom it lends to."""

    server: Server
    lender_key: Key
    owner_key: Key
    lender: Boto
    owner: Boto
    connection: str
    gateway: str

    def lend(self, vlan: int = 101) -> str:
        new = allocation(vlan, authKey="secret-of-states")
        return lend(self.lender, self.connection, self.owner_key.account_id, new)


def pair_on(server: Server, lender: Key, owner: Key) -> Pair:
    clients = [Boto(server.endpoint, key, server.recorder) for key in (lender, owner)]
    connection = order(clients[0], "states")
    connection_in(clients[0], connection, "available")
    gateway = server.create_gateway(owner.account_id)
    return Pair(server, lender, owner, *clients, connection, gateway)


@pytest.fixture
def pair(server: Server, new_account: Callable[[], Key]) -> Pair:
    return pair_on(server, new_account(), new_account())


@pytest.fixture
def hasty(start_server: Callable[..., Server]) -> Pair:
    """A pair on a server where unconfirmed interfaces expire, and ended ones vanish, at once."""
    server = start_server(HASTY)
    prepare_locations(server)
    keys = [server.create_account(number, "hasty") for number in ("100000000001", "100000000002")]
    return pair_on(server, *keys)


def test_order_at_a_manual_location_waits_for_the_operator(
    server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]
) -> None:
    client = boto(new_account())
    approved, rejected, given_up = (order(client, n, MANUAL_LOCATION) for n in ("a", "b", "c"))
    connection_in(client, approved, "requested")
    waiting = {found["connectionId"] for found in server.admin("connection", "list")}
    assert {approved, rejected, given_up} <= waiting

    server.admin("edge", "create", "--id", approved, "--location", MANUAL_LOCATION)
    port = ["--edge", approved, "--interface", "eth1"]
    server.admin("port", "create", *port, "--bandwidth", "1Gbps")
    server.admin("connection", "approve", approved, *port)
    # No edge router speaks for that port, so nothing claims that it is up.
    connection_in(client, approved, "pending", "down")
    server.admin("connection", "reject", rejected)
    connection_in(client, rejected, "rejected")
    ended = client.call("DeleteConnection", {"connectionId": given_up})
    assert ended["connectionState"] == "deleted"


def test_recipient_rejects(pair: Pair) -> None:
    lent = pair.lend()
    pair.owner.call("DeleteVirtualInterface", {"virtualInterfaceId": lent})
    for client in (pair.owner, pair.lender):
        interface_in(client, lent, "rejected")
    assert pair.lend() != lent, "the VLAN is free again"


def test_lender_takes_back_before_confirmation(pair: Pair) -> None:
    lent = pair.lend()
    answer = pair.lender.call("DeleteVirtualInterface", {"virtualInterfaceId": lent})
    assert answer["virtualInterfaceState"] in {"deleting", "deleted"}
    interface_in(pair.lender, lent, "deleted")
    with pytest.raises(Refused):
        confirm(pair.owner, lent, pair.gateway)


def test_lender_deletes_what_is_up(pair: Pair) -> None:
    lent = pair.lend()
    assert confirm(pair.owner, lent, pair.gateway) == {"virtualInterfaceState": "pending"}
    interface_in(pair.owner, lent, "available")
    answer = pair.lender.call("DeleteVirtualInterface", {"virtualInterfaceId": lent})
    assert answer["virtualInterfaceState"] in {"deleting", "deleted"}
    interface_in(pair.owner, lent, "deleted")
    assert pair.lend() != lent, "the VLAN is free again"


def test_own_interface(pair: Pair) -> None:
    new = {
        **allocation(300),
        "virtualGatewayId": pair.server.create_gateway(pair.lender_key.account_id),
    }
    wanted = {"connectionId": pair.connection, "newPrivateVirtualInterface": new}
    made = pair.lender.call("CreatePrivateVirtualInterface", wanted)
    assert made["virtualInterfaceState"] == "pending"
    assert made["ownerAccount"] == pair.lender_key.account_id
    assert made["virtualGatewayId"] == new["virtualGatewayId"]
    interface_in(pair.lender, made["virtualInterfaceId"], "available")
    assert interfaces(pair.owner, made["virtualInterfaceId"]) == []


def test_owner_sees_none_of_the_lenders_other_interfaces(
    pair: Pair, new_account: Callable[[], Key]
) -> None:
    other = lend(pair.lender, pair.connection, new_account().account_id, allocation(301))
    lent = pair.lend()
    seen = pair.owner.call("DescribeVirtualInterfaces", {})["virtualInterfaces"]
    assert [found["virtualInterfaceId"] for found in seen] == [lent]
    assert interfaces(pair.owner, other) == []
    assert pair.owner.call("DescribeConnections", {})["connections"] == []


def test_unconfirmed_interface_expires_and_vanishes(hasty: Pair, tmp_path: Path) -> None:
    lent = hasty.lend()
    interface_in(hasty.owner, lent, "expired")
    for client in _all_clients(hasty, tmp_path):
        states = [found["virtualInterfaceState"] for found in interfaces(client, lent)]
        # It may vanish while slower clients start.
        assert states in (["expired"], []), client
    with pytest.raises(Refused) as refusal:
        confirm(hasty.owner, lent, hasty.gateway)
    assert refusal.value.error == "DirectConnectClientException"
    assert lent in refusal.value.message
    hasty.lend()
    until(lambda: interfaces(hasty.lender, lent), lambda seen: seen == [], "the expired to vanish")


def _all_clients(pair: Pair, home: Path) -> list:
    endpoint, key = pair.server.endpoint, pair.owner_key
    return [
        Curl(endpoint, key, pair.server.recorder),
        OscCli(endpoint, key, home),
        AwsCli(endpoint, key, home),
    ]


def test_confirmed_interface_does_not_expire_and_deleted_ones_vanish(hasty: Pair) -> None:
    lent = hasty.lend()
    confirm(hasty.owner, lent, hasty.gateway)
    unconfirmed = hasty.lend(102)
    interface_in(hasty.owner, unconfirmed, "expired")
    interface_in(hasty.owner, lent, "available")
    hasty.owner.call("DeleteVirtualInterface", {"virtualInterfaceId": lent})
    interface_in(hasty.owner, lent, "deleted")
    until(lambda: interfaces(hasty.owner, lent), lambda seen: seen == [], "the deleted to vanish")
    hasty.lender.call("DeleteConnection", {"connectionId": hasty.connection})
    until(
        lambda: hasty.lender.call("DescribeConnections", {})["connections"],
        lambda seen: seen == [],
        "the deleted connection to vanish",
    )
