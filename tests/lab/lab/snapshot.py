"""Everything the kernel holds in a namespace, as plain values that can be compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.checks import Failed, wait_until
from lab.net import Namespace

# What changes by itself, or is a number that says nothing.
RESTLESS = {"ifindex", "link_index", "operstate", "valid_life_time", "preferred_life_time", "stats",
            "stats64", "expires", "cache", "used", "age", "event", "tentative", "linkmode"}  # fmt: skip

Snapshot = dict[str, list[str]]


def snapshot(namespace: Namespace) -> Snapshot:
    """Links, addresses, routes of all tables and rules, one line of text for each.

    Waits for the kernel to be done with duplicate address detection, which ends in new routes.
    """
    wait_until("no tentative address", lambda: _tentative(namespace), lambda seen: not seen)
    shown = {
        "link": namespace.show("link", "show"),
        "address": namespace.show("address", "show"),
        "route": namespace.show("-4", "route", "show", "table", "all"),
        "route6": namespace.show("-6", "route", "show", "table", "all"),
        "rule": namespace.show("-4", "rule", "show"),
        "rule6": namespace.show("-6", "rule", "show"),
    }
    return {
        kind: sorted(str(_steady(entry)) for entry in entries if not _comes_with_vrfs(entry))
        for kind, entries in shown.items()
    }


def _tentative(namespace: Namespace) -> list[str]:
    """Interfaces with an address that is not checked for duplicates yet."""
    entries = namespace.show("address", "show", "tentative")
    return [entry["ifname"] for entry in entries if any(entry["addr_info"])]


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _steady(inner) for name, inner in sorted(value.items()) if name not in RESTLESS
        }
    if isinstance(value, list):
        return [_steady(inner) for inner in value]
    return value


def _comes_with_vrfs(entry: dict[str, Any]) -> bool:
    """The rule that the kernel itself adds with a namespace's first VRF and never takes away."""
    return entry.get("priority") == 1000 and "l3mdev" in entry


def only(of: Snapshot, keep: Callable[[str], bool]) -> Snapshot:
    """The lines that are to be kept, for example those that name a foreign object."""
    return {kind: [line for line in lines if keep(line)] for kind, lines in of.items()}


def must_be_same(before: Snapshot, after: Snapshot, what: str) -> None:
    """Fails with every line that came or went."""
    changes = [
        f"{sign} {kind} {line}"
        for kind in before
        for sign, these, others in (("-", before, after), ("+", after, before))
        for line in these[kind]
        if line not in others[kind]
    ]
    if changes:
        raise Failed(f"{what}: the router has changed:\n" + "\n".join(changes))
