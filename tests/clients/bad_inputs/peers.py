"""BGP peers that cannot be added or deleted."""

from __future__ import annotations

from typing import Any

from bad_inputs.rows import ABSENT, Bad, without_absent

CREATE = "CreateBGPPeer"
DELETE = "DeleteBGPPeer"
PEER = "newBGPPeer"


def adding(name: str, says: tuple[str, ...], interface: str = "{own}", **peer: Any) -> Bad:
    """A good IPv6 peer of the lender's own interface, with members changed or left out."""
    new = without_absent({"asn": 65000, "addressFamily": "ipv6", **peer})
    return Bad(name, CREATE, {"virtualInterfaceId": interface, PEER: new}, says)


def deleting(name: str, says: tuple[str, ...], interface: str = "{own}", **peer: Any) -> Bad:
    return Bad(name, DELETE, {"virtualInterfaceId": interface, **peer}, says)


PEERS = [
    adding("to an unknown interface", ("{no_vif} does not exist",), "{no_vif}"),
    adding("to one that is lent", ("{live}", "is not yours to change"), "{live}"),
    adding("of a family that is there", (f"{PEER}.addressFamily", "ipv4"), addressFamily="ipv4"),
    adding("of an unknown family", (f"{PEER}.addressFamily", "ipv5"), addressFamily="ipv5"),
    adding("without a number", (f"{PEER}.asn", "required"), asn=ABSENT),
    adding("with number 0", (f"{PEER}.asn", "0"), asn=0),
    adding("with the gateway's number", (f"{PEER}.asn", "64512"), asn=64512),
    adding(
        "with addresses of the other family",
        (f"{PEER}.amazonAddress", "10.0.0.1/30"),
        amazonAddress="10.0.0.1/30",
        customerAddress="10.0.0.2/30",
    ),
    adding(
        "with IPv6 addresses",
        (f"{PEER}.amazonAddress", "2001:db8::1/125", "must be absent"),
        amazonAddress="2001:db8::1/125",
        customerAddress="2001:db8::2/125",
    ),
    Bad(
        "with a short key",
        CREATE,
        {
            "virtualInterfaceId": "{own}",
            PEER: {"asn": 65000, "addressFamily": "ipv6", "authKey": "Qx7!z"},
        },
        (f"{PEER}.authKey",),
        hides=("Qx7!z",),
    ),
    Bad(
        "to one that was not accepted",
        CREATE,
        {"virtualInterfaceId": "{hosted}", PEER: {"asn": 65000, "addressFamily": "ipv6"}},
        ("{hosted}", "confirming", "accepted"),
        by="owner",
    ),
    deleting("of an unknown interface", ("{no_vif} does not exist",), "{no_vif}", bgpPeerId="x"),
    deleting("none that is named", ("bgpPeerId", "required")),
    deleting("an unknown one", ("dxpeer-fzzzzzzz does not exist",), bgpPeerId="dxpeer-fzzzzzzz"),
    deleting(
        "an unknown number and address",
        ("192.0.2.2/30", "65001", "does not exist"),
        asn=65001,
        customerAddress="192.0.2.2/30",
    ),
    deleting(
        "one of one that is lent", ("{live}", "is not yours to change"), "{live}", bgpPeerId="x"
    ),
]
