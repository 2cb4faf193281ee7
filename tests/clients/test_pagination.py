"""Pages: no gap, no repeat, whoever reads them and whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from harness.clients import Answer, Boto
from harness.scene import MANUAL_LOCATION, Scene, allocation, lend, order
from harness.server import Server
from harness.signing import Key
from harness.walk import connection_in

COUNT = 25

# More than the most that a page has when the caller asks for a number.
MANY = 103


@dataclass
class Shelf:
    """A connection with many interfaces, all lent to one account."""

    lender: Boto
    owner: Boto
    recipient: str
    connection: str
    lent: list[str]


def filled(server: Server, first_account: int, count: int = COUNT) -> Shelf:
    """A new pair of accounts with `count` interfaces between them."""
    keys = [server.create_account(str(first_account + n), "pages") for n in range(2)]
    lender, owner = (Boto(server.endpoint, key, server.recorder) for key in keys)
    connection = order(lender, "shelf")
    connection_in(lender, connection, "available")
    recipient = keys[1].account_id
    lent = [lend(lender, connection, recipient, allocation(vlan)) for vlan in range(1, count + 1)]
    return Shelf(lender, owner, recipient, connection, lent)


@pytest.fixture(scope="module")
def shelf(scene: Scene) -> Shelf:
    """Read by all, changed by none."""
    return filled(scene.server, 800_000_000_000)


@pytest.fixture(scope="module")
def long_shelf(scene: Scene) -> Shelf:
    """Read by all, changed by none."""
    return filled(scene.server, 830_000_000_000, MANY)


def pages(client: Boto, operation: str, member: str, **params: object) -> Iterator[list[Answer]]:
    """Page after page, until there is no token."""
    token: dict[str, str] = {}
    while True:
        answer = client.call(operation, {**params, **token})
        yield answer[member]
        if "nextToken" not in answer:
            return
        assert answer["nextToken"] != token.get("nextToken"), "the same token again"
        token = {"nextToken": answer["nextToken"]}


def ids(page: list[Answer]) -> list[str]:
    return [interface["virtualInterfaceId"] for interface in page]


SIZES = {1: [1] * COUNT, 7: [7, 7, 7, 4], 10: [10, 10, 5], 25: [25], 100: [25]}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("role", ["lender", "owner"])
def test_interfaces_in_pages(size: int, role: str, shelf: Shelf) -> None:
    client = getattr(shelf, role)
    read = list(pages(client, "DescribeVirtualInterfaces", "virtualInterfaces", maxResults=size))
    assert [len(page) for page in read] == SIZES[size]
    assert sorted(i for page in read for i in ids(page)) == sorted(shelf.lent)


@pytest.mark.parametrize("size", [100, 101, 1001, 2**31 - 1])
@pytest.mark.parametrize("role", ["lender", "owner"])
def test_more_than_100_means_100(size: int, role: str, long_shelf: Shelf) -> None:
    client = getattr(long_shelf, role)
    read = list(pages(client, "DescribeVirtualInterfaces", "virtualInterfaces", maxResults=size))
    assert [len(page) for page in read] == [100, MANY - 100]
    assert sorted(i for page in read for i in ids(page)) == sorted(long_shelf.lent)


@pytest.mark.parametrize("on_the_connection", [False, True])
def test_no_number_means_everything(on_the_connection: bool, long_shelf: Shelf) -> None:
    params = {"connectionId": long_shelf.connection} if on_the_connection else {}
    (page,) = pages(long_shelf.lender, "DescribeVirtualInterfaces", "virtualInterfaces", **params)
    assert sorted(ids(page)) == sorted(long_shelf.lent)


def test_no_number_after_a_page_means_the_rest(long_shelf: Shelf) -> None:
    first = long_shelf.owner.call("DescribeVirtualInterfaces", {"maxResults": 2})
    rest = long_shelf.owner.call("DescribeVirtualInterfaces", {"nextToken": first["nextToken"]})
    assert "nextToken" not in rest
    read = ids(first["virtualInterfaces"]) + ids(rest["virtualInterfaces"])
    assert sorted(read) == sorted(long_shelf.lent)


def test_interfaces_of_a_connection_in_pages(shelf: Shelf) -> None:
    params = {"connectionId": shelf.connection, "maxResults": 10}
    read = list(pages(shelf.lender, "DescribeVirtualInterfaces", "virtualInterfaces", **params))
    assert [len(page) for page in read] == [10, 10, 5]
    assert sorted(i for page in read for i in ids(page)) == sorted(shelf.lent)


def test_connections_in_pages(new_account: Callable[[], Key], boto: Callable[[Key], Boto]) -> None:
    client = boto(new_account())
    ordered = [order(client, f"page {n}", MANUAL_LOCATION) for n in range(5)]
    read = list(pages(client, "DescribeConnections", "connections", maxResults=2))
    assert [len(page) for page in read] == [2, 2, 1]
    assert sorted(c["connectionId"] for page in read for c in page) == sorted(ordered)


def test_what_stays_is_read_once_while_others_come_and_go(server: Server) -> None:
    """Between two pages an interface comes and ends; the others are read exactly once."""
    shelf = filled(server, 810_000_000_000)
    read: list[str] = []
    walk = pages(shelf.lender, "DescribeVirtualInterfaces", "virtualInterfaces", maxResults=5)
    for number, page in enumerate(walk):
        read += ids(page)
        if number < 4:
            new = allocation(500 + number)
            passing = lend(shelf.lender, shelf.connection, shelf.recipient, new)
            shelf.lender.call("DeleteVirtualInterface", {"virtualInterfaceId": passing})
    assert len(read) == len(set(read)), "repeated"
    assert set(shelf.lent) <= set(read), "left out"


def test_what_ends_between_two_pages_of_a_connection_is_not_left_out(server: Server) -> None:
    """An ended interface is in another index than a live one; the walk must meet it in one of them."""
    shelf = filled(server, 820_000_000_000)
    params = {"connectionId": shelf.connection, "maxResults": 5}
    read: list[str] = []
    walk = pages(shelf.lender, "DescribeVirtualInterfaces", "virtualInterfaces", **params)
    for number, page in enumerate(walk):
        read += ids(page)
        if number == 0:
            # One that was read, and those that were not.
            for ending in {*shelf.lent} - {*read[1:]}:
                shelf.lender.call("DeleteVirtualInterface", {"virtualInterfaceId": ending})
    assert set(shelf.lent) == set(read), "left out"
