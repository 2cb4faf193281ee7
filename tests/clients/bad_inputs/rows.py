"""A row of the table of bad inputs, and the good requests that the rows spoil."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CLIENT = "DirectConnectClientException"
SERIALIZATION = "SerializationException"
TOO_LARGE = "RequestEntityTooLargeException"
UNKNOWN_OPERATION = "UnknownOperationException"

ABSENT: Any = object()

NEW = "newPrivateVirtualInterfaceAllocation"
OWN = "newPrivateVirtualInterface"
ALLOCATE = "AllocatePrivateVirtualInterface"
CONFIRM = "ConfirmPrivateVirtualInterface"
NO_CONNECTION = "Could not find Connection with ID"


@dataclass(frozen=True)
class Bad:
    """One request and its refusal.

    `by` is the role in the scene that asks; `raw` sends a mapping past boto3, which cannot
    serialize it.
    """

    name: str
    operation: str
    body: dict[str, Any] | bytes
    says: tuple[str, ...]
    error: str = CLIENT
    by: str = "lender"
    hides: tuple[str, ...] = ()
    status: int = 400
    raw: bool = False


def without_absent(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ABSENT}


def lending(around: dict[str, Any] | None = None, **new: Any) -> dict[str, Any]:
    """A good allocation to the owner on VLAN 200, with the given members changed or left out."""
    inner = {"virtualInterfaceName": "bad", "vlan": 200, "asn": 65000, **new}
    outer = {"connectionId": "{conn}", "ownerAccount": "{owner}", NEW: without_absent(inner)}
    return without_absent({**outer, **(around or {})})


def creating(**new: Any) -> dict[str, Any]:
    """A good interface of the lender's own on VLAN 200, changed likewise."""
    inner = {
        "virtualInterfaceName": "bad",
        "vlan": 200,
        "asn": 65000,
        "virtualGatewayId": "{gw_lender}",
        **new,
    }
    return {"connectionId": "{conn}", OWN: without_absent(inner)}


def ordering(**changes: Any) -> dict[str, Any]:
    """A good order, changed likewise."""
    good = {"location": "PAR1", "bandwidth": "1Gbps", "connectionName": "bad"}
    return without_absent({**good, **changes})


def lend_row(name: str, says: tuple[str, ...], **new: Any) -> Bad:
    """A row about the members of newPrivateVirtualInterfaceAllocation; the first text is one."""
    return Bad(name, "AllocatePrivateVirtualInterface", lending(**new), path(NEW, says))


def path(parent: str, says: tuple[str, ...]) -> tuple[str, ...]:
    return (f"{parent}.{says[0]}", *says[1:])


def to(account: Any) -> dict[str, Any]:
    return lending({"ownerAccount": account})


def on(connection: Any) -> dict[str, Any]:
    return lending({"connectionId": connection})
