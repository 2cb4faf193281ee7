"""Public interfaces that are not made, lent, confirmed."""

from __future__ import annotations

from typing import Any

from bad_inputs.rows import ABSENT, CLIENT, Bad, without_absent

CREATE = "CreatePublicVirtualInterface"
ALLOCATE = "AllocatePublicVirtualInterface"
CONFIRM = "ConfirmPublicVirtualInterface"
NEW = "newPublicVirtualInterface"


def new(**changes: Any) -> dict[str, Any]:
    good = {
        "virtualInterfaceName": "bad",
        "vlan": 200,
        "asn": 65000,
        "amazonAddress": "203.0.113.1/30",
        "customerAddress": "203.0.113.2/30",
        "routeFilterPrefixes": [{"cidr": "198.51.100.0/24"}],
    }
    return without_absent({**good, **changes})


def bad(name: str, says: tuple[str, ...], **changes: Any) -> Bad:
    return Bad(name, CREATE, {"connectionId": "{conn}", NEW: new(**changes)}, says)


def prefix(name: str, cidr: str, *says: str) -> Bad:
    said = (f"{NEW}.routeFilterPrefixes[0].cidr", cidr, *says)
    return bad(name, said, routeFilterPrefixes=[{"cidr": cidr}])


def addresses(name: str, amazon: Any, customer: Any, *says: str) -> Bad:
    return bad(name, says, amazonAddress=amazon, customerAddress=customer)


def lent(name: str, says: tuple[str, ...], owner: str = "{owner}", **changes: Any) -> Bad:
    body = {"connectionId": "{conn}", "ownerAccount": owner, f"{NEW}Allocation": new(**changes)}
    return Bad(name, ALLOCATE, body, says, CLIENT)


PUBLIC = [
    bad("without prefixes", (f"{NEW}.routeFilterPrefixes", "required"), routeFilterPrefixes=ABSENT),
    bad("with no prefix", (f"{NEW}.routeFilterPrefixes", "required"), routeFilterPrefixes=[]),
    bad(
        "with 1001 prefixes",
        (f"{NEW}.routeFilterPrefixes", "1001", "1000"),
        routeFilterPrefixes=[{"cidr": f"198.51.{n // 250}.{n % 250}/32"} for n in range(1001)],
    ),
    bad(
        "with an empty prefix",
        (f"{NEW}.routeFilterPrefixes[0].cidr", "is not a prefix"),
        routeFilterPrefixes=[{}],
    ),
    prefix("with a prefix with host bits", "198.51.100.1/24", "host bits"),
    prefix("with a default route", "0.0.0.0/0", "default route"),
    prefix("with a private prefix", "10.1.0.0/16", "must be public"),
    prefix("with a long IPv6 prefix", "2001:db8::/65", "/64"),
    prefix("with a multicast prefix", "224.0.0.0/8", "multicast"),
    addresses("without addresses", ABSENT, ABSENT, f"{NEW}.amazonAddress", "required"),
    addresses(
        "without the customer's address",
        "203.0.113.1/30",
        ABSENT,
        f"{NEW}.customerAddress",
        "required",
    ),
    addresses(
        "with a private address",
        "10.0.0.1/30",
        "10.0.0.2/30",
        "Amazon Address is not allowed to contain a private IP",
        "10.0.0.1/30",
    ),
    addresses(
        "with a private customer's address",
        "203.0.113.1/30",
        "192.168.0.2/30",
        "Customer Address is not allowed to contain a private IP",
    ),
    addresses(
        "with the address of the subnet",
        "203.0.113.0/30",
        "203.0.113.2/30",
        "Amazon Address is address 0 on its subnet.",
    ),
    addresses(
        "with the broadcast address",
        "203.0.113.3/30",
        "203.0.113.2/30",
        "Amazon Address is the broadcast address on its subnet.",
    ),
    addresses(
        "in two subnets",
        "203.0.113.1/30",
        "203.0.113.6/30",
        "Amazon Address and Customer Address must be in the same CIDR",
    ),
    bad("with the public network's number", (f"{NEW}.asn", "7224"), asn=7224),
    bad("on a VLAN that is used", (f"{NEW}.vlan", "in use"), vlan=101),
    lent(
        "to its lender", ("Cannot allocate VirtualInterface for the connection owner.",), "{lender}"
    ),
    lent("to nobody", ("ownerAccount", "{nobody}"), "{nobody}"),
    lent("with the number of the public network", (f"{NEW}Allocation.asn", "7224"), asn=7224),
    Bad(
        "an unknown one", CONFIRM, {"virtualInterfaceId": "{no_vif}"}, ("{no_vif} does not exist",)
    ),
    Bad(
        "a private one",
        CONFIRM,
        {"virtualInterfaceId": "{hosted}"},
        ("{hosted}", "ConfirmPrivateVirtualInterface"),
        by="owner",
    ),
]
