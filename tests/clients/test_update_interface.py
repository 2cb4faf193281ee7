"""UpdateVirtualInterfaceAttributes: an interface's name and MTU change while it stays available."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.clients import Answer, AwsCli, Boto, Refused
from harness.scene import allocation, order
from harness.server import Server
from harness.signing import Key
from harness.walk import assert_has, connection_in, interface_in, interfaces


@pytest.fixture
def own(
    server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]
) -> OwnInterface:
    return OwnInterface(server, new_account(), boto)


class OwnInterface:
    """An account with an available interface of its own."""

    def __init__(self, server: Server, key: Key, boto: Callable[[Key], Boto]) -> None:
        self.server, self.key, self.client = server, key, boto(key)
        connection = order(self.client, "updates")
        connection_in(self.client, connection, "available")
        gateway = server.create_gateway(key.account_id)
        new = {**allocation(300), "virtualGatewayId": gateway}
        wanted = {"connectionId": connection, "newPrivateVirtualInterface": new}
        made = self.client.call("CreatePrivateVirtualInterface", wanted)
        self.id: str = made["virtualInterfaceId"]
        interface_in(self.client, self.id, "available")

    def seen(self) -> Answer:
        (found,) = interfaces(self.client, self.id)
        return found

    def update(self, **members: object) -> Answer:
        changed = {"virtualInterfaceId": self.id, **members}
        return self.client.call("UpdateVirtualInterfaceAttributes", changed)


def test_name_and_mtu(own: OwnInterface) -> None:
    before = own.seen()
    answer = own.update(virtualInterfaceName="Überlingen 東京", mtu=9001)
    wanted = {"virtualInterfaceName": "Überlingen 東京", "mtu": 9001}
    assert_has(answer, wanted)
    interface_in(own.client, own.id, "available")
    # The same interface otherwise: peers, addresses, key, gateway.
    assert own.seen() == {**before, **wanted}


def test_only_what_is_given_changes(own: OwnInterface) -> None:
    own.update(mtu=8500)
    assert_has(own.update(virtualInterfaceName="renamed"), {"mtu": 8500})
    assert_has(own.update(mtu=1500), {"virtualInterfaceName": "renamed", "mtu": 1500})
    assert own.update(enableSiteLink=False) == own.seen()


def test_rate_limit_and_prefix_pools(own: OwnInterface) -> None:
    wanted = {"rateLimit": "50Mbps", "prefixPoolAllocatedCountIpv4": 300}
    assert_has(own.update(**wanted), {**wanted, "prefixPoolAllocatedCountIpv6": 100})
    assert_has(own.seen(), wanted)
    assert_has(own.update(rateLimit=""), {**wanted, "rateLimit": ""})
    wanted = {"prefixPoolAllocatedCountIpv4": 1000, "prefixPoolAllocatedCountIpv6": 0}
    assert_has(own.update(**wanted), wanted)
    interface_in(own.client, own.id, "available")


def test_the_eleventh_rate_limit_of_a_connection(own: OwnInterface) -> None:
    own.update(rateLimit="100Mbps")
    connection = own.seen()["connectionId"]
    gateway = own.seen()["virtualGatewayId"]

    def create(vlan: int) -> Answer:
        new = {**allocation(vlan), "virtualGatewayId": gateway, "rateLimit": "50Mbps"}
        wanted = {"connectionId": connection, "newPrivateVirtualInterface": new}
        return own.client.call("CreatePrivateVirtualInterface", wanted)

    for vlan in range(301, 310):
        assert_has(create(vlan), {"rateLimit": "50Mbps"})
    with pytest.raises(Refused, match="rate_limiters_per_connection") as refused:
        create(310)
    assert refused.value.error == "LimitExceededException"


def test_a_connection_shows_what_is_left_of_its_pools_and_limiters(own: OwnInterface) -> None:
    def shown() -> Answer:
        wanted = {"connectionId": own.seen()["connectionId"]}
        (found,) = own.client.call("DescribeConnections", wanted)["connections"]
        return found

    pools = {"prefixPoolSizeIpv4": 5000, "prefixPoolSizeIpv6": 5000}
    left = {"prefixPoolUnallocatedCountIpv4": 4900, "prefixPoolUnallocatedCountIpv6": 4900}
    limiters = {"inUse": 0, "maxAllowed": 10, "remaining": 10}
    assert_has(shown(), {**pools, **left, "rateLimiterStatus": limiters})
    own.update(rateLimit="50Mbps", prefixPoolAllocatedCountIpv4=1000)
    limiters = {"inUse": 1, "maxAllowed": 10, "remaining": 9}
    left["prefixPoolUnallocatedCountIpv4"] = 4000
    assert_has(shown(), {**pools, **left, "rateLimiterStatus": limiters})
    uses = own.server.admin("account", "show", own.key.account_id)["quotas"]
    used = {use["quota"]: use["used"] for use in uses}
    assert used["rate_limiters_per_connection"] == 1


def test_what_changes_nothing_is_no_change(own: OwnInterface) -> None:
    first = own.update(virtualInterfaceName="once")
    assert own.update(virtualInterfaceName="once") == first
    mine = [e for e in own.server.admin("events") if e.get("accountId") == own.key.account_id]
    updates = [e for e in mine if e["operation"] == "UpdateVirtualInterfaceAttributes"]
    assert [(e["outcome"], own.id in e["resources"]) for e in updates] == [("ok", True)]


def test_aws_cli(own: OwnInterface, tmp_path: Path) -> None:
    cli = AwsCli(own.server.endpoint, own.key, tmp_path)
    words = ["--virtual-interface-id", own.id, "--mtu", "9001"]
    answer = cli.run("update-virtual-interface-attributes", *words)
    assert_has(answer, {"virtualInterfaceId": own.id, "mtu": 9001})
