"""Waiting for a state by asking again, never longer than a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.1


def until(
    look: Callable[[], T],
    enough: Callable[[T], bool],
    what: str,
    patience: float = PATIENCE_SECONDS,
) -> T:
    """What `look` gives once `enough` says yes; an AssertionError with the last look otherwise."""
    deadline = time.monotonic() + patience
    while True:
        seen = look()
        if enough(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s for {what}; last seen: {seen!r}")
        time.sleep(PAUSE_SECONDS)
