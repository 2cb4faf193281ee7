"""Values that must be accepted, and how they read back."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.clients import Answer, Boto
from harness.scene import LENDER, OWNER, Scene, allocation
from harness.server import Server
from harness.signing import Key, tenant_target
from harness.walk import assert_has

NEW = "newPrivateVirtualInterfaceAllocation"

# Members of the allocation -> members of the answer. VLANs are dealt out by the test.
READ_BACK: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "2-byte asn": ({"asn": 65001}, {"asn": 65001, "asnLong": 65001}),
    "2-byte asnLong": ({"asn": None, "asnLong": 65001}, {"asn": 65001, "asnLong": 65001}),
    "4-byte asn": ({"asn": 65536}, {"asn": 65536, "asnLong": 65536}),
    "greatest asn": ({"asn": 2147483646}, {"asn": 2147483646, "asnLong": 2147483646}),
    "4-byte asnLong that asn can hold": ({"asn": None, "asnLong": 65536}, {"asn": 65536, "asnLong": 65536}),
    "least asnLong that asn cannot hold": ({"asn": None, "asnLong": 2147483647}, {"asn": 0, "asnLong": 2147483647}),
    "private 4-byte asnLong": ({"asn": None, "asnLong": 4200000000}, {"asn": 0, "asnLong": 4200000000}),
    "greatest asnLong": ({"asn": None, "asnLong": 4294967294}, {"asn": 0, "asnLong": 4294967294}),
    "both numbers: asnLong counts": ({"asn": 65001, "asnLong": 65002}, {"asn": 65002, "asnLong": 65002}),
    "an asn beside asnLong is not looked at": ({"asn": 4200000000, "asnLong": 65002}, {"asn": 65002, "asnLong": 65002}),
    "a /31": (
        {"amazonAddress": "10.9.8.0/31", "customerAddress": "10.9.8.1/31"},
        {"amazonAddress": "10.9.8.0/31", "customerAddress": "10.9.8.1/31", "addressFamily": "ipv4"},
    ),
    "addresses the other way round": (
        {"amazonAddress": "10.9.8.6/30", "customerAddress": "10.9.8.5/30"},
        {"amazonAddress": "10.9.8.6/30", "customerAddress": "10.9.8.5/30"},
    ),
    "public addresses": (
        {"amazonAddress": "192.0.2.1/30", "customerAddress": "192.0.2.2/30"},
        {"amazonAddress": "192.0.2.1/30", "customerAddress": "192.0.2.2/30"},
    ),
    "mtu left out": ({}, {"mtu": 1500}),
    "mtu 1500": ({"mtu": 1500}, {"mtu": 1500}),
    "mtu 8500": ({"mtu": 8500}, {"mtu": 8500, "jumboFrameCapable": True}),
    "mtu 9001": ({"mtu": 9001}, {"mtu": 9001, "jumboFrameCapable": True}),
    "authKey of 6": ({"authKey": "Qx7!zW"}, {"authKey": "Qx7!zW"}),
    "authKey of 80": ({"authKey": "Qx7!zW~p" * 10}, {"authKey": "Qx7!zW~p" * 10}),
    "name of the sample": ({"virtualInterfaceName": "My VIF_1 (a)"}, {"virtualInterfaceName": "My VIF_1 (a)"}),
    "name in other scripts": ({"virtualInterfaceName": "Überlingen 東京"}, {"virtualInterfaceName": "Überlingen 東京"}),
    "name of 100": ({"virtualInterfaceName": "é" * 100}, {"virtualInterfaceName": "é" * 100}),
    "tags": (
        {"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": ""}]},
        {"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": ""}]},
    ),
}  # fmt: skip


@pytest.fixture
def lent(scene: Scene) -> Iterator[Callable[..., Answer]]:
    """Allocates on a free VLAN of the scene and deletes again afterwards."""
    made: list[str] = []

    def allocate(account: Any = OWNER, vlan: int | None = None, **new: Any) -> Answer:
        taken = scene.clients["lender"].call(
            "DescribeVirtualInterfaces", {"connectionId": scene.ids["conn"]}
        )["virtualInterfaces"]
        free = 1000 + len(taken)
        lending = {
            "connectionId": scene.ids["conn"],
            "ownerAccount": account,
            NEW: allocation(vlan or free, **new),
        }
        answer = scene.clients["lender"].call("AllocatePrivateVirtualInterface", lending)
        made.append(answer["virtualInterfaceId"])
        return answer

    yield allocate
    for virtual_interface_id in made:
        scene.clients["lender"].call(
            "DeleteVirtualInterface", {"virtualInterfaceId": virtual_interface_id}
        )


@pytest.mark.parametrize(("new", "answer"), READ_BACK.values(), ids=READ_BACK)
def test_read_back(new: dict, answer: dict, lent: Callable[..., Answer], scene: Scene) -> None:
    made = lent(**new)
    assert_has(made, answer)
    assert_has(
        made["bgpPeers"][0], {name: made[name] for name in ("asn", "asnLong") if name in made}
    )
    seen = scene.clients["lender"].call(
        "DescribeVirtualInterfaces", {"virtualInterfaceId": made["virtualInterfaceId"]}
    )["virtualInterfaces"]
    assert_has(seen[0], answer)


@pytest.mark.parametrize("vlan", [1, 4094])
def test_least_and_greatest_vlan(vlan: int, lent: Callable[..., Answer]) -> None:
    assert lent(vlan=vlan)["vlan"] == vlan


def test_addresses_and_key_by_default(lent: Callable[..., Answer]) -> None:
    first, second = lent(), lent()
    ours = ipaddress.ip_interface(first["amazonAddress"])
    theirs = ipaddress.ip_interface(first["customerAddress"])
    hosts = list(ours.network.hosts())
    assert ours.network.prefixlen == 30
    assert ours.network.subnet_of(ipaddress.ip_network("169.254.0.0/16"))
    assert [ours.ip, theirs.ip] == hosts
    assert theirs.network == ours.network
    assert first["amazonAddress"] != second["amazonAddress"]
    assert first["authKey"] != second["authKey"]
    assert 6 <= len(first["authKey"]) <= 80


def test_ipv6_addresses_are_assigned(lent: Callable[..., Answer]) -> None:
    made = lent(addressFamily="ipv6")
    ours = ipaddress.ip_interface(made["amazonAddress"])
    theirs = ipaddress.ip_interface(made["customerAddress"])
    assert ours.version == 6
    assert ours.network.prefixlen == 125
    assert ours.network == theirs.network
    assert ours.ip != theirs.ip
    assert made["bgpPeers"][0]["addressFamily"] == "ipv6"


def test_account_as_a_number(lent: Callable[..., Answer]) -> None:
    assert lent(account=int(OWNER))["ownerAccount"] == OWNER


def test_account_as_a_number_gets_its_zeros_back(
    server: Server, lent: Callable[..., Answer]
) -> None:
    server.create_account("000000000077", "with zeros")
    assert lent(account=77)["ownerAccount"] == "000000000077"


def test_unknown_interface_is_an_empty_list(scene: Scene) -> None:
    client = scene.clients["lender"]
    for unknown in (scene.ids["no_vif"], "dxvif-", "anything"):
        answer = client.call("DescribeVirtualInterfaces", {"virtualInterfaceId": unknown})
        assert answer == {"virtualInterfaces": []}


def test_filters_of_describe(scene: Scene) -> None:
    client, ids = scene.clients["lender"], scene.ids

    def seen(**params: str) -> set[str]:
        found = client.call("DescribeVirtualInterfaces", params)["virtualInterfaces"]
        return {interface["virtualInterfaceId"] for interface in found}

    assert {ids["hosted"], ids["live"], ids["own"]} <= seen(connectionId=ids["conn"])
    assert seen(connectionId=ids["conn"], virtualInterfaceId=ids["live"]) == {ids["live"]}
    assert seen(connectionId=ids["conn_requested"]) == set()
    assert seen(connectionId=ids["conn_requested"], virtualInterfaceId=ids["live"]) == set()


def test_locations(scene: Scene) -> None:
    found = scene.clients["lender"].call("DescribeLocations", {})["locations"]
    by_code = {location["locationCode"]: location for location in found}
    assert set(by_code) == {"PAR1", "LON1"}
    assert by_code["LON1"]["locationName"] == "London 1"


def test_order_keeps_its_fields(
    new_account: Callable[[], Key], boto: Callable[[Key], Boto]
) -> None:
    client = boto(new_account())
    wanted = {
        "location": "LON1",
        "bandwidth": "10Gbps",
        "connectionName": "All fields",
        "providerName": "Carrier 1",
        "tags": [{"key": "cost", "value": "42"}],
    }
    made = client.call("CreateConnection", wanted)
    assert_has(made, {**wanted, "connectionState": "requested", "region": "eu-west-2"})
    (seen,) = client.call("DescribeConnections", {})["connections"]
    assert_has(seen, wanted)


EMPTY_BODIES = {
    "DescribeLocations": b"{}",
    "DescribeConnections": b" {} ",
    "DescribeVirtualGateways": b"{\n}",
}


@pytest.mark.parametrize("operation", EMPTY_BODIES)
def test_white_space_around_a_body(operation: str, scene: Scene) -> None:
    server = scene.server
    body = EMPTY_BODIES[operation]
    reply = server.endpoint.call(scene.keys["lender"], tenant_target(operation), body)
    server.recorder.check(operation, reply)
    assert reply.status == 200


def test_own_interface_of_the_lender_names_its_owner(scene: Scene) -> None:
    answer = scene.clients["lender"].call(
        "DescribeVirtualInterfaces", {"virtualInterfaceId": scene.ids["own"]}
    )["virtualInterfaces"]
    assert_has(answer[0], {"ownerAccount": LENDER, "amazonSideAsn": 64512})
