"""CreateBGPPeer and DeleteBGPPeer: a second session, of the other family, on one interface."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.clients import Answer, AwsCli, Boto, Refused
from harness.polling import until
from harness.scene import allocation, confirm, lend, order
from harness.server import Server
from harness.signing import Key
from harness.walk import assert_has, connection_in, interface_in, interfaces

IPV6 = {"asn": 65000, "addressFamily": "ipv6"}


class Hosted:
    """An available interface that one account has lent to another."""

    def __init__(
        self, server: Server, lender: Key, owner: Key, boto: Callable[[Key], Boto]
    ) -> None:
        self.server, self.owner_key = server, owner
        self.lender, self.owner = boto(lender), boto(owner)
        connection = order(self.lender, "peers")
        connection_in(self.lender, connection, "available")
        self.id = lend(self.lender, connection, owner.account_id, allocation(120))
        confirm(self.owner, self.id, server.create_gateway(owner.account_id))
        interface_in(self.owner, self.id, "available")

    def seen(self) -> Answer:
        (found,) = interfaces(self.owner, self.id)
        return found

    def families(self) -> dict[str, str]:
        """The state of each peer, by family."""
        return {peer["addressFamily"]: peer["bgpPeerState"] for peer in self.seen()["bgpPeers"]}

    def add(self, **peer: Any) -> Answer:
        adding = {"virtualInterfaceId": self.id, "newBGPPeer": {**IPV6, **peer}}
        return self.owner.call("CreateBGPPeer", adding)["virtualInterface"]

    def delete(self, **peer: Any) -> Answer:
        deleting = {"virtualInterfaceId": self.id, **peer}
        return self.owner.call("DeleteBGPPeer", deleting)["virtualInterface"]


@pytest.fixture
def hosted(server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]) -> Hosted:
    return Hosted(server, new_account(), new_account(), boto)


def peer_of(interface: Answer, family: str) -> Answer:
    (found,) = (peer for peer in interface["bgpPeers"] if peer["addressFamily"] == family)
    return found


def test_a_second_peer_comes_up_beside_the_first(hosted: Hosted) -> None:
    before = hosted.seen()
    made = hosted.add()
    peer = peer_of(made, "ipv6")
    assert_has(peer, {"asn": 65000, "asnLong": 65000, "bgpPeerState": "pending"})
    ours = ipaddress.ip_interface(peer["amazonAddress"])
    theirs = ipaddress.ip_interface(peer["customerAddress"])
    assert (ours.version, ours.network.prefixlen) == (6, 125)
    assert ours.network == theirs.network and ours.ip != theirs.ip
    assert peer["authKey"] != made["authKey"]
    until(
        hosted.families,
        lambda found: found == {"ipv4": "available", "ipv6": "available"},
        "both peers to be available",
    )
    # The interface's own members stay those of its first peer; the router's configuration has both.
    after = hosted.seen()
    both = after.pop("customerRouterConfig")
    assert (
        peer["customerAddress"].split("/")[0] in both and before.pop("customerRouterConfig") != both
    )
    assert {**after, "bgpPeers": before["bgpPeers"]} == before
    assert peer_of(after, "ipv4") == before["bgpPeers"][0]


def test_given_members_are_kept(hosted: Hosted) -> None:
    given = {"asn": 65010, "authKey": "Qx7!zW~peer"}
    assert_has(peer_of(hosted.add(**given), "ipv6"), given)


@pytest.mark.parametrize("by", ["id", "number and address"])
def test_a_peer_goes(by: str, hosted: Hosted) -> None:
    peer = peer_of(hosted.add(), "ipv6")
    until(hosted.families, lambda found: found.get("ipv6") == "available", "the peer to be up")
    names = {
        "id": {"bgpPeerId": peer["bgpPeerId"]},
        "number and address": {"asn": 65000, "customerAddress": peer["customerAddress"]},
    }
    gone = hosted.delete(**names[by])
    assert peer_of(gone, "ipv6")["bgpPeerState"] == "deleting"
    until(hosted.families, lambda found: found == {"ipv4": "available"}, "the peer to be gone")
    # There is room for another one.
    assert peer_of(hosted.add(), "ipv6")["bgpPeerId"] != peer["bgpPeerId"]


def test_the_last_peer_stays(hosted: Hosted) -> None:
    peer = hosted.seen()["bgpPeers"][0]
    with pytest.raises(Refused) as refusal:
        hosted.delete(bgpPeerId=peer["bgpPeerId"])
    assert refusal.value.error == "DirectConnectClientException"
    assert "The last BGP Peer on a Virtual Interface cannot be deleted." in refusal.value.message


def test_the_lender_sees_the_peers_and_cannot_change_them(hosted: Hosted) -> None:
    hosted.add()
    (seen,) = interfaces(hosted.lender, hosted.id)
    assert len(seen["bgpPeers"]) == 2
    adding = {"virtualInterfaceId": hosted.id, "newBGPPeer": IPV6}
    with pytest.raises(Refused) as refusal:
        hosted.lender.call("CreateBGPPeer", adding)
    assert "is not yours to change" in refusal.value.message


def test_aws_cli(hosted: Hosted, tmp_path: Path) -> None:
    cli = AwsCli(hosted.server.endpoint, hosted.owner_key, tmp_path)
    on = ["--virtual-interface-id", hosted.id]
    made = cli.run("create-bgp-peer", *on, "--new-bgp-peer", "asn=65000,addressFamily=ipv6")
    peer = peer_of(made["virtualInterface"], "ipv6")
    gone = cli.run("delete-bgp-peer", *on, "--bgp-peer-id", peer["bgpPeerId"])
    assert gone["virtualInterface"]["virtualInterfaceId"] == hosted.id
