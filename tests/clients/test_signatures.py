"""Signature V4: what is accepted, and which error each flaw gets.

Every row signs with a key of its own, because repeated bad signatures lock a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from harness.server import Server
from harness.signing import RIGHT, Headers, Key, Reply, Signing, tenant_target

INVALID = "InvalidSignatureException"
UNKNOWN = "UnrecognizedClientException"
INCOMPLETE = "IncompleteSignatureException"
MISSING = "MissingAuthenticationTokenException"

TARGET = tenant_target("DescribeLocations")
BODY = b"{}"

Tamper = Callable[[Headers, bytes], tuple[Headers, bytes]]


@dataclass(frozen=True)
class Row:
    """How a request is signed, and the error and words that it gets."""

    name: str
    error: str
    signing: Signing = RIGHT
    says: tuple[str, ...] = ()


def header(name: str, value: str | Callable[[str], str] | None) -> Tamper:
    """Replaces a header after signing; None takes it away."""

    def tamper(headers: Headers, body: bytes) -> tuple[Headers, bytes]:
        changed = dict(headers)
        if value is None:
            del changed[name]
        else:
            changed[name] = value(headers[name]) if callable(value) else value
        return changed, body

    return tamper


def authorization(pattern: str, replacement: str) -> Tamper:
    """Edits the Authorization header after signing; the edit must change it."""

    def edit(value: str) -> str:
        changed, count = re.subn(pattern, replacement, value)
        assert count, f"{pattern} is not in the header"
        return changed

    return header("authorization", edit)


def body(sent: bytes) -> Tamper:
    return lambda headers, _: (headers, sent)


def flipped_signature(headers: Headers, sent: bytes) -> tuple[Headers, bytes]:
    """The last digit of the signature, one bit changed."""
    value = headers["authorization"]
    return {**headers, "authorization": value[:-1] + f"{int(value[-1], 16) ^ 1:x}"}, sent


def tampered(name: str, error: str, tamper: Tamper, *says: str) -> Row:
    return Row(name, error, Signing(tamper=tamper), says)


def unsigned(name: str) -> Row:
    return Row(f"unsigned {name}", INVALID, Signing(unsigned=frozenset({name})), (name,))


ROWS = [
    Row("clock 6 minutes ahead", INVALID, Signing(skew=timedelta(minutes=6)), ("5 min",)),
    Row("clock 6 minutes behind", INVALID, Signing(skew=timedelta(minutes=-6)), ("5 min",)),
    Row("clock a day behind", INVALID, Signing(skew=timedelta(days=-1))),
    Row("wrong region", INVALID, Signing(region="us-east-1"), ("us-east-1", "eu-west-2")),
    Row("wrong service", INVALID, Signing(service="ec2"), ("ec2", "directconnect", "directlink")),
    unsigned("x-amz-target"),
    unsigned("host"),
    unsigned("x-amz-date"),
    tampered("flipped bit of the signature", INVALID, flipped_signature),
    tampered("tampered target", INVALID, header("x-amz-target", tenant_target("DescribeConnections"))),
    tampered("tampered content type", INVALID, header("content-type", "application/json")),
    tampered("tampered host", INVALID, header("host", "elsewhere.example")),
    tampered("tampered date", INVALID, header("x-amz-date", lambda at: at[:-2] + "5Z" if at[-2] != "5" else at[:-2] + "4Z")),
    tampered("signed header left out", INVALID, header("content-type", None), "content-type"),
    tampered("tampered body", INVALID, body(b'{ "connectionId": "dxcon-fzzzzzzz"}')),
    tampered("one space more", INVALID, body(b"{} ")),
    tampered("no body", INVALID, body(b"")),
    Row("hash of another body", INVALID, Signing(extra={"x-amz-content-sha256": "0" * 64}), ("x-amz-content-sha256",)),
    Row("body not signed", INVALID, Signing(extra={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}), ("UNSIGNED-PAYLOAD",)),
    tampered("scope of another day", INVALID, authorization(r"/20\d{6}/", "/20200101/"), "20200101"),
    tampered("scope without its end", INVALID, authorization("/aws4_request", "/aws3_request"), "aws4_request"),
    tampered("key of another account", UNKNOWN, authorization(r"Credential=\w{20}", "Credential=LKWYNOSUCHKEY0000000")),
    tampered("no authorization", MISSING, header("authorization", None)),
    tampered("empty authorization", MISSING, header("authorization", "")),
    tampered("basic authorization", INCOMPLETE, header("authorization", "Basic YTpi"), "AWS4-HMAC-SHA256"),
    tampered("another algorithm", INCOMPLETE, authorization("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), "AWS4-HMAC-SHA1"),
    tampered("no credential", INCOMPLETE, authorization(r"Credential=\S+ ", ""), "Credential"),
    tampered("no signed headers", INCOMPLETE, authorization(r"SignedHeaders=\S+ ", ""), "SignedHeaders"),
    tampered("no signature", INCOMPLETE, authorization(r", Signature=\w+", ""), "Signature"),
    tampered("short signature", INCOMPLETE, authorization(r"Signature=\w", "Signature="), "64"),
    tampered("short scope", INCOMPLETE, authorization("/eu-west-2/", "/"), "Credential"),
    tampered("two signatures", INCOMPLETE, authorization("$", ", Signature=" + "0" * 64), "Signature"),
    tampered("no date", INCOMPLETE, header("x-amz-date", None), "x-amz-date"),
    tampered("garbled date", INCOMPLETE, header("x-amz-date", "yesterday"), "x-amz-date", "yesterday"),
    tampered("a session token", UNKNOWN, header("x-amz-security-token", "dG9rZW4=")),
]  # fmt: skip

ACCEPTED = {
    "as boto3 signs": RIGHT,
    "as osc-cli signs": Signing(service="directlink", unsigned=frozenset({"content-type"})),
    "clock 4 minutes ahead": Signing(skew=timedelta(minutes=4)),
    "clock 4 minutes behind": Signing(skew=timedelta(minutes=-4)),
    "one header more": Signing(extra={"x-amz-meta-note": "  two   spaces  "}),
    "one header more, unsigned": Signing(extra={"x-note": "a"}, unsigned=frozenset({"x-note"})),
}


@pytest.fixture
def key(new_account: Callable[[], Key]) -> Key:
    return new_account()


def call(server: Server, key: Key, signing: Signing = RIGHT) -> Reply:
    reply = server.endpoint.call(key, TARGET, BODY, signing)
    server.recorder.check("DescribeLocations", reply)
    return reply


@pytest.mark.parametrize("signing", ACCEPTED.values(), ids=ACCEPTED)
def test_good_signature(signing: Signing, server: Server, key: Key) -> None:
    assert call(server, key, signing).status == 200


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_bad_signature(row: Row, server: Server, key: Key) -> None:
    reply = call(server, key, row.signing)
    assert (reply.status, reply.error) == (400, row.error), reply.message
    missing = [text for text in row.says if text not in reply.message]
    assert not missing, f"{reply.message!r} lacks {missing}"
    assert key.secret_access_key not in reply.body.decode()
    assert call(server, key).status == 200, "one bad signature must not lock the key"


def test_signature_with_another_secret(server: Server, key: Key) -> None:
    guessed = replace(key, secret_access_key="A" * 40)
    assert call(server, guessed).error == INVALID


def test_unknown_key(server: Server, key: Key) -> None:
    unknown = replace(key, access_key_id="LKWYNOSUCHKEY0000000")
    reply = call(server, unknown)
    assert (reply.error, reply.message) == (
        UNKNOWN,
        "The security token included in the request is invalid.",
    )


def test_every_bit_of_the_signature_counts(server: Server, new_account: Callable[[], Key]) -> None:
    """One digit after the other; a fresh key for every few, since they lock."""
    key = new_account()
    for place in range(64):
        if place % 3 == 0:
            key = server.create_key(key.account_id)

        def flip(value: str, place: int = place) -> str:
            head, signature = value[:-64], value[-64:]
            digit = f"{int(signature[place], 16) ^ 8:x}"
            return head + signature[:place] + digit + signature[place + 1 :]

        reply = call(server, key, Signing(tamper=header("authorization", flip)))
        assert reply.error == INVALID, place


def test_disabled_and_deleted_keys(server: Server, key: Key) -> None:
    other = server.create_key(key.account_id)
    server.admin("access-key", "disable", key.access_key_id)
    assert call(server, key).error == UNKNOWN
    assert call(server, other).status == 200
    server.admin("access-key", "enable", key.access_key_id)
    assert call(server, key).status == 200
    server.admin("access-key", "delete", key.access_key_id)
    assert call(server, key).error == UNKNOWN
    listed = server.admin("access-key", "list", "--account", key.account_id)
    assert [found["accessKeyId"] for found in listed] == [other.access_key_id]
    assert key.secret_access_key not in str(listed)
    assert other.secret_access_key not in str(listed)
