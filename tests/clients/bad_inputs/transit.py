"""Transit interfaces that are not made, lent, confirmed."""

from __future__ import annotations

from typing import Any

from bad_inputs.rows import ABSENT, CLIENT, Bad, without_absent

CREATE = "CreateTransitVirtualInterface"
ALLOCATE = "AllocateTransitVirtualInterface"
CONFIRM = "ConfirmTransitVirtualInterface"
NEW = "newTransitVirtualInterface"
LENT = "newTransitVirtualInterfaceAllocation"


def new(**changes: Any) -> dict[str, Any]:
    good = {"virtualInterfaceName": "bad", "vlan": 200, "asn": 65000}
    return without_absent({**good, **changes})


def bad(name: str, says: tuple[str, ...], **changes: Any) -> Bad:
    """The lender's Direct Connect gateway has a virtual gateway, which is looked at last."""
    members = {"directConnectGatewayId": "{dx}", **changes}
    return Bad(name, CREATE, {"connectionId": "{conn}", NEW: new(**members)}, says)


def lent(name: str, says: tuple[str, ...], owner: str = "{owner}", **changes: Any) -> Bad:
    body = {"connectionId": "{conn}", "ownerAccount": owner, LENT: new(**changes)}
    return Bad(name, ALLOCATE, body, says, CLIENT)


TRANSIT = [
    bad("transit without a VLAN", (f"{NEW}.vlan", "required"), vlan=ABSENT),
    bad("transit with VLAN 4095", (f"{NEW}.vlan", "4095"), vlan=4095),
    bad("transit without an AS number", (f"{NEW}.asn", "required"), asn=ABSENT),
    bad("transit without a name", (f"{NEW}.virtualInterfaceName",), virtualInterfaceName=ABSENT),
    bad("transit with the MTU of a private one", (f"{NEW}.mtu", "9001", "8500"), mtu=9001),
    bad("transit with an odd MTU", (f"{NEW}.mtu", "1400"), mtu=1400),
    bad("transit with a rate limit of its own", (f"{NEW}.rateLimit", "3Mbps"), rateLimit="3Mbps"),
    bad(
        "transit with too many prefixes",
        (f"{NEW}.prefixPoolAllocatedCountIpv4", "1001", "1000"),
        prefixPoolAllocatedCountIpv4=1001,
    ),
    bad(
        "transit without a gateway",
        (f"{NEW}.directConnectGatewayId", "required", "Direct Connect gateway"),
        directConnectGatewayId=ABSENT,
    ),
    bad(
        "transit to a virtual gateway",
        ("Direct Connect Gateway {gw_lender} does not exist",),
        directConnectGatewayId="{gw_lender}",
    ),
    bad(
        "transit to another's gateway",
        ("Direct Connect Gateway {dx_c} does not exist",),
        directConnectGatewayId="{dx_c}",
    ),
    lent("transit lent without a VLAN", (f"{LENT}.vlan", "required"), vlan=ABSENT),
    lent("transit lent to oneself", ("Cannot allocate VirtualInterface",), owner="{lender}"),
    lent("transit lent with the MTU of a private one", (f"{LENT}.mtu", "9001"), mtu=9001),
    Bad(
        "a private one confirmed as transit",
        CONFIRM,
        {"virtualInterfaceId": "{hosted}", "directConnectGatewayId": "{dx}"},
        ("{hosted}", "private", "ConfirmPrivateVirtualInterface"),
        by="owner",
    ),
]
