"""OpenBGPD as the customer's router. Its portable edition writes no routes on Linux."""

from __future__ import annotations

import json
from pathlib import Path

from lab.checks import must, wait_until
from lab.net import Namespace
from lab.process import Process, attempt, tail
from lab.routerconfig import RouterConfig

# The home of its user, into which its processes are locked; systemd makes it.
CHROOT = Path("/run/openbgpd")


class OpenBgpd:
    """One bgpd in a customer's namespace, with a control socket of its own."""

    has_fib = False

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        self._namespace = namespace
        self._config = directory / "bgpd.conf"
        self._control = directory / "bgpd.sock"
        self._log = directory / "bgpd.log"
        self._process: Process | None = None
        # Sessions and what each announces, by IP version.
        self._sessions: dict[int, tuple[RouterConfig, list[str]]] = {}

    def start(self, config: RouterConfig, prefixes: list[str]) -> None:
        CHROOT.mkdir(mode=0o755, exist_ok=True)
        self._sessions[config.version] = (config, prefixes)
        self._write()
        words = ["bgpd", "-d", "-f", str(self._config)]
        self._process = Process(self._namespace.words(*words), self._log)
        wait_until("bgpd to answer", lambda: self._ask("show"))

    def add(self, config: RouterConfig, prefixes: list[str]) -> None:
        """One more session, of the other IP version."""
        self.announce(config, prefixes)

    def announce(self, config: RouterConfig, prefixes: list[str]) -> None:
        self._sessions[config.version] = (config, prefixes)
        self._write()
        must("processed" in self._ask("reload"), "bgpd to reload", self._ask("reload"))

    def session(self, version: int = 4) -> str:
        """`Established`, or the state in which it is."""
        answer = self._ask("-j", "show", "neighbor", self._sessions[version][0].theirs)
        neighbors = json.loads(answer or "{}").get("neighbors", [])
        return neighbors[0]["state"] if neighbors else "no such neighbor"

    def learned(self, version: int) -> list[str]:
        """The prefixes that the other side announces."""
        theirs = self._sessions[version][0].theirs
        answer = self._ask("-j", "show", "rib", "in", "neighbor", theirs)
        return [entry["prefix"] for entry in json.loads(answer or "{}").get("rib", [])]

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()

    def end(self) -> None:
        if self._process and self._process.is_running():
            self._process.stop()

    def details(self) -> str:
        log = tail(self._log.read_text(errors="replace")) if self._log.exists() else ""
        return f"{self._ask('show', 'neighbor')}\n{log}"

    def _ask(self, *words: str) -> str:
        done = attempt(["bgpctl", "-s", str(self._control), *words])
        return done.stdout if done.returncode == 0 else ""

    def _write(self) -> None:
        sessions = list(self._sessions.values())
        head = f"""\
AS {sessions[0][0].our_asn}
router-id 10.254.0.4
connect-retry 1
fib-update no
socket "{self._control}"
"""
        tail_lines = "allow from any\nallow to any\n"
        self._config.write_text(head + "".join(neighbor(*one) for one in sessions) + tail_lines)
        self._config.chmod(0o600)


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
