"""The published story, from order to deletion, and what each of its answers must say.

The walk is a transcript: a mapping from step to answer. Clients that make single calls are walked
by `walk`; the SDKs for JavaScript and Rust bring their own program, which prints the transcript.
Either way `judge` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.clients import Answer, Client, Refused, clean_environment, run
from harness.polling import until
from harness.signing import Endpoint, Key

Transcript = dict[str, Any]

LOCATION = "PAR1"
LOCATION_NAME = "Paris 1"

# The published sample, with the tag that the walks add.
ALLOCATION: dict[str, Any] = {
    "vlan": 101,
    "asn": 65000,
    "authKey": "tgyn26example",
    "amazonAddress": "172.16.0.1/30",
    "customerAddress": "172.16.0.2/30",
}
TAGS = [{"key": "purpose", "value": "walk"}]


@dataclass(frozen=True)
class Brief:
    """What a walk is about. The lender lends to the owner; the third account looks on."""

    endpoint: Endpoint
    lender: Key
    owner: Key
    third: Key
    gateway: str
    name: str

    def as_json(self) -> str:
        """For the walks that are programs of their own."""

        def key(key: Key) -> dict[str, str]:
            return {
                "accountId": key.account_id,
                "accessKeyId": key.access_key_id,
                "secretAccessKey": key.secret_access_key,
            }

        return json.dumps(
            {
                "endpoint": self.endpoint.url,
                "region": self.endpoint.region,
                "lender": key(self.lender),
                "owner": key(self.owner),
                "third": key(self.third),
                "location": LOCATION,
                "connectionName": self.name,
                "virtualInterfaceName": self.name,
                "virtualGatewayId": self.gateway,
            }
        )


def refused(client: Client, operation: str, params: dict[str, Any]) -> dict[str, str]:
    """The error that the call must end in."""
    try:
        answer = client.call(operation, params)
    except Refused as refusal:
        return {"error": refusal.error, "message": refusal.message}
    raise AssertionError(f"{operation} {params} should have been refused: {answer}")


def interfaces(client: Client, virtual_interface_id: str) -> list[Answer]:
    answer = client.call("DescribeVirtualInterfaces", {"virtualInterfaceId": virtual_interface_id})
    return answer["virtualInterfaces"]


def interface_in(client: Client, virtual_interface_id: str, *states: str) -> Answer:
    """The interface once it is in one of the states."""
    found = until(
        lambda: interfaces(client, virtual_interface_id),
        lambda seen: len(seen) == 1 and seen[0]["virtualInterfaceState"] in states,
        f"{virtual_interface_id} in {states}",
    )
    return found[0]


def connection_in(client: Client, connection_id: str, *states: str) -> Answer:
    """The connection once it is in one of the states."""
    found = until(
        lambda: client.call("DescribeConnections", {"connectionId": connection_id})["connections"],
        lambda seen: len(seen) == 1 and seen[0]["connectionState"] in states,
        f"{connection_id} in {states}",
    )
    return found[0]


def walk(brief: Brief, client_of: Callable[[Key], Client]) -> Transcript:
    """Walks with a client that makes single calls."""
    lender, owner, third = (client_of(key) for key in (brief.lender, brief.owner, brief.third))
    told: Transcript = {"locations": lender.call("DescribeLocations", {})["locations"]}

    order = {"location": LOCATION, "bandwidth": "1Gbps", "connectionName": brief.name}
    told["order"] = lender.call("CreateConnection", order)
    connection = {"connectionId": told["order"]["connectionId"]}
    told["connection"] = connection_in(lender, connection["connectionId"], "available")

    allocation = {"virtualInterfaceName": brief.name, **ALLOCATION, "tags": TAGS}
    lending = {
        **connection,
        "ownerAccount": brief.owner.account_id,
        "newPrivateVirtualInterfaceAllocation": allocation,
    }
    told["allocate"] = lender.call("AllocatePrivateVirtualInterface", lending)
    lent = told["allocate"]["virtualInterfaceId"]
    told["seenByLender"] = interfaces(lender, lent)
    told["seenByOwner"] = interfaces(owner, lent)
    told["seenByThird"] = interfaces(third, lent)

    told["gateways"] = owner.call("DescribeVirtualGateways", {})["virtualGateways"]
    acceptance = {"virtualInterfaceId": lent, "virtualGatewayId": brief.gateway}
    told["thirdConfirm"] = refused(third, "ConfirmPrivateVirtualInterface", acceptance)
    told["confirm"] = owner.call("ConfirmPrivateVirtualInterface", acceptance)
    told["settled"] = interface_in(owner, lent, "available")
    told["settledByLender"] = interfaces(lender, lent)

    told["connectionInUse"] = refused(lender, "DeleteConnection", connection)
    told["delete"] = owner.call("DeleteVirtualInterface", {"virtualInterfaceId": lent})
    told["ended"] = interface_in(owner, lent, "deleted")
    told["connectionDelete"] = lender.call("DeleteConnection", connection)
    told["connectionEnded"] = connection_in(lender, connection["connectionId"], "deleted")
    return told


def walk_by_program(brief: Brief, line: list[str]) -> Transcript:
    """Walks with a program that reads the brief and prints the transcript."""
    done = run(line, clean_environment(), given=brief.as_json())
    assert done.returncode == 0, f"{line[0]} ended with {done.returncode}:\n{done.stderr}"
    return json.loads(done.stdout)


def judge(brief: Brief, told: Transcript) -> None:
    """Every fact that the contract states about the walk."""
    _judge_order(brief, told)
    _judge_lending(brief, told)
    _judge_acceptance(brief, told)
    _judge_end(brief, told)


def assert_has(found: Answer, wanted: Answer) -> None:
    """`found` has each member of `wanted`, with that value."""
    assert {name: found.get(name) for name in wanted} == wanted


def _judge_order(brief: Brief, told: Transcript) -> None:
    region = brief.endpoint.region
    here = [found for found in told["locations"] if found["locationCode"] == LOCATION]
    assert len(here) == 1, told["locations"]
    assert here[0]["locationName"] == LOCATION_NAME
    assert here[0]["region"] == region
    assert "1G" in here[0]["availablePortSpeeds"], here[0]
    ordered = {
        "ownerAccount": brief.lender.account_id,
        "connectionName": brief.name,
        "region": region,
        "location": LOCATION,
        "bandwidth": "1Gbps",
    }
    assert_has(told["order"], {**ordered, "connectionState": "requested"})
    assert_has(told["connection"], {**ordered, "connectionState": "available"})
    assert told["connection"]["connectionId"] == told["order"]["connectionId"]
    assert told["connection"]["connectionId"].startswith("dxcon-")
    # The simulated edge says so in every name that it gives.
    for device in ("awsDeviceV2", "awsLogicalDeviceId"):
        assert "simulated" in told["connection"][device], told["connection"]


def _lent_facts(brief: Brief, told: Transcript) -> Answer:
    """What every look at the interface must show, from the first to the last."""
    return {
        **ALLOCATION,
        "asnLong": 65000,
        "virtualInterfaceType": "private",
        "virtualInterfaceName": brief.name,
        "virtualInterfaceId": told["allocate"]["virtualInterfaceId"],
        "ownerAccount": brief.owner.account_id,
        "connectionId": told["order"]["connectionId"],
        "location": LOCATION,
        "region": brief.endpoint.region,
        "addressFamily": "ipv4",
        "mtu": 1500,
    }


def _judge_tags(lenders: list[Answer], owners: list[Answer]) -> None:
    """Tags are the lender's, who gave them: the owner neither sees them nor has any yet.

    Until it has answered, reserved ones tell the owner who has lent it, and until when it can be confirmed.
    """
    for seen in lenders:
        assert seen["tags"] == TAGS, seen
    for seen in owners:
        waits = seen["virtualInterfaceState"] == "confirming"
        reserved = {"linkway:lender", "linkway:lender-name", "linkway:expires"} if waits else set()
        assert {tag["key"] for tag in seen["tags"]} == reserved, seen


def _judge_lending(brief: Brief, told: Transcript) -> None:
    assert told["allocate"]["virtualInterfaceId"].startswith("dxvif-")
    assert len(told["seenByLender"]) == len(told["seenByOwner"]) == 1
    # Both sides read the same; nothing came up, and no gateway appeared, by itself.
    for seen in (told["allocate"], *told["seenByLender"], *told["seenByOwner"]):
        assert_has(seen, {**_lent_facts(brief, told), "virtualInterfaceState": "confirming"})
        assert_has(seen, {"virtualGatewayId": "", "directConnectGatewayId": ""})
        _judge_peer(seen, {"down", "unknown"})
    assert told["seenByThird"] == []
    _judge_tags([told["allocate"], *told["seenByLender"]], told["seenByOwner"])


def _judge_peer(interface: Answer, statuses: set[str]) -> None:
    peers = interface["bgpPeers"]
    assert len(peers) == 1, peers
    mirrored = ("asn", "authKey", "addressFamily", "amazonAddress", "customerAddress")
    assert_has(peers[0], {name: interface[name] for name in mirrored})
    assert peers[0]["bgpPeerId"].startswith("dxpeer-")
    assert peers[0]["bgpPeerState"] in {"pending", "available"}
    assert peers[0]["bgpStatus"] in statuses, peers[0]


def _judge_acceptance(brief: Brief, told: Transcript) -> None:
    lent = told["allocate"]["virtualInterfaceId"]
    assert {"virtualGatewayId": brief.gateway, "virtualGatewayState": "available"} in told[
        "gateways"
    ]
    assert told["thirdConfirm"]["error"] == "DirectConnectClientException"
    assert f"{lent} does not exist" in told["thirdConfirm"]["message"]
    assert told["confirm"] == {"virtualInterfaceState": "pending"}
    (lenders,) = told["settledByLender"]
    accepted = {
        **_lent_facts(brief, told),
        "virtualInterfaceState": "available",
        "amazonSideAsn": 64512,
    }
    assert told["settled"]["virtualGatewayId"] == brief.gateway
    # The gateway is the owner's: the lender learns its AS number, not its name.
    assert lenders["virtualGatewayId"] == "", lenders
    for seen in (told["settled"], lenders):
        assert_has(seen, accepted)
        _judge_peer(seen, {"up"})
        assert seen["bgpPeers"][0]["bgpPeerState"] == "available"
    _judge_tags([lenders], [told["settled"]])
    # The router behind the connection is the lender's; its configuration is for the lender.
    assert accepted["virtualInterfaceId"] in lenders["customerRouterConfig"]


def _judge_end(brief: Brief, told: Transcript) -> None:
    assert told["connectionInUse"]["error"] == "DirectConnectClientException"
    assert "until its Virtual Interfaces are deleted" in told["connectionInUse"]["message"]
    assert told["delete"]["virtualInterfaceState"] in {"deleting", "deleted"}
    assert_has(told["ended"], {**_lent_facts(brief, told), "virtualInterfaceState": "deleted"})
    ended = {"connectionId": told["order"]["connectionId"], "connectionState": "deleted"}
    assert told["connectionDelete"]["connectionState"] in {"deleting", "deleted"}
    assert_has(told["connectionEnded"], ended)
