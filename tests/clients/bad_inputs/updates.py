"""Changes of an interface that must be refused."""

from __future__ import annotations

from typing import Any

from bad_inputs.rows import Bad

UPDATE = "UpdateVirtualInterfaceAttributes"


def change(name: str, says: tuple[str, ...], by: str = "lender", **members: Any) -> Bad:
    """A change of the lender's own available interface, with the given members."""
    return Bad(name, UPDATE, {"virtualInterfaceId": "{own}", **members}, says, by=by)


UPDATES = [
    Bad("no interface", UPDATE, {"mtu": 1500}, ("virtualInterfaceId", "required")),
    change(
        "unknown interface",
        ("Virtual Interface {no_vif} does not exist",),
        virtualInterfaceId="{no_vif}",
        mtu=1500,
    ),
    change(
        "one that is lent",
        ("virtualInterfaceId", "{live}", "is not yours to change"),
        virtualInterfaceId="{live}",
        mtu=9001,
    ),
    change(
        "one that was not accepted",
        ("{hosted}", "confirming", "accepted"),
        by="owner",
        virtualInterfaceId="{hosted}",
        mtu=9001,
    ),
    change("mtu of another size", ("mtu", "1400", "1500, 8500 or 9001"), mtu=1400),
    change("mtu 0", ("mtu", "0"), mtu=0),
    change("empty name", ("virtualInterfaceName",), virtualInterfaceName=""),
    change("name of 101", ("virtualInterfaceName", "101"), virtualInterfaceName="n" * 101),
    change(
        "a rate that is no limit", ("rateLimit", "51Mbps", "50Mbps to 1.6Tbps"), rateLimit="51Mbps"
    ),
    change("a rate above the port's", ("rateLimit", "1.6Tbps", "carries"), rateLimit="1.6Tbps"),
    change(
        "a rate limit on another's connection",
        ("rateLimit", "{live}", "is not yours to change", "connection"),
        by="owner",
        virtualInterfaceId="{live}",
        rateLimit="50Mbps",
    ),
    change("SiteLink", ("enableSiteLink", "not offered"), enableSiteLink=True),
    change(
        "more prefixes than an interface takes",
        ("prefixPoolAllocatedCountIpv4", "1001", "from 0 to 1000"),
        prefixPoolAllocatedCountIpv4=1001,
    ),
    change(
        "fewer prefixes than none",
        ("prefixPoolAllocatedCountIpv6", "-1"),
        prefixPoolAllocatedCountIpv6=-1,
    ),
    change(
        "prefixes of another's connection",
        ("prefixPoolAllocatedCountIpv6", "{live}", "is not yours to change", "connection"),
        by="owner",
        virtualInterfaceId="{live}",
        prefixPoolAllocatedCountIpv6=200,
    ),
]
