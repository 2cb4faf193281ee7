"""What must never leave by the management interface: anything that a customer or a VPC sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.capture import Capture
from lab.checks import must_equal
from lab.frames import Frame, address
from lab.server import LISTEN

if TYPE_CHECKING:
    from lab.edge import Edge

# Addresses that nothing in the lab has: the default route of the main table leads there.
ELSEWHERE, ELSEWHERE6 = "198.18.0.77", "2001:db8:e15e::77"


class Management:
    """`with Management(edge) as watch: …`, then `watch.must_be_clean()`."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._capture = Capture(edge.scene, edge.namespace, "mgmt0", "out")

    def __enter__(self) -> Management:
        self._capture.__enter__()
        return self

    def __exit__(self, *arguments: object) -> None:
        self._capture.__exit__(*arguments)

    def strangers(self) -> list[str]:
        """What was not said by the router itself, each once, with how often it was seen."""
        return strangers(self._edge, self._capture.frames)

    def must_be_clean(self) -> None:
        """Fails with every packet that left and was not the router's own."""
        must_equal(self.strangers(), [], "what left by the management interface")


def strangers(edge: Edge, frames: list[Frame]) -> list[str]:
    """Which of the frames on the management link are not between the router and what it talks with there."""
    ends = {edge.management, edge.management_far, LISTEN, edge.management6, edge.management_far6}
    counts: dict[str, int] = {}
    for frame in frames:
        own = frame.source in ends and frame.target in ends
        if not own and not is_housekeeping(frame, {edge.management_far6}):
            counts[str(frame)] = counts.get(str(frame), 0) + 1
    return [f"{count} x {text}" for text, count in counts.items()]


def is_housekeeping(frame: Frame, neighbors: set[str] = frozenset()) -> bool:
    """What a kernel says of itself on any interface with IPv6: group memberships, its own addresses' check,
    the search for routers, and neighbor discovery of these neighbors."""
    if frame.kind == "ip6-0":
        return frame.target.startswith("ff02::")
    if frame.kind != "icmp6":
        return False
    kind, asked = frame.payload[0], frame.payload[8:24]
    if kind == 135 and frame.source == "::":
        return True
    if kind in (135, 136):
        wanted = {frame.target} if kind == 136 else {address(asked)}
        return bool(wanted & neighbors) or all(text.startswith("fe80:") for text in wanted)
    return kind in (133, 143)
