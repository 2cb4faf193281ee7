"""BGP failover tests: started, seen by both sides, stopped, over by themselves, listed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.clients import Answer, AwsCli, Boto, Refused
from harness.scene import allocation, order
from harness.server import Server
from harness.signing import Key
from harness.walk import assert_has, connection_in, interface_in, interfaces


class Lent:
    """An available interface with two peers that one account lends another."""

    def __init__(self, server: Server, keys: tuple[Key, Key], boto: Callable[[Key], Boto]) -> None:
        self.server, self.keys = server, keys
        self.lender, self.owner = boto(keys[0]), boto(keys[1])
        connection = order(self.lender, "failover")
        connection_in(self.lender, connection, "available")
        wanted = {
            "connectionId": connection,
            "ownerAccount": keys[1].account_id,
            "newPrivateVirtualInterfaceAllocation": allocation(300),
        }
        made = self.lender.call("AllocatePrivateVirtualInterface", wanted)
        self.id: str = made["virtualInterfaceId"]
        gateway = server.create_gateway(keys[1].account_id)
        confirmed = {"virtualInterfaceId": self.id, "virtualGatewayId": gateway}
        self.owner.call("ConfirmPrivateVirtualInterface", confirmed)
        new = {"asn": 65000, "addressFamily": "ipv6"}
        self.owner.call("CreateBGPPeer", {"virtualInterfaceId": self.id, "newBGPPeer": new})
        interface_in(self.owner, self.id, "available")

    def start(self, **members: object) -> Answer:
        wanted = {"virtualInterfaceId": self.id, **members}
        return self.owner.call("StartBgpFailoverTest", wanted)["virtualInterfaceTest"]

    def stop(self) -> Answer:
        wanted = {"virtualInterfaceId": self.id}
        return self.owner.call("StopBgpFailoverTest", wanted)["virtualInterfaceTest"]

    def history(self, **filters: object) -> list[Answer]:
        answer = self.owner.call("ListVirtualInterfaceTestHistory", filters)
        return answer["virtualInterfaceTestHistory"]


@pytest.fixture
def lent(server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]) -> Lent:
    return Lent(server, (new_account(), new_account()), boto)


def test_started_and_stopped(lent: Lent) -> None:
    (before,) = interfaces(lent.owner, lent.id)
    peers = sorted(peer["bgpPeerId"] for peer in before["bgpPeers"])
    test = lent.start()
    wanted = {
        "virtualInterfaceId": lent.id,
        "ownerAccount": lent.keys[1].account_id,
        "testDurationInMinutes": 180,
        "status": "In progress",
    }
    assert_has(test, wanted)
    assert sorted(test["bgpPeers"]) == peers
    assert "endTime" not in test
    for client in (lent.owner, lent.lender):
        interface_in(client, lent.id, "testing")
    with pytest.raises(Refused, match="one BGP failover test runs at a time"):
        lent.start()
    stopped = lent.stop()
    assert_has(stopped, {"testId": test["testId"], "status": "Cancelled"})
    assert stopped["endTime"] >= stopped["startTime"]
    interface_in(lent.owner, lent.id, "available")
    assert lent.history() == [stopped]
    seen = lent.lender.call("ListVirtualInterfaceTestHistory", {"virtualInterfaceId": lent.id})
    assert seen["virtualInterfaceTestHistory"] == [stopped]
    told = lent.server.admin("events", "--account", lent.keys[0].account_id)
    assert isinstance(told, list)
    kinds = [event["operation"] for event in told]
    assert {"virtual-interface.testing", "virtual-interface.tested"} <= set(kinds)


def test_filters_and_pages(lent: Lent) -> None:
    (interface,) = interfaces(lent.owner, lent.id)
    one, other = (peer["bgpPeerId"] for peer in interface["bgpPeers"])
    first = lent.start(bgpPeers=[one], testDurationInMinutes=1)
    assert_has(first, {"bgpPeers": [one], "testDurationInMinutes": 1})
    first = lent.stop()
    second = lent.start(bgpPeers=[other])
    assert lent.history() == [first, second]
    for filters, expected in [
        ({"testId": first["testId"]}, [first]),
        ({"status": "In progress"}, [second]),
        ({"status": "Cancelled"}, [first]),
        ({"status": "Failed"}, []),
        ({"bgpPeers": [other]}, [second]),
        ({"bgpPeers": [one, other]}, [first, second]),
        ({"virtualInterfaceId": lent.id}, [first, second]),
        ({"virtualInterfaceId": "dxvif-fzzzzzzz"}, []),
    ]:
        assert lent.history(**filters) == expected, filters
    page = lent.owner.call("ListVirtualInterfaceTestHistory", {"maxResults": 1})
    assert page["virtualInterfaceTestHistory"] == [first]
    rest = {"maxResults": 1, "nextToken": page["nextToken"]}
    page = lent.owner.call("ListVirtualInterfaceTestHistory", rest)
    assert page["virtualInterfaceTestHistory"] == [second]
    assert "nextToken" not in page
    lent.owner.call("DeleteVirtualInterface", {"virtualInterfaceId": lent.id})
    assert [test["status"] for test in lent.history()] == ["Cancelled", "Failed"]


def test_aws_cli(lent: Lent, tmp_path: Path) -> None:
    cli = AwsCli(lent.server.endpoint, lent.keys[1], tmp_path)
    words = ["--virtual-interface-id", lent.id]
    minutes = ["--test-duration-in-minutes", "10"]
    answer = cli.run("start-bgp-failover-test", *words, *minutes)
    assert_has(answer["virtualInterfaceTest"], {"testDurationInMinutes": 10})
    answer = cli.run("stop-bgp-failover-test", *words)
    assert_has(answer["virtualInterfaceTest"], {"status": "Cancelled"})
    answer = cli.run("list-virtual-interface-test-history", *words)
    assert len(answer["virtualInterfaceTestHistory"]) == 1
