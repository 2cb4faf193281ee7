"""Terraform's resources of Direct Connect gateways and private interfaces: made, looked at again, changed in place,
imported, destroyed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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


def test_gateway_association_and_interface(world: World) -> None:
    vgw = world.gateway(LENDER, "10.1.0.0/16")

    def resources(name: str, mtu: int, prefixes: list[str]) -> Resources:
        return {
            "aws_dx_gateway": {"g": {"name": name, "amazon_side_asn": "64999"}},
            "aws_dx_gateway_association": {
                "a": {
                    "dx_gateway_id": "${aws_dx_gateway.g.id}",
                    "associated_gateway_id": vgw,
                    "allowed_prefixes": prefixes,
                }
            },
            "aws_dx_private_virtual_interface": {
                "i": private(world, "i", 101, mtu=mtu, dx_gateway_id="${aws_dx_gateway.g.id}")
            },
            "aws_dx_bgp_peer": {
                "six": {
                    "virtual_interface_id": "${aws_dx_private_virtual_interface.i.id}",
                    "address_family": "ipv6",
                    "bgp_asn": 65000,
                }
            },
        }

    lives(
        world,
        resources("first", 1500, ["10.1.0.0/16"]),
        resources("second", 9001, ["10.1.0.0/17", "10.1.128.0/17", "10.0.0.0/8"]),
        {
            "aws_dx_gateway.g": "{id}",
            "aws_dx_gateway_association.a": "{dx_gateway_id}/{associated_gateway_id}",
            "aws_dx_private_virtual_interface.i": "{id}",
        },
        data={
            "aws_dx_router_configuration": {
                "r": {
                    "virtual_interface_id": "${aws_dx_private_virtual_interface.i.id}",
                    "router_type_identifier": "CiscoSystemsInc-2900SeriesRouters-IOS124",
                }
            }
        },
    )


def test_proposal_of_another_account(world: World) -> None:
    vgw = world.gateway(OWNER, "10.2.0.0/16")

    def resources(prefixes: list[str]) -> Resources:
        return {
            "aws_dx_gateway": {"g": {"name": "g", "amazon_side_asn": "64999"}},
            "aws_dx_gateway_association_proposal": {
                "p": {
                    "provider": "aws.owner",
                    "dx_gateway_id": "${aws_dx_gateway.g.id}",
                    "dx_gateway_owner_account_id": LENDER,
                    "associated_gateway_id": vgw,
                    "allowed_prefixes": ["10.2.0.0/16"],
                }
            },
            "aws_dx_gateway_association": {
                "a": {
                    "proposal_id": "${aws_dx_gateway_association_proposal.p.id}",
                    "dx_gateway_id": "${aws_dx_gateway.g.id}",
                    "associated_gateway_owner_account_id": OWNER,
                    "allowed_prefixes": prefixes,
                }
            },
        }

    lives(world, resources(["10.2.0.0/16"]), resources(["10.2.0.0/17", "10.2.128.0/17"]), {})


# As Terraform's documentation says, what is lent depends on the gateway that it is accepted on: it has to
# be gone before the gateway is.
def test_hosted_private_on_a_gateway_of_the_recipient(world: World) -> None:
    def resources(tags: dict[str, str]) -> Resources:
        return {
            "aws_dx_hosted_private_virtual_interface": {
                "lent": private(
                    world, "lent", 102, owner_account_id=OWNER, depends_on=["aws_dx_gateway.g"]
                )
            },
            "aws_dx_gateway": {
                "g": {"provider": "aws.owner", "name": "g", "amazon_side_asn": "64998"}
            },
            "aws_dx_hosted_private_virtual_interface_accepter": {
                "accepted": {
                    "provider": "aws.owner",
                    "virtual_interface_id": "${aws_dx_hosted_private_virtual_interface.lent.id}",
                    "dx_gateway_id": "${aws_dx_gateway.g.id}",
                    "tags": tags,
                }
            },
        }

    lives(
        world,
        resources({}),
        resources({"team": "network"}),
        {"aws_dx_hosted_private_virtual_interface.lent": "{id}"},
    )
