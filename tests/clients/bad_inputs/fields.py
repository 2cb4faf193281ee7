"""Values of single fields: VLANs, AS numbers, peer addresses, keys, names, sizes."""

from __future__ import annotations

from typing import Any

from bad_inputs.rows import (
    ABSENT,
    NEW,
    OWN,
    SERIALIZATION,
    Bad,
    creating,
    lend_row,
    lending,
    ordering,
    path,
)

VLANS = [
    lend_row("vlan 0", ("vlan", "0", "from 1 to 4094", "priority"), vlan=0),
    lend_row("vlan 4095", ("vlan", "4095", "from 1 to 4094", "reserved"), vlan=4095),
    lend_row("vlan 4096, as documented", ("vlan", "4096", "from 1 to 4094", "12 bits"), vlan=4096),
    lend_row("vlan -1", ("vlan", "-1", "from 1 to 4094"), vlan=-1),
    lend_row("vlan 65636", ("vlan", "65636", "from 1 to 4094"), vlan=65636),
    lend_row("vlan missing", ("vlan", "required"), vlan=ABSENT),
    lend_row("vlan null", ("vlan", "required"), vlan=None),
    lend_row("vlan of an unconfirmed interface", ("vlan", "101", "in use", "{conn}"), vlan=101),
    lend_row("vlan of a live interface", ("vlan", "102", "in use", "{conn}"), vlan=102),
    Bad(
        "vlan of the lender's own interface",
        "CreatePrivateVirtualInterface",
        creating(vlan=110),
        path(OWN, ("vlan", "110", "in use")),
    ),
    Bad(
        "vlan 0 on an own interface",
        "CreatePrivateVirtualInterface",
        creating(vlan=0),
        path(OWN, ("vlan", "0", "from 1 to 4094")),
    ),
]

ASN_RULE = "from 1 to 2147483646"
ASN_LONG_RULE = "from 1 to 4294967294"

ASNS = [
    lend_row("asn 0", ("asn", "0", ASN_RULE), asn=0),
    lend_row("asn -1", ("asn", "-1", ASN_RULE), asn=-1),
    # What Terraform's 32-bit integer makes of 4200000000.
    lend_row("asn -94967296", ("asn", "-94967296", ASN_RULE), asn=-94967296),
    lend_row("asn 23456", ("asn", "23456", "AS_TRANS"), asn=23456),
    lend_row("asn 65535", ("asn", "65535", "reserved"), asn=65535),
    lend_row("asn 2^31-1", ("asn", "2147483647", ASN_RULE, "asnLong"), asn=2147483647),
    lend_row("asn 4200000000", ("asn", "4200000000", ASN_RULE, "asnLong"), asn=4200000000),
    lend_row("asn 2^32-1", ("asn", "4294967295", "reserved"), asn=4294967295),
    lend_row("asn 2^32", ("asn", "4294967296", ASN_RULE), asn=4294967296),
    Bad(
        "asn 4200000000 on an own interface",
        "CreatePrivateVirtualInterface",
        creating(asn=4200000000),
        path(OWN, ("asn", "4200000000", ASN_RULE, "asnLong")),
    ),
    lend_row("asn missing", ("asn", "required", "asnLong"), asn=ABSENT),
    lend_row("asnLong 0", ("asnLong", "0", ASN_LONG_RULE), asn=ABSENT, asnLong=0),
    lend_row(
        "asnLong 2^32", ("asnLong", "4294967296", ASN_LONG_RULE), asn=ABSENT, asnLong=4294967296
    ),
    lend_row("asnLong 23456", ("asnLong", "23456", "AS_TRANS"), asn=ABSENT, asnLong=23456),
    lend_row("asnLong 65535", ("asnLong", "65535", "reserved"), asn=ABSENT, asnLong=65535),
    lend_row("asnLong 2^32-1", ("asnLong", "4294967295"), asn=ABSENT, asnLong=4294967295),
    lend_row("bad asnLong beside a good asn", ("asnLong", "0", ASN_LONG_RULE), asnLong=0),
    Bad(
        "asn of the gateway itself",
        "CreatePrivateVirtualInterface",
        creating(asn=64512),
        path(OWN, ("asn", "64512", "{gw_lender}")),
    ),
    Bad(
        "asn of the gateway, found at confirmation",
        "ConfirmPrivateVirtualInterface",
        {"virtualInterfaceId": "{same_asn}", "virtualGatewayId": "{gw}"},
        ("asn", "{gw}", "64512"),
        by="owner",
    ),
]


def peers_row(name: str, says: tuple[str, ...], ours: Any, theirs: Any) -> Bad:
    return lend_row(name, says, amazonAddress=ours, customerAddress=theirs)


ADDRESSES = [
    peers_row(
        "the published sample's stray bracket",
        ("customerAddress", "172.16.0.2/30)", "172.16.0.1/30"),
        "172.16.0.1/30",
        "172.16.0.2/30)",
    ),
    peers_row(
        "network address, theirs",
        ("customerAddress", "172.16.9.0/30", "network address"),
        "172.16.9.1/30",
        "172.16.9.0/30",
    ),
    peers_row(
        "network address, ours",
        ("amazonAddress", "172.16.9.0/30", "network address"),
        "172.16.9.0/30",
        "172.16.9.2/30",
    ),
    peers_row(
        "broadcast address, theirs",
        ("customerAddress", "172.16.9.3/30", "broadcast"),
        "172.16.9.1/30",
        "172.16.9.3/30",
    ),
    peers_row(
        "broadcast address, ours",
        ("amazonAddress", "172.16.9.3/30", "broadcast"),
        "172.16.9.3/30",
        "172.16.9.2/30",
    ),
    peers_row(
        "different subnets",
        ("customerAddress", "172.16.9.6/30", "same subnet", "172.16.9.0/30"),
        "172.16.9.1/30",
        "172.16.9.6/30",
    ),
    peers_row(
        "different prefix lengths",
        ("customerAddress", "172.16.9.1/31", "same prefix length", "172.16.9.2/30"),
        "172.16.9.2/30",
        "172.16.9.1/31",
    ),
    peers_row(
        "the same address twice",
        ("customerAddress", "172.16.9.1/30", "differ"),
        "172.16.9.1/30",
        "172.16.9.1/30",
    ),
    peers_row(
        "only ours", ("amazonAddress", "172.16.9.1/30", "customerAddress"), "172.16.9.1/30", ABSENT
    ),
    peers_row(
        "only theirs",
        ("customerAddress", "172.16.9.2/30", "amazonAddress"),
        ABSENT,
        "172.16.9.2/30",
    ),
    peers_row("a /29", ("amazonAddress", "172.16.9.1/29", "/30"), "172.16.9.1/29", "172.16.9.2/29"),
    peers_row("a /32", ("amazonAddress", "172.16.9.1/32", "/30"), "172.16.9.1/32", "172.16.9.1/32"),
    peers_row("no length", ("amazonAddress", "172.16.9.1", "/30"), "172.16.9.1", "172.16.9.2/30"),
    peers_row("length 33", ("amazonAddress", "172.16.9.1/33"), "172.16.9.1/33", "172.16.9.2/30"),
    peers_row(
        "octet 256", ("amazonAddress", "172.16.256.1/30"), "172.16.256.1/30", "172.16.9.2/30"
    ),
    peers_row("empty address", ("amazonAddress", '""'), "", "172.16.9.2/30"),
    peers_row("a word", ("amazonAddress", "gateway"), "gateway", "172.16.9.2/30"),
    peers_row(
        "a space before", ("amazonAddress", " 172.16.9.1/30"), " 172.16.9.1/30", "172.16.9.2/30"
    ),
    peers_row(
        "multicast", ("amazonAddress", "224.0.0.1/30", "unicast"), "224.0.0.1/30", "224.0.0.2/30"
    ),
    peers_row(
        "loopback", ("amazonAddress", "127.0.0.1/30", "unicast"), "127.0.0.1/30", "127.0.0.2/30"
    ),
    peers_row(
        "IPv6 text as IPv4",
        ("amazonAddress", "2001:db8::1/125"),
        "2001:db8::1/125",
        "2001:db8::2/125",
    ),
    lend_row(
        "chosen IPv6 addresses",
        ("amazonAddress", "2001:db8::1/125", "IPv6", "/125"),
        addressFamily="ipv6",
        amazonAddress="2001:db8::1/125",
        customerAddress="2001:db8::2/125",
    ),
    lend_row("addressFamily ipv5", ("addressFamily", "ipv5", "ipv4", "ipv6"), addressFamily="ipv5"),
    Bad(
        "peer subnet in use at the same gateway and router",
        "ConfirmPrivateVirtualInterface",
        {"virtualInterfaceId": "{twin}", "virtualGatewayId": "{gw}"},
        ("customerAddress", "172.16.0.2/30", "overlaps", "{live}"),
        by="owner",
    ),
]


def key_row(name: str, key: str, rule: str) -> Bad:
    """Keys are named, never repeated."""
    body = lending(authKey=key)
    return Bad(
        name, "AllocatePrivateVirtualInterface", body, (f"{NEW}.authKey", rule), hides=(key,)
    )


AUTH_KEYS = [
    key_row("authKey of 5 characters", "Wq7vX", "6 to 80"),
    key_row("authKey of 81 characters", "Wq7vX" * 16 + "Z", "6 to 80"),
    key_row("authKey with a space", "Wq7vX 8yU3", "space"),
    key_row("authKey with an accent", "Wq7vXé8yU3", "ASCII"),
    key_row("authKey with a tab", "Wq7vX\t8yU3", "ASCII"),
    Bad(
        "authKey that is a number",
        "AllocatePrivateVirtualInterface",
        lending(authKey=7351948264),
        (f"{NEW}.authKey",),
        SERIALIZATION,
        hides=("7351948264",),
    ),
]

NAMES = [
    lend_row("empty name", ("virtualInterfaceName", '""', "1 to 100"), virtualInterfaceName=""),
    lend_row(
        "name of 101",
        ("virtualInterfaceName", "n" * 50, "1 to 100"),
        virtualInterfaceName="n" * 101,
    ),
    lend_row("name missing", ("virtualInterfaceName", "required"), virtualInterfaceName=ABSENT),
    lend_row(
        "name with a newline", ("virtualInterfaceName", "\\n"), virtualInterfaceName="two\nlines"
    ),
    lend_row("name with NUL", ("virtualInterfaceName", "U+0000"), virtualInterfaceName="nul\0"),
    lend_row(
        "name of pictures", ("virtualInterfaceName", "🚀", "U+1F680"), virtualInterfaceName="🚀"
    ),
    lend_row(
        "name that turns the writing round",
        ("virtualInterfaceName", "U+202E"),
        virtualInterfaceName="abc\u202edef",
    ),
    lend_row(
        "name that begins with a space",
        ("virtualInterfaceName", '" x"', "space"),
        virtualInterfaceName=" x",
    ),
    Bad(
        "empty connectionName",
        "CreateConnection",
        ordering(connectionName=""),
        ("connectionName", '""'),
    ),
    Bad(
        "connectionName of 101",
        "CreateConnection",
        ordering(connectionName="ü" * 101),
        ("connectionName", "ü" * 50, "1 to 100", "101"),
    ),
    Bad(
        "connectionName with an escape sequence",
        "CreateConnection",
        ordering(connectionName="\x1b[31mred"),
        ("connectionName", "U+001B"),
    ),
]

SIZES = [
    lend_row("mtu 1501", ("mtu", "1501", "1500, 8500 or 9001"), mtu=1501),
    lend_row("mtu 0", ("mtu", "0", "1500, 8500 or 9001"), mtu=0),
    Bad(
        "bandwidth 3Gbps",
        "CreateConnection",
        ordering(bandwidth="3Gbps"),
        ("bandwidth", "3Gbps", "1Gbps, 10Gbps, 100Gbps, 400Gbps"),
    ),
    Bad(
        "bandwidth in another spelling",
        "CreateConnection",
        ordering(bandwidth="1G"),
        ("bandwidth", '"1G"'),
    ),
    Bad(
        "bandwidth missing",
        "CreateConnection",
        ordering(bandwidth=ABSENT),
        ("bandwidth", "required"),
    ),
    Bad("location unknown", "CreateConnection", ordering(location="XXX9"), ("location", "XXX9")),
    Bad("location empty", "CreateConnection", ordering(location=""), ("location", '""')),
    Bad(
        "location missing", "CreateConnection", ordering(location=ABSENT), ("location", "required")
    ),
    Bad(
        "name missing",
        "CreateConnection",
        ordering(connectionName=ABSENT),
        ("connectionName", "required"),
    ),
    Bad(
        "a LAG",
        "CreateConnection",
        ordering(lagId="dxlag-ffffffff"),
        ("Could not find Lag with ID dxlag-ffffffff",),
    ),
    Bad("MACsec", "CreateConnection", ordering(requestMACSec=True), ("requestMACSec", "true")),
]
