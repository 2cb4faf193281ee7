"""What the clients send and understand, looked at without Linkway: the ground its contract stands on.

When a new release of a client fails here, the client has changed, not the server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import paths
from harness.capture import Canned, Capture, Seen
from harness.clients import AwsCli, Boto, Client, Curl, OscCli, Refused, clean_environment, run
from harness.recorder import Recorder
from harness.signing import Endpoint, Key
from harness.walk import Brief

KEY = Key("123456789000", "LKWY0123456789ABCDEF", "s" * 40)
MISSING = "Could not find Connection with ID dxcon-fzzzzzzz"
EXPIRED = {
    "ownerAccount": "123456789000",
    "virtualInterfaceId": "dxvif-f1234567",
    "virtualInterfaceState": "expired",
    "vlan": 101,
    "asn": 65000,
}
TARGET = "x-amz-target"
FOUR = ["content-type", "host", "x-amz-date", TARGET]
THREE = ["host", "x-amz-date", TARGET]

SIGNED = {"boto3": FOUR, "aws-cli": FOUR, "osc-cli": THREE, "curl": FOUR}
SERVICES = {
    "boto3": "directconnect",
    "aws-cli": "directconnect",
    "osc-cli": "directlink",
    "curl": "directlink",
}


def canned(seen: Seen) -> Canned:
    if seen.operation == "DescribeVirtualInterfaces":
        return Canned({"virtualInterfaces": [EXPIRED]})
    if seen.operation == "DeleteConnection":
        return Canned({"__type": "DirectConnectClientException", "message": MISSING}, 400)
    return Canned({})


@pytest.fixture
def capture() -> Iterator[Capture]:
    with Capture(canned).running() as running:
        yield running


@pytest.fixture
def endpoint(capture: Capture) -> Endpoint:
    return Endpoint(capture.endpoint, "eu-west-2")


@pytest.fixture(params=SIGNED)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def client(name: str, endpoint: Endpoint, tmp_path: Path) -> Client:
    makers: dict[str, Callable[[], Client]] = {
        "boto3": lambda: Boto(endpoint, KEY, Recorder(every_key=False)),
        "aws-cli": lambda: AwsCli(endpoint, KEY, tmp_path),
        "osc-cli": lambda: OscCli(endpoint, KEY, tmp_path),
        "curl": lambda: Curl(endpoint, KEY, Recorder(every_key=False)),
    }
    return makers[name]()


def test_form_of_a_call(name: str, client: Client, capture: Capture) -> None:
    params: dict[str, Any] = {
        "connectionId": "dxcon-f1234567",
        "ownerAccount": "023456789000",
        "newPrivateVirtualInterfaceAllocation": {"virtualInterfaceName": "x", "vlan": 101},
    }
    client.call("AllocatePrivateVirtualInterface", params)
    (seen,) = capture.seen
    assert (seen.method, seen.path) == ("POST", "/")
    assert seen.headers["content-type"] == "application/x-amz-json-1.1"
    assert seen.headers[TARGET] == "OvertureService.AllocatePrivateVirtualInterface"
    assert seen.json() == params
    assert seen.scope == ("eu-west-2", SERVICES[name])
    assert seen.signed_headers == SIGNED[name]


def test_state_beyond_the_model_is_read(client: Client) -> None:
    answer = client.call("DescribeVirtualInterfaces", {})
    assert answer == {"virtualInterfaces": [EXPIRED]}


def test_error_is_read(client: Client) -> None:
    with pytest.raises(Refused) as refusal:
        client.call("DeleteConnection", {"connectionId": "dxcon-fzzzzzzz"})
    assert refusal.value.error == "DirectConnectClientException"
    assert refusal.value.message == MISSING


def test_osc_cli_sends_an_unquoted_account_as_a_number(
    endpoint: Endpoint, capture: Capture, tmp_path: Path
) -> None:
    OscCli(endpoint, KEY, tmp_path)
    words = ["directlink", "AllocatePrivateVirtualInterface", "--ownerAccount", "123456789000"]
    run([paths.tool("osc-cli"), *words], {**clean_environment(), "HOME": str(tmp_path)})
    assert capture.seen[0].json() == {"ownerAccount": 123456789000}


PROGRAMS: dict[str, Callable[[], list[str]]] = {
    "sdk-for-javascript": lambda: [paths.node(), str(paths.CLIENTS / "js-sdk" / "walk.mjs")],
    "sdk-for-rust": lambda: [paths.rust_walk()],
}


@pytest.mark.parametrize("sdk", PROGRAMS)
def test_sdk_reads_the_state_beyond_the_model(
    sdk: str, endpoint: Endpoint, capture: Capture
) -> None:
    line = PROGRAMS[sdk]()
    brief = Brief(endpoint, KEY, KEY, KEY, "vgw-00000000", "unused")
    done = run([*line, "describe", "dxvif-f1234567"], clean_environment(), brief.as_json())
    assert done.returncode == 0, done.stderr
    (interface,) = json.loads(done.stdout)
    assert interface["virtualInterfaceState"] == "expired"
    (seen,) = capture.seen
    assert seen.json() == {"virtualInterfaceId": "dxvif-f1234567"}
    assert seen.scope == ("eu-west-2", "directconnect")
    assert set(THREE) <= set(seen.signed_headers)
