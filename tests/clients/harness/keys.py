"""The members that each answer always has, whatever the state of what it shows.

The real service leaves few members out: a text without a value is empty, and so is a list. Clients
rely on it (`interface["tags"]`, `interface["virtualGatewayId"] == ""`). Sources, compared key by key:

* the recordings of the service in Ansible's community.aws (`placebo_recordings/directconnect_*`),
* the samples of the AWS CLI (`awscli/examples/directconnect`), of which the newer ones have all
  members and the older ones those of their time,
* the Direct Connect API Reference for `asnLong`, which is newer than all of them.

Members that depend on a state or a request are not in the table: a connection's device and
jumboFrameCapable (known once it has a port), providerName, nextToken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# A member's own members, or None where it is no structure. A list has its items' members.
Members = dict[str, Any]


def plain(*names: str) -> Members:
    return dict.fromkeys(names)


TAGS = {"tags": plain("key")}

CONNECTION: Members = {
    **plain(
        "bandwidth",
        "connectionId",
        "connectionName",
        "connectionState",
        "hasLogicalRedundancy",
        "location",
        "macSecCapable",
        "ownerAccount",
        "region",
    ),
    **TAGS,
}

# What an interface and its peers have in common.
SESSION = plain(
    "addressFamily",
    "amazonAddress",
    "asn",
    "asnLong",
    "authKey",
    "awsDeviceV2",
    "awsLogicalDeviceId",
    "customerAddress",
)

INTERFACE: Members = {
    **SESSION,
    **plain(
        "amazonSideAsn",
        "connectionId",
        "customerRouterConfig",
        "directConnectGatewayId",
        "jumboFrameCapable",
        "location",
        "mtu",
        "ownerAccount",
        "region",
        "siteLinkEnabled",
        "virtualGatewayId",
        "virtualInterfaceId",
        "virtualInterfaceName",
        "virtualInterfaceState",
        "virtualInterfaceType",
        "vlan",
    ),
    "bgpPeers": {**SESSION, **plain("bgpPeerId", "bgpPeerState", "bgpStatus")},
    "routeFilterPrefixes": plain("cidr"),
    **TAGS,
}

LOCATION = plain(
    "availableMacSecPortSpeeds",
    "availablePortSpeeds",
    "availableProviders",
    "locationCode",
    "locationName",
    "region",
)

ALWAYS: dict[str, Members] = {
    "AllocatePrivateVirtualInterface": INTERFACE,
    "ConfirmCustomerAgreement": plain("status"),
    "ConfirmPrivateVirtualInterface": plain("virtualInterfaceState"),
    "CreateBGPPeer": {"virtualInterface": INTERFACE},
    "CreateConnection": CONNECTION,
    "CreatePrivateVirtualInterface": INTERFACE,
    "DeleteBGPPeer": {"virtualInterface": INTERFACE},
    "DeleteConnection": CONNECTION,
    "DeleteVirtualInterface": plain("virtualInterfaceState"),
    "DescribeConnections": {"connections": CONNECTION},
    "DescribeCustomerMetadata": {
        "agreements": plain("agreementName", "status"),
        "nniPartnerType": None,
    },
    "DescribeLocations": {"locations": LOCATION},
    "DescribeTags": {"resourceTags": {**plain("resourceArn"), **TAGS}},
    "DescribeVirtualGateways": {
        "virtualGateways": plain("virtualGatewayId", "virtualGatewayState")
    },
    "DescribeVirtualInterfaces": {"virtualInterfaces": INTERFACE},
    "TagResource": {},
    "UntagResource": {},
    "UpdateVirtualInterfaceAttributes": INTERFACE,
}


def missing(operation: str, answer: Any) -> list[str]:
    """The paths of the members that the answer lacks. Every operation that is built has a row."""
    return list(_missing(ALWAYS[operation], answer, operation))


def _missing(members: Members, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _missing(members, item, f"{path}[{index}]")
        return
    for name, inner in members.items():
        if name not in value:
            yield f"{path}.{name} is missing"
        elif inner is not None:
            yield from _missing(inner, value[name], f"{path}.{name}")
