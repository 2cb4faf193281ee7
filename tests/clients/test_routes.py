"""ListVirtualInterfaceRoutes: what an interface's sessions exchange, asked of its edge (here the simulated one)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.clients import Answer, Boto
from harness.scene import allocation, order
from harness.server import Server
from harness.signing import Key
from harness.walk import connection_in, interface_in

OPERATION = "ListVirtualInterfaceRoutes"


class OwnInterface:
    """An account with an available interface of its own, on a simulated edge, to the gateway of a VPC of two prefixes."""

    CIDRS = ("10.60.0.0/16", "10.61.0.0/16")

    def __init__(self, server: Server, key: Key, boto: Callable[[Key], Boto]) -> None:
        self.server, self.key, self.client = server, key, boto(key)
        connection = order(self.client, "routes")
        connection_in(self.client, connection, "available")
        words = ["--account", key.account_id, "--vpc", "vpc-12345678"]
        words += [word for cidr in self.CIDRS for word in ("--cidr", cidr)]
        gateway = server.admin("gateway", "create", *words)
        assert isinstance(gateway, dict)
        new = {**allocation(310), "virtualGatewayId": gateway["virtualGatewayId"]}
        wanted = {"connectionId": connection, "newPrivateVirtualInterface": new}
        made = self.client.call("CreatePrivateVirtualInterface", wanted)
        self.id: str = made["virtualInterfaceId"]
        interface_in(self.client, self.id, "available")

    def routes(self, **members: object) -> Answer:
        return self.client.call(OPERATION, {"virtualInterfaceId": self.id, **members})


@pytest.fixture
def own(
    server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]
) -> OwnInterface:
    return OwnInterface(server, new_account(), boto)


def cidrs(answer: Answer) -> list[str]:
    return [route["cidr"] for route in answer["routes"]]


def test_what_is_advertised(own: OwnInterface) -> None:
    answer = own.routes()
    assert answer["virtualInterfaceId"] == own.id
    assert cidrs(answer) == list(own.CIDRS)
    for route in answer["routes"]:
        assert (route["routeDirection"], route["addressFamily"]) == ("advertised", "ipv4")
        assert route["asPath"] == [{"path": [64512], "pathType": "seq"}]


def test_filters_and_pages(own: OwnInterface) -> None:
    assert cidrs(own.routes(filters={"cidrs": ["10.61.0.0/16"]})) == ["10.61.0.0/16"]
    assert cidrs(own.routes(filters={"cidrs": ["10.60.0.0/15"]})) == list(own.CIDRS)
    assert cidrs(own.routes(filters={"routeDirection": "accepted"})) == []
    assert cidrs(own.routes(filters={"addressFamily": "ipv6"})) == []
    assert cidrs(own.routes(filters={"asPath": [64512]})) == list(own.CIDRS)
    assert cidrs(own.routes(filters={"communities": ["7224:7100"]})) == []
    first = own.routes(maxResults=1)
    second = own.routes(maxResults=1, nextToken=first["nextToken"])
    assert (cidrs(first), cidrs(second)) == (["10.60.0.0/16"], ["10.61.0.0/16"])
    assert "nextToken" not in second


def test_one_that_is_not_accepted_has_none(
    own: OwnInterface, new_account: Callable[[], Key], boto: Callable[[Key], Boto]
) -> None:
    recipient = new_account()
    connection = order(own.client, "lent")
    connection_in(own.client, connection, "available")
    lent = own.client.call(
        "AllocatePrivateVirtualInterface",
        {
            "connectionId": connection,
            "ownerAccount": recipient.account_id,
            "newPrivateVirtualInterfaceAllocation": allocation(311),
        },
    )
    asked = {"virtualInterfaceId": lent["virtualInterfaceId"]}
    assert boto(recipient).call(OPERATION, asked)["routes"] == []
