"""OpenBGPD as the customer's router. Its portable edition writes no routes on Linux."""

from __future__ import annotations

import json
from pathlib import Path

from lab.checks import must, wait_until
from lab.net import Namespace
from lab.router import OneProcess, answer
from lab.routerconfig import RouterConfig

# The home of its user, into which its processes are locked; systemd makes it.
CHROOT = Path("/run/openbgpd")


class OpenBgpd(OneProcess):
    """One bgpd in a customer's namespace, with a control socket of its own."""

    name = "bgpd"
    has_fib = False

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        super().__init__(namespace, directory)
        self._control = directory / "bgpd.sock"

    def start(self, config: RouterConfig, prefixes: list[str]) -> None:
        CHROOT.mkdir(mode=0o755, exist_ok=True)
        self._sessions[config.version] = (config, prefixes)
        self._configure()
        self._run("bgpd", "-d", "-f", str(self._config))
        wait_until("bgpd to answer", lambda: self._ask("show"))

    def announce(self, config: RouterConfig, prefixes: list[str]) -> None:
        self._sessions[config.version] = (config, prefixes)
        self._configure()
        must("processed" in self._ask("reload"), "bgpd to reload", self._ask("reload"))

    def session(self, version: int = 4) -> str:
        """`Established`, or the state in which it is."""
        said = self._ask("-j", "show", "neighbor", self._sessions[version][0].theirs)
        neighbors = json.loads(said or "{}").get("neighbors", [])
        return neighbors[0]["state"] if neighbors else "no such neighbor"

    def learned(self, version: int) -> list[str]:
        """The prefixes that the other side announces."""
        theirs = self._sessions[version][0].theirs
        said = self._ask("-j", "show", "rib", "in", "neighbor", theirs)
        return [entry["prefix"] for entry in json.loads(said or "{}").get("rib", [])]

    def details(self) -> str:
        return f"{self._ask('show', 'neighbor')}\n{self._logged()}"

    def _ask(self, *words: str) -> str:
        return answer(["bgpctl", "-s", str(self._control), *words])

    def _configure(self) -> None:
        sessions = list(self._sessions.values())
        head = f"""\
AS {sessions[0][0].our_asn}
router-id 10.254.0.4
connect-retry 1
fib-update no
socket "{self._control}"
"""
        tail_lines = "allow from any\nallow to any\n"
        self._write(head + "".join(neighbor(*one) for one in sessions) + tail_lines)


def neighbor(config: RouterConfig, prefixes: list[str]) -> str:
    """The lines of one session."""
    networks = "".join(f"network {prefix}\n" for prefix in prefixes)
    return f"""\
listen on {config.ours}
{networks}neighbor {config.theirs} {{
  remote-as {config.their_asn}
  local-address {config.ours}
  tcp md5sig password "{config.key}"
  announce IPv{config.version} unicast
}}
"""
