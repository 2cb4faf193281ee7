"""The published procedure, word for word, from the AWS CLI."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import paths
from harness.clients import AwsCli, Boto, Refused, clean_environment, run
from harness.scene import order
from harness.server import Server
from harness.signing import Key
from harness.walk import assert_has, connection_in

ALLOCATION = (
    "virtualInterfaceName=MyPrivateVirtualInterface,vlan=101,asn=65000,"
    "authKey=tgyn26example,amazonAddress=172.16.0.1/30,customerAddress=172.16.0.2/30"
)


@pytest.fixture
def lender(new_account: Callable[[], Key]) -> Key:
    return new_account()


@pytest.fixture
def connection(lender: Key, boto: Callable[[Key], Boto]) -> str:
    """An available connection of the lender."""
    made = order(boto(lender), "MyConnection")
    connection_in(boto(lender), made, "available")
    return made


@pytest.fixture
def cli(server: Server, tmp_path: Path) -> Callable[[Key], AwsCli]:
    return lambda key: AwsCli(server.endpoint, key, tmp_path)


def test_published_sample(
    server: Server,
    cli: Callable[[Key], AwsCli],
    new_account: Callable[[], Key],
    lender: Key,
    connection: str,
) -> None:
    owner = new_account()
    words = ["--connection-id", connection, "--owner-account", owner.account_id]
    lent = cli(lender).run(
        "allocate-private-virtual-interface",
        *words,
        "--new-private-virtual-interface-allocation",
        ALLOCATION,
    )
    # The published answer, with the ids of this run.
    published = {
        "virtualInterfaceState": "confirming",
        "asn": 65000,
        "vlan": 101,
        "customerAddress": "172.16.0.2/30",
        "ownerAccount": owner.account_id,
        "connectionId": connection,
        "virtualInterfaceId": lent["virtualInterfaceId"],
        "authKey": "tgyn26example",
        "location": "PAR1",
        "amazonAddress": "172.16.0.1/30",
        "virtualInterfaceType": "private",
        "virtualInterfaceName": "MyPrivateVirtualInterface",
    }
    assert_has(lent, published)
    gateway = server.create_gateway(owner.account_id)
    words = ["--virtual-interface-id", lent["virtualInterfaceId"], "--virtual-gateway-id", gateway]
    confirmed = cli(owner).run("confirm-private-virtual-interface", *words)
    assert confirmed == {"virtualInterfaceState": "pending"}


def test_published_sample_with_its_stray_bracket(
    cli: Callable[[Key], AwsCli], new_account: Callable[[], Key], lender: Key, connection: str
) -> None:
    with pytest.raises(Refused) as refusal:
        cli(lender).run(
            "allocate-private-virtual-interface",
            *("--connection-id", connection),
            *("--owner-account", new_account().account_id),
            *("--new-private-virtual-interface-allocation", f"{ALLOCATION})"),
        )
    assert refusal.value.error == "DirectConnectClientException"
    assert "newPrivateVirtualInterfaceAllocation.customerAddress" in refusal.value.message
    assert "172.16.0.2/30)" in refusal.value.message


def test_profile_written_by_admin(server: Server, lender: Key, tmp_path: Path) -> None:
    """`access-key create --aws-profile` leaves nothing to configure."""
    environment = {
        **clean_environment(),
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    words = ["--account", lender.account_id, "--aws-profile", "linkway-test"]
    made = server.admin("access-key", "create", *words, environment=environment)
    server.secrets.add(made["secretAccessKey"])
    line = [paths.tool("aws"), "--profile", "linkway-test", "directconnect", "describe-locations"]
    done = run(line, environment)
    assert done.returncode == 0, done.stderr
    assert "PAR1" in [found["locationCode"] for found in json.loads(done.stdout)["locations"]]
