"""Each client walks from order to deletion, unmodified, and reads the same facts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import paths
from harness.clients import AwsCli, Boto, Client, Curl, OscCli
from harness.server import Server
from harness.signing import Key
from harness.walk import Brief, Transcript, judge, walk, walk_by_program

ClientOf = Callable[[Server, Key, Path], Client]

SINGLE_CALLS: dict[str, ClientOf] = {
    "boto3": lambda server, key, _: Boto(server.endpoint, key, server.recorder),
    "aws-cli": lambda server, key, home: AwsCli(server.endpoint, key, home),
    "osc-cli": lambda server, key, home: OscCli(server.endpoint, key, home),
    "curl": lambda server, key, _: Curl(server.endpoint, key, server.recorder),
}

PROGRAMS: dict[str, Callable[[], list[str]]] = {
    "sdk-for-javascript": lambda: [paths.node(), str(paths.CLIENTS / "js-sdk" / "walk.mjs")],
    "sdk-for-rust": lambda: [paths.rust_walk()],
}


@pytest.fixture
def brief(request: pytest.FixtureRequest, server: Server, new_account: Callable[[], Key]) -> Brief:
    lender, owner, third = new_account(), new_account(), new_account()
    gateway = server.create_gateway(owner.account_id)
    name = f"walk-{request.node.callspec.params['client']}"
    return Brief(server.endpoint, lender, owner, third, gateway, name)


def judged(brief: Brief, told: Transcript) -> None:
    judge(brief, told)
    assert list(told) == STEPS, "a walk left a step out"


STEPS = [
    "locations",
    "order",
    "connection",
    "allocate",
    "seenByLender",
    "seenByOwner",
    "seenByThird",
    "gateways",
    "thirdConfirm",
    "confirm",
    "settled",
    "settledByLender",
    "connectionInUse",
    "delete",
    "ended",
    "connectionDelete",
    "connectionEnded",
]


@pytest.mark.parametrize("client", SINGLE_CALLS)
def test_client_walks(client: str, brief: Brief, server: Server, tmp_path: Path) -> None:
    def client_of(key: Key) -> Client:
        home = tmp_path / key.account_id
        home.mkdir()
        return SINGLE_CALLS[client](server, key, home)

    judged(brief, walk(brief, client_of))


@pytest.mark.parametrize("client", PROGRAMS)
def test_sdk_walks(client: str, brief: Brief) -> None:
    told = walk_by_program(brief, PROGRAMS[client]())
    judged(brief, {step: told[step] for step in STEPS})
