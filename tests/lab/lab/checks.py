"""What fails a scenario, and waiting for a condition by asking again, never longer than a bound."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.1


class Failed(Exception):
    """The scenario did not go as it must; the text says what was expected and what was seen."""


def must(condition: object, expected: str, seen: object = None) -> None:
    """Fails unless the condition holds."""
    if not condition:
        raise Failed(f"expected: {expected}" + ("" if seen is None else f"; seen: {seen}"))


def must_equal(seen: object, wanted: object, what: str) -> None:
    """Fails unless both are the same."""
    must(seen == wanted, f"{what} = {wanted!r}", repr(seen))


class Findings:
    """`with Findings() as findings:`, in it `with findings.of("what"): …` for each part.

    A part that fails does not keep the next ones from being looked at; at the end all that was found is told.
    """

    def __init__(self) -> None:
        self._found: list[str] = []

    def __enter__(self) -> Findings:
        return self

    def __exit__(self, kind: object, failure: BaseException | None, _trace: object) -> None:
        if failure is not None and not isinstance(failure, Failed):
            failure.add_note("\n".join(self._found))
            return
        found = self._found + ([str(failure)] if failure else [])
        if found:
            raise Failed("\n".join(found)) from None

    @contextlib.contextmanager
    def of(self, part: str) -> Iterator[None]:
        """One part."""
        try:
            yield
        except Failed as failure:
            self._found.append(f"{part}: {failure}")


def wait_until(
    expected: str,
    look: Callable[[], T],
    enough: Callable[[T], object] = bool,
    patience: float = PATIENCE_SECONDS,
    pause: float = PAUSE_SECONDS,
) -> T:
    """What `look` gives once `enough` says yes; Failed with the last look after `patience` s."""
    deadline = time.monotonic() + patience
    while True:
        seen = look()
        if enough(seen):
            return seen
        if time.monotonic() > deadline:
            raise Failed(f"waited {patience:.0f} s for: {expected}; last seen: {seen!r}")
        time.sleep(pause)


def stays(
    expected: str,
    look: Callable[[], T],
    enough: Callable[[T], object],
    seconds: float,
    pause: float = 0.2,
) -> None:
    """Fails as soon as `enough` says no within these seconds: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen = look()
        must(enough(seen), f"for {seconds:.0f} s: {expected}", repr(seen))
        time.sleep(pause)
