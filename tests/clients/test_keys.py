"""The table of members that answers always have (harness/keys.py); the recorder applies it to every
answer of the suite. Here: the table is whole and right, and a gap would be found."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.model import Shape

from harness import keys, model, operations
from harness.keys import Members
from harness.scene import Scene


def test_every_operation_that_is_built_has_a_row() -> None:
    assert set(keys.ALWAYS) == operations.built()


def unknown(members: Members, shape: Shape) -> list[str]:
    """Members of the table that the model's shape does not have."""
    if shape.type_name == "list":
        return unknown(members, shape.member)
    found = []
    for name, inner in members.items():
        if name not in shape.members:
            found.append(f"{shape.name}.{name}")
        elif inner is not None:
            found += unknown(inner, shape.members[name])
    return found


@pytest.mark.parametrize("operation", keys.ALWAYS)
def test_the_table_has_members_of_the_model_only(operation: str) -> None:
    shape = model.service_model().operation_model(operation).output_shape
    assert unknown(keys.ALWAYS[operation], shape) == []


def without(value: Any, path: tuple[str | int, ...]) -> Any:
    """A copy of the answer without the member at the path."""
    if isinstance(value, list):
        return [without(item, path[1:]) if at == path[0] else item for at, item in enumerate(value)]
    if len(path) == 1:
        return {name: inner for name, inner in value.items() if name != path[0]}
    return {**value, path[0]: without(value[path[0]], path[1:])}


GAPS = [
    ("virtualInterfaces",),
    ("virtualInterfaces", 0, "virtualGatewayId"),
    ("virtualInterfaces", 0, "tags"),
    ("virtualInterfaces", 0, "bgpPeers", 0, "asnLong"),
]


@pytest.mark.parametrize("path", GAPS, ids=lambda path: str(path[-1]))
def test_a_gap_would_be_found(path: tuple[str | int, ...], scene: Scene) -> None:
    answer = scene.clients["owner"].call("DescribeVirtualInterfaces", {})
    assert keys.missing("DescribeVirtualInterfaces", answer) == []
    (found,) = keys.missing("DescribeVirtualInterfaces", without(answer, path))
    assert f".{path[-1]} is missing" in found


def test_what_has_no_value_is_empty(scene: Scene) -> None:
    """In each state, for each side: a member without a value is an empty text or list."""
    ids = scene.ids
    seen = {
        (role, interface["virtualInterfaceId"]): interface
        for role in ("lender", "owner")
        for interface in scene.clients[role].call("DescribeVirtualInterfaces", {})[
            "virtualInterfaces"
        ]
    }
    # The lender does not learn the name of the owner's gateway.
    gateways = {
        ("lender", "hosted"): "",
        ("owner", "hosted"): "",
        ("owner", "rejected"): "",
        ("lender", "deleted"): "",
        ("lender", "live"): "",
        ("owner", "live"): ids["gw"],
        ("lender", "own"): ids["gw_lender"],
    }
    for (role, name), gateway in gateways.items():
        assert seen[role, ids[name]]["virtualGatewayId"] == gateway, (role, name)
    for interface in seen.values():
        assert interface["directConnectGatewayId"] == ""
        assert interface["routeFilterPrefixes"] == []
    assert seen["owner", ids["live"]]["tags"] == []
    assert seen["lender", ids["own"]]["tags"] == []
    (connection,) = scene.clients["lender"].call(
        "DescribeConnections", {"connectionId": ids["conn_requested"]}
    )["connections"]
    assert connection["tags"] == []
