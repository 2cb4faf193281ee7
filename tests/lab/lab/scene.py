"""What a scenario plays on: the server, tenants, edges, and everything that must be undone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab.api import Tenant
from lab.capture import Capture
from lab.checks import Failed
from lab.customer import Customer
from lab.edge import Edge, Port
from lab.interface import Connection
from lab.net import Namespace
from lab.process import Process
from lab.server import Server, Settings
from lab.vpc import Vpc

LOCATION = "LAB1"
FIRST_PORT = 8580


class Lab:
    """One boot: the program, a directory, and the server that scenarios share."""

    def __init__(self, program: str, directory: Path) -> None:
        self.program = program
        self.directory = directory
        self._servers: list[Server] = []
        self._shared: Server | None = None
        self._tenants: dict[tuple[str, str], Tenant] = {}
        self._number = 0

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def server(self, settings: Settings | None) -> Server:
        """The shared server, running; or one of its own for a scenario that has settings."""
        if settings is None and self._shared:
            if not self._shared.is_running():
                self._shared.start()
            return self._shared
        count = len(self._servers)
        server = Server(
            self.program, self.directory / f"server-{count}", FIRST_PORT + count, settings or {}
        )
        self._servers.append(server)
        server.start()
        server.admin("location", "create", "--code", LOCATION, "--name", "The lab")
        if settings is None:
            self._shared = server
        return server

    def tenant(self, server: Server, name: str) -> Tenant:
        """The tenant of this name, made when first asked for."""
        known = (server.endpoint, name)
        if known not in self._tenants:
            account_id = f"{100_000_000_000 + self.next_number()}"
            self._tenants[known] = Tenant(server, account_id, name)
        return self._tenants[known]

    def end(self) -> None:
        for server in self._servers:
            server.stop()


@dataclass
class Site:
    """The usual world: a lender's connection on port eth1 of a router, and a VPC behind eth9."""

    edge: Edge
    port: Port
    lender: Tenant
    owner: Tenant
    connection: Connection
    vpc: Vpc


@dataclass
class Scene:
    """One run of one scenario."""

    lab: Lab
    name: str
    server: Server
    directory: Path
    notes: list[tuple[float, str]] = field(default_factory=list)
    location: str = LOCATION

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True)
        self._began = time.monotonic()
        self._undo: list[Callable[[], None]] = []
        self._details: list[tuple[str, Callable[[], str]]] = []
        self._edges: list[Edge] = []
        self.on_failure(
            "server's log", lambda: "\n".join(self.server.log_text().splitlines()[-15:])
        )

    # What scenarios use.

    def note(self, text: str) -> None:
        """Says what has just been shown to hold."""
        self.notes.append((time.monotonic() - self._began, text))

    def tenant(self, name: str) -> Tenant:
        return self.lab.tenant(self.server, name)

    def edge(self, name: str = "edge") -> Edge:
        """One more router of this scenario; its agent is not started yet."""
        edge = Edge(self, f"{self.letter}-{name}")
        self._edges.append(edge)
        return edge

    def site(self, *cidrs: str) -> Site:
        """The usual world, with the agent running and the connection available; the VPC has these prefixes."""
        edge = self.edge()
        port = edge.port("eth1")
        lender, owner = self.tenant("lender"), self.tenant("owner")
        vpc = edge.vpc(owner, "eth9", *(cidrs or ("10.20.0.0/16",)))
        edge.start()
        connection = self.connect(lender, port)
        self.note("an edge, a port, a VPC, a connection")
        return Site(edge, port, lender, owner, connection, vpc)

    def connect(self, lender: Tenant, port: Port) -> Connection:
        """A connection on this port, available."""
        connection = Connection(self, lender, port)
        connection.wait_state("available")
        return connection

    def customer(self, *arguments: object, **named: object) -> Customer:
        """A customer on a port: see Customer. Its router is not started yet."""
        return Customer(*arguments, **named)  # type: ignore[arg-type]

    def capture(self, namespace: Namespace, interface: str, direction: str = "inout") -> Capture:
        """tcpdump, as a context manager."""
        return Capture(self, namespace, interface, direction)

    # What the lab's parts use.

    @property
    def letter(self) -> str:
        return self.name.partition("_")[0]

    def next_number(self) -> int:
        return self.lab.next_number()

    def namespace(self, name: str, *, forward: bool = True) -> Namespace:
        space = Namespace(name, forward=forward)
        self.undo(space.delete)
        return space

    def undo(self, step: Callable[[], None]) -> None:
        """To be done at the end, last one first."""
        self._undo.append(step)

    def on_failure(self, title: str, look: Callable[[], str]) -> None:
        """What is worth reading when the scenario fails."""
        self._details.append((title, look))

    def details(self) -> dict[str, str]:
        """All that was registered for a failure; what cannot be read says so."""
        texts = {}
        for title, look in self._details:
            try:
                texts[title] = look()
            except Exception as error:  # noqa: BLE001 - a broken look must not hide the failure
                texts[title] = f"({type(error).__name__}: {error})"
        return texts

    def close(self) -> None:
        """What holds at the end of every scenario: no secret can be read."""
        for edge in self._edges:
            edge.check_secrets()
        self.server.check_secrets({"the server's log": self.server.log_text()})

    def end(self) -> list[str]:
        """Undoes everything; gives what went wrong with that."""
        problems = []
        for step in reversed(self._undo):
            try:
                step()
            except Failed as failure:
                problems.append(str(failure))
        for process in list(Process.started):
            if process is not self.server.process:
                process.kill()
        return problems
