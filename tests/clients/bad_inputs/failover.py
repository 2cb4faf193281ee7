"""Failover tests that must be refused."""

from __future__ import annotations

from typing import Any

from bad_inputs.rows import Bad

START = "StartBgpFailoverTest"
STOP = "StopBgpFailoverTest"
HISTORY = "ListVirtualInterfaceTestHistory"


def start(name: str, says: tuple[str, ...], by: str = "lender", **members: Any) -> Bad:
    """A test of the lender's own available interface, with the given members."""
    return Bad(name, START, {"virtualInterfaceId": "{own}", **members}, says, by=by)


FAILOVER = [
    Bad("no interface to test", START, {}, ("virtualInterfaceId", "required")),
    start(
        "a test of an unknown interface",
        ("Virtual Interface {no_vif} does not exist",),
        virtualInterfaceId="{no_vif}",
    ),
    start(
        "a test of one that is lent",
        ("virtualInterfaceId", "{live}", "is not yours to change"),
        virtualInterfaceId="{live}",
    ),
    start(
        "a test of one that was not accepted",
        ("{hosted}", "confirming", "available or down"),
        by="owner",
        virtualInterfaceId="{hosted}",
    ),
    start("0 minutes", ("testDurationInMinutes", "0", "1 to 4320"), testDurationInMinutes=0),
    start("-1 minutes", ("testDurationInMinutes", "-1"), testDurationInMinutes=-1),
    start("4321 minutes", ("testDurationInMinutes", "4321"), testDurationInMinutes=4321),
    start("a peer of nobody", ("dxpeer-fzzzzzzz", "does not exist"), bgpPeers=["dxpeer-fzzzzzzz"]),
    Bad("no interface to stop", STOP, {}, ("virtualInterfaceId", "required")),
    Bad(
        "no test to stop",
        STOP,
        {"virtualInterfaceId": "{own}"},
        ("{own}", "no BGP failover test runs"),
    ),
    Bad(
        "a status that no test has",
        HISTORY,
        {"status": "Running"},
        ("status", "Running", "In progress, Completed, Cancelled, Failed"),
    ),
]
