"""Frames of our own making, put on a wire and taken from it without a process in between.

An administrator's tools send what their kernel would send; an attacker sends what it likes.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address, ip_address

from lab.frames import Frame, parse_frame
from lab.net import Namespace

ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 0x0003, 0x0800, 0x0806, 0x86DD
ETH_P_8021Q, ETH_P_8021AD = 0x8100, 0x88A8
BROADCAST = "ff:ff:ff:ff:ff:ff"
ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58

# packet(7): the header's VLAN tag, which the kernel has taken off, comes beside the frame.
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID, PACKET_OUTGOING = 263, 8, 0x10, 4
SO_RCVBUFFORCE = 33


class Tap:
    """A packet socket on an interface: sends frames as they are, collects those that arrive there, or with
    `outgoing` those that leave."""

    def __init__(self, space: Namespace, interface: str, *, outgoing: bool = False) -> None:
        self._outgoing = outgoing
        self._socket = space.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self._socket.bind((interface, ETH_P_ALL))
        self._socket.setblocking(False)
        self.mac = self._socket.getsockname()[4].hex(":")

    def __enter__(self) -> Tap:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def send(self, *frames: bytes) -> None:
        """Sends these; one for which the queue has no room is lost, as on any wire."""
        for frame in frames:
            with contextlib.suppress(BlockingIOError):
                self._socket.send(frame)

    def collect(self, seconds: float = 0.0) -> list[Frame]:
        """All frames that came in since the last call, after waiting this long for more."""
        time.sleep(seconds)
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                frame = self._receive()
                if frame:
                    found.append(frame)
        return found

    def _receive(self) -> Frame | None:
        data, beside, _, address = self._socket.recvmsg(65536, 256)
        if (address[2] == PACKET_OUTGOING) != self._outgoing:
            return None
        for level, kind, value in beside:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, tci, tpid = struct.unpack_from("=I12xHH", value)
                if status & TP_STATUS_VLAN_VALID:
                    data = data[:12] + struct.pack("!HH", tpid or ETH_P_8021Q, tci) + data[12:]
        return parse_frame(data)


class Flood:
    """`with Flood(tap, frames, per_second) as flood: …`: these frames in turn, all the while.

    A thread of its own; `per_second` in bursts of a hundredth of it. `sent` says how many there were.
    """

    def __init__(self, tap: Tap, frames: Sequence[bytes], per_second: int) -> None:
        self._tap = tap
        self._frames = frames
        self._burst = max(per_second // 100, 1)
        self._pause = self._burst / per_second
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = 0
        self.seconds = 0.0

    def __enter__(self) -> Flood:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self.seconds = time.monotonic() - self._began

    @property
    def rate(self) -> str:
        """As it was in fact, for a note."""
        return f"{self.sent} frames in {self.seconds:.1f} s"

    def _run(self) -> None:
        due = time.monotonic()
        while not self._end.is_set():
            at = self.sent % len(self._frames)
            self._tap.send(*self._frames[at : at + self._burst])
            self.sent += len(self._frames[at : at + self._burst])
            due += self._pause
            # What was missed is not made up for in one lump.
            due = max(due, time.monotonic() - 0.1)
            self._end.wait(max(due - time.monotonic(), 0))


def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def ethernet(
    source: str, target: str, ethertype: int, payload: bytes, tags: Iterable[tuple[int, int]] = ()
) -> bytes:
    """A frame; `tags` are pairs of TPID and VLAN, the outer one first."""
    head = mac_bytes(target) + mac_bytes(source)
    for tpid, vlan in tags:
        head += struct.pack("!HH", tpid, vlan)
    return (head + struct.pack("!H", ethertype) + payload).ljust(60, b"\0")


def packet(source: str, target: str, body: bytes, tags: Iterable[tuple[int, int]] = ()) -> bytes:
    """A frame with this IP packet; the packet says of which version it is."""
    ethertype = ETH_P_IPV6 if body[0] >> 4 == 6 else ETH_P_IP
    return ethernet(source, target, ethertype, body, tags)


def tagged(vlan: int) -> list[tuple[int, int]]:
    """The tag of an 802.1Q VLAN."""
    return [(ETH_P_8021Q, vlan)]


def arp(mac: str, source: str, target: str, *, reply_to: str | None = None) -> bytes:
    """A request of this sender for an address; or a reply to this MAC address (RFC 826)."""
    operation = 2 if reply_to else 1
    addresses = mac_bytes(mac) + ip_address(source).packed
    addresses += mac_bytes(reply_to or "00:00:00:00:00:00") + ip_address(target).packed
    return struct.pack("!HHBBH", 1, ETH_P_IP, 6, 4, operation) + addresses


def ip(source: str, target: str, protocol: int, payload: bytes, ttl: int = 64) -> bytes:
    """A packet of the addresses' version; checksums of ICMP, TCP and UDP are filled in."""
    one, other = ip_address(source), ip_address(target)
    payload = with_checksum(one.packed, other.packed, protocol, payload)
    if isinstance(one, IPv6Address):
        return (
            struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl)
            + one.packed
            + other.packed
            + payload
        )
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, ttl, protocol, 0)
    head += one.packed + other.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


CHECKSUM_AT = {ICMP: 2, TCP: 16, UDP: 6, ICMP6: 2}


def with_checksum(source: bytes, target: bytes, protocol: int, payload: bytes) -> bytes:
    """The payload with its checksum, over the pseudo header where the protocol has one."""
    at = CHECKSUM_AT.get(protocol)
    if at is None:
        return payload
    pseudo = (
        b"" if protocol == ICMP else source + target + struct.pack("!II", len(payload), protocol)
    )
    value = struct.pack("!H", checksum(pseudo + payload))
    return payload[:at] + value + payload[at + 2 :]


def checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo(source: str, target: str, number: int = 1) -> bytes:
    """A ping, of the addresses' version."""
    version6 = ip_address(source).version == 6
    kind, protocol = (128, ICMP6) if version6 else (8, ICMP)
    return ip(
        source,
        target,
        protocol,
        struct.pack("!BBHHH", kind, 0, 0, 0x4C57, number) + b"linkway." * 4,
    )


def syn(source: str, target: str, port: int, source_port: int = 40000) -> bytes:
    """A TCP segment that asks for a connection."""
    segment = struct.pack("!HHIIBBHHH", source_port, port, 1, 0, 5 << 4, 2, 8192, 0, 0)
    return ip(source, target, TCP, segment)


def udp(
    source: str,
    target: str,
    port: int,
    *,
    data: bytes = b"\0" * 24,
    source_port: int = 49152,
    ttl: int = 64,
) -> bytes:
    """A datagram."""
    head = struct.pack("!HHHH", source_port, port, 8 + len(data), 0)
    return ip(source, target, UDP, head + data, ttl)


def solicited_node(address: str) -> str:
    """The multicast address on which a node hears neighbor solicitations (RFC 4291, section 2.7.1)."""
    return str(
        IPv6Address(bytes.fromhex("ff0200000000000000000001ff") + ip_address(address).packed[13:])
    )


def multicast_mac(address: str) -> str:
    """RFC 2464, section 7."""
    return (b"\x33\x33" + ip_address(address).packed[12:]).hex(":")


def solicitation(mac: str, source: str, target: str) -> bytes:
    """A neighbor solicitation with the sender's link-layer address (RFC 4861, section 4.3)."""
    body = (
        struct.pack("!BBHI", 135, 0, 0, 0)
        + ip_address(target).packed
        + b"\x01\x01"
        + mac_bytes(mac)
    )
    return ip(source, solicited_node(target), ICMP6, body, ttl=255)


def advertisement(mac: str, source: str, target: str) -> bytes:
    """An unsolicited neighbor advertisement of the source, which overrides (RFC 4861, section 4.4)."""
    body = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + ip_address(source).packed
    return ip(source, target, ICMP6, body + b"\x02\x01" + mac_bytes(mac), ttl=255)


def router_advertisement(mac: str, source: str, prefix: str) -> bytes:
    """A router's: it is a default router, hosts make themselves an address in this /64 (RFC 4861, section 4.2)."""
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + b"\x01\x01" + mac_bytes(mac)
    body += struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + ip_address(prefix).packed
    return ip(source, "ff02::1", ICMP6, body, ttl=255)


def link_local(mac: str) -> str:
    """The address that a kernel makes itself from a MAC address (RFC 4291, appendix A)."""
    parts = mac_bytes(mac)
    identifier = bytes([parts[0] ^ 2]) + parts[1:3] + b"\xff\xfe" + parts[3:]
    return str(IPv6Address(b"\xfe\x80" + bytes(6) + identifier))


def made_mac(number: int) -> str:
    """A locally administered address for each number."""
    return (b"\x02\x4c" + struct.pack("!I", number)).hex(":")


def neighbor_of(address: str) -> str:
    """The next address."""
    return str(ip_address(address) + 1)
