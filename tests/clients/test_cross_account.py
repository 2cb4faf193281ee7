"""No account sees, changes or learns of what another owns; every operation has a row.

A probe is a call with an id that exists but is not the caller's. The answer must be the one that an
id of the same form gets which never existed: same status, same bytes but for the id.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from bad_inputs.bodies import UNKNOWN_OPERATION
from harness import model, operations
from harness.scene import (
    MANUAL_LOCATION,
    NEVER_EXISTED,
    STRANGER,
    STRANGERS_FRIEND,
    Scene,
    allocation,
    arn,
)
from harness.server import AGREEMENT, REGION, Server
from harness.signing import Key, Reply, Signing, tenant_target

NEW = "newPrivateVirtualInterfaceAllocation"
OWN = "newPrivateVirtualInterface"
STRANGE = {"dxcon": "no_conn", "dxvif": "no_vif", "vgw": "no_gw", "dx-gateway": "no_dx"}


@dataclass(frozen=True)
class Probe:
    """A call of `by` in which {it} stands for the foreign id."""

    body: dict[str, Any]
    foreign: tuple[str, ...]
    by: str = "stranger"


@dataclass(frozen=True)
class Listing:
    """A call that names nobody's resource; its answer must not either."""

    body: dict[str, Any]


CONNECTIONS = ("conn", "conn_requested", "conn_deleted")
INTERFACES = ("hosted", "live", "own", "rejected", "deleted")
GATEWAYS = ("gw", "gw_lender", "gw_deleted")

DX_GATEWAYS = ("dx", "dx_deleted")
ASSOCIATIONS = ("association",)
PROPOSALS = ("proposal",)
TAGGED = (*CONNECTIONS, *INTERFACES, *DX_GATEWAYS)
EVERYTHING = (*CONNECTIONS, *INTERFACES, *GATEWAYS, *DX_GATEWAYS, *ASSOCIATIONS, *PROPOSALS)

CONNECTION = Probe({"connectionId": "{it}"}, CONNECTIONS)
INTERFACE = Probe({"virtualInterfaceId": "{it}"}, INTERFACES)
DX_GATEWAY = Probe({"directConnectGatewayId": "{it}"}, DX_GATEWAYS)
ASSOCIATION = Probe({"associationId": "{it}"}, ASSOCIATIONS)
PROPOSAL = Probe({"proposalId": "{it}"}, PROPOSALS)
DX_FOR_INTERFACE = allocation(400, directConnectGatewayId="{it}")
OWN_INTERFACE = allocation(400, virtualGatewayId="{gw_c}")
FOREIGN_GATEWAY = allocation(400, virtualGatewayId="{it}")
TRANSIT_INTERFACE = {**allocation(400), "directConnectGatewayId": "{dx_c}"}
TRANSIT_TO_ANOTHERS = {**allocation(400), "directConnectGatewayId": "{it}"}
PUBLIC_INTERFACE = allocation(
    400,
    amazonAddress="203.0.113.1/30",
    customerAddress="203.0.113.2/30",
    routeFilterPrefixes=[{"cidr": "198.51.100.0/24"}],
)
TAG = [{"key": "mine", "value": "now"}]

ROWS: dict[str, list[Probe | Listing]] = {
    "CreateConnection": [
        Listing({"location": MANUAL_LOCATION, "bandwidth": "1Gbps", "connectionName": "a stranger's"})
    ],
    "DeleteConnection": [CONNECTION],
    "DescribeConnections": [CONNECTION, Listing({})],
    "DescribeLocations": [Listing({})],
    "DescribeVirtualGateways": [Listing({})],
    "CreatePrivateVirtualInterface": [
        Probe({"connectionId": "{it}", OWN: OWN_INTERFACE}, CONNECTIONS),
        Probe({"connectionId": "{conn_c}", OWN: FOREIGN_GATEWAY}, GATEWAYS),
        Probe({"connectionId": "{conn_c}", OWN: DX_FOR_INTERFACE}, DX_GATEWAYS),
    ],
    "AllocatePrivateVirtualInterface": [
        Probe({"connectionId": "{it}", "ownerAccount": STRANGERS_FRIEND, NEW: allocation(400)}, CONNECTIONS)
    ],
    "ConfirmPrivateVirtualInterface": [
        Probe({"virtualInterfaceId": "{it}", "virtualGatewayId": "{gw_c}"}, INTERFACES),
        Probe({"virtualInterfaceId": "{hosted_c}", "virtualGatewayId": "{it}"}, GATEWAYS, "friend"),
        Probe({"virtualInterfaceId": "{hosted}", "virtualGatewayId": "{it}"}, ("gw_c", "gw_lender"), "owner"),
        Probe({"virtualInterfaceId": "{hosted_c}", "directConnectGatewayId": "{it}"}, (*DX_GATEWAYS, "dx_c"), "friend"),
        Probe({"virtualInterfaceId": "{hosted}", "directConnectGatewayId": "{it}"}, (*DX_GATEWAYS, "dx_c"), "owner"),
    ],
    "CreatePublicVirtualInterface": [
        Probe({"connectionId": "{it}", "newPublicVirtualInterface": PUBLIC_INTERFACE}, CONNECTIONS)
    ],
    "AllocatePublicVirtualInterface": [
        Probe(
            {
                "connectionId": "{it}",
                "ownerAccount": STRANGERS_FRIEND,
                "newPublicVirtualInterfaceAllocation": PUBLIC_INTERFACE,
            },
            CONNECTIONS,
        )
    ],
    "ConfirmPublicVirtualInterface": [INTERFACE],
    "AssociateVirtualInterface": [
        Probe({"virtualInterfaceId": "{it}", "connectionId": "{conn_c}"}, INTERFACES),
        Probe({"virtualInterfaceId": "{live}", "connectionId": "{it}"}, ("conn", "conn_c"), "owner"),
    ],
    "CreateTransitVirtualInterface": [
        Probe({"connectionId": "{it}", "newTransitVirtualInterface": TRANSIT_INTERFACE}, CONNECTIONS),
        Probe({"connectionId": "{conn_c}", "newTransitVirtualInterface": TRANSIT_TO_ANOTHERS}, DX_GATEWAYS),
    ],
    "AllocateTransitVirtualInterface": [
        Probe(
            {
                "connectionId": "{it}",
                "ownerAccount": STRANGERS_FRIEND,
                "newTransitVirtualInterfaceAllocation": allocation(400),
            },
            CONNECTIONS,
        )
    ],
    "ConfirmTransitVirtualInterface": [
        Probe({"virtualInterfaceId": "{it}", "directConnectGatewayId": "{dx_c}"}, INTERFACES),
    ],
    "DescribeVirtualInterfaces": [INTERFACE, CONNECTION, Listing({})],
    "DeleteVirtualInterface": [INTERFACE],
    "DescribeRouterConfiguration": [INTERFACE],
    "UpdateVirtualInterfaceAttributes": [
        Probe({"virtualInterfaceId": "{it}", "virtualInterfaceName": "a stranger's"}, INTERFACES),
        Probe({"virtualInterfaceId": "{it}", "rateLimit": "50Mbps"}, INTERFACES),
        Probe({"virtualInterfaceId": "{it}", "prefixPoolAllocatedCountIpv4": 1}, INTERFACES),
    ],
    "StartBgpFailoverTest": [INTERFACE],
    "StopBgpFailoverTest": [INTERFACE],
    "ListVirtualInterfaceTestHistory": [INTERFACE, Listing({})],
    "ListVirtualInterfaceRoutes": [INTERFACE],
    "CreateBGPPeer": [
        Probe({"virtualInterfaceId": "{it}", "newBGPPeer": {"asn": 65000, "addressFamily": "ipv6"}}, INTERFACES)
    ],
    "DeleteBGPPeer": [
        Probe({"virtualInterfaceId": "{it}", "bgpPeerId": "dxpeer-fzzzzzzz"}, INTERFACES),
        Probe({"virtualInterfaceId": "{it}", "asn": 65000, "customerAddress": "172.16.0.2/30"}, INTERFACES),
    ],
    "CreateDirectConnectGateway": [Listing({"directConnectGatewayName": "a stranger's"})],
    "UpdateDirectConnectGateway": [
        Probe({"directConnectGatewayId": "{it}", "newDirectConnectGatewayName": "a stranger's"}, DX_GATEWAYS)
    ],
    "DeleteDirectConnectGateway": [DX_GATEWAY],
    "DescribeDirectConnectGateways": [DX_GATEWAY, Listing({})],
    "DescribeDirectConnectGatewayAttachments": [DX_GATEWAY, INTERFACE, Listing({})],
    "CreateDirectConnectGatewayAssociation": [
        Probe({"directConnectGatewayId": "{it}", "gatewayId": "{gw_c}"}, DX_GATEWAYS),
        Probe({"directConnectGatewayId": "{dx_c}", "gatewayId": "{it}"}, GATEWAYS),
        Probe({"directConnectGatewayId": "{dx_c}", "virtualGatewayId": "{it}"}, GATEWAYS),
    ],
    "DescribeDirectConnectGatewayAssociations": [
        ASSOCIATION,
        DX_GATEWAY,
        Probe({"associatedGatewayId": "{it}"}, GATEWAYS),
        Probe({"virtualGatewayId": "{it}"}, GATEWAYS),
        Listing({}),
    ],
    "UpdateDirectConnectGatewayAssociation": [
        Probe({"associationId": "{it}", "addAllowedPrefixesToDirectConnectGateway": [{"cidr": "10.0.0.0/8"}]}, ASSOCIATIONS)
    ],
    "DeleteDirectConnectGatewayAssociation": [
        ASSOCIATION,
        Probe({"directConnectGatewayId": "{it}", "virtualGatewayId": "{gw_c}"}, DX_GATEWAYS),
        Probe({"directConnectGatewayId": "{dx_c}", "virtualGatewayId": "{it}"}, GATEWAYS),
        Probe({"directConnectGatewayId": "{it}", "virtualGatewayId": "{gw_lender}"}, DX_GATEWAYS),
    ],
    # That a gateway is whose the caller says is told to everyone who knows both; a wrong owner is told nothing.
    "CreateDirectConnectGatewayAssociationProposal": [
        Probe({"directConnectGatewayId": "{it}", "directConnectGatewayOwnerAccount": STRANGERS_FRIEND, "gatewayId": "{gw_c}"}, DX_GATEWAYS),
        Probe({"directConnectGatewayId": "{dx_c}", "directConnectGatewayOwnerAccount": STRANGER, "gatewayId": "{it}"}, GATEWAYS),
    ],
    "DescribeDirectConnectGatewayAssociationProposals": [
        PROPOSAL,
        DX_GATEWAY,
        Probe({"associatedGatewayId": "{it}"}, GATEWAYS),
        Listing({}),
    ],
    "AcceptDirectConnectGatewayAssociationProposal": [
        Probe({"directConnectGatewayId": "{dx_c}", "proposalId": "{it}", "associatedGatewayOwnerAccount": "{owner}"}, PROPOSALS),
        Probe({"directConnectGatewayId": "{it}", "proposalId": "{proposal}", "associatedGatewayOwnerAccount": "{owner}"}, DX_GATEWAYS),
    ],
    "DeleteDirectConnectGatewayAssociationProposal": [PROPOSAL],
    "DescribeCustomerMetadata": [Listing({})],
    # Agreements are the operator's; what is confirmed is the caller's own account.
    "ConfirmCustomerAgreement": [Listing({"agreementName": AGREEMENT})],
    "TagResource": [Probe({"resourceArn": "{it_arn}", "tags": TAG}, TAGGED)],
    "UntagResource": [Probe({"resourceArn": "{it_arn}", "tagKeys": ["purpose"]}, TAGGED)],
    "DescribeTags": [Probe({"resourceArns": ["{it_arn}"]}, TAGGED)],
}  # fmt: skip


def pretended(probe: Probe) -> tuple[str, ...]:
    """Whose the resource is said to be; only ARNs say it."""
    return ("its owner", "the caller") if "it_arn" in json.dumps(probe.body) else ("its owner",)


# Operations of Linkway's own for accounts.
OWN_ROWS: dict[str, list[Probe]] = {
    "ExplainVirtualInterface": [INTERFACE],
    "RotateAuthKey": [
        Probe({"virtualInterfaceId": "{it}", "authKey": "Qx7!zW~stranger"}, INTERFACES),
        Probe({"virtualInterfaceId": "{it}", "authKey": "Qx7!zW~stranger", "bgpPeerId": "dxpeer-fzzzzzzz"}, INTERFACES),
    ],
}  # fmt: skip


PROBES = [
    (operation, probe, foreign, owner)
    for operation, rows in {**ROWS, **OWN_ROWS}.items()
    for probe in rows
    if isinstance(probe, Probe)
    for foreign in probe.foreign
    for owner in pretended(probe)
]
LISTINGS = [
    (operation, row) for operation, rows in ROWS.items() for row in rows if isinstance(row, Listing)
]


def send(scene: Scene, role: str, operation: str, body: object) -> Reply:
    wire = json.dumps(body).encode()
    if operation in OWN_ROWS:
        own = Signing(service="linkway")
        reply = scene.server.endpoint.call(scene.keys[role], f"Linkway.{operation}", wire, own)
        scene.server.recorder.check(None, reply)
        return reply
    reply = scene.server.endpoint.call(scene.keys[role], tenant_target(operation), wire)
    scene.server.recorder.check(operation, reply)
    return reply


def kind_of(it: str) -> str:
    """What begins an id tells its kind; what begins otherwise is a UUID."""
    start = it.split("-", 1)[0]
    return start if start in STRANGE else "dx-gateway"


def probe_answer(scene: Scene, operation: str, probe: Probe, it: str, owner: str) -> tuple:
    """Status, error and body of the probe, with the id taken out."""
    kind = kind_of(it)
    named = {**scene.ids, "it": it, "it_arn": arn(REGION, owner, kind, it)}
    body = Scene(scene.server, {}, named).fill(probe.body)
    reply = send(scene, probe.by, operation, body)
    headers = {
        name: value
        for name, value in reply.headers.items()
        if name not in {"date", "x-amzn-requestid", "x-amz-requestid"}
    }
    return reply.status, headers, reply.body.replace(it.encode(), b"<it>")


def views(scene: Scene) -> list:
    """What the lender and the owner see."""
    shown = (
        "DescribeConnections",
        "DescribeVirtualInterfaces",
        "DescribeVirtualGateways",
        "DescribeDirectConnectGateways",
        "DescribeDirectConnectGatewayAttachments",
        "DescribeDirectConnectGatewayAssociations",
        "DescribeDirectConnectGatewayAssociationProposals",
    )
    return [scene.clients[role].call(view, {}) for role in ("lender", "owner") for view in shown]


@pytest.mark.parametrize(
    ("operation", "probe", "foreign", "owner"),
    PROBES,
    ids=[f"{operation}: {foreign} of {owner}" for operation, _, foreign, owner in PROBES],
)
def test_foreign_id_answers_as_if_it_never_existed(
    operation: str, probe: Probe, foreign: str, owner: str, scene: Scene
) -> None:
    account = STRANGER if owner == "the caller" else owner_of(foreign, scene)
    before = views(scene)
    it = scene.ids[foreign]
    never = NEVER_EXISTED[STRANGE[kind_of(it)]]
    assert len(it) == len(never)
    real = probe_answer(scene, operation, probe, it, account)
    assert real == probe_answer(scene, operation, probe, never, account)
    assert views(scene) == before


def owner_of(name: str, scene: Scene) -> str:
    lenders = {"conn", "conn_requested", "conn_deleted", "own", "gw_lender", "dx", "dx_deleted"}
    role = "lender" if name in lenders else "stranger" if name in {"gw_c", "dx_c"} else "owner"
    return scene.keys[role].account_id


@pytest.mark.parametrize(("operation", "row"), LISTINGS, ids=[name for name, _ in LISTINGS])
def test_listing_names_nothing_foreign(operation: str, row: Listing, scene: Scene) -> None:
    before = views(scene)
    reply = send(scene, "stranger", operation, row.body)
    assert reply.status == 200, reply.body
    foreign = {scene.ids[name] for name in EVERYTHING}
    told = [it for it in foreign if it.encode() in reply.body]
    assert not told, told
    assert views(scene) == before


def test_every_answered_operation_has_a_row(scene: Scene) -> None:
    answered = {
        operation
        for operation in model.operations()
        if (reply := send_empty(scene, operation)).status == 200 or reply.error != UNKNOWN_OPERATION
    }
    assert answered <= set(ROWS), answered - set(ROWS)
    assert set(ROWS) <= answered, "rows of operations that are not there"
    assert answered == operations.built(), "docs/operations.md says otherwise"


def test_every_own_operation_for_accounts_has_a_row() -> None:
    assert set(OWN_ROWS) == set(operations.linkway("accounts"))


def send_empty(scene: Scene, operation: str) -> Reply:
    return scene.server.endpoint.call(scene.keys["stranger"], tenant_target(operation), b"{}")


def test_foreign_page_token_opens_nothing(scene: Scene) -> None:
    first = scene.clients["lender"].call("DescribeVirtualInterfaces", {"maxResults": 1})
    reply = send(scene, "stranger", "DescribeVirtualInterfaces", {"nextToken": first["nextToken"]})
    foreign = {scene.ids[name] for name in (*CONNECTIONS, *INTERFACES)}
    assert not [it for it in foreign if it.encode() in reply.body]


TENANT_OPERATIONS = operations.linkway("accounts")
LINKWAY_OPERATIONS = [name for name in operations.linkway() if name not in TENANT_OPERATIONS]
EDGE_OPERATIONS = operations.linkway("edges")


def denied(server: Server, key: Key, target: str, service: str) -> None:
    reply = server.endpoint.call(key, target, b"{}", Signing(service=service))
    server.recorder.check(None, reply)
    assert (reply.status, reply.error) == (400, "AccessDeniedException"), reply.message
    assert target.split(".")[1] in reply.message


@pytest.mark.parametrize("operation", LINKWAY_OPERATIONS)
def test_tenant_may_not_operate(operation: str, scene: Scene) -> None:
    denied(scene.server, scene.keys["stranger"], f"Linkway.{operation}", "linkway")


@pytest.mark.parametrize("operation", TENANT_OPERATIONS)
def test_tenants_own_operations_are_for_nobody_else(
    operation: str, edge_key: Key, server: Server
) -> None:
    for key in (server.operator, edge_key):
        denied(server, key, f"Linkway.{operation}", "linkway")


@pytest.mark.parametrize("operation", ROWS)
def test_operator_has_no_resources(operation: str, server: Server) -> None:
    denied(server, server.operator, tenant_target(operation), "directconnect")


@pytest.fixture(scope="module")
def edge_key(scene: Scene) -> Key:
    words = ["--id", "edge-of-strangers", "--location", MANUAL_LOCATION]
    made = scene.server.admin("edge", "create", *words)
    scene.server.secrets.add(made["secretAccessKey"])
    return Key("", made["accessKeyId"], made["secretAccessKey"])


@pytest.mark.parametrize("operation", ROWS)
def test_edge_has_no_resources(operation: str, edge_key: Key, server: Server) -> None:
    denied(server, edge_key, tenant_target(operation), "directconnect")


@pytest.mark.parametrize("operation", operations.linkway("operators"))
def test_edge_may_not_operate(operation: str, edge_key: Key, server: Server) -> None:
    denied(server, edge_key, f"Linkway.{operation}", "linkway")


@pytest.mark.parametrize("operation", EDGE_OPERATIONS)
def test_operator_may_not_speak_for_an_edge(operation: str, server: Server) -> None:
    denied(server, server.operator, f"Linkway.{operation}", "linkway")


@pytest.fixture(scope="module")
def role_keys(scene: Scene) -> dict[str, Key]:
    """A key of an operator of each role but the highest."""
    keys: dict[str, Key] = {}
    for role in operations.ROLES[:-1]:
        scene.server.admin("operator", "create", "--name", f"only-{role}", "--role", role)
        made = scene.server.admin("operator", "key", "create", f"only-{role}")
        scene.server.secrets.add(made["secretAccessKey"])
        keys[role] = Key("", made["accessKeyId"], made["secretAccessKey"])
    return keys


@pytest.mark.parametrize(
    ("role", "operation"),
    [(role, name) for role in operations.ROLES[:-1] for name in operations.above(role)],
)
def test_a_role_may_do_no_more(
    role: str, operation: str, role_keys: dict[str, Key], server: Server
) -> None:
    denied(server, role_keys[role], f"Linkway.{operation}", "linkway")
