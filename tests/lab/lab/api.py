"""The tenants' calls, made by curl with its own Signature V4: the quickest unmodified client."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from lab.checks import Failed
from lab.process import attempt

Answer = dict[str, Any]


class Refused(Exception):
    """An error answer: the error's type and its text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Key:
    """An access key."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


def call(endpoint: str, region: str, key: Key, target: str, params: Answer) -> Answer:
    """One signed call; Refused if the server answers with an error."""
    body = json.dumps(params).replace("\\", "\\\\").replace('"', '\\"')
    service = "linkway" if target.startswith("Linkway.") else "directconnect"
    # On stdin, because a command line can be read by everybody.
    config = f"""\
        silent
        show-error
        max-time = 90
        noproxy = "*"
        url = "{endpoint}/"
        aws-sigv4 = "aws:amz:{region}:{service}"
        user = "{key.access_key_id}:{key.secret_access_key}"
        header = "content-type: application/x-amz-json-1.1"
        header = "x-amz-target: {target}"
        data-binary = "{body}"
        write-out = "\\n%{{http_code}}"
        """
    done = attempt(["curl", "--config", "-"], given=config, seconds=100)
    if done.returncode != 0:
        raise Failed(f"curl {target}: {done.stderr.strip()}")
    text, _, status = done.stdout.rpartition("\n")
    answer = json.loads(text or "{}")
    if status != "200":
        raise Refused(answer["__type"], answer.get("message", ""))
    return answer


class Tenant:
    """An account and one access key of it."""

    def __init__(self, server: Any, account_id: str, name: str) -> None:
        self._server = server
        self.account_id = account_id
        self.name = name
        server.admin("account", "create", "--id", account_id, "--name", name)
        made = server.admin("access-key", "create", "--account", account_id)
        self._key = Key(made["accessKeyId"], made["secretAccessKey"])
        server.secrets.add(made["secretAccessKey"])

    def call(self, operation: str, **params: Any) -> Answer:
        """One operation of the public API."""
        return self._call(f"OvertureService.{operation}", params)

    def explain(self, interface: str) -> Answer:
        """Why an interface is not up: an operation of Linkway's own."""
        return self._call("Linkway.ExplainVirtualInterface", {"virtualInterfaceId": interface})

    def rotate_key(self, interface: str, key: str, seconds: int | None = None) -> Answer:
        """A new BGP key beside the one in use: an operation of Linkway's own."""
        self._server.secrets.add(key)
        window = {} if seconds is None else {"windowSeconds": seconds}
        params = {"virtualInterfaceId": interface, "authKey": key, **window}
        return self._call("Linkway.RotateAuthKey", params)

    def _call(self, target: str, params: Answer) -> Answer:
        server = self._server
        return call(server.endpoint, server.region, self._key, target, params)
