"""The same of transit and public interfaces. A file of its own: files are what is run side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import terraform
from harness.server import Server
from harness.terraform_world import LENDER, OWNER, QUICK, Resources, World, lives, private

pytestmark = pytest.mark.skipif(
    terraform.plugins() is None, reason="there is no Terraform with a provider"
)


@pytest.fixture
def world(start_server: Callable[..., Server], tmp_path: Path) -> World:
    return World(start_server(QUICK), tmp_path)


def test_transit_on_a_gateway_with_a_transit_gateway(world: World) -> None:
    words = ["--account", LENDER, "--asn", "64600"]
    made = world.server.admin("transit-gateway", "create", *words)
    assert isinstance(made, dict)
    tgw = made["transitGatewayId"]

    def resources(
        mtu: int, site_link: bool, prefixes: list[str], tags: dict[str, str]
    ) -> Resources:
        return {
            "aws_dx_gateway": {
                "g": {"name": "g", "amazon_side_asn": "64997"},
                "theirs": {"provider": "aws.owner", "name": "t", "amazon_side_asn": "64996"},
            },
            "aws_dx_gateway_association": {
                "a": {
                    "dx_gateway_id": "${aws_dx_gateway.g.id}",
                    "associated_gateway_id": tgw,
                    "allowed_prefixes": prefixes,
                }
            },
            "aws_dx_transit_virtual_interface": {
                "own": private(
                    world,
                    "own",
                    103,
                    mtu=mtu,
                    sitelink_enabled=site_link,
                    dx_gateway_id="${aws_dx_gateway.g.id}",
                )
            },
            "aws_dx_hosted_transit_virtual_interface": {
                "lent": private(
                    world,
                    "lent",
                    104,
                    owner_account_id=OWNER,
                    depends_on=["aws_dx_gateway.theirs"],
                )
            },
            "aws_dx_hosted_transit_virtual_interface_accepter": {
                "accepted": {
                    "provider": "aws.owner",
                    "virtual_interface_id": "${aws_dx_hosted_transit_virtual_interface.lent.id}",
                    "dx_gateway_id": "${aws_dx_gateway.theirs.id}",
                    "tags": tags,
                }
            },
        }

    lives(
        world,
        resources(1500, False, ["10.3.0.0/16"], {}),
        resources(8500, True, ["10.3.0.0/17", "10.4.0.0/16"], {"team": "network"}),
        {
            "aws_dx_gateway.g": "{id}",
            "aws_dx_gateway_association.a": "{dx_gateway_id}/{associated_gateway_id}",
            "aws_dx_transit_virtual_interface.own": "{id}",
            "aws_dx_hosted_transit_virtual_interface.lent": "{id}",
        },
    )


def test_public_interfaces(world: World) -> None:
    def public(name: str, vlan: int, subnet: str, **members: Any) -> dict[str, Any]:
        return private(
            world,
            name,
            vlan,
            amazon_address=f"{subnet}.1/30",
            customer_address=f"{subnet}.2/30",
            route_filter_prefixes=["203.0.113.0/24", "198.51.100.0/24"],
            **members,
        )

    def resources(tags: dict[str, str]) -> Resources:
        return {
            "aws_dx_public_virtual_interface": {"own": public("own", 105, "192.0.2", tags=tags)},
            "aws_dx_hosted_public_virtual_interface": {
                "lent": public("lent", 106, "198.51.100", owner_account_id=OWNER)
            },
            "aws_dx_hosted_public_virtual_interface_accepter": {
                "accepted": {
                    "provider": "aws.owner",
                    "virtual_interface_id": "${aws_dx_hosted_public_virtual_interface.lent.id}",
                    "tags": tags,
                }
            },
        }

    lives(
        world,
        resources({}),
        resources({"team": "network"}),
        {
            "aws_dx_public_virtual_interface.own": "{id}",
            "aws_dx_hosted_public_virtual_interface.lent": "{id}",
        },
    )
