"""The operator's public network behind an edge: a router, which speaks BGP with it, and a host. IPv6 is routed by hand."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from lab.fabric import Fabric
from lab.vpc import HANDOFF

if TYPE_CHECKING:
    from lab.edge import Edge
    from lab.scene import Scene

# The name of its routing domain on every router.
VRF = "public-0"


class PublicNetwork(Fabric):
    """One prefix of each IP version, with a host in it: `host` and `host6`."""

    # The server's `public_asn`, if nothing else is configured.
    edges_asn = 7224

    def __init__(self, scene: Scene, edge: Edge, cidr: str, cidr6: str) -> None:
        self.edge, self.cidr6 = edge, cidr6
        network = ip_network(cidr6)
        self.host6, self._first6 = str(network[10]), f"{network[1]}/{network.prefixlen}"
        super().__init__(scene, scene.tenant("nobody"), cidr, [edge])

    def _gateway(self) -> str:
        """The addresses of IPv6, then what the operator says of the network."""
        (handoff,) = self.handoffs
        ours, theirs, length = HANDOFF[6]
        prefixlen = ip_network(self.cidr6).prefixlen
        self.edge.namespace.ip(f"address add {ours}/{length} dev {handoff.interface} nodad")
        self.router.ip(
            f"address add {theirs}/{length} dev {handoff.far} nodad",
            f"address add {self._first6} dev vpc nodad",
            f"route add default via {ours}",
        )
        self.namespace.ip(
            f"address add {self.host6}/{prefixlen} dev eth0 nodad",
            f"route add default via {self._first6.partition('/')[0]}",
        )
        self.set(self.cidr, cidr6=self.cidr6)
        return VRF

    def set(self, *cidrs: str, cidr6: str) -> None:
        """The operator says what its prefixes are."""
        (handoff,) = self.handoffs
        words = [word for cidr in (*cidrs, cidr6) for word in ("--prefix", cidr)]
        words += self.words_of_handoffs()
        words += ["--handoff", f"{self.edge.name}:{handoff.interface}:{HANDOFF[6][1]}"]
        self.scene.server.admin("public-network", "set", "--edge", self.edge.name, *words)

    def learned(self) -> set[str]:
        """The prefixes that its router has learned of customers."""
        lines = self.ask("show route protocol edge0").splitlines()
        return {line.split()[0] for line in lines if "/" in line.split(" ")[0]}
