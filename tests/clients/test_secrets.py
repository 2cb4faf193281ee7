"""Secret keys and BGP keys stay where they belong.

Every server of this suite is searched for leaks when it ends. Here a server is used up on purpose:
good calls, refused ones, wrong signatures, odd bodies, a restart; then it is searched.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness import scene as scenes
from harness.clients import Refused
from harness.polling import until
from harness.scene import Scene, allocation, lend
from harness.server import Server
from harness.signing import Signing, tenant_target

BGP_KEY = "Zq9-bgp-key-of-test_secrets"
LONG_KEY = "Zq9-too-long-key-of-test_secrets-" * 3
ALLOCATE = tenant_target("AllocatePrivateVirtualInterface")


@pytest.fixture
def used(start_server: Callable[..., Server]) -> Scene:
    """A scene whose secrets have been sent in every way that comes to mind."""
    server = start_server()
    scene = scenes.build(server)
    lender, key = scene.clients["lender"], scene.keys["lender"]
    lend(lender, scene.ids["conn"], scenes.OWNER, allocation(500, authKey=BGP_KEY))
    server.recorder.bgp_keys.add(LONG_KEY)
    for new in (allocation(0, authKey=BGP_KEY), allocation(501, authKey=LONG_KEY)):
        with pytest.raises(Refused):
            lend(lender, scene.ids["conn"], scenes.OWNER, new)
    body = {"connectionId": "x", "newPrivateVirtualInterfaceAllocation": {"authKey": BGP_KEY}}
    wire = json.dumps(body).encode()
    unbroken = [wire, wire.replace(b'"x"', b"7"), wire[:-2], wire + b"}", b"[" + wire + b"]"]
    for sent in unbroken:
        server.endpoint.call(key, ALLOCATE, sent)
    server.endpoint.call(replace(key, secret_access_key="A" * 40), ALLOCATE, wire)
    server.endpoint.call(key, tenant_target("Invented"), wire)
    secret_as_header = Signing(extra={"x-amz-security-token": key.secret_access_key})
    server.endpoint.call(key, ALLOCATE, wire, secret_as_header)
    server.endpoint.call(replace(key, access_key_id=key.secret_access_key), ALLOCATE, wire)
    return scene


def test_no_secret_is_readable(used: Scene) -> None:
    server = used.server
    assert BGP_KEY in server.recorder.bgp_keys
    assert {key.secret_access_key for key in used.keys.values()} <= server.secrets
    # The refusals' journal is written behind the calls; once the last one is there, all are.
    until(
        lambda: [event["operation"] for event in server.admin("events", "--all")],
        lambda seen: "AllocatePrivateVirtualInterface" in seen,
        "the journal",
    )
    assert server.leaks() == []
    assert server.stop() == 0
    server.start()
    assert server.leaks() == []


def test_the_search_finds_what_is_there(start_server: Callable[..., Server]) -> None:
    """The search is not blind: a secret laid into the log and one in a file are found."""
    server = start_server()
    key = server.create_account("100000000001", "careless")
    server.log.write_text(f"{server.log_text()}\nfor the search: {key.secret_access_key}\n")
    planted = server.data / "planted"
    planted.write_text(key.secret_access_key)
    assert server.leaks() == ["log: a secretAccessKey", "planted: a secretAccessKey"]
    planted.unlink()
    server.log.write_text("")
