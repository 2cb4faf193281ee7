"""Locks and rates: what an impatient or hostile caller meets, and what the others do not notice."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from harness.polling import until
from harness.server import Server
from harness.signing import RIGHT, Key, Reply, tenant_target

TARGET = tenant_target("DescribeLocations")
MOST_GUESSES = 20
StartServer = Callable[..., Server]


def call(server: Server, key: Key) -> Reply:
    reply = server.endpoint.call(key, TARGET, b"{}")
    server.recorder.check("DescribeLocations", reply)
    return reply


def guess(server: Server, key: Key) -> Reply:
    """A call signed with a wrong secret."""
    return call(server, replace(key, secret_access_key="A" * 40))


def is_locked(reply: Reply) -> bool:
    if reply.status == 200:
        return False
    return reply.error == "ThrottlingException" and "locked" in reply.message


def guesses_until_locked(server: Server, key: Key) -> int:
    """Wrong signatures that were still judged, before the key was locked."""
    for guesses in range(MOST_GUESSES):
        reply = guess(server, key)
        if is_locked(reply):
            return guesses
        assert reply.error == "InvalidSignatureException", reply.message
    raise AssertionError(f"{MOST_GUESSES} bad signatures and none is held off")


def seconds_locked(server: Server, key: Key) -> float:
    """How long the lock holds; the guess that finds it open is the one that locks it again."""
    since = time.monotonic()
    until(lambda: guess(server, key), lambda reply: not is_locked(reply), "the lock to end")
    return time.monotonic() - since


def test_repeated_bad_signatures_lock_the_key_for_a_growing_while(
    server: Server, new_account: Callable[[], Key]
) -> None:
    key, bystander = new_account(), new_account()
    same_account = server.create_key(key.account_id)
    assert guesses_until_locked(server, key) >= 3, "people mistype"
    assert call(server, bystander).status == 200
    assert call(server, same_account).status == 200
    first, second, third = (seconds_locked(server, key) for _ in range(3))
    assert first < second < third, (first, second, third)
    assert is_locked(guess(server, key))
    assert call(server, key).status == 200, "whoever has the secret is not locked out by others"
    assert guesses_until_locked(server, key) >= 3, "a right signature wipes the slate"


TIGHT = {"key_per_second": 2, "key_burst": 4, "account_per_second": 3, "account_burst": 6}


def burst(server: Server, key: Key, calls: int) -> list[str]:
    """The outcomes of calls made as fast as they go."""
    replies = [call(server, key) for _ in range(calls)]
    return ["ok" if reply.status == 200 else reply.error for reply in replies]


def test_throttling_per_key_and_account(start_server: StartServer) -> None:
    server = start_server({"throttle": TIGHT})
    first = server.create_account("100000000001", "busy")
    second = server.create_key(first.account_id)
    other = server.create_account("100000000002", "quiet")

    outcomes = burst(server, first, 12)
    assert outcomes[:4] == ["ok"] * 4
    assert set(outcomes[4:]) <= {"ok", "ThrottlingException"}
    assert outcomes.count("ThrottlingException") >= 4, outcomes
    assert outcomes[-1] == "ThrottlingException", outcomes

    # The account's burst is 6 and the first key took at least 4 of it.
    shared = burst(server, second, 12)
    assert shared.count("ok") < 12 - 4, shared
    assert "ThrottlingException" in shared
    assert burst(server, other, 4) == ["ok"] * 4, "another account must not notice"

    reply = until(lambda: call(server, first), lambda reply: reply.status == 200, "a new token")
    assert reply.status == 200


def test_throttling_says_so(start_server: StartServer) -> None:
    server = start_server({"throttle": {**TIGHT, "key_burst": 1, "key_per_second": 1}})
    key = server.create_account("100000000001", "busy")
    replies = [call(server, key) for _ in range(5)]
    refused = next(reply for reply in replies if reply.status != 200)
    assert (refused.status, refused.error) == (400, "ThrottlingException")
    assert "Rate exceeded" in refused.message


def test_body_limit_is_a_setting(start_server: StartServer) -> None:
    server = start_server({"max_body_bytes": 2000})
    key = server.create_account("100000000001", "tenant")
    fits = server.endpoint.call(key, TARGET, b"{}" + b" " * 1998)
    assert fits.status == 200, fits.body
    reply = server.endpoint.call(key, TARGET, b"{}" + b" " * 1999)
    assert (reply.status, reply.error) == (413, "RequestEntityTooLargeException")
    assert "2000" in reply.message


HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n"


@pytest.mark.parametrize("sent", [HEAD[:20], HEAD + b"\r\n{"], ids=["half a head", "half a body"])
def test_slow_senders_are_let_go(sent: bytes, start_server: StartServer) -> None:
    limits = ("header_timeout_seconds", "body_timeout_seconds", "request_timeout_seconds")
    server = start_server(dict.fromkeys(limits, 1))
    where = urlsplit(server.endpoint.url)
    with socket.create_connection((where.hostname, where.port), timeout=20) as slow:
        slow.sendall(sent)
        since = time.monotonic()
        answer = b""
        while chunk := slow.recv(65536):
            answer += chunk
    assert 0.5 < time.monotonic() - since < 10
    assert not answer or answer.startswith((b"HTTP/1.1 408", b"HTTP/1.1 400")), answer


def test_half_a_request_holds_up_nobody(server: Server, new_account: Callable[[], Key]) -> None:
    where = urlsplit(server.endpoint.url)
    slow = [socket.create_connection((where.hostname, where.port)) for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(HEAD)
        assert call(server, new_account()).status == 200
    finally:
        for connection in slow:
            connection.close()


def test_kept_connection_serves_many_calls(server: Server, new_account: Callable[[], Key]) -> None:
    key, endpoint = new_account(), server.endpoint
    connection = endpoint.connect()
    for _ in range(20):
        connection.request("POST", "/", b"{}", endpoint.sign(key, TARGET, b"{}", RIGHT))
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
    connection.close()
