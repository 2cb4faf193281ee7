"""Linkway.RotateAuthKey: a new BGP key beside the one in use, for the owner of the interface and nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
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

TARGET = "Linkway.RotateAuthKey"
OLD = "Qx7!zW~the-old-one"
NEW = "Qx7!zW~the-new-one"
DAY = 24 * 60 * 60


class Lent:
    """A lender, a recipient, and an accepted interface between them on a simulated edge."""

    def __init__(
        self, server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]
    ) -> None:
        self.server, self.lender, self.recipient = server, new_account(), new_account()
        lender, self.client = boto(self.lender), boto(self.recipient)
        connection = order(lender, "rotated")
        connection_in(lender, connection, "available")
        made = lender.call(
            "AllocatePrivateVirtualInterface",
            {
                "connectionId": connection,
                "ownerAccount": self.recipient.account_id,
                "newPrivateVirtualInterfaceAllocation": allocation(330, authKey=OLD),
            },
        )
        self.id: str = made["virtualInterfaceId"]
        server.recorder.bgp_keys.add(NEW)

    def accept(self) -> None:
        gateway = self.server.create_gateway(self.recipient.account_id)
        ids = {"virtualInterfaceId": self.id, "virtualGatewayId": gateway}
        self.client.call("ConfirmPrivateVirtualInterface", ids)
        interface_in(self.client, self.id, "available")

    def rotate(self, key: Key, **more: Any) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"virtualInterfaceId": self.id, "authKey": NEW, **more}).encode()
        reply = self.server.endpoint.call(key, TARGET, body, Signing(service="linkway"))
        if reply.status != 200:
            self.server.recorder.check(None, reply)
        return reply.status, json.loads(reply.body)

    def refused(self, key: Key, **more: Any) -> str:
        """What is said, without a key in it and with nothing changed."""
        before = self.key()
        status, answer = self.rotate(key, **more)
        assert status == 400, answer
        assert NEW not in answer["message"] and OLD not in answer["message"]
        assert self.key() == before
        return answer["message"]

    def key(self) -> str:
        found = self.client.call("DescribeVirtualInterfaces", {"virtualInterfaceId": self.id})
        return found["virtualInterfaces"][0]["authKey"]


@pytest.fixture
def lent(server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]) -> Lent:
    return Lent(server, new_account, boto)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_key_waits_and_the_one_in_use_ends_that(lent: Lent) -> None:
    assert "state confirming" in lent.refused(lent.recipient)
    lent.accept()
    before = datetime.now(UTC)
    status, answer = lent.rotate(lent.recipient)
    assert status == 200, answer
    assert answer["virtualInterfaceId"] == lent.id and answer["bgpPeerId"].startswith("dxpeer-")
    assert abs(moment(answer["until"]) - before - timedelta(seconds=DAY)) < timedelta(minutes=1)
    assert NEW not in json.dumps(answer)
    assert lent.key() == OLD, "until the session is up with the new one"
    # A shorter window, by the peer's id.
    peer = answer["bgpPeerId"]
    status, answer = lent.rotate(lent.recipient, windowSeconds=600, bgpPeerId=peer)
    assert abs(moment(answer["until"]) - before - timedelta(minutes=10)) < timedelta(minutes=1)
    body = json.dumps({"virtualInterfaceId": lent.id}).encode()
    explain = "Linkway.ExplainVirtualInterface"
    reply = lent.server.endpoint.call(lent.lender, explain, body, Signing(service="linkway"))
    (md5,) = [it for it in json.loads(reply.body)["checks"] if it["check"] == "md5"]
    assert "a new key waits for 10 min at most" in md5["seen"]
    status, answer = lent.rotate(lent.recipient, authKey=OLD)
    assert (status, "until" in answer) == (200, False)
    assert lent.key() == OLD


def test_only_the_owner(lent: Lent, new_account: Callable[[], Key]) -> None:
    lent.accept()
    assert "is not yours to change" in lent.refused(lent.lender)
    assert f"Virtual Interface {lent.id} does not exist" in lent.refused(new_account())


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"authKey": "Qx7!z"}, ("authKey", "6 to 80")),
        ({"authKey": "Qx7!z W~"}, ("authKey", "space")),
        ({"authKey": None}, ("authKey", "required")),
        ({"authKey": 7351948264}, ("authKey",)),
        ({"windowSeconds": 59}, ("windowSeconds", "59", "60 to 604800")),
        ({"windowSeconds": 604801}, ("windowSeconds", "604801", "60 to 604800")),
        ({"windowSeconds": -1}, ("windowSeconds", "-1")),
        ({"bgpPeerId": "dxpeer-fzzzzzzz"}, ("dxpeer-fzzzzzzz does not exist",)),
        ({"virtualInterfaceId": "dxvif-fzzzzzzz"}, ("dxvif-fzzzzzzz does not exist",)),
    ],
)
def test_what_is_wrong_is_named(lent: Lent, more: dict[str, Any], says: tuple[str, ...]) -> None:
    lent.accept()
    message = lent.refused(lent.recipient, **more)
    for text in says:
        assert text in message
    given = more.get("authKey")
    assert given is None or str(given) not in message


def test_with_two_peers_one_is_named(lent: Lent) -> None:
    lent.accept()
    lent.client.call(
        "CreateBGPPeer",
        {"virtualInterfaceId": lent.id, "newBGPPeer": {"asn": 65000, "addressFamily": "ipv6"}},
    )
    assert "bgpPeerId is required" in lent.refused(lent.recipient)


def test_as_the_guide_says_with_boto3(lent: Lent) -> None:
    """The signer of botocore, without a client: the operation is in no SDK's model."""
    lent.accept()
    endpoint = lent.server.endpoint
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": TARGET}
    body = json.dumps({"virtualInterfaceId": lent.id, "authKey": NEW, "windowSeconds": 3600})
    request = AWSRequest("POST", f"{endpoint.url}/", data=body, headers=headers)
    credentials = Credentials(lent.recipient.access_key_id, lent.recipient.secret_access_key)
    SigV4Auth(credentials, "linkway", endpoint.region).add_auth(request)
    reply = endpoint.send(dict(request.headers.items()), body.encode())
    assert "until" in json.loads(reply.body)
