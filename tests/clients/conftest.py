"""Fixtures: servers that live as long as they are needed, and the world that single calls need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from harness import scene as scenes
from harness.clients import Boto
from harness.server import Certificate, Server, Settings
from harness.signing import Key

StartServer = Callable[..., Server]

_numbers = count(700_000_000_000)


def _end(server: Server) -> None:
    """Looks for leaked secrets while there is a server to ask, then ends it."""
    try:
        leaks = server.leaks() if server.is_running() else []
    finally:
        code = server.stop()
    assert not leaks, leaks
    assert code == 0, f"serve ended with {code}:\n{server.log_text()[-4000:]}"


@pytest.fixture
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Starts servers with settings of their own; all end with the test."""
    started: list[Server] = []

    def start(settings: Settings | None = None, certificate: Certificate | None = None) -> Server:
        server = Server(tmp_path_factory.mktemp("serve"), settings, certificate)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        _end(server)


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[scenes.Scene]:
    """The settled world, on a server that this worker's tests share."""
    server = Server(tmp_path_factory.mktemp("scene"))
    try:
        server.start()
        yield scenes.build(server)
    finally:
        _end(server)


@pytest.fixture
def server(scene: scenes.Scene) -> Server:
    """The shared server, for tests that bring accounts of their own."""
    return scene.server


@pytest.fixture
def new_account(server: Server) -> Callable[[], Key]:
    """Makes accounts that nothing else uses."""
    return lambda: server.create_account(str(next(_numbers)), "one test's own")


@pytest.fixture
def boto(server: Server) -> Callable[[Key], Boto]:
    """boto3 on the shared server."""
    return lambda key: Boto(server.endpoint, key, server.recorder)
