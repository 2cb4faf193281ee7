"""Network namespaces, links between them, and what is in them."""

from __future__ import annotations

import ctypes
import json
import os
import socket
from pathlib import Path
from typing import Any

from lab.process import attempt, run

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace made by this lab; removing it removes all links in it."""

    def __init__(self, name: str, *, forward: bool = True) -> None:
        self.name = name
        run(["ip", "netns", "add", name])
        # Said either way: a new namespace has what the machine has.
        switch = "1" if forward else "0"
        self.sysctl(**{"net.ipv4.ip_forward": switch, "net.ipv6.conf.all.forwarding": switch})
        self.ip("link set lo up")

    def delete(self) -> None:
        run(["ip", "netns", "delete", self.name])

    def words(self, *words: str) -> list[str]:
        """The command line that runs `words` in here."""
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words: str) -> str:
        """Runs a program in here; Failed unless it ends with exit status 0."""
        return run(self.words(*words))

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket of this namespace, which it keeps; no process has to be started in here for it."""
        with (
            Path("/proc/thread-self/ns/net").open() as ours,
            Path("/run/netns", self.name).open() as its,
        ):
            enter(its.fileno())
            try:
                return socket.socket(family, kind, protocol)
            finally:
                enter(ours.fileno())

    def sysctl(self, **settings: str) -> None:
        """Sets these; a name is given with dots or, for interfaces with dots, with slashes."""
        self.run("sysctl", "-q", *(f"{name}={value}" for name, value in settings.items()))

    def ip(self, *lines: str, family: str | None = None) -> None:
        """Several `ip` commands in one go; Failed at the first that the kernel refuses.

        `family`, -4 or -6, is for those that do not show it by their addresses.
        """
        words = ["ip", "-n", self.name, *([family] if family else []), "-batch", "-"]
        run(words, given="\n".join(lines) + "\n")

    def try_ip(self, *words: str) -> bool:
        """One `ip` command; whether the kernel took it."""
        return attempt(["ip", "-n", self.name, *words]).returncode == 0

    def show(self, *words: str) -> list[dict[str, Any]]:
        """`ip -j WORDS`, parsed. What does not exist is an empty list."""
        done = attempt(["ip", "-n", self.name, "-details", "-json", *words])
        if done.returncode != 0:
            return []
        return [entry for entry in json.loads(done.stdout or "[]") if entry]

    def links(self) -> dict[str, dict[str, Any]]:
        """The links by name."""
        return {link["ifname"]: link for link in self.show("link", "show")}


def enter(namespace: int) -> None:
    """Moves this thread into the network namespace of this descriptor (setns(2))."""
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def veth(one: Namespace, one_name: str, other: Namespace, other_name: str) -> None:
    """A cable between two namespaces, both ends up."""
    one.ip(
        f"link add {one_name} type veth peer name {other_name} netns {other.name}",
        f"link set {one_name} up",
    )
    other.ip(f"link set {other_name} up")
