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
    change("a rate limit", ("rateLimit", "1Gbps", "not offered"), rateLimit="1Gbps"),
    change("SiteLink", ("enableSiteLink", "not offered"), enableSiteLink=True),
    change(
        "a prefix allocation",
        ("prefixPoolAllocatedCountIpv4", "not offered"),
        prefixPoolAllocatedCountIpv4=200,
    ),
]
