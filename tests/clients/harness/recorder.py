"""Looks at every answer that the suite gets, whatever the test at hand asks for.

A success must agree with the output shape of the installed botocore and have the members that
answers always have; an error must carry what all clients need to read it. The BGP keys seen on the way are kept for the search for leaks.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

from harness import keys, model
from harness.signing import Reply

SUCCESS_TYPE = "application/x-amz-json-1.1"
ERROR_TYPE = "application/json"

# Errors that mean the program itself failed; nothing that the suite sends may cause one.
SERVER_FAULTS = {"DirectConnectServerException", "InternalFailure", "InternalServerError"}


class Recorder:
    """What was answered so far; `every_key` unless the answers are a test's own, which have only what it looks at."""

    def __init__(self, *, every_key: bool = True) -> None:
        self.every_key = every_key
        self.bgp_keys: set[str] = set()
        self.answered: dict[str, int] = {}

    def check(self, operation: str | None, reply: Reply) -> None:
        """Judges one answer; `operation` is None where the request named none of the model's."""
        self._check_envelope(reply)
        document = reply.json()
        if reply.status != 200:
            _check_error(reply, document)
            return
        assert operation in model.operations(), f"{operation} answered 200: {document}"
        found = model.problems(operation, document)
        if self.every_key:
            found += keys.missing(operation, document)
        assert not found, "\n".join(found)
        self.answered[operation] = self.answered.get(operation, 0) + 1
        self.bgp_keys.update(_bgp_keys(document))

    @staticmethod
    def _check_envelope(reply: Reply) -> None:
        request_id = reply.headers.get("x-amzn-requestid")
        assert request_id, f"no x-amzn-requestid in {dict(reply.headers)}"
        assert str(uuid.UUID(request_id)) == request_id.lower(), request_id
        assert reply.headers.get("x-amz-requestid") == request_id, dict(reply.headers)
        wanted = SUCCESS_TYPE if reply.status == 200 else ERROR_TYPE
        assert reply.headers.get("content-type") == wanted, (reply.status, dict(reply.headers))


def _check_error(reply: Reply, document: dict) -> None:
    kind, message = document.get("__type"), document.get("message")
    assert isinstance(kind, str) and re.fullmatch(r"[A-Za-z]+", kind), document
    assert isinstance(message, str) and message, document
    assert reply.headers.get("x-amzn-errortype") == kind, (kind, dict(reply.headers))
    assert kind not in SERVER_FAULTS and reply.status < 500, (reply.status, document)


def _bgp_keys(document: object) -> Iterator[str]:
    if isinstance(document, dict):
        for name, value in document.items():
            if name == "authKey":
                yield value
            else:
                yield from _bgp_keys(value)
    elif isinstance(document, list):
        for item in document:
            yield from _bgp_keys(item)
