"""Tags, on create and afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.clients import Boto, Refused
from harness.scene import MANUAL_LOCATION, Scene, arn, order
from harness.server import REGION
from harness.signing import Key


@pytest.fixture
def client(new_account: Callable[[], Key], boto: Callable[[Key], Boto]) -> tuple[Key, Boto]:
    key = new_account()
    return key, boto(key)


def tags_of(client: Boto, resource: str) -> dict[str, str | None]:
    (found,) = client.call("DescribeTags", {"resourceArns": [resource]})["resourceTags"]
    assert found["resourceArn"] == resource
    return {tag["key"]: tag.get("value") for tag in found.get("tags", [])}


def tag(client: Boto, resource: str, **tags: str) -> None:
    pairs = [{"key": key, "value": value} for key, value in tags.items()]
    assert client.call("TagResource", {"resourceArn": resource, "tags": pairs}) == {}


def untag(client: Boto, resource: str, *keys: str) -> None:
    assert client.call("UntagResource", {"resourceArn": resource, "tagKeys": list(keys)}) == {}


def test_tags_come_and_go(client: tuple[Key, Boto]) -> None:
    key, boto = client
    connection = order(boto, "tagged", MANUAL_LOCATION)
    resource = arn(REGION, key.account_id, "dxcon", connection)
    assert tags_of(boto, resource) == {}
    tag(boto, resource, a="1", b="2")
    tag(boto, resource, b="3", c="")
    assert tags_of(boto, resource) == {"a": "1", "b": "3", "c": ""}
    (seen,) = boto.call("DescribeConnections", {"connectionId": connection})["connections"]
    assert {t["key"]: t["value"] for t in seen["tags"]} == {"a": "1", "b": "3", "c": ""}
    untag(boto, resource, "a", "never-there")
    assert tags_of(boto, resource) == {"b": "3", "c": ""}


def test_several_resources_in_one_question(client: tuple[Key, Boto]) -> None:
    key, boto = client
    resources = [
        arn(REGION, key.account_id, "dxcon", order(boto, name, MANUAL_LOCATION))
        for name in ("one", "two", "three")
    ]
    for number, resource in enumerate(resources):
        tag(boto, resource, number=str(number))
    found = boto.call("DescribeTags", {"resourceArns": resources})["resourceTags"]
    assert {f["resourceArn"]: f["tags"][0]["value"] for f in found} == {
        resource: str(number) for number, resource in enumerate(resources)
    }


def test_fifty_tags_and_no_more(client: tuple[Key, Boto]) -> None:
    key, boto = client
    resource = arn(REGION, key.account_id, "dxcon", order(boto, "many", MANUAL_LOCATION))
    tag(boto, resource, **{f"k{n}": "v" for n in range(49)})
    tag(boto, resource, k49="v", k48="again")
    with pytest.raises(Refused) as refusal:
        tag(boto, resource, k50="v")
    assert refusal.value.error == "TooManyTagsException"
    assert len(tags_of(boto, resource)) == 50


LONGEST = {"k" * 128: "v" * 256, "Ключ_.:/=+-@ 1": "Überlingen 東京"}


def test_longest_and_widest_tags(client: tuple[Key, Boto]) -> None:
    key, boto = client
    resource = arn(REGION, key.account_id, "dxcon", order(boto, "wide", MANUAL_LOCATION))
    tag(boto, resource, **LONGEST)
    assert tags_of(boto, resource) == LONGEST


def test_both_sides_of_an_interface_have_tags_of_their_own(scene: Scene) -> None:
    live = scene.ids["live"]
    sides = {
        role: (scene.clients[role], arn(REGION, scene.keys[role].account_id, "dxvif", live))
        for role in ("lender", "owner")
    }
    assert tags_of(*sides["lender"]) == {"purpose": "live"}
    assert tags_of(*sides["owner"]) == {}
    tag(*sides["owner"], team="blue")
    assert tags_of(*sides["owner"]) == {"team": "blue"}
    assert tags_of(*sides["lender"]) == {"purpose": "live"}
    untag(*sides["owner"], "team")
    assert tags_of(*sides["owner"]) == {}
