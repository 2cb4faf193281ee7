"""Frames of a capture file, as far as the scenarios look at them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import ip_address

ETHERTYPES = {0x0806: "arp", 0x0800: "ip", 0x86DD: "ip6"}
BGP_PORT = 179
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6"}


@dataclass(frozen=True)
class Frame:
    """One frame. `kind` is arp, icmp, icmp6, tcp, udp, or the EtherType; `vlan` None if untagged.

    `payload` is what follows the IP header; `ttl` is 0 where there is none.
    """

    vlan: int | None
    kind: str
    source: str
    target: str
    payload: bytes
    ttl: int = 0

    @property
    def is_bgp(self) -> bool:
        """Whether it is a TCP segment from or to BGP's port."""
        return self.kind == "tcp" and BGP_PORT in struct.unpack_from("!HH", self.payload)

    @property
    def segment(self) -> bytes:
        """What a TCP segment carries."""
        return self.payload[(self.payload[12] >> 4) * 4 :]

    @property
    def has_md5(self) -> bool:
        """Whether a TCP segment is signed (RFC 2385: option 19, 18 bytes)."""
        options = self.payload[20 : (self.payload[12] >> 4) * 4]
        at = 0
        while at + 1 < len(options) and options[at] != 0:
            if options[at] == 19:
                return options[at + 1] == 18
            at += 1 if options[at] == 1 else max(options[at + 1], 2)
        return False

    def __str__(self) -> str:
        tag = "" if self.vlan is None else f"vlan {self.vlan} "
        message = (
            f" type {self.payload[0]}" if self.kind in ("icmp", "icmp6") and self.payload else ""
        )
        return f"{tag}{self.kind}{message} {self.source} > {self.target}"


def address(packed: bytes) -> str:
    """An address of either version as text."""
    return str(ip_address(packed))


def parse(capture: bytes) -> list[Frame]:
    """All whole frames of a pcap file (Ethernet, as tcpdump writes it)."""
    if len(capture) < 24:
        return []
    order = "<" if capture[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    frames, at = [], 24
    while at + 16 <= len(capture):
        (length,) = struct.unpack_from(f"{order}8xI", capture, at)
        frame = capture[at + 16 : at + 16 + length]
        if len(frame) < length:
            break
        frames.append(parse_frame(frame))
        at += 16 + length
    return frames


def parse_frame(data: bytes) -> Frame:
    """One frame, from its MAC addresses on."""
    ethertype, at, vlan = struct.unpack_from("!H", data, 12)[0], 14, None
    if ethertype == 0x8100:
        tag, ethertype = struct.unpack_from("!HH", data, 14)
        at, vlan = 18, tag & 0xFFF
    kind = ETHERTYPES.get(ethertype, f"0x{ethertype:04x}")
    body = data[at:]
    if kind == "arp" and len(body) >= 28:
        return Frame(vlan, kind, address(body[14:18]), address(body[24:28]), b"")
    if kind == "ip" and len(body) >= 20:
        # Short frames are padded, so the packet's own length counts.
        (length,) = struct.unpack_from("!H", body, 2)
        payload = body[(body[0] & 0xF) * 4 : length or None]
        protocol = PROTOCOLS.get(body[9], f"ip-{body[9]}")
        ends = address(body[12:16]), address(body[16:20])
        return Frame(vlan, protocol, *ends, payload, ttl=body[8])
    if kind == "ip6" and len(body) >= 40:
        protocol = PROTOCOLS.get(body[6], f"ip6-{body[6]}")
        ends = address(body[8:24]), address(body[24:40])
        return Frame(vlan, protocol, *ends, body[40:], ttl=body[7])
    return Frame(vlan, kind, data[6:12].hex(":"), data[0:6].hex(":"), body)
