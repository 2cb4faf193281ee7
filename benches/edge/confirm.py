"""ConfirmPrivateVirtualInterface, signed and connected beforehand, so that its answer is timed.

curl, which the lab calls with, takes as long to start and to end as what is measured.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from typing import Any

from lab.api import Tenant
from lab.checks import must

SERVICE = "directconnect"
TARGET = "OvertureService.ConfirmPrivateVirtualInterface"


class Confirm:
    """One call that is ready to go."""

    def __init__(self, owner: Tenant, server: Any, interface: str, gateway: str) -> None:
        host = server.endpoint.removeprefix("http://")
        body = {"virtualInterfaceId": interface, "virtualGatewayId": gateway}
        self._body = json.dumps(body).encode()
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "host": host,
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
            "x-amz-target": TARGET,
        }
        key = owner._key  # noqa: SLF001 - the lab has no other way to sign than curl
        headers["authorization"] = authorization(
            headers, self._body, server.region, key.access_key_id, key.secret_access_key
        )
        self._headers = headers
        self._connection = http.client.HTTPConnection(host, timeout=30)
        self._connection.connect()

    def call(self) -> float:
        """Calls; the moment at which the answer was there."""
        self._connection.request("POST", "/", self._body, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        answered = time.monotonic()
        must(answer.status == 200, "Confirm to be answered with 200", text)
        self._connection.close()
        return answered


def authorization(headers: dict[str, str], body: bytes, region: str, key: str, secret: str) -> str:
    """Signature V4 of a POST to /; the headers' names are in lower case and in order."""
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    moment = headers["x-amz-date"]
    scope = f"{moment[:8]}/{region}/{SERVICE}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    signing = f"AWS4{secret}".encode()
    for part in (moment[:8], region, SERVICE, "aws4_request", text):
        signing = hmac.new(signing, part.encode(), hashlib.sha256).digest()
    signature = signing.hex()
    return (
        f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
