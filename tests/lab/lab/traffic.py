"""Traffic between a customer's host and a VPC's host, and how much of it got through."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lab.checks import Failed, must, wait_until
from lab.net import Namespace
from lab.process import Process, attempt, tail

if TYPE_CHECKING:
    from lab.scene import Scene


class Host(Protocol):
    """A customer or a VPC: a namespace with a host's address."""

    namespace: Namespace
    host: str


@dataclass(frozen=True)
class Pings:
    """How many echo requests were sent and answered."""

    sent: int
    answered: int

    @property
    def lost(self) -> int:
        return self.sent - self.answered


def ping(
    space: Namespace, source: str, target: str, count: int = 3, mark: str | None = None
) -> Pings:
    """A few pings, five a second; `mark` is a byte in hex that fills them."""
    words = ["ping", "-n", "-c", str(count), "-i", "0.2", "-W", "1", "-I", source]
    if mark:
        words += ["-p", mark]
    done = attempt(space.words(*words, target))
    found = re.search(r"(\d+) packets transmitted, (\d+) received", done.stdout)
    if not found:
        # Without any route, ping ends before it sends.
        must("unreachable" in done.stderr, "ping's summary", done.stderr + done.stdout)
        return Pings(count, 0)
    return Pings(int(found[1]), int(found[2]))


def must_reach(space: Namespace, source: str, target: str) -> None:
    """Fails unless pings are answered; the first may be lost to neighbour discovery."""
    wait_until(
        f"pings from {source} to {target}",
        lambda: ping(space, source, target, count=2),
        lambda pings: pings.answered == pings.sent,
        patience=45,
    )


def must_not_reach(space: Namespace, source: str, target: str, count: int = 5) -> None:
    """Fails if a single ping is answered."""
    pings = ping(space, source, target, count)
    must(pings.answered == 0, f"no answer to pings from {source} to {target}", pings)


class Pinging:
    """`with Pinging(…) as pings: …`: ten pings a second all the while, then `pings.result`.

    An echo request counts as lost if it was not answered within a second of the last one.
    """

    def __init__(self, scene: Scene, space: Namespace, source: str, target: str) -> None:
        log = scene.directory / f"ping-{space.name}-{scene.next_number()}.log"
        words = ["ping", "-n", "-O", "-i", "0.1", "-W", "1", "-I", source, target]
        self._words = space.words(*words)
        self._log = log
        self.result = Pings(0, 0)
        self.lost_numbers: list[int] = []

    def __enter__(self) -> Pinging:
        self._process = Process(self._words, self._log)
        wait_until("the first answer", lambda: "bytes from" in self._process.log_text(), pause=0.05)
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        self._process.must_run()
        # An answer may still be under way: wait for one that is newer than now.
        sent = self.highest()
        if failure is None:
            wait_until("one more answer", self.highest, lambda number: number > sent, 5)
        self._process.stop(signal.SIGINT)
        numbers = self.numbers()
        highest = max(numbers, default=0)
        self.lost_numbers = sorted(set(range(1, highest + 1)) - numbers)
        self.result = Pings(highest, highest - len(self.lost_numbers))

    def numbers(self) -> set[int]:
        """The numbers of the pings that were answered."""
        text = self._process.log_text()
        return {int(number) for number in re.findall(r"bytes from .*icmp_seq=(\d+)", text)}

    def highest(self) -> int:
        return max(self.numbers(), default=0)

    def must_lose_none(self) -> None:
        must(
            not self.lost_numbers,
            "no ping lost",
            f"{len(self.lost_numbers)} of {self.result.sent}: {self.lost_numbers[:20]}",
        )


@dataclass(frozen=True)
class Stream:
    """What an iperf3 stream brought over."""

    megabytes: float
    megabits_per_second: float


def stream(scene: Scene, client: Host, server: Host, seconds: int = 2) -> Stream:
    """A TCP stream from the client's to the server's address."""
    log = scene.directory / f"iperf3-{scene.next_number()}.log"
    listening = Process(
        server.namespace.words(
            "iperf3", "--server", "--one-off", "--forceflush", "--bind", server.host
        ),
        log,
    )
    try:
        wait_until("iperf3 to listen", lambda: "listening" in listening.log_text())
        words = [
            "iperf3",
            "--client",
            server.host,
            "--bind",
            client.host,
            "--time",
            str(seconds),
            "--json",
        ]
        done = attempt(client.namespace.words(*words), seconds=seconds + 20)
    finally:
        if listening.is_running():
            listening.kill()
    try:
        received = json.loads(done.stdout)["end"]["sum_received"]
    except (ValueError, KeyError):
        raise Failed(f"iperf3: {tail(done.stdout + done.stderr)}") from None
    return Stream(received["bytes"] / 1e6, received["bits_per_second"] / 1e6)


@contextmanager
def flood(scene: Scene, client: Host, server: Host, seconds: int) -> Iterator[None]:
    """Four TCP streams as quick as they get, beside what is done meanwhile."""
    number = scene.next_number()
    port = str(5300 + number)
    log = scene.directory / f"flood-{number}.log"
    words = ["iperf3", "--server", "--one-off", "--forceflush", "--port", port]
    listening = Process(server.namespace.words(*words, "--bind", server.host), log)
    try:
        wait_until("iperf3 to listen", lambda: "listening" in listening.log_text())
        words = ["iperf3", "--client", server.host, "--bind", client.host, "--port", port]
        words += ["--parallel", "4"]
        words += ["--time", str(seconds)]
        sent = scene.directory / f"flood-{number}-sent.log"
        sending = Process(client.namespace.words(*words), sent)
        try:
            yield
        finally:
            if sending.is_running():
                sending.kill()
    finally:
        if listening.is_running():
            listening.kill()
