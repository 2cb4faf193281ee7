"""GoBGP as the customer's router. It has no FIB of its own without zebra."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from lab.checks import wait_until
from lab.net import Namespace
from lab.process import Process, attempt, tail
from lab.routerconfig import RouterConfig

ESTABLISHED = 6


class GoBgp:
    """One gobgpd in a customer's namespace; `gobgp` asks it over the namespace's own loopback."""

    has_fib = False

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        self._namespace = namespace
        self._config = directory / "gobgpd.toml"
        self._log = directory / "gobgpd.log"
        self._process: Process | None = None
        # Sessions and what each announces, by IP version.
        self._sessions: dict[int, tuple[RouterConfig, list[str]]] = {}

    def start(self, config: RouterConfig, prefixes: list[str]) -> None:
        self._sessions[config.version] = (config, [])
        self._write()
        words = ["gobgpd", "-f", str(self._config), "--log-plain", "--pprof-disable"]
        words += ["--api-hosts", "127.0.0.1:50051"]
        self._process = Process(self._namespace.words(*words), self._log)
        wait_until("gobgpd to answer", lambda: self._ask("global"))
        self.announce(config, prefixes)

    def add(self, config: RouterConfig, prefixes: list[str]) -> None:
        """One more session, of the other IP version."""
        assert self._process is not None
        self._sessions[config.version] = (config, [])
        self._write()
        self._process.send(signal.SIGHUP)
        self.announce(config, prefixes)

    def announce(self, config: RouterConfig, prefixes: list[str]) -> None:
        before = self._sessions[config.version][1]
        family = f"ipv{config.version}"
        for prefix in sorted(set(before) - set(prefixes)):
            self._tell("global", "rib", "del", prefix, "-a", family)
        for prefix in sorted(set(prefixes) - set(before)):
            self._tell("global", "rib", "add", prefix, "-a", family)
        self._sessions[config.version] = (config, list(prefixes))

    def session(self, version: int = 4) -> str:
        """`Established`, or the number of the state in which it is."""
        answer = self._ask("neighbor", self._sessions[version][0].theirs, "-j")
        state = json.loads(answer or "{}").get("state", {}).get("session_state")
        return "Established" if state == ESTABLISHED else f"session_state {state}"

    def learned(self, version: int) -> list[str]:
        """The prefixes that the other side announces."""
        answer = self._ask("neighbor", self._sessions[version][0].theirs, "adj-in", "-j")
        return list(json.loads(answer or "{}") or {})

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()

    def end(self) -> None:
        if self._process and self._process.is_running():
            self._process.stop()

    def details(self) -> str:
        log = tail(self._log.read_text(errors="replace")) if self._log.exists() else ""
        return f"{self._ask('neighbor')}\n{log}"

    def _ask(self, *words: str) -> str:
        done = attempt(self._namespace.words("gobgp", *words))
        return done.stdout if done.returncode == 0 else ""

    def _tell(self, *words: str) -> None:
        self._namespace.run("gobgp", *words)

    def _write(self) -> None:
        configs = [config for config, _ in self._sessions.values()]
        head = f'[global.config]\nas = {configs[0].our_asn}\nrouter-id = "10.254.0.3"\n'
        self._config.write_text(head + "".join(neighbor(config) for config in configs))
        self._config.chmod(0o600)


def neighbor(config: RouterConfig) -> str:
    """The section of one session."""
    return f"""\
[[neighbors]]
[neighbors.config]
neighbor-address = "{config.theirs}"
peer-as = {config.their_asn}
auth-password = "{config.key}"
[neighbors.timers.config]
connect-retry = 1
[neighbors.transport.config]
local-address = "{config.ours}"
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv{config.version}-unicast"
"""
