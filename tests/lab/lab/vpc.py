"""A VPC: a namespace behind a handoff interface of the edge, with one host in each of its prefixes."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from lab.net import veth

if TYPE_CHECKING:
    from lab.api import Tenant
    from lab.edge import Edge
    from lab.scene import Scene

# The handoff's own subnets, by IP version: the edge's address, the VPC's, the prefix length. The
# same for every VPC, because nothing of a VPC is seen outside of its VRF.
HANDOFF = {4: ("192.0.2.1", "192.0.2.2", 30), 6: ("2001:db8:ff::1", "2001:db8:ff::2", 64)}


class Vpc:
    """A VPC of a tenant with its virtual gateway. `host` is the address of the host in its first prefix."""

    def __init__(self, edge: Edge, owner: Tenant, interface: str, *cidrs: str) -> None:
        scene = edge.scene
        self.owner = owner
        self.cidr = cidrs[0]
        self.cidrs = list(cidrs)
        self.interface = interface
        self.namespace = scene.namespace(f"{edge.name}-{interface}")
        self.hosts = [str(ip_network(cidr)[10]) for cidr in cidrs]
        self.host = self.hosts[0]
        veth(edge.namespace, interface, self.namespace, "eth0")
        handoffs: list[str] = []
        for version in sorted({ip_network(cidr).version for cidr in cidrs}):
            ours, theirs, length = HANDOFF[version]
            nodad = " nodad" if version == 6 else ""
            edge.namespace.ip(f"address add {ours}/{length} dev {interface}{nodad}")
            self.namespace.ip(f"address add {theirs}/{length} dev eth0{nodad}")
            handoffs += ["--handoff", f"{edge.name}:{interface}:{theirs}"]
        for cidr, host in zip(cidrs, self.hosts, strict=True):
            nodad = " nodad" if ip_network(cidr).version == 6 else ""
            self.namespace.ip(f"address add {host} dev lo{nodad}")
        self._route()
        self.gateway_id = self._gateway(scene, handoffs)

    def _gateway(self, scene: Scene, handoffs: list[str]) -> str:
        """The operator makes the gateway; its id."""
        words = ["--account", self.owner.account_id, "--vpc", f"vpc-{scene.next_number():08x}"]
        words += [word for cidr in self.cidrs for word in ("--cidr", cidr)]
        return scene.server.admin("gateway", "create", *words, *handoffs)["virtualGatewayId"]

    def _route(self) -> None:
        """Its own way to what customers announce."""
        for version in {ip_network(cidr).version for cidr in self.cidrs}:
            ours, theirs, length = HANDOFF[version]
            # The kernel takes an interface's IPv6 addresses and all its routes away with it.
            nodad = " nodad" if version == 6 else ""
            self.namespace.ip(
                f"address replace {theirs}/{length} dev eth0{nodad}",
                f"route replace default via {ours}",
            )

    def cut(self) -> None:
        """The handoff's carrier is lost."""
        self.namespace.ip("link set eth0 down")

    def mend(self) -> None:
        """The handoff's carrier is back."""
        self.namespace.ip("link set eth0 up")
        self._route()


class TransitNetwork(Vpc):
    """Networks of a tenant behind a transit gateway, whose id is `gateway_id`. The gateway knows none of their prefixes."""

    def __init__(self, edge: Edge, owner: Tenant, interface: str, asn: int, *cidrs: str) -> None:
        self._asn = asn
        super().__init__(edge, owner, interface, *cidrs)

    def _gateway(self, scene: Scene, handoffs: list[str]) -> str:
        words = ["--account", self.owner.account_id, "--asn", str(self._asn)]
        made = scene.server.admin("transit-gateway", "create", *words, *handoffs)
        return made["transitGatewayId"]
