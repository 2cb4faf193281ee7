"""Linkway's model of the API has everything that the installed clients know.

The answers themselves are judged by the recorder, in every test that calls the server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest

from harness import model, paths

Model = dict[str, Any]

MODEL = paths.REPOSITORY / "model" / "directconnect-2012-10-25.json"


@cache
def ours() -> Model:
    """The model that Linkway's types are generated from; `cargo xtask codegen --check` and
    `crates/wire/tests/model_coverage.rs` hold the types to it."""
    return json.loads(MODEL.read_text())


def theirs() -> Model:
    """The model of the installed botocore."""
    return botocore.session.Session().get_data("directconnect/2012-10-25/service-2")


def reachable(model_: Model, shape: str, seen: set[str]) -> set[str]:
    """The shape and all that it is made of."""
    if shape not in seen:
        seen.add(shape)
        members = model_["shapes"][shape].get("members", {}).values()
        parts = [*members, *filter(None, [model_["shapes"][shape].get("member")])]
        for part in parts:
            reachable(model_, part["shape"], seen)
    return seen


def lacking_operations(we: Model, they: Model) -> Iterator[str]:
    for name, operation in they["operations"].items():
        own = we["operations"].get(name)
        if own is None:
            yield f"operation {name}"
            continue
        for end in ("input", "output"):
            wanted, found = operation.get(end, {}).get("shape"), own.get(end, {}).get("shape")
            if wanted != found:
                yield f"{name}.{end}: {found} instead of {wanted}"
        errors = {error["shape"] for error in operation.get("errors", [])}
        known = {error["shape"] for error in own.get("errors", [])}
        yield from (f"{name} fails with {error}" for error in sorted(errors - known))


def lacking_in_shape(name: str, own: Model | None, their: Model) -> Iterator[str]:
    if own is None:
        yield f"shape {name}"
        return
    if own["type"] != their["type"]:
        yield f"{name} is a {own['type']} instead of a {their['type']}"
    for member, reference in their.get("members", {}).items():
        found = own.get("members", {}).get(member, {}).get("shape")
        if found != reference["shape"]:
            yield f"{name}.{member}: {found} instead of {reference['shape']}"
    yield from (
        f"{name}.{member} is required"
        for member in their.get("required", [])
        if member not in own.get("required", [])
    )
    yield from (
        f"{name} has the value {value!r}"
        for value in their.get("enum", [])
        if value not in own.get("enum", [])
    )
    if own.get("member", {}).get("shape") != their.get("member", {}).get("shape"):
        yield f"{name} is a list of something else"
    yield from (
        f"{name}.{limit}: {own.get(limit)!r} instead of {their[limit]!r}"
        for limit in ("min", "max", "pattern")
        if limit in their and own.get(limit) != their[limit]
    )


def lacking(we: Model, they: Model) -> list[str]:
    """What they have and we lack."""
    found = list(lacking_operations(we, they))
    wanted: set[str] = set()
    for operation in they["operations"].values():
        ends = [operation.get("input"), operation.get("output"), *operation.get("errors", [])]
        for end in filter(None, ends):
            reachable(they, end["shape"], wanted)
    for name in sorted(wanted):
        found += lacking_in_shape(name, we["shapes"].get(name), they["shapes"][name])
    return found


def test_our_model_lacks_nothing() -> None:
    assert lacking(ours(), theirs()) == []


def test_the_model_has_73_operations() -> None:
    assert len(ours()["operations"]) >= 73
    assert set(model.operations()) <= set(ours()["operations"])


def _without(model_: Model, *path: str) -> Model:
    copy = json.loads(json.dumps(model_))
    parent = copy
    for step in path[:-1]:
        parent = parent[step]
    end = path[-1]
    if isinstance(parent, list):
        parent.remove(end)
    else:
        del parent[end]
    return copy


REMOVALS = [
    (("operations", "DescribeLags"), "operation DescribeLags"),
    (("operations", "DescribeLags", "input"), "DescribeLags.input"),
    (("shapes", "VirtualInterface", "members", "mtu"), "VirtualInterface.mtu"),
    (("shapes", "VirtualInterfaceState", "enum", "confirming"), "'confirming'"),
    (("shapes", "NewPrivateVirtualInterface", "required", "vlan"), "vlan is required"),
    (("shapes", "TagKey", "max"), "TagKey.max"),
    (("shapes", "BGPPeer"), "shape BGPPeer"),
]


@pytest.mark.parametrize(("path", "told"), REMOVALS, ids=[told for _, told in REMOVALS])
def test_a_gap_would_be_found(path: tuple[str, ...], told: str) -> None:
    """The comparison is not blind: each kind of gap, made on purpose, is reported."""
    assert any(told in gap for gap in lacking(_without(theirs(), *path), theirs()))


INVALID_ANSWERS = [
    ("DescribeLocations", {"locations": {}}, "not a list"),
    ("DescribeLocations", {"places": []}, "no such member"),
    ("DescribeVirtualInterfaces", {"virtualInterfaces": [{"vlan": "101"}]}, "not a integer"),
    ("DescribeVirtualInterfaces", {"virtualInterfaces": [{"vlan": True}]}, "not a integer"),
    ("DescribeVirtualInterfaces", {"virtualInterfaces": [{"virtualInterfaceState": "up"}]}, "no value of"),
    ("DescribeConnections", {"connections": [{"connectionState": "expired"}]}, "no value of"),
    ("DescribeConnections", {"connections": [{"tags": [{"value": "x"}]}]}, "required"),
    ("DescribeConnections", {"connections": [{"lagId": None}]}, "not a string"),
    ("DeleteConnection", [], "not an object"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "answer", "told"), INVALID_ANSWERS)
def test_a_wrong_answer_would_be_found(operation: str, answer: object, told: str) -> None:
    assert any(told in problem for problem in model.problems(operation, answer))


def test_expired_is_the_only_state_beyond_the_model() -> None:
    answer = {"virtualInterfaces": [{"virtualInterfaceState": "expired"}]}
    assert model.problems("DescribeVirtualInterfaces", answer) == []
