"""What a customer configures on its router, read from `customerRouterConfig` and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_interface
from typing import Any
from xml.etree import ElementTree

from lab.checks import must_equal


@dataclass(frozen=True)
class RouterConfig:
    """One session. Addresses are without their prefix length, which both have in common."""

    vlan: int
    ours: str
    theirs: str
    length: int
    our_asn: int
    their_asn: int
    key: str = field(repr=False)
    version: int

    @staticmethod
    def from_answer(described: dict[str, Any]) -> RouterConfig:
        """From the answer of DescribeVirtualInterfaces; its `bgpPeers` must agree with the XML."""
        root = ElementTree.fromstring(described["customerRouterConfig"])
        must_equal(root.get("id"), described["virtualInterfaceId"], "the document's id")
        texts = {child.tag.removeprefix("ipv6_"): child.text or "" for child in root}
        ours = ip_interface(texts["customer_address"])
        theirs = ip_interface(texts["amazon_address"])
        (peer,) = described["bgpPeers"]
        agreed = (peer["customerAddress"], peer["amazonAddress"], peer["authKey"])
        must_equal(agreed, (str(ours), str(theirs), texts["bgp_auth_key"]), "bgpPeers")
        return RouterConfig(
            vlan=int(texts["vlan"]),
            ours=str(ours.ip),
            theirs=str(theirs.ip),
            length=ours.network.prefixlen,
            our_asn=int(texts["bgp_asn"]),
            their_asn=int(texts["amazon_bgp_asn"]),
            key=texts["bgp_auth_key"],
            version=ours.version,
        )

    @staticmethod
    def of_peer(described: dict[str, Any], family: str) -> RouterConfig:
        """One of an interface's peers, from the answer of DescribeVirtualInterfaces."""
        peers = [peer for peer in described["bgpPeers"] if peer["bgpPeerState"] != "deleted"]
        (peer,) = (peer for peer in peers if peer["addressFamily"] == family)
        ours, theirs = ip_interface(peer["customerAddress"]), ip_interface(peer["amazonAddress"])
        return RouterConfig(
            vlan=described["vlan"],
            ours=str(ours.ip),
            theirs=str(theirs.ip),
            length=ours.network.prefixlen,
            our_asn=peer["asn"],
            their_asn=described["amazonSideAsn"],
            key=peer["authKey"],
            version=ours.version,
        )
