"""Objects of every kind on the router that are not the agent's, many of them made to look like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.snapshot import must_be_same, only

if TYPE_CHECKING:
    from lab.edge import Edge

# Each of these words is in the line of every object below, and in no other line.
WORDS = ("foreign", "4242", "203.0.113.", "2001:db8:dead:")


class Foreign:
    """An operator's own VLAN on the same port, VRF, routes, rules and addresses."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        edge.namespace.ip(
            "link add foreign0 type dummy",
            "link set foreign0 up",
            "address add 203.0.113.1/24 dev foreign0",
            "address add 2001:db8:dead::1/64 dev foreign0 nodad",
            "link add link eth1 name foreign.vlan type vlan id 4000",
            "link set foreign.vlan up",
            "link add foreign-vrf type vrf table 4242",
            "link set foreign-vrf up alias foreign",
            "link add foreign1 type dummy",
            "link set foreign1 master foreign-vrf",
            "link set foreign1 up",
            "route add 203.0.113.128/25 dev foreign1 table 4242",
            "route add unreachable default metric 4278198272 table 4242",
            # As a routing daemon of the operator's would install it.
            "route add 203.0.113.64/26 via 203.0.113.2 proto bird",
            "rule add to 203.0.113.0/24 lookup 4242 priority 500",
        )
        edge.settle(0.3)
        self._before = self._seen()

    def _seen(self) -> dict[str, list[str]]:
        return only(self._edge.snapshot(), lambda line: any(word in line for word in WORDS))

    def must_be_untouched(self) -> None:
        """Fails if one of them changed."""
        must_be_same(self._before, self._seen(), "foreign objects")
