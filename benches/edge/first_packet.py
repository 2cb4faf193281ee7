"""From ConfirmPrivateVirtualInterface's answer to the first packet from the customer in the VPC.

The customer's router is configured and tries to connect; a host behind it sends a packet each 20
milliseconds. The times of the parts come from the agent's log and from the frames on the
customer's VLAN.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from confirm import Confirm
from lab import frames
from lab.checks import must
from lab.customer import Customer
from lab.interface import Interface
from lab.net import Namespace
from lab.scene import Scene, Site

TICK_SECONDS = 0.02
PATIENCE_SECONDS = 60.0
PORT = 4000
# Long enough for the router to have failed to connect at least once.
TRYING_SECONDS = 4.0
ETH_P_ALL = 3
KEEPALIVE = 4
# socket(7): each datagram comes with the moment at which the kernel had it.
SO_TIMESTAMPNS = 35


def measure(scene: Scene, times: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Lends and confirms so many interfaces, one after the other; seconds of each."""
    site = scene.site()
    found = []
    for number in range(times):
        one = confirmed(scene, site, number)
        found.append(one)
        say(f"first packet {one['total']:.2f} s after Confirm ({number + 1} of {times})")
    return found


def confirmed(scene: Scene, site: Site, number: int) -> dict[str, Any]:
    subnet = f"169.254.{number}"
    lent = site.connection.lend(
        site.owner,
        vlan=101 + number,
        amazonAddress=f"{subnet}.1/30",
        customerAddress=f"{subnet}.2/30",
    )
    prefix = f"192.168.{number}.0/24"
    customer = scene.customer(site.port, lent.router_config(), "bird", (prefix,))
    customer.start()
    time.sleep(TRYING_SECONDS)
    watch = Watch(customer, site.vpc.namespace, site.vpc.host)
    try:
        confirm = Confirm(site.owner, scene.server, lent.id, site.vpc.gateway_id)
        answered = confirm.call()
        watch.until_first_packet(answered)
    finally:
        watch.close()
    times = parts(watch, answered, agent_times(site.edge.log_text(), answered))
    end(customer, lent)
    site.edge.wait_clean()
    return times


def end(customer: Customer, lent: Interface) -> None:
    """The next one's router has the machine for itself, and nothing to take over."""
    customer.router.end()
    lent.delete()


class Watch:
    """The sender's, the receiver's and the listener's socket, and when what was seen."""

    def __init__(self, customer: Customer, vpc: Namespace, target: str) -> None:
        self._target = (target, PORT)
        self.customer = customer.config.ours
        with inside(vpc):
            self._receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._receiver.bind(self._target)
        with inside(customer.namespace):
            self._sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._sender.bind((customer.host, 0))
            self._wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self._wire.bind((customer.interface, ETH_P_ALL))
        self._wire.setblocking(False)
        for one in (self._receiver, self._wire):
            one.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.arrived = 0.0
        # TCP segments of BGP with the time of their sight.
        self.seen: list[tuple[float, frames.Frame]] = []

    def until_first_packet(self, answered: float) -> None:
        selector = selectors.DefaultSelector()
        selector.register(self._receiver, selectors.EVENT_READ)
        selector.register(self._wire, selectors.EVENT_READ)
        tick = time.monotonic()
        while not self.arrived:
            now = time.monotonic()
            must(now < answered + PATIENCE_SECONDS, f"a packet within {PATIENCE_SECONDS:.0f} s")
            if now >= tick:
                self._send()
                tick = now + TICK_SECONDS
            for key, _ in selector.select(max(0.0, tick - time.monotonic())):
                if key.fileobj is self._receiver:
                    self.arrived, _ = received(self._receiver)
                else:
                    self._listen()
        self._listen()

    def _send(self) -> None:
        # Without a route the router's host cannot send.
        with suppress(OSError):
            self._sender.sendto(b"tick", self._target)

    def _listen(self) -> None:
        """Notes the segments that are there."""
        while True:
            try:
                at, data = received(self._wire)
            except BlockingIOError:
                return
            frame = frames.parse(pcap(data))
            if frame and frame[0].is_bgp:
                self.seen.append((at, frame[0]))

    def close(self) -> None:
        for one in (self._receiver, self._sender, self._wire):
            one.close()


def received(one: socket.socket) -> tuple[float, bytes]:
    """What came, and when on the monotonic clock."""
    data, notes, _, _ = one.recvmsg(65535, socket.CMSG_SPACE(16))
    (stamp,) = (
        note for level, kind, note in notes if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)
    )
    seconds, nanoseconds = struct.unpack("@qq", stamp)
    return seconds + nanoseconds / 1e9 + time.monotonic() - time.time(), data


def pcap(data: bytes) -> bytes:
    """A capture file of one frame."""
    head = b"\xd4\xc3\xb2\xa1" + bytes(20)
    size = len(data).to_bytes(4, "little")
    return head + bytes(8) + size + size + data


def parts(watch: Watch, answered: float, agent: tuple[float, float]) -> dict[str, Any]:
    """The way in parts, each up to the moment that ends it."""
    taken, programmed = agent
    # The edge hears of it when the tenant does, so it may be there before the answer.
    taken = max(taken, answered)
    begun, begun_by, established = session(watch)
    # BIRD may begin to connect while the agent still looks whether it has done all.
    programmed = min(programmed, begun)
    moments = [answered, taken, programmed, begun, established, watch.arrived]
    steps = [later - earlier for earlier, later in zip(moments, moments[1:], strict=False)]
    names = ("feed", "agent", "connect", "session", "routes")
    by = "customer" if begun_by == watch.customer else "edge"
    return dict(zip(names, steps, strict=True)) | {
        "total": watch.arrived - answered,
        "connected_by": by,
    }


def session(watch: Watch) -> tuple[float, str, float]:
    """When the connection of the session was begun, by whom, and when both sides kept it alive."""
    begun: dict[frozenset, tuple[float, str]] = {}
    alive: dict[frozenset, dict[str, float]] = {}
    for at, frame in watch.seen:
        flags = frame.payload[13]
        pair = frozenset([(frame.source, frame.payload[0:2]), (frame.target, frame.payload[2:4])])
        if flags & 0x12 == 0x02:
            # A lost SYN is sent again: the connection began with the one that was answered.
            begun[pair] = (at, frame.source)
        if KEEPALIVE in kinds(frame.segment):
            alive.setdefault(pair, {}).setdefault(frame.source, at)
    for pair, sides in alive.items():
        if len(sides) == 2 and pair in begun:
            return (*begun[pair], max(sides.values()))
    raise RuntimeError("a packet crossed before a session was seen")


def kinds(segment: bytes) -> Iterator[int]:
    """The kinds of the BGP messages in a segment."""
    while len(segment) >= 19:
        length = int.from_bytes(segment[16:18], "big")
        yield segment[18]
        segment = segment[max(length, 19) :]


def agent_times(log: str, answered: float) -> tuple[float, float]:
    """When the agent has taken the configuration and when it was programmed."""
    offset = time.monotonic() - time.time()
    taken = programmed = 0.0
    for line in log.splitlines():
        entry = json.loads(line)
        at = datetime.fromisoformat(entry["timestamp"].replace("Z", "+00:00"))
        at = at.timestamp() + offset
        if at < answered - 1.0:
            continue
        if entry.get("message") == "configuration" and not taken:
            taken = at
        if entry.get("message") == "converged" and entry["why"] == "configuration":
            programmed = programmed or at
    must(taken and programmed, "the agent's log to tell of the configuration")
    return taken, programmed


@contextmanager
def inside(space: Namespace) -> Iterator[None]:
    """This thread in a namespace: what sockets it makes stay there."""
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    other = os.open(f"/run/netns/{space.name}", os.O_RDONLY)
    try:
        must(libc.setns(other, 0) == 0, f"to enter {space.name}", os.strerror(ctypes.get_errno()))
        yield
    finally:
        must(libc.setns(own, 0) == 0, "to come back", os.strerror(ctypes.get_errno()))
        os.close(own)
        os.close(other)
