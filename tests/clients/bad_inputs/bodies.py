"""Bodies of the wrong form: JSON types, broken JSON, too many bytes, operations that are none."""

from __future__ import annotations

import json
from typing import Any

from bad_inputs.rows import (
    ALLOCATE,
    CLIENT,
    NEW,
    SERIALIZATION,
    TOO_LARGE,
    UNKNOWN_OPERATION,
    Bad,
    lending,
    on,
    to,
)
from harness import model, operations


def raw(name: str, body: bytes, says: tuple[str, ...], **more: Any) -> Bad:
    """A row whose bytes go out as they are, to an operation that reads its body."""
    defaults: dict[str, Any] = {"error": SERIALIZATION}
    operation = "AllocatePrivateVirtualInterface"
    return Bad(name, operation, body, says, **{**defaults, **more})


def type_row(name: str, body: dict[str, Any], *says: str, operation: str = ALLOCATE) -> Bad:
    return Bad(name, operation, body, says, SERIALIZATION, raw=True)


TYPES = [
    type_row("vlan as text", lending(vlan="101"), f"{NEW}.vlan", "101", "integer"),
    type_row("vlan as a fraction", lending(vlan=100.5), f"{NEW}.vlan", "100.5", "integer"),
    type_row("vlan as a truth value", lending(vlan=True), f"{NEW}.vlan", "true", "integer"),
    type_row("vlan as a list", lending(vlan=[1]), f"{NEW}.vlan", "integer"),
    type_row("asn as text", lending(asn="65000"), f"{NEW}.asn", "65000", "integer"),
    type_row(
        "name as a number",
        lending(virtualInterfaceName=7),
        f"{NEW}.virtualInterfaceName",
        "7",
        "string",
    ),
    type_row(
        "address as an object", lending(amazonAddress={"a": 1}), f"{NEW}.amazonAddress", "string"
    ),
    type_row("connection as a number", on(12345678), "connectionId", "12345678", "string"),
    type_row("account as a list", to(["123456789000"]), "ownerAccount"),
    type_row("account as a fraction", to(1.5), "ownerAccount", "1.5"),
    type_row("tags as text", lending(tags="a=b"), f"{NEW}.tags"),
    type_row("a tag as text", lending(tags=["a"]), f"{NEW}.tags[0]"),
    type_row(
        "maxResults as text",
        {"maxResults": "ten"},
        "maxResults",
        "ten",
        operation="DescribeConnections",
    ),
    type_row("ids as text", {"resourceArns": "arn"}, "resourceArns", operation="DescribeTags"),
]

GOOD_BODY = json.dumps(
    lending({"connectionId": "dxcon-fzzzzzzz", "ownerAccount": "123456789000"})
).encode()

# boto3 cannot send these: it knows that an interface is an object and that a body is JSON.
BODIES = [
    raw("interface as a list", b'{"newPrivateVirtualInterfaceAllocation": [1]}', (NEW, "object")),
    raw(
        "interface as text", b'{"newPrivateVirtualInterfaceAllocation": "vlan=1"}', (NEW, "object")
    ),
    raw("a list", b"[]", ("object",)),
    raw("a word", b'"hello"', ("object",)),
    raw("null", b"null", ("object",)),
    raw("truncated", GOOD_BODY[:-9], ("ends",)),
    raw("truncated in a text", b'{"connectionId": "dxcon', ("ends", "string")),
    raw("trailing bytes", GOOD_BODY + b"}", ("follows",)),
    raw("not JSON", b"connectionId=dxcon-1", ("JSON",)),
    raw("not UTF-8", b'{"connectionId": "\xff\xfe"}', ("UTF-8",)),
    raw(
        "a member twice",
        b'{"connectionId": "a", "connectionId": "b"}',
        ("connectionId", "more than once"),
    ),
    raw("a lone surrogate", b'{"connectionId": "\\ud800"}', ("JSON",)),
    raw("infinity", b'{"newPrivateVirtualInterfaceAllocation": {"vlan": 1e999}}', ("number",)),
    raw(
        "nested deeply where nobody looks",
        b'{"x":' * 20_000 + b"1" + b"}" * 20_000,
        ("connectionId", "required"),
        error=CLIENT,
    ),
    raw(
        "nested deeply",
        b'{"connectionId":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        ("connectionId",),
    ),
    raw(
        "vlan beyond 64 bits",
        b'{"newPrivateVirtualInterfaceAllocation": {"vlan": 99999999999999999999}}',
        (f"{NEW}.vlan",),
    ),
    raw("1 MiB of spaces", GOOD_BODY + b" " * (1 << 20), ("262144",), error=TOO_LARGE, status=413),
    raw(
        "1 MiB in a name",
        json.dumps(lending(virtualInterfaceName="n" * (1 << 20))).encode(),
        ("262144",),
        error=TOO_LARGE,
        status=413,
    ),
]

NOT_BUILT = [
    Bad("not built", operation, b"{}", (operation,), UNKNOWN_OPERATION)
    for operation in model.operations()
    if operation not in operations.built()
] + [
    Bad("invented", "ExplodeConnection", b"{}", ("ExplodeConnection",), UNKNOWN_OPERATION),
    Bad(
        "in another case", "describeconnections", b"{}", ("describeconnections",), UNKNOWN_OPERATION
    ),
    Bad("of no name", "", b"{}", ("OvertureService", '""'), UNKNOWN_OPERATION),
]
