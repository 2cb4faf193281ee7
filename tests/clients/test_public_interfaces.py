"""Public interfaces: made, lent, confirmed; verified by the operator or by an RPKI file, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.clients import Answer, AwsCli, Boto, Refused
from harness.polling import until
from harness.scene import order, prepare_locations
from harness.server import Server
from harness.signing import Key
from harness.walk import assert_has, connection_in, interface_in, interfaces

CREATE = "CreatePublicVirtualInterface"
PREFIXES = ["198.51.100.0/24", "2001:db8:7::/48"]
FILTERS = [{"cidr": cidr} for cidr in PREFIXES]


def public(vlan: int, **changes: Any) -> dict[str, Any]:
    """The published sample, with members changed."""
    return {
        "virtualInterfaceName": f"public-{vlan}",
        "vlan": vlan,
        "asn": 65000,
        "authKey": "asdf34example",
        "amazonAddress": "203.0.113.1/30",
        "customerAddress": "203.0.113.2/30",
        "routeFilterPrefixes": FILTERS,
        **changes,
    }


class Pair:
    """A lender with a connection, and a recipient."""

    def __init__(
        self, server: Server, lender: Key, owner: Key, boto: Callable[[Key], Boto]
    ) -> None:
        self.server, self.owner_key = server, owner
        self.lender_key = lender
        self.lender, self.owner = boto(lender), boto(owner)
        self.connection = order(self.lender, "public")
        connection_in(self.lender, self.connection, "available")

    def create(self, vlan: int = 101, **changes: Any) -> Answer:
        new = public(vlan, **changes)
        making = {"connectionId": self.connection, "newPublicVirtualInterface": new}
        return self.lender.call(CREATE, making)

    def lend(self, vlan: int = 101, **changes: Any) -> str:
        lending = {
            "connectionId": self.connection,
            "ownerAccount": self.owner_key.account_id,
            "newPublicVirtualInterfaceAllocation": public(vlan, **changes),
        }
        return self.lender.call("AllocatePublicVirtualInterface", lending)["virtualInterfaceId"]

    def confirm(self, interface: str) -> str:
        asking = {"virtualInterfaceId": interface}
        return self.owner.call("ConfirmPublicVirtualInterface", asking)["virtualInterfaceState"]

    def verify(self, interface: str, *words: str) -> Answer:
        return self.server.admin("interface", "verify", interface, *words)


def pair_on(server: Server) -> Pair:
    prepare_locations(server)
    lender = server.create_account("100000000001", "lender")
    owner = server.create_account("100000000002", "owner")
    return Pair(server, lender, owner, lambda key: Boto(server.endpoint, key, server.recorder))


@pytest.fixture
def pair(start_server: Callable[..., Server]) -> Pair:
    """Its router is nobody else's: no two public interfaces of a router have the same addresses."""
    return pair_on(start_server({}))


def seen(client: Boto, interface: str) -> Answer:
    (found,) = interfaces(client, interface)
    return found


def peers(client: Boto, interface: str) -> dict[str, str]:
    found = seen(client, interface)["bgpPeers"]
    return {peer["addressFamily"]: peer["bgpPeerState"] for peer in found}


def test_ones_own_waits_to_be_verified(pair: Pair) -> None:
    made = pair.create()
    facts = {
        "virtualInterfaceState": "verifying",
        "virtualInterfaceType": "public",
        "amazonSideAsn": 7224,
        "mtu": 1500,
        "routeFilterPrefixes": FILTERS,
        "amazonAddress": "203.0.113.1/30",
        "customerAddress": "203.0.113.2/30",
        "virtualGatewayId": "",
    }
    assert_has(made, facts)
    assert made["bgpPeers"][0]["bgpPeerState"] == "verifying"
    assert "<connection_type>public</connection_type>" in made["customerRouterConfig"]
    interface = made["virtualInterfaceId"]
    assert pair.verify(interface)["virtualInterfaceState"] in {"pending", "available", "down"}
    interface_in(pair.lender, interface, "available")
    assert peers(pair.lender, interface) == {"ipv4": "available"}


def test_a_lent_one_is_confirmed_and_then_verified(pair: Pair) -> None:
    interface = pair.lend()
    assert seen(pair.owner, interface)["virtualInterfaceState"] == "confirming"
    with pytest.raises(Refused) as refusal:
        pair.owner.call(
            "ConfirmPrivateVirtualInterface",
            {"virtualInterfaceId": interface, "virtualGatewayId": "vgw-0badbeef"},
        )
    assert "ConfirmPublicVirtualInterface" in refusal.value.message
    assert pair.confirm(interface) == "verifying"
    assert seen(pair.lender, interface)["virtualInterfaceState"] == "verifying"
    pair.verify(interface)
    interface_in(pair.owner, interface, "available")


def test_a_refused_one_is_rejected(pair: Pair) -> None:
    interface = pair.create()["virtualInterfaceId"]
    assert pair.verify(interface, "--reject")["virtualInterfaceState"] == "rejected"
    # Its VLAN is free again.
    pair.create()


def test_one_that_waits_can_be_deleted(pair: Pair) -> None:
    interface = pair.create()["virtualInterfaceId"]
    deleting = {"virtualInterfaceId": interface}
    gone = pair.lender.call("DeleteVirtualInterface", deleting)
    assert gone["virtualInterfaceState"] == "deleted"


@pytest.mark.parametrize("accepted", [True, False])
def test_a_new_peer_waits_too(accepted: bool, pair: Pair) -> None:
    interface = pair.create()["virtualInterfaceId"]
    pair.verify(interface)
    interface_in(pair.lender, interface, "available")
    adding = {
        "virtualInterfaceId": interface,
        "newBGPPeer": {"asn": 65000, "addressFamily": "ipv6"},
    }
    pair.lender.call("CreateBGPPeer", adding)
    assert peers(pair.lender, interface) == {"ipv4": "available", "ipv6": "verifying"}
    pair.verify(interface, *([] if accepted else ["--reject"]))
    wanted = {"ipv4": "available"} | ({"ipv6": "available"} if accepted else {})
    until(
        lambda: peers(pair.lender, interface), lambda found: found == wanted, f"the peers {wanted}"
    )


def test_an_rpki_file_verifies(start_server: Callable[..., Server], tmp_path: Path) -> None:
    file = tmp_path / "vrps.json"
    file.write_text(json.dumps({"roas": []}))
    pair = pair_on(start_server({"rpki_file": str(file)}))
    good = pair.create(101, asn=64496)["virtualInterfaceId"]
    bad = pair.create(
        102, asn=64497, amazonAddress="203.0.113.5/30", customerAddress="203.0.113.6/30"
    )["virtualInterfaceId"]
    file.write_text(
        json.dumps(
            {
                "roas": [
                    {"asn": "AS64496", "prefix": "198.51.100.0/22", "maxLength": 24, "ta": "x"},
                    {"asn": 64496, "prefix": "2001:db8::/32", "maxLength": 48},
                    {"asn": "AS64497", "prefix": "198.51.100.0/24", "maxLength": 24},
                ]
            }
        )
    )
    interface_in(pair.lender, good, "available")
    # One of its prefixes is not its AS's.
    assert seen(pair.lender, bad)["virtualInterfaceState"] == "verifying"


def test_aws_cli(pair: Pair, tmp_path: Path) -> None:
    cli = AwsCli(pair.server.endpoint, pair.lender_key, tmp_path)
    filters = ",".join(f"{{cidr={cidr}}}" for cidr in PREFIXES)
    new = (
        "virtualInterfaceName=PublicVirtualInterface,vlan=2000,asn=65000,authKey=asdf34example,"
        "amazonAddress=203.0.113.1/30,customerAddress=203.0.113.2/30,"
        f"routeFilterPrefixes=[{filters}]"
    )
    words = ["--connection-id", pair.connection, "--new-public-virtual-interface", new]
    made = cli.run("create-public-virtual-interface", *words)
    assert_has(made, {"virtualInterfaceState": "verifying", "routeFilterPrefixes": FILTERS})
