"""What Terraform's resources are made in, and the whole life that each test gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.clients import Boto
from harness.scene import order
from harness.server import Server
from harness.terraform import Terraform, provider
from harness.walk import LOCATION, LOCATION_NAME, connection_in

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
