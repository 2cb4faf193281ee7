"""What the operator relies on: health, figures, files, the audit trail, ends and beginnings."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import paths
from harness import scene as scenes
from harness.clients import Boto, Refused
from harness.scene import Scene, allocation, lend
from harness.server import REGION, AdminRefused, Server
from harness.signing import Key, tenant_target

StartServer = Callable[..., Server]


def test_health_and_readiness(server: Server) -> None:
    for page in ("/healthz", "/readyz"):
        assert server.endpoint.get(page).status == 200, page
    assert server.endpoint.get("/nothing-here").status == 404


def sample(metrics: str, labels: dict[str, str]) -> float:
    """The sum of the samples that carry the labels, whatever the metric is called."""
    total = 0.0
    for line in metrics.splitlines():
        found = re.fullmatch(r"(\w+)\{(.*)\} (\S+)", line)
        if found and all(f'{name}="{value}"' in found[2] for name, value in labels.items()):
            total += float(found[3])
    return total


def test_metrics_count_requests_by_operation_and_code(scene: Scene) -> None:
    labels = {"operation": "DeleteConnection", "code": "DirectConnectClientException"}

    def counted() -> float:
        answer = scene.server.admin_endpoint.get("/metrics")
        assert answer.status == 200
        kind = answer.headers["content-type"].split(";")[0]
        assert kind in {"text/plain", "application/openmetrics-text"}
        return sample(answer.body.decode(), labels)

    before = counted()
    for _ in range(3):
        with pytest.raises(Refused):
            scene.clients["lender"].call("DeleteConnection", {"connectionId": scene.ids["no_conn"]})
    assert counted() == before + 3


def test_metrics_say_what_else_the_operator_needs(scene: Scene) -> None:
    metrics = scene.server.admin_endpoint.get("/metrics").body.decode()
    names = set(re.findall(r"^# TYPE (\w+) \w+$", metrics, re.M))
    for part in ("request", "commit", "batch", "interface"):
        assert any(part in name for name in names), f"no metric about {part}: {sorted(names)}"
    assert sample(metrics, {"state": "confirming"}) >= 1
    assert sample(metrics, {"state": "available"}) >= 1


def test_metrics_do_not_grow_with_what_callers_invent(scene: Scene) -> None:
    for number in range(5):
        target = tenant_target(f"Invented{number}")
        scene.server.endpoint.call(scene.keys["lender"], target, b"{}")
    metrics = scene.server.admin_endpoint.get("/metrics").body
    assert b"Invented" not in metrics


def test_files_are_for_the_owner_only(server: Server) -> None:
    assert server.data.stat().st_mode & 0o777 == 0o700
    assert server.operator_file.stat().st_mode & 0o777 == 0o600
    operator = json.loads(server.operator_file.read_text())
    assert set(operator) == {
        "endpoint",
        "adminEndpoint",
        "region",
        "accessKeyId",
        "secretAccessKey",
    }
    assert operator["region"] == REGION
    assert re.fullmatch(r"[A-Z0-9]{20}", operator["accessKeyId"])
    assert len(operator["secretAccessKey"]) == 40


def test_keys_have_the_usual_form(server: Server, new_account: Callable[[], Key]) -> None:
    key = new_account()
    assert re.fullmatch(r"[A-Z0-9]{20}", key.access_key_id)
    assert re.fullmatch(r"[!-~]{40}", key.secret_access_key)


REFUSED_WORDS = {
    "account of 3 digits": ("account", "create", "--id", "123", "--name", "x"),
    "account twice": ("account", "create", "--id", scenes.LENDER, "--name", "x"),
    "key of nobody": ("access-key", "create", "--account", scenes.NOBODY),
    "location twice": ("location", "create", "--code", "PAR1", "--name", "x"),
    "gateway of nobody": (
        *("gateway", "create", "--account", scenes.NOBODY),
        *("--vpc", "vpc-1", "--cidr", "10.0.0.0/16"),
    ),
    "gateway with host bits": (
        *("gateway", "create", "--account", scenes.LENDER),
        *("--vpc", "vpc-1", "--cidr", "10.0.0.1/16"),
    ),
    "gateway with a public asn": (
        *("gateway", "create", "--account", scenes.LENDER, "--asn", "3215"),
        *("--vpc", "vpc-1", "--cidr", "10.0.0.0/16"),
    ),
    "unknown gateway": ("gateway", "delete", "vgw-0badbeef"),
    "unknown connection": ("connection", "approve", "dxcon-fzzzzzzz"),
    "edge nowhere": ("edge", "create", "--id", "e1", "--location", "XXX9"),
}


@pytest.mark.parametrize("words", REFUSED_WORDS.values(), ids=REFUSED_WORDS)
def test_admin_refuses(words: tuple[str, ...], scene: Scene) -> None:
    before = scene.look()
    with pytest.raises(AdminRefused):
        scene.server.admin(*words)
    assert scene.look() == before


def test_admin_lists(scene: Scene) -> None:
    admin, ids = scene.server.admin, scene.ids
    assert scenes.LENDER in [found["accountId"] for found in admin("account", "list")]
    assert {"PAR1", "LON1"} <= {found["locationCode"] for found in admin("location", "list")}
    assert ids["conn"] in [found["connectionId"] for found in admin("connection", "list")]
    assert ids["live"] in [found["virtualInterfaceId"] for found in admin("interface", "list")]
    gateways = {found["virtualGatewayId"] for found in admin("gateway", "list")}
    assert {ids["gw"], ids["gw2"], ids["gw_lender"], ids["gw_c"]} <= gateways
    keys = {found["accessKeyId"] for found in admin("access-key", "list")}
    assert {key.access_key_id for key in scene.keys.values()} <= keys


def test_audit_trail(
    server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]
) -> None:
    key = new_account()
    connection = scenes.order(boto(key), "audited", scenes.MANUAL_LOCATION)
    with pytest.raises(Refused):
        boto(key).call("DeleteConnection", {"connectionId": "dxcon-fzzzzzzz"})
    changes = [e for e in server.admin("events") if e.get("accountId") == key.account_id]
    assert [(e["operation"], e["outcome"]) for e in changes] == [("CreateConnection", "ok")]
    (change,) = changes
    assert connection in change["resources"]
    assert change["accessKeyId"] == key.access_key_id
    assert change["sourceAddress"].startswith("127.0.0.1")
    assert re.fullmatch(r"[0-9a-f-]{36}", change["requestId"])


def test_backup_is_a_whole_database(server: Server, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    server.admin("backup", str(copy))
    assert copy.stat().st_size > 0
    assert copy.stat().st_mode & 0o077 == 0
    assert copy.read_bytes().startswith(b"SQLite format 3\0")


def check(server: Server) -> None:
    """`linkway admin check` finds every invariant kept."""
    done = subprocess.run(
        [paths.linkway(), "admin", "check", server.data],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_everything_is_there_after_a_restart(end: str, start_server: StartServer) -> None:
    server = start_server()
    world = scenes.build(server)
    before = world.look()
    operator = server.operator
    if end == "SIGTERM":
        assert server.stop() == 0
    else:
        server.kill()
    check(server)
    server.start()
    assert server.operator == operator
    assert world.look() == before
    # And it goes on: what was confirming can be confirmed.
    answer = scenes.confirm(world.clients["owner"], world.ids["hosted"], world.ids["gw"])
    assert answer == {"virtualInterfaceState": "pending"}
    lend(world.clients["lender"], world.ids["conn"], scenes.OWNER, allocation(900))


def test_second_server_on_one_directory_is_refused(server: Server) -> None:
    done = subprocess.run(
        [paths.linkway(), "serve", "--data-dir", server.data, "--listen", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert str(server.data) in done.stderr, done.stderr
    assert server.endpoint.get("/readyz").status == 200


def test_print_config_shows_what_is_in_force(tmp_path: Path) -> None:
    config = tmp_path / "linkway.toml"
    config.write_text("hosted_interface_expiry_seconds = 4242\n")
    line = [paths.linkway(), "serve", "--data-dir", tmp_path / "data", "--config", config]
    done = subprocess.run(
        [*line, "--region", "eu-test-9", "--print-config"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = dict(re.findall(r"^(\w+) = (.*)$", done.stdout, re.M))
    assert float(shown["hosted_interface_expiry_seconds"]) == 4242
    assert float(shown["terminal_visibility_seconds"]) == 900
    assert shown["region"] == '"eu-test-9"'
    assert not (tmp_path / "data").exists()


BAD_CONFIGS = {
    "unknown word": 'colour = "blue"\n',
    "wrong type": 'max_body_bytes = "many"\n',
    "not TOML": "max_body_bytes =\n",
}


@pytest.mark.parametrize("text", BAD_CONFIGS.values(), ids=BAD_CONFIGS)
def test_bad_configuration_is_refused(text: str, tmp_path: Path) -> None:
    config = tmp_path / "linkway.toml"
    config.write_text(text)
    done = subprocess.run(
        [paths.linkway(), "serve", "--data-dir", tmp_path / "data", "--config", config],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert text.split(" ", maxsplit=1)[0] in done.stderr or str(config) in done.stderr, done.stderr


def test_boto_still_speaks_after_many_clients(scene: Scene) -> None:
    """Connections of clients that are gone do not add up."""
    server = scene.server
    for _ in range(40):
        one = Boto(server.endpoint, scene.keys["lender"], server.recorder)
        assert one.call("DescribeLocations", {})["locations"]
