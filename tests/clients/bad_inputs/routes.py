"""Lists of an interface's routes that must be refused."""

from __future__ import annotations

from typing import Any

from bad_inputs.rows import Bad

LIST = "ListVirtualInterfaceRoutes"


def listed(name: str, says: tuple[str, ...], by: str = "lender", **members: Any) -> Bad:
    """A list of the routes of the lender's own available interface, with the given members."""
    return Bad(name, LIST, {"virtualInterfaceId": "{own}", **members}, says, by=by)


def filtered(name: str, says: tuple[str, ...], **filters: Any) -> Bad:
    """The same with filters."""
    return listed(name, says, filters=filters)


ROUTES = [
    Bad("no interface", LIST, {}, ("virtualInterfaceId", "required")),
    listed(
        "unknown interface",
        ("Virtual Interface {no_vif} does not exist",),
        virtualInterfaceId="{no_vif}",
    ),
    listed(
        "routes of one that is lent",
        ("virtualInterfaceId", "{live}", "is not yours to see the routes of"),
        virtualInterfaceId="{live}",
    ),
    filtered("another direction", ("routeDirection", "rejected"), routeDirection="rejected"),
    filtered("another family", ("addressFamily", "ipv5"), addressFamily="ipv5"),
    filtered("no CIDR", ("cidrs",), cidrs=[]),
    filtered("eleven CIDRs", ("cidrs", "11"), cidrs=["10.0.0.0/8"] * 11),
    filtered("CIDR with host bits", ("filters.cidrs", "10.0.0.1/8"), cidrs=["10.0.0.1/8"]),
    filtered("no CIDR at all", ("filters.cidrs", "everything"), cidrs=["everything"]),
    filtered("AS number too large", ("filters.asPath", "4294967296"), asPath=[4294967296]),
    filtered("community of one part", ("filters.communities", "7224"), communities=["7224"]),
    filtered("community too large", ("filters.communities", "70000:1"), communities=["70000:1"]),
    listed("maxResults 0", ("maxResults", "0", "at least 1"), maxResults=0),
    listed("a token of nobody", ("nextToken", "abc"), nextToken="abc"),
]
