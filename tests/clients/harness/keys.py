"""The members that each answer always has, whatever the state of what it shows.

The real service leaves few members out: a text without a value is empty, and so is a list. Clients
rely on it (`interface["tags"]`, `interface["virtualGatewayId"] == ""`). Sources, compared key by key:

* the recordings of the service in Ansible's community.aws (`placebo_recordings/directconnect_*`),
* the samples of the AWS CLI (`awscli/examples/directconnect`), of which the newer ones have all
  members and the older ones those of their time,
* the Direct Connect API Reference for `asnLong`, which is newer than all of them.

Members that depend on a state or a request are not in the table: a connection's device and
jumboFrameCapable (known once it has a port), providerName, nextToken, the three members of an
association that only one with a virtual gateway has.
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

PUBLIC_INTERFACE: Members = {
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
        "rateLimit",
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

# A public one takes a fixed number of prefixes.
INTERFACE: Members = {
    **PUBLIC_INTERFACE,
    **plain("prefixPoolAllocatedCountIpv4", "prefixPoolAllocatedCountIpv6"),
}

FAILOVER_TEST = plain(
    "bgpPeers",
    "ownerAccount",
    "startTime",
    "status",
    "testDurationInMinutes",
    "testId",
    "virtualInterfaceId",
)

LOCATION = plain(
    "availableMacSecPortSpeeds",
    "availablePortSpeeds",
    "availableProviders",
    "locationCode",
    "locationName",
    "region",
)

DX_GATEWAY: Members = {
    **plain(
        "amazonSideAsn",
        "directConnectGatewayId",
        "directConnectGatewayName",
        "directConnectGatewayState",
        "ownerAccount",
    ),
    **TAGS,
}

ASSOCIATED = {"associatedGateway": plain("id", "ownerAccount", "region", "type")}

ASSOCIATION: Members = {
    **plain(
        "associationId",
        "associationState",
        "directConnectGatewayId",
        "directConnectGatewayOwnerAccount",
    ),
    "allowedPrefixesToDirectConnectGateway": plain("cidr"),
    **ASSOCIATED,
}

PROPOSAL: Members = {
    **plain(
        "directConnectGatewayId",
        "directConnectGatewayOwnerAccount",
        "proposalId",
        "proposalState",
    ),
    "existingAllowedPrefixesToDirectConnectGateway": plain("cidr"),
    "requestedAllowedPrefixesToDirectConnectGateway": plain("cidr"),
    **ASSOCIATED,
}

ATTACHMENT = plain(
    "attachmentState",
    "attachmentType",
    "directConnectGatewayId",
    "virtualInterfaceId",
    "virtualInterfaceOwnerAccount",
    "virtualInterfaceRegion",
)

ALWAYS: dict[str, Members] = {
    "AcceptDirectConnectGatewayAssociationProposal": {
        "directConnectGatewayAssociation": ASSOCIATION
    },
    "CreateDirectConnectGateway": {"directConnectGateway": DX_GATEWAY},
    "CreateDirectConnectGatewayAssociation": {"directConnectGatewayAssociation": ASSOCIATION},
    "CreateDirectConnectGatewayAssociationProposal": {
        "directConnectGatewayAssociationProposal": PROPOSAL
    },
    "DeleteDirectConnectGateway": {"directConnectGateway": DX_GATEWAY},
    "DeleteDirectConnectGatewayAssociation": {"directConnectGatewayAssociation": ASSOCIATION},
    "DeleteDirectConnectGatewayAssociationProposal": {
        "directConnectGatewayAssociationProposal": PROPOSAL
    },
    "DescribeDirectConnectGatewayAssociationProposals": {
        "directConnectGatewayAssociationProposals": PROPOSAL
    },
    "DescribeDirectConnectGatewayAssociations": {"directConnectGatewayAssociations": ASSOCIATION},
    "DescribeDirectConnectGatewayAttachments": {"directConnectGatewayAttachments": ATTACHMENT},
    "DescribeDirectConnectGateways": {"directConnectGateways": DX_GATEWAY},
    "UpdateDirectConnectGateway": {"directConnectGateway": DX_GATEWAY},
    "UpdateDirectConnectGatewayAssociation": {"directConnectGatewayAssociation": ASSOCIATION},
    "AllocatePrivateVirtualInterface": INTERFACE,
    "AllocatePublicVirtualInterface": PUBLIC_INTERFACE,
    "AllocateTransitVirtualInterface": {"virtualInterface": INTERFACE},
    "AssociateVirtualInterface": PUBLIC_INTERFACE,
    "ConfirmCustomerAgreement": plain("status"),
    "ConfirmPrivateVirtualInterface": plain("virtualInterfaceState"),
    "ConfirmPublicVirtualInterface": plain("virtualInterfaceState"),
    "ConfirmTransitVirtualInterface": plain("virtualInterfaceState"),
    "CreateBGPPeer": {"virtualInterface": PUBLIC_INTERFACE},
    "CreateConnection": CONNECTION,
    "CreatePrivateVirtualInterface": INTERFACE,
    "CreatePublicVirtualInterface": PUBLIC_INTERFACE,
    "CreateTransitVirtualInterface": {"virtualInterface": INTERFACE},
    "DeleteBGPPeer": {"virtualInterface": PUBLIC_INTERFACE},
    "DeleteConnection": CONNECTION,
    "DeleteVirtualInterface": plain("virtualInterfaceState"),
    "DescribeConnections": {"connections": CONNECTION},
    "DescribeCustomerMetadata": {
        "agreements": plain("agreementName", "status"),
        "nniPartnerType": None,
    },
    "DescribeLocations": {"locations": LOCATION},
    "DescribeRouterConfiguration": {
        **plain("customerRouterConfig", "virtualInterfaceId", "virtualInterfaceName"),
        "router": plain(
            "platform",
            "routerTypeIdentifier",
            "software",
            "vendor",
            "xsltTemplateName",
            "xsltTemplateNameForMacSec",
        ),
    },
    "DescribeTags": {"resourceTags": {**plain("resourceArn"), **TAGS}},
    "DescribeVirtualGateways": {
        "virtualGateways": plain("virtualGatewayId", "virtualGatewayState")
    },
    "DescribeVirtualInterfaces": {"virtualInterfaces": PUBLIC_INTERFACE},
    "ListVirtualInterfaceTestHistory": {"virtualInterfaceTestHistory": FAILOVER_TEST},
    "StartBgpFailoverTest": {"virtualInterfaceTest": FAILOVER_TEST},
    "StopBgpFailoverTest": {"virtualInterfaceTest": FAILOVER_TEST},
    "ListVirtualInterfaceRoutes": {
        "virtualInterfaceId": {},
        "routes": {
            "addressFamily": {},
            "asPath": {"path": {}, "pathType": {}},
            "awsLogicalDeviceId": {},
            "cidr": {},
            "communities": {},
            "routeDirection": {},
        },
    },
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
