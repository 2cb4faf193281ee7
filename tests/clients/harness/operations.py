"""The table of operations in `docs/operations.md`, which a test compares with the program."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from harness import paths

_HEAD = "| Operation | Built | Callers | Role |"
ROLES = ("read", "operate", "admin")


@dataclass(frozen=True)
class Row:
    """One operation; `service` is the part of a target before the dot."""

    service: str
    name: str
    is_built: bool
    callers: str
    role: str


@cache
def rows() -> tuple[Row, ...]:
    """Every operation of both services."""
    found: list[Row] = []
    service, in_table = "", False
    for line in (paths.REPOSITORY / "docs" / "operations.md").read_text().splitlines():
        if line.startswith("## "):
            service = "Linkway" if "`Linkway`" in line else "OvertureService"
        in_table = line.startswith(_HEAD) or (in_table and line.startswith("|"))
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if in_table and cells[1] in {"yes", "no"}:
            found.append(Row(service, cells[0], cells[1] == "yes", cells[2], cells[3]))
    assert {row.service for row in found} == {"Linkway", "OvertureService"}
    return tuple(found)


def built() -> set[str]:
    """The operations of the Direct Connect API that are built."""
    return {row.name for row in rows() if row.service == "OvertureService" and row.is_built}


def linkway(callers: str | None = None) -> list[str]:
    """The operations of the `Linkway` service; with `callers`, those for `accounts`, `operators` or `edges`."""
    return [
        row.name for row in rows() if row.service == "Linkway" and callers in {None, row.callers}
    ]


def above(role: str) -> list[str]:
    """The operators' operations that need a higher role than this one."""
    higher = ROLES[ROLES.index(role) + 1 :]
    return [row.name for row in rows() if row.role in higher]
