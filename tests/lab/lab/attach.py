"""An interface of a VPC with its customer, of one or both IP versions, in one step."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from lab.customer import Customer
from lab.interface import Connection, Interface
from lab.routerconfig import RouterConfig
from lab.traffic import must_reach

if TYPE_CHECKING:
    from lab.edge import Port
    from lab.vpc import Vpc


@dataclass
class Attached:
    """The interface, its customer, and for each IP version the session and the customer's and the VPC's host."""

    lent: Interface
    customer: Customer
    vpc: Vpc
    configs: dict[int, RouterConfig]
    hosts: dict[int, str]

    def vpc_host(self, version: int) -> str:
        """The VPC's host of this IP version."""
        hosts = zip(self.vpc.cidrs, self.vpc.hosts, strict=True)
        return next(host for cidr, host in hosts if ip_network(cidr).version == version)

    def cidr(self, version: int) -> str:
        """The VPC's prefix of this IP version."""
        return next(cidr for cidr in self.vpc.cidrs if ip_network(cidr).version == version)

    def wait(self) -> None:
        """Until all its sessions are up and pings pass."""
        for version, config in self.configs.items():
            self.customer.wait_up(config=config)
            self.customer.wait_route(self.cidr(version))
            self.must_pass(version)

    def must_pass(self, version: int) -> None:
        """Fails unless the customer's host reaches the VPC's."""
        must_reach(self.customer.namespace, self.hosts[version], self.vpc_host(version))


def attach(
    port: Port,
    connection: Connection,
    vpc: Vpc,
    vlan: int,
    number: int = 1,
    *,
    kind: str = "bird",
    prefixes: tuple[str, ...] = (),
    **more: Any,
) -> Attached:
    """Lends a VLAN to the VPC's owner, who accepts, and starts a customer's router with a session of each IP
    version of the VPC. It announces 192.168.NUMBER.0/24 and 2001:db8:cNUMBER::/48 unless `prefixes` says other IPv4 ones.

    Sessions come up meanwhile: `wait` waits for them.
    """
    asked = {"amazonAddress": None, "customerAddress": None} | more
    lent = connection.lend(vpc.owner, vlan=vlan, **asked)
    lent.accept(vpc)
    config = lent.router_config()
    announced = prefixes or (f"192.168.{number}.0/24",)
    customer = port.edge.scene.customer(port, config, kind, announced)
    customer.start()
    made = Attached(lent, customer, vpc, {4: config}, {4: customer.host})
    if any(ip_network(cidr).version == 6 for cidr in vpc.cidrs):
        made.configs[6] = lent.add_peer("ipv6")
        made.hosts[6] = customer.add_peer(made.configs[6], f"2001:db8:c{number}::/48")
    return made
