"""What an account is told: its event feed, and its webhook with a receiver that we did not write."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from harness.clients import Boto
from harness.polling import until
from harness.scene import allocation, confirm, lend, order, prepare_locations
from harness.server import AdminRefused, Server
from harness.walk import connection_in, interface_in

StartServer = Callable[..., Server]

LENDER, RECIPIENT, OTHER = "100000000001", "100000000002", "100000000003"
HASTY = {
    "simulated_approval_seconds": 0.1,
    "simulated_step_seconds": 0.1,
    "hosted_interface_expiry_seconds": 6,
    "hosted_interface_reminder_seconds": 3,
}


class Receiver:
    """A receiver of webhooks: answers with the statuses that it is given, then 204; keeps what came."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.came: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 - the library's name
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.came.append((dict(self.headers.items()), body))
                status = receiver.statuses.pop(0) if receiver.statuses else 204
                self.send_response(status)
                if status in {301, 307}:
                    self.send_header("location", receiver.url + "elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook/T0k3nOfTheReceiver?"

    def events(self, secret: str) -> list[dict[str, Any]]:
        """What came, each verified by the receiver's library."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.came]

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.end()


class Ground:
    """A lender with a connection, a recipient with a gateway."""

    def __init__(self, server: Server) -> None:
        self.server = server
        prepare_locations(server)
        keys = {who: server.create_account(who, f"account {who}") for who in (LENDER, RECIPIENT)}
        self.lender = Boto(server.endpoint, keys[LENDER], server.recorder)
        self.recipient = Boto(server.endpoint, keys[RECIPIENT], server.recorder)
        self.gateway = server.create_gateway(RECIPIENT)
        self.connection = order(self.lender, "lent from")
        connection_in(self.lender, self.connection, "available")

    def lend(self, vlan: int) -> str:
        return lend(self.lender, self.connection, RECIPIENT, allocation(vlan))

    def webhook(self, url: str, *words: str) -> dict[str, Any]:
        made = self.server.admin("webhook", "set", RECIPIENT, "--url", url, *words)
        assert isinstance(made, dict)
        if secret := made.get("webhookSecret"):
            self.server.secrets.add(secret)
        return made


def feed(server: Server, account: str, *words: str) -> list[dict[str, Any]]:
    shown = server.admin("events", "--account", account, *words)
    assert isinstance(shown, list)
    return shown


def told(server: Server, account: str) -> list[str]:
    events = feed(server, account)
    assert events == sorted(events, key=lambda event: event["time"])
    return [event["operation"] for event in events if event["principal"] == "linkway"]


def kinds(*events: str) -> list[str]:
    return [f"virtual-interface.{event}" for event in events]


def test_each_side_reads_what_the_other_did(start_server: StartServer) -> None:
    ground = Ground(start_server(HASTY))
    server = ground.server
    assert told(server, LENDER) == ["connection.approved", "connection.up"]
    answered, forgotten = ground.lend(1), ground.lend(2)
    confirm(ground.recipient, answered, ground.gateway)
    interface_in(ground.recipient, answered, "available")
    interface_in(ground.recipient, forgotten, "expired")
    ground.recipient.call("DeleteVirtualInterface", {"virtualInterfaceId": answered})
    interface_in(ground.lender, answered, "deleted")

    lender, recipient = told(server, LENDER), told(server, RECIPIENT)
    by_itself = kinds("up", "expiring", "expired")
    assert [one for one in lender[2:] if one in by_itself] == by_itself
    assert sorted(lender[2:]) == sorted(by_itself + kinds("accepted", "deleting", "deleted"))
    assert sorted(recipient) == sorted(by_itself + kinds("offered", "offered", "deleted"))

    offered = next(one for one in feed(server, RECIPIENT) if one["operation"].endswith("offered"))
    assert offered["resources"] == [answered, ground.connection]
    assert f"lent by {LENDER} to {RECIPIENT}, expires 20" in offered["message"]
    calls = {one["operation"] for one in feed(server, RECIPIENT) if one["principal"] != "linkway"}
    assert calls == {"ConfirmPrivateVirtualInterface", "DeleteVirtualInterface"}
    last = feed(server, RECIPIENT, "--last", "2")
    assert last == feed(server, RECIPIENT)[-2:]
    assert feed(server, RECIPIENT, "--since", "2126-01-01T00:00:00Z") == []
    with pytest.raises(AdminRefused, match="does not exist"):
        feed(server, "999999999999")


def test_an_account_is_not_told_what_one_before_it_was(start_server: StartServer) -> None:
    ground = Ground(start_server({**HASTY, "terminal_visibility_seconds": 0.1}))
    server = ground.server
    declined = ground.lend(1)
    ground.recipient.call("DeleteVirtualInterface", {"virtualInterfaceId": declined})
    assert told(server, RECIPIENT) == kinds("offered")
    server.admin("gateway", "delete", ground.gateway)

    def deleted() -> bool:
        try:
            server.admin("account", "delete", RECIPIENT)
        except AdminRefused:
            return False
        return True

    until(deleted, bool, "the account to have nothing", 10)
    server.create_account(RECIPIENT, "another one")
    assert told(server, RECIPIENT) == []


def test_a_webhook_is_sent_each_event_once_signed_and_in_order(
    start_server: StartServer, receiver: Receiver
) -> None:
    ground = Ground(start_server(HASTY))
    ground.lend(9)
    secret = ground.webhook(receiver.url)["webhookSecret"]
    offered = ground.lend(1)
    confirm(ground.recipient, offered, ground.gateway)
    interface_in(ground.recipient, offered, "available")
    until(lambda: len(receiver.came), lambda count: count >= 2, "two events", 10)
    # What was before the webhook is not sent.
    assert [one["type"] for one in receiver.events(secret)[:2]] == kinds("offered", "up")
    event = receiver.events(secret)[0]
    assert event["data"] == {
        "accountId": RECIPIENT,
        "virtualInterfaceId": offered,
        "connectionId": ground.connection,
        "lenderAccount": LENDER,
        "ownerAccount": RECIPIENT,
        "expiresAt": event["data"]["expiresAt"],
    }
    headers, body = receiver.came[0]
    assert headers["webhook-id"] == event["id"]
    assert headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"offered", b"deleted"), headers)

    shown = ground.server.admin("webhook", "show", RECIPIENT)
    assert isinstance(shown, dict)
    assert shown["webhookUrl"].endswith("/…"), "its path may be a secret"
    assert shown["deliveredAt"]
    assert "failingSince" not in shown
    audited = json.dumps(ground.server.admin("events"))
    assert "PutWebhook" in audited
    assert "T0k3nOfTheReceiver" not in audited + ground.server.log_text()


def test_a_webhook_is_tried_again_until_it_is_taken(
    start_server: StartServer, receiver: Receiver
) -> None:
    ground = Ground(start_server(HASTY))
    secret = ground.webhook(receiver.url)["webhookSecret"]
    # A redirect is not followed: nobody gave that address.
    receiver.statuses = [503, 307]
    first, second = ground.lend(1), ground.lend(2)
    until(lambda: len(receiver.came), lambda count: count >= 4, "four requests", 30)
    ids = [event["data"]["virtualInterfaceId"] for event in receiver.events(secret)[:4]]
    assert ids == [first, first, first, second]
    assert len({event["id"] for event in receiver.events(secret)[:3]}) == 1

    def metrics() -> str:
        return ground.server.admin_endpoint.get("/metrics").body.decode()

    # The receiver has the last event before the server has noted its answer.
    until(metrics, lambda text: "linkway_webhooks_failing 0" in text, "nothing to fail", 10)
    assert 'linkway_webhook_deliveries_total{outcome="failed"} 2' in metrics()


def test_what_a_webhook_missed_comes_after_a_kill_and_with_a_new_secret(
    start_server: StartServer, receiver: Receiver
) -> None:
    patient = {**HASTY, "hosted_interface_expiry_seconds": 600}
    ground = Ground(start_server(patient))
    old = ground.webhook("http://127.0.0.1:9/")["webhookSecret"]
    offered = ground.lend(1)

    def failing() -> bool:
        shown = ground.server.admin("webhook", "show", RECIPIENT)
        assert isinstance(shown, dict)
        return "failingSince" in shown and "error" in shown

    until(failing, bool, "the webhook to fail", 10)
    ground.server.kill()
    ground.server.start()
    moved = ground.webhook(receiver.url)
    assert "webhookSecret" not in moved, "it is kept, and not shown again"
    until(lambda: len(receiver.came), bool, "the event", 10)
    assert receiver.events(old)[0]["data"]["virtualInterfaceId"] == offered
    new = ground.webhook(receiver.url, "--new-secret")["webhookSecret"]
    later = ground.lend(2)
    until(lambda: len(receiver.came), lambda count: count >= 2, "the next event", 10)
    headers, body = receiver.came[-1]
    assert Webhook(new).verify(body, headers)["data"]["virtualInterfaceId"] == later
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, headers)

    ground.server.admin("webhook", "delete", RECIPIENT)
    count = len(receiver.came)
    ground.lend(3)
    with pytest.raises(AdminRefused, match="has no webhook"):
        ground.server.admin("webhook", "show", RECIPIENT)
    assert len(receiver.came) == count


def test_a_webhooks_address_is_judged(start_server: StartServer) -> None:
    server = start_server()
    server.create_account(RECIPIENT, "recipient")
    for url, rule in (
        ("http://hooks.example.com/", "--url .* must begin with https://, unless it is on this"),
        ("hooks.example.com", "--url must begin with https://"),
        ("https://me:word@hooks.example.com/", "--url must not hold a user's name or password"),
    ):
        with pytest.raises(AdminRefused, match=rule) as refused:
            server.admin("webhook", "set", RECIPIENT, "--url", url)
        assert "word" not in str(refused.value).partition("error:")[2].replace("password", "")
    with pytest.raises(AdminRefused, match="999999999999"):
        server.admin("webhook", "set", "999999999999", "--url", "https://hooks.example.com/")
