"""Who may do what to which resource: parties, confirmations, deletions, descriptions."""

from __future__ import annotations

from typing import Any

from bad_inputs.rows import (
    ABSENT,
    ALLOCATE,
    CONFIRM,
    NEW,
    NO_CONNECTION,
    OWN,
    SERIALIZATION,
    Bad,
    creating,
    lending,
    on,
    to,
    without_absent,
)

PARTIES = [
    Bad(
        "to oneself",
        ALLOCATE,
        to("{lender}"),
        ("Cannot allocate VirtualInterface for the connection owner.",),
    ),
    Bad("to nobody", ALLOCATE, to("{nobody}"), ("ownerAccount", "{nobody}")),
    Bad("to 11 digits", ALLOCATE, to("12345678901"), ("ownerAccount", "12345678901", "12 digits")),
    Bad(
        "to 13 digits",
        ALLOCATE,
        to("1234567890123"),
        ("ownerAccount", "1234567890123", "12 digits"),
    ),
    Bad("to letters", ALLOCATE, to("12345678900a"), ("ownerAccount", "12345678900a", "12 digits")),
    Bad("to a short number", ALLOCATE, to(42), ("ownerAccount", "000000000042")),
    Bad("to a negative number", ALLOCATE, to(-5), ("ownerAccount", "-5"), SERIALIZATION),
    Bad("to no one", ALLOCATE, to(ABSENT), ("ownerAccount", "required")),
    Bad("unknown connection", ALLOCATE, on("{no_conn}"), (f"{NO_CONNECTION} {{no_conn}}",)),
    Bad("malformed connection", ALLOCATE, on("dxcon-?"), ("dxcon-?",)),
    Bad("empty connection", ALLOCATE, on(""), ("Connection",)),
    Bad("someone else's connection", ALLOCATE, on("{conn_c}"), (f"{NO_CONNECTION} {{conn_c}}",)),
    Bad("deleted connection", ALLOCATE, on("{conn_deleted}"), ("{conn_deleted}",)),
    Bad(
        "connection not yet approved",
        ALLOCATE,
        on("{conn_requested}"),
        ("connectionId", "{conn_requested}", "requested", "available"),
    ),
    Bad("no connection", ALLOCATE, on(ABSENT), ("connectionId", "required")),
    Bad("no interface", ALLOCATE, lending({NEW: ABSENT}), (NEW, "required")),
    Bad(
        "own interface without a gateway",
        "CreatePrivateVirtualInterface",
        creating(virtualGatewayId=ABSENT),
        (f"{OWN}.virtualGatewayId", "directConnectGatewayId"),
    ),
    Bad(
        "own interface with someone else's gateway",
        "CreatePrivateVirtualInterface",
        creating(virtualGatewayId="{gw}"),
        ("The VirtualGateway {gw} does not exist.",),
    ),
    Bad(
        "own interface with a gateway that never was",
        "CreatePrivateVirtualInterface",
        creating(virtualGatewayId="{no_gw}"),
        ("The VirtualGateway {no_gw} does not exist.",),
    ),
    Bad(
        "own interface on someone else's connection",
        "CreatePrivateVirtualInterface",
        {**creating(), "connectionId": "{conn_c}"},
        (f"{NO_CONNECTION} {{conn_c}}",),
    ),
]


def confirming(interface: Any, gateway: Any = "{gw}") -> dict[str, Any]:
    return without_absent({"virtualInterfaceId": interface, "virtualGatewayId": gateway})


def confirm_row(name: str, body: dict[str, Any], *says: str, by: str = "owner") -> Bad:
    return Bad(name, CONFIRM, body, says, by=by)


CONFIRMATIONS = [
    confirm_row("unknown interface", confirming("{no_vif}"), "{no_vif} does not exist"),
    confirm_row("malformed interface", confirming("dxvif-"), "dxvif-"),
    confirm_row("no interface", confirming(ABSENT), "virtualInterfaceId", "required"),
    confirm_row("someone else's interface", confirming("{hosted_c}"), "{hosted_c} does not exist"),
    confirm_row("deleted interface", confirming("{deleted}"), "{deleted}"),
    confirm_row("rejected interface", confirming("{rejected}"), "{rejected}", "rejected"),
    confirm_row("confirmed twice", confirming("{live}"), "{live}", "available", "confirming"),
    confirm_row(
        "own interface", confirming("{own}", "{gw_lender}"), "{own}", "available", by="lender"
    ),
    confirm_row("by the lender", confirming("{hosted}", "{gw_lender}"), "{hosted}", by="lender"),
    confirm_row(
        "by a stranger", confirming("{hosted}", "{gw_c}"), "{hosted} does not exist", by="stranger"
    ),
    confirm_row(
        "no gateway", confirming("{hosted}", ABSENT), "virtualGatewayId", "directConnectGatewayId"
    ),
    confirm_row(
        "unknown gateway",
        confirming("{hosted}", "{no_gw}"),
        "The VirtualGateway {no_gw} does not exist.",
    ),
    confirm_row("malformed gateway", confirming("{hosted}", "vgw-zzzzzzzz"), "vgw-zzzzzzzz"),
    confirm_row(
        "the lender's gateway",
        confirming("{hosted}", "{gw_lender}"),
        "The VirtualGateway {gw_lender} does not exist.",
    ),
    confirm_row(
        "a stranger's gateway",
        confirming("{hosted}", "{gw_c}"),
        "The VirtualGateway {gw_c} does not exist.",
    ),
    confirm_row(
        "deleted gateway",
        confirming("{hosted}", "{gw_deleted}"),
        "The VirtualGateway {gw_deleted} does not exist.",
    ),
    confirm_row(
        "a Direct Connect gateway that never was",
        {
            "virtualInterfaceId": "{hosted}",
            "directConnectGatewayId": "11111111-2222-3333-4444-555555555555",
        },
        "11111111-2222-3333-4444-555555555555",
    ),
]

IN_USE = "until its Virtual Interfaces are deleted"

DELETIONS = [
    Bad("connection in use", "DeleteConnection", {"connectionId": "{conn}"}, ("{conn}", IN_USE)),
    Bad(
        "unknown connection",
        "DeleteConnection",
        {"connectionId": "{no_conn}"},
        (f"{NO_CONNECTION} {{no_conn}}",),
    ),
    Bad(
        "someone else's",
        "DeleteConnection",
        {"connectionId": "{conn_c}"},
        (f"{NO_CONNECTION} {{conn_c}}",),
    ),
    Bad(
        "lent from, by the owner",
        "DeleteConnection",
        {"connectionId": "{conn}"},
        (NO_CONNECTION,),
        by="owner",
    ),
    Bad(
        "deleted twice", "DeleteConnection", {"connectionId": "{conn_deleted}"}, ("{conn_deleted}",)
    ),
    Bad("no connection", "DeleteConnection", {}, ("connectionId", "required")),
    Bad(
        "unknown interface",
        "DeleteVirtualInterface",
        {"virtualInterfaceId": "{no_vif}"},
        ("{no_vif} does not exist",),
    ),
    Bad("malformed interface", "DeleteVirtualInterface", {"virtualInterfaceId": "vif"}, ("vif",)),
    Bad(
        "someone else's interface",
        "DeleteVirtualInterface",
        {"virtualInterfaceId": "{hosted_c}"},
        ("{hosted_c} does not exist",),
    ),
    Bad(
        "interface deleted twice",
        "DeleteVirtualInterface",
        {"virtualInterfaceId": "{deleted}"},
        ("{deleted}",),
    ),
    Bad(
        "interface deleted after rejection",
        "DeleteVirtualInterface",
        {"virtualInterfaceId": "{rejected}"},
        ("{rejected}",),
        by="owner",
    ),
    Bad("no interface", "DeleteVirtualInterface", {}, ("virtualInterfaceId", "required")),
]

DESCRIPTIONS = [
    Bad(
        "unknown connection",
        "DescribeConnections",
        {"connectionId": "{no_conn}"},
        (f"{NO_CONNECTION} {{no_conn}}",),
    ),
    Bad("malformed connection", "DescribeConnections", {"connectionId": "x y"}, ("x y",)),
    Bad(
        "someone else's",
        "DescribeConnections",
        {"connectionId": "{conn_c}"},
        (f"{NO_CONNECTION} {{conn_c}}",),
    ),
    Bad(
        "interfaces of an unknown connection",
        "DescribeVirtualInterfaces",
        {"connectionId": "{no_conn}"},
        (f"{NO_CONNECTION} {{no_conn}}",),
    ),
    Bad(
        "interfaces of an unknown LAG",
        "DescribeVirtualInterfaces",
        {"connectionId": "dxlag-ffffffff"},
        ("Could not find Lag with ID dxlag-ffffffff",),
    ),
    Bad("maxResults 0", "DescribeVirtualInterfaces", {"maxResults": 0}, ("maxResults", "0")),
    Bad("maxResults -1", "DescribeConnections", {"maxResults": -1}, ("maxResults", "-1")),
    Bad("nextToken garbage", "DescribeVirtualInterfaces", {"nextToken": "garbage"}, ("nextToken",)),
    Bad("nextToken empty", "DescribeConnections", {"nextToken": ""}, ("nextToken",)),
    Bad("nextToken long", "DescribeConnections", {"nextToken": "QUFB" * 5000}, ("nextToken",)),
]
