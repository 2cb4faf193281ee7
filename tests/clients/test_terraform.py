"""Terraform's resources of Direct Connect: made, looked at again, changed in place, imported, destroyed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import terraform
from harness.clients import Boto
from harness.scene import order
from harness.server import Server
from harness.terraform import Terraform, provider
from harness.walk import LOCATION, LOCATION_NAME, connection_in

pytestmark = pytest.mark.skipif(
    terraform.plugins() is None, reason="there is no Terraform with a provider"
)

LENDER, OWNER = "123456789000", "210987654321"
QUICK = {"simulated_approval_seconds": 0.1, "simulated_step_seconds": 0.1}

Resources = dict[str, dict[str, dict[str, Any]]]


class World:
    """A server with two accounts, of which the lender has a connection: the operator's part of it takes its time, which
    Terraform does not wait for."""

    def __init__(self, server: Server, directory: Path) -> None:
        server.create_location(LOCATION, LOCATION_NAME, simulated=True)
        keys = [server.create_account(number, number) for number in (LENDER, OWNER)]
        self.server = server
        self.providers = [
            provider(server.endpoint, keys[0]),
            provider(server.endpoint, keys[1], "owner"),
        ]
        self.directory = directory
        lender = Boto(server.endpoint, keys[0], server.recorder)
        self.connection = order(lender, "port")
        connection_in(lender, self.connection, "available")

    def terraform(self, name: str) -> Terraform:
        return Terraform(self.directory / name, self.providers)

    def gateway(self, account: str, cidr: str) -> str:
        words = ["--account", account, "--vpc", "vpc-12345678", "--cidr", cidr]
        made = self.server.admin("gateway", "create", *words)
        assert isinstance(made, dict)
        return made["virtualGatewayId"]


@pytest.fixture
def world(start_server: Callable[..., Server], tmp_path: Path) -> World:
    return World(start_server(QUICK), tmp_path)


def lives(
    world: World, first: Resources, changed: Resources, imports: dict[str, str], **more: Any
) -> None:
    """The whole life of resources: `changed` is reached from `first` without replacing anything.

    `imports`: how a resource's import id follows from its members, by address.
    """
    tf = world.terraform("first")
    tf.write(first, **more)
    tf.init()
    tf.apply()
    tf.is_clean()
    before = tf.state()
    tf.write(changed, **more)
    tf.apply()
    tf.is_clean()
    after = tf.state()
    assert {name: one.get("id") for name, one in after.items()} == {
        name: one.get("id") for name, one in before.items()
    }
    again = world.terraform("again")
    blocks = [
        {"to": address, "id": template.format_map(after[address])}
        for address, template in imports.items()
    ]
    again.write(changed, **more, **({"import": blocks} if blocks else {}))
    again.init(like=tf)
    others = len(after) - len(imports)
    said = f"{len(imports)} to import, {others} to add, 0 to change, 0 to destroy."
    assert not imports or said in again.plan()
    tf.destroy()


def private(world: World, name: str, vlan: int, **members: Any) -> dict[str, Any]:
    return {
        "connection_id": world.connection,
        "name": name,
        "vlan": vlan,
        "address_family": "ipv4",
        "bgp_asn": 65000,
        **members,
    }


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
