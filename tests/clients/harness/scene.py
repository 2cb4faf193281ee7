"""A settled little world to judge single calls in: four accounts, and one of everything.

Nothing in it changes by itself any more once it is built, so two looks at it differ only by what a
call did in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.clients import Answer, Boto
from harness.polling import until
from harness.server import Server
from harness.signing import Key
from harness.walk import LOCATION, LOCATION_NAME, connection_in, interface_in

LENDER = "123456789000"
OWNER = "210987654321"
STRANGER = "345678901234"
STRANGERS_FRIEND = "456789012345"
NOBODY = "999999999999"

# A location whose connections wait for the operator.
MANUAL_LOCATION = "LON1"

NEVER_EXISTED = {
    "no_conn": "dxcon-fzzzzzzz",
    "no_vif": "dxvif-fzzzzzzz",
    "no_gw": "vgw-0badbeef",
    "no_dx": "00000000-0000-4000-8000-000000000000",
}


@dataclass
class Scene:
    """The accounts, their clients by role, and the ids of the world by short name.

    Names in `ids`: conn (the lender's, available), conn_requested, conn_deleted, hosted
    (confirming), live (available, owner's), own (available, lender's own), twin (confirming, the
    peer subnet of live), same_asn (confirming, with the AS number of gw), rejected, deleted;
    gw, gw2, gw_deleted (owner's), gw_lender; conn_c, hosted_c, gw_c (the stranger's). Direct Connect
    gateways: dx (the lender's), dx_deleted, dx_c (the stranger's); association (gw_lender with dx),
    proposal (of gw2 to dx, unanswered).
    """

    server: Server
    keys: dict[str, Key]
    ids: dict[str, str]

    def __post_init__(self) -> None:
        endpoint, recorder = self.server.endpoint, self.server.recorder
        self.clients = {role: Boto(endpoint, key, recorder) for role, key in self.keys.items()}

    def fill(self, template: Any) -> Any:
        """The template with each `{name}` in its texts replaced by the id of that name."""
        if isinstance(template, str):
            return template.format_map(self.ids)
        if isinstance(template, dict):
            return {self.fill(name): self.fill(value) for name, value in template.items()}
        if isinstance(template, list):
            return [self.fill(item) for item in template]
        return template

    def look(self) -> list[Answer]:
        """All that the accounts of the scene can see."""
        views = (
            "DescribeConnections",
            "DescribeVirtualInterfaces",
            "DescribeVirtualGateways",
            "DescribeDirectConnectGateways",
            "DescribeDirectConnectGatewayAssociations",
            "DescribeDirectConnectGatewayAssociationProposals",
        )
        tagged = [
            {"resourceArns": [self.ids["conn_arn"]]},
            {"resourceArns": [self.ids["live_arn"]]},
        ]
        seen = [client.call(view, {}) for client in self.clients.values() for view in views]
        seen.append(self.clients["lender"].call("DescribeTags", tagged[0]))
        seen.append(self.clients["owner"].call("DescribeTags", tagged[1]))
        return seen


def arn(region: str, account_id: str, kind: str, resource_id: str) -> str:
    """The ARN of a connection (`dxcon`), an interface (`dxvif`) or a `dx-gateway`, which has no region."""
    region = "" if kind == "dx-gateway" else region
    return f"arn:aws:directconnect:{region}:{account_id}:{kind}/{resource_id}"


def allocation(vlan: int, **changes: Any) -> dict[str, Any]:
    """A valid newPrivateVirtualInterfaceAllocation."""
    return {"virtualInterfaceName": f"vlan-{vlan}", "vlan": vlan, "asn": 65000, **changes}


def prepare_locations(server: Server) -> None:
    server.create_location(LOCATION, LOCATION_NAME, simulated=True)
    server.create_location(MANUAL_LOCATION, "London 1", simulated=False)


def order(client: Boto, name: str, location: str = LOCATION) -> str:
    """Orders a connection; gives its id."""
    wanted = {"location": location, "bandwidth": "1Gbps", "connectionName": name}
    return client.call("CreateConnection", wanted)["connectionId"]


def lend(client: Boto, connection_id: str, recipient: str, new: dict[str, Any]) -> str:
    """Allocates an interface; gives its id."""
    lending = {
        "connectionId": connection_id,
        "ownerAccount": recipient,
        "newPrivateVirtualInterfaceAllocation": new,
    }
    return client.call("AllocatePrivateVirtualInterface", lending)["virtualInterfaceId"]


def confirm(client: Boto, virtual_interface_id: str, gateway: str) -> Answer:
    accepted = {"virtualInterfaceId": virtual_interface_id, "virtualGatewayId": gateway}
    return client.call("ConfirmPrivateVirtualInterface", accepted)


def build(server: Server) -> Scene:
    """Builds the world and waits until nothing in it moves."""
    prepare_locations(server)
    accounts = {
        "lender": LENDER,
        "owner": OWNER,
        "stranger": STRANGER,
        "friend": STRANGERS_FRIEND,
    }
    keys = {role: server.create_account(number, role) for role, number in accounts.items()}
    scene = Scene(server, keys, dict(NEVER_EXISTED, lender=LENDER, owner=OWNER, nobody=NOBODY))
    ids = scene.ids
    ids["gw"] = server.create_gateway(OWNER)
    ids["gw2"] = server.create_gateway(OWNER, 64600)
    ids["gw_deleted"] = server.create_gateway(OWNER)
    server.admin("gateway", "delete", ids["gw_deleted"])
    ids["gw_lender"] = server.create_gateway(LENDER)
    ids["gw_c"] = server.create_gateway(STRANGER)
    _connections(scene)
    _interfaces(scene)
    _direct_connect_gateways(scene)
    region = server.endpoint.region
    ids["conn_arn"] = arn(region, LENDER, "dxcon", ids["conn"])
    ids["live_arn"] = arn(region, OWNER, "dxvif", ids["live"])
    ids["conn_c_arn"] = arn(region, STRANGER, "dxcon", ids["conn_c"])
    ids["no_conn_arn"] = arn(region, LENDER, "dxcon", ids["no_conn"])
    _settle(scene)
    return scene


def _connections(scene: Scene) -> None:
    lender, stranger, ids = scene.clients["lender"], scene.clients["stranger"], scene.ids
    ids["conn"] = order(lender, "lent from")
    ids["conn_deleted"] = order(lender, "given up")
    ids["conn_requested"] = order(lender, "waits for the operator", MANUAL_LOCATION)
    ids["conn_c"] = order(stranger, "the stranger's")
    for name, client in (("conn", lender), ("conn_deleted", lender), ("conn_c", stranger)):
        connection_in(client, ids[name], "available")


def _interfaces(scene: Scene) -> None:
    lender, owner, ids = scene.clients["lender"], scene.clients["owner"], scene.ids
    peers = {"amazonAddress": "172.16.0.1/30", "customerAddress": "172.16.0.2/30"}
    lent = {
        "hosted": allocation(101),
        "live": allocation(102, **peers, tags=[{"key": "purpose", "value": "live"}]),
        "rejected": allocation(103),
        "deleted": allocation(104),
        "twin": allocation(105, **peers),
        "same_asn": allocation(106, asn=64512),
    }
    for name, new in lent.items():
        ids[name] = lend(lender, ids["conn"], OWNER, new)
    mine = {"virtualGatewayId": ids["gw_lender"], **allocation(110)}
    created = {"connectionId": ids["conn"], "newPrivateVirtualInterface": mine}
    ids["own"] = lender.call("CreatePrivateVirtualInterface", created)["virtualInterfaceId"]
    ids["hosted_c"] = lend(
        scene.clients["stranger"], ids["conn_c"], STRANGERS_FRIEND, allocation(101)
    )
    confirm(owner, ids["live"], ids["gw"])
    owner.call("DeleteVirtualInterface", {"virtualInterfaceId": ids["rejected"]})
    lender.call("DeleteVirtualInterface", {"virtualInterfaceId": ids["deleted"]})
    lender.call("DeleteConnection", {"connectionId": ids["conn_deleted"]})


def _direct_connect_gateways(scene: Scene) -> None:
    lender, owner, ids = scene.clients["lender"], scene.clients["owner"], scene.ids
    ids["dx"] = direct_connect_gateway(lender, "the lender's")
    ids["dx_deleted"] = direct_connect_gateway(lender, "given up")
    lender.call("DeleteDirectConnectGateway", {"directConnectGatewayId": ids["dx_deleted"]})
    ids["dx_c"] = direct_connect_gateway(scene.clients["stranger"], "the stranger's")
    pair = {"directConnectGatewayId": ids["dx"], "gatewayId": ids["gw_lender"]}
    made = lender.call("CreateDirectConnectGatewayAssociation", pair)
    ids["association"] = made["directConnectGatewayAssociation"]["associationId"]
    asked = {
        "directConnectGatewayId": ids["dx"],
        "directConnectGatewayOwnerAccount": LENDER,
        "gatewayId": ids["gw2"],
    }
    proposed = owner.call("CreateDirectConnectGatewayAssociationProposal", asked)
    ids["proposal"] = proposed["directConnectGatewayAssociationProposal"]["proposalId"]


def direct_connect_gateway(client: Boto, name: str) -> str:
    """A new Direct Connect gateway; gives its id."""
    made = client.call("CreateDirectConnectGateway", {"directConnectGatewayName": name})
    return made["directConnectGateway"]["directConnectGatewayId"]


def _settle(scene: Scene) -> None:
    lender, owner, ids = scene.clients["lender"], scene.clients["owner"], scene.ids
    connection_in(lender, ids["conn_deleted"], "deleted")
    interface_in(owner, ids["live"], "available")
    interface_in(owner, ids["rejected"], "rejected")
    interface_in(lender, ids["deleted"], "deleted")
    interface_in(lender, ids["own"], "available")
    until(lambda: scene.look() == scene.look(), bool, "the scene to stand still")
