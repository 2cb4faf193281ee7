"""Linkway.ExplainVirtualInterface: why an interface is not up, for both of its parties, check by check."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness.clients import Boto
from harness.scene import allocation, order
from harness.server import Server
from harness.signing import Key, Signing
from harness.walk import connection_in, interface_in

TARGET = "Linkway.ExplainVirtualInterface"
NAMES = [
    "accepted",
    "edge",
    "router",
    "port",
    "vlan",
    "neighbor",
    "tcp",
    "md5",
    "open",
    "asn",
    "holdTimer",
    "prefixLimit",
    "bfd",
    "handoff",
    "allowedPrefixes",
]


class Lent:
    """A lender, a recipient, and an interface between them on a simulated edge."""

    def __init__(
        self, server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]
    ) -> None:
        self.server, self.lender, self.recipient = server, new_account(), new_account()
        lender, self.client = boto(self.lender), boto(self.recipient)
        connection = order(lender, "explained")
        connection_in(lender, connection, "available")
        made = lender.call(
            "AllocatePrivateVirtualInterface",
            {
                "connectionId": connection,
                "ownerAccount": self.recipient.account_id,
                "newPrivateVirtualInterfaceAllocation": allocation(320),
            },
        )
        self.id: str = made["virtualInterfaceId"]

    def explain(self, key: Key) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"virtualInterfaceId": self.id}).encode()
        reply = self.server.endpoint.call(key, TARGET, body, Signing(service="linkway"))
        return reply.status, json.loads(reply.body)


@pytest.fixture
def lent(server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]) -> Lent:
    return Lent(server, new_account, boto)


def test_before_and_after_the_acceptance(lent: Lent) -> None:
    for key in (lent.lender, lent.recipient):
        status, answer = lent.explain(key)
        assert (status, answer["reason"]) == (200, "accepted")
        first, *others = answer["checks"]
        assert first["state"] == "failed" and lent.recipient.account_id in first["seen"]
        assert {check["state"] for check in others[1:]} == {"unknown"}
    gateway = lent.server.create_gateway(lent.recipient.account_id)
    lent.client.call(
        "ConfirmPrivateVirtualInterface",
        {"virtualInterfaceId": lent.id, "virtualGatewayId": gateway},
    )
    interface_in(lent.client, lent.id, "available")
    for key in (lent.lender, lent.recipient):
        status, answer = lent.explain(key)
        assert (status, "reason" in answer) == (200, False)
        assert [check["check"] for check in answer["checks"]] == NAMES
        assert {check["state"] for check in answer["checks"]} == {"ok"}


def test_others_do_not_know_of_it(lent: Lent, new_account: Callable[[], Key]) -> None:
    status, answer = lent.explain(new_account())
    assert status == 400
    assert f"Virtual Interface {lent.id} does not exist" in answer["message"]


def test_the_operator_is_told_the_same(lent: Lent) -> None:
    shown = lent.server.admin("interface", "why", lent.id)
    assert isinstance(shown, dict)
    assert shown["reason"] == lent.explain(lent.lender)[1]["reason"]


def test_as_the_guide_says_with_boto3(lent: Lent) -> None:
    """The signer of botocore, without a client: the operation is in no SDK's model."""
    endpoint = lent.server.endpoint
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": TARGET}
    body = json.dumps({"virtualInterfaceId": lent.id})
    request = AWSRequest("POST", f"{endpoint.url}/", data=body, headers=headers)
    credentials = Credentials(lent.lender.access_key_id, lent.lender.secret_access_key)
    SigV4Auth(credentials, "linkway", endpoint.region).add_auth(request)
    reply = endpoint.send(dict(request.headers.items()), body.encode())
    assert json.loads(reply.body)["reason"] == "accepted"
