"""Raw requests with a Signature V4 made by botocore, and a knob for everything that can be wrong.

boto3 refuses to send most broken requests; this module sends any bytes. The signature itself still
comes from botocore's SigV4Auth: the judge signs, not a copy of the server's own code.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from unittest import mock
from urllib.parse import urlsplit

import botocore.auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

TENANT_TARGET = "OvertureService"
CONTENT_TYPE = "application/x-amz-json-1.1"
TIMEOUT_SECONDS = 30

Headers = dict[str, str]


@dataclass(frozen=True)
class Key:
    """An access key and the account that it speaks for (empty for the operator's)."""

    account_id: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True)
class Reply:
    """An answer as it came off the wire; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return self.json()["__type"]

    @property
    def message(self) -> str:
        return self.json()["message"]


@dataclass(frozen=True)
class Signing:
    """How one request is signed; the defaults are right, each field makes one thing wrong or odd.

    `skew` moves the signer's clock; `unsigned` names headers that are sent but not covered;
    `extra` are further headers, signed unless named in `unsigned`; `tamper` gets the signed
    headers and the body and gives what is really sent.
    """

    region: str | None = None
    service: str = "directconnect"
    skew: timedelta = timedelta()
    unsigned: frozenset[str] = frozenset()
    extra: Mapping[str, str] = field(default_factory=dict)
    tamper: Callable[[Headers, bytes], tuple[Headers, bytes]] | None = None


# As boto3 signs.
RIGHT = Signing()


class _Signer(SigV4Auth):
    """SigV4Auth that leaves the named headers out of what it signs."""

    def __init__(self, credentials: Credentials, signing: Signing, region: str) -> None:
        super().__init__(credentials, signing.service, signing.region or region)
        self._unsigned = signing.unsigned

    def headers_to_sign(self, request):  # noqa: ANN001, ANN201 - botocore's own hook
        signed = super().headers_to_sign(request)
        for name in self._unsigned:
            del signed[name]
        return signed


@dataclass(frozen=True)
class Endpoint:
    """Where to send, the region that right signatures name, and whom to trust if it is HTTPS."""

    url: str
    region: str
    trusted: str | None = None

    def sign(self, key: Key, target: str, body: bytes, signing: Signing) -> Headers:
        """The headers of a request for `target`, signed as told."""
        headers = {"content-type": CONTENT_TYPE, "x-amz-target": target, **signing.extra}
        request = AWSRequest(method="POST", url=f"{self.url}/", data=body, headers=headers)
        credentials = Credentials(key.access_key_id, key.secret_access_key)
        now = datetime.now(UTC).replace(tzinfo=None) + signing.skew
        with mock.patch.object(botocore.auth, "get_current_datetime", return_value=now):
            _Signer(credentials, signing, self.region).add_auth(request)
        return {name.lower(): value for name, value in request.headers.items()}

    def send(self, headers: Headers, body: bytes) -> Reply:
        """Exactly these headers (and host and length) with these bytes."""
        return self._exchange("POST", "/", headers, body)

    def get(self, path: str) -> Reply:
        """An unsigned GET, for the pages of the operator's monitoring."""
        return self._exchange("GET", path, {}, None)

    def connect(self) -> http.client.HTTPConnection:
        """A new connection."""
        where = urlsplit(self.url)
        if where.scheme == "http":
            return http.client.HTTPConnection(where.netloc, timeout=TIMEOUT_SECONDS)
        context = ssl.create_default_context(cafile=self.trusted)
        return http.client.HTTPSConnection(where.netloc, timeout=TIMEOUT_SECONDS, context=context)

    def _exchange(self, method: str, path: str, headers: Headers, body: bytes | None) -> Reply:
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            lowered = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, lowered, answer.read())
        finally:
            connection.close()

    def call(self, key: Key, target: str, body: bytes, signing: Signing = RIGHT) -> Reply:
        """Signs and sends one call; `target` is the whole X-Amz-Target."""
        headers = self.sign(key, target, body, signing)
        if signing.tamper:
            headers, body = signing.tamper(headers, body)
        return self.send(headers, body)


def tenant_target(operation: str) -> str:
    """The X-Amz-Target of an operation of the public API."""
    return f"{TENANT_TARGET}.{operation}"
