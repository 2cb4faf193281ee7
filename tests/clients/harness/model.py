"""The API as the installed botocore knows it, and whether a JSON answer agrees with it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import botocore.session
from botocore.model import ServiceModel, Shape

# OUTSCALE's documentation has a state that the model of AWS lacks; see the decisions on expiry.
EXTRA_ENUM_VALUES = {"VirtualInterfaceState": {"expired"}}

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


@cache
def service_model() -> ServiceModel:
    """The Direct Connect model that boto3 in this environment uses."""
    session = botocore.session.Session()
    return ServiceModel(session.get_data("directconnect/2012-10-25/service-2"), "directconnect")


def operations() -> list[str]:
    """The names of all operations."""
    return list(service_model().operation_names)


def problems(operation: str, answer: object) -> list[str]:
    """Where a success answer of the operation disagrees with its output shape; empty is right."""
    shape = service_model().operation_model(operation).output_shape
    return list(_problems(shape, answer, operation))


def _problems(shape: Shape, value: object, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path)
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{path}: {value!r} is not a list"
            return
        for index, item in enumerate(value):
            yield from _problems(shape.member, item, f"{path}[{index}]")
    else:
        yield from _scalar(shape, value, path)


def _structure(shape: Shape, value: object, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is not an object"
        return
    for name, member in value.items():
        if name not in shape.members:
            yield f"{path}.{name}: {shape.name} has no such member"
        else:
            yield from _problems(shape.members[name], member, f"{path}.{name}")
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name}: required by {shape.name}"


def _scalar(shape: Shape, value: object, path: str) -> Iterator[str]:
    wanted = _JSON_TYPES[shape.type_name]
    is_bool = isinstance(value, bool)
    if not isinstance(value, wanted) or is_bool != (shape.type_name == "boolean"):
        yield f"{path}: {value!r} is not a {shape.type_name}"
        return
    values = getattr(shape, "enum", None)
    if values and value not in {*values, *EXTRA_ENUM_VALUES.get(shape.name, ())}:
        yield f"{path}: {value!r} is no value of {shape.name}"
