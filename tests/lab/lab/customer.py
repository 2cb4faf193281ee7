"""A customer: a namespace with a router on a VLAN of the port, and a host in its own network."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_network
from typing import TYPE_CHECKING

from lab.bird import Bird
from lab.checks import wait_until
from lab.exabgp import ExaBgp
from lab.frr import Frr
from lab.gobgp import GoBgp
from lab.openbgpd import OpenBgpd
from lab.routerconfig import RouterConfig

if TYPE_CHECKING:
    from lab.edge import Port

ROUTERS = {"bird": Bird, "frr": Frr, "gobgp": GoBgp, "openbgpd": OpenBgpd, "exabgp": ExaBgp}


class Customer:
    """A customer's site. `host` is the address of the host in its first prefix."""

    def __init__(
        self,
        port: Port,
        config: RouterConfig,
        kind: str = "bird",
        prefixes: tuple[str, ...] = ("192.168.1.0/24",),
        key: str | None = None,
        *,
        bfd: bool = False,
    ) -> None:
        scene = self._scene = port.edge.scene
        self.config = dataclasses.replace(config, key=key) if key else config
        # What its router is configured from, by IP version.
        self.peers = {config.version: self.config}
        self.port = port
        self.kind = kind
        self.prefixes = list(prefixes)
        self.host = str(ip_network(prefixes[0])[10])
        self.interface = f"v{config.vlan}"
        self.namespace = scene.namespace(f"{port.trunk.name}-v{config.vlan}")
        self._plug()
        directory = scene.directory / self.namespace.name
        directory.mkdir()
        self.router = ROUTERS[kind](self.namespace, directory)
        if bfd:
            self.router.bfd = True
        scene.on_failure(f"{self.namespace.name}: router", self.router.details)
        scene.undo(self.router.end)

    def _plug(self) -> None:
        """The VLAN's interface with its address, and the host."""
        space, config = self.namespace, self.config
        nodad = " nodad" if config.version == 6 else ""
        self.port.trunk.ip(
            f"link add link eth0 name {self.interface} type vlan id {config.vlan}",
            f"link set {self.interface} netns {space.name}",
        )
        space.ip(
            f"address add {config.ours}/{config.length} dev {self.interface}{nodad}",
            f"link set {self.interface} up",
            f"address add {self.host} dev lo{nodad}",
        )

    def start(self) -> None:
        """Starts the router as it is configured."""
        self.router.start(self.config, self.prefixes)

    def add_peer(self, config: RouterConfig, prefix: str) -> str:
        """A session of the other family on the same VLAN, with this prefix; the host's address in it."""
        host = str(ip_network(prefix)[10])
        nodad = " nodad" if config.version == 6 else ""
        self.namespace.ip(
            f"address add {config.ours}/{config.length} dev {self.interface}{nodad}",
            f"address add {host} dev lo{nodad}",
        )
        self.peers[config.version] = config
        self.router.add(config, [prefix])
        return host

    def announce(self, prefixes: list[str]) -> None:
        """Announces these from now on."""
        self.prefixes = prefixes
        self.router.announce(self.config, prefixes)

    def wait_up(self, patience: float = 90.0, config: RouterConfig | None = None) -> None:
        """Waits until a session is up, the first if none is named, as the customer's own router sees it."""
        config = config or self.config
        wait_until(
            f"{self.namespace.name}'s session with {config.theirs} to come up",
            lambda: self.router.session(config.version),
            lambda state: state == "Established",
            patience,
            0.25,
        )

    def wait_route(self, prefix: str) -> None:
        """Waits until the customer's kernel has a route to the prefix.

        Where the router has no FIB, an administrator makes the route by hand once the router has learned it.
        """
        version = ip_network(prefix).version
        if not self.router.has_fib:
            wait_until(
                f"{self.kind} to learn {prefix}",
                lambda: self.router.learned(version),
                lambda seen: prefix in seen,
            )
            self.namespace.ip(f"route replace {prefix} via {self.peers[version].theirs}")

        def routes() -> list[str]:
            return [route["dst"] for route in self.namespace.show(f"-{version}", "route", "show")]

        wait_until(f"a route to {prefix} at the customer", routes, lambda seen: prefix in seen)

    def wait_no_route(self, prefix: str) -> None:
        """Waits until the customer's kernel has no route to the prefix."""
        family = f"-{ip_network(prefix).version}"
        wait_until(
            f"no route to {prefix} at the customer",
            lambda: [route["dst"] for route in self.namespace.show(family, "route", "show")],
            lambda seen: prefix not in seen,
        )

    def up(self, prefix: str) -> None:
        """Starts the router and waits for the session and for the VPC's prefix."""
        self.start()
        self.wait_up()
        self.wait_route(prefix)
        self._scene.note(f"{self.kind}'s session on VLAN {self.config.vlan} is up")
