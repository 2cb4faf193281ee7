"""GoBGP as the customer's router. It has no FIB of its own without zebra."""

from __future__ import annotations

import json
import signal

from lab.checks import wait_until
from lab.router import OneProcess, answer
from lab.routerconfig import RouterConfig

ESTABLISHED = 6


class GoBgp(OneProcess):
    """One gobgpd in a customer's namespace; `gobgp` asks it over the namespace's own loopback."""

    name = "gobgpd"
    suffix = "toml"
    has_fib = False

    def start(self, config: RouterConfig, prefixes: list[str]) -> None:
        self._sessions[config.version] = (config, [])
        self._configure()
        words = ["gobgpd", "-f", str(self._config), "--log-plain", "--pprof-disable"]
        self._run(*words, "--api-hosts", "127.0.0.1:50051")
        wait_until("gobgpd to answer", lambda: self._ask("global"))
        self.announce(config, prefixes)

    def add(self, config: RouterConfig, prefixes: list[str]) -> None:
        """One more session, of the other IP version."""
        assert self._process is not None
        self._sessions[config.version] = (config, [])
        self._configure()
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
        said = self._ask("neighbor", self._sessions[version][0].theirs, "-j")
        state = json.loads(said or "{}").get("state", {}).get("session_state")
        return "Established" if state == ESTABLISHED else f"session_state {state}"

    def learned(self, version: int) -> list[str]:
        """The prefixes that the other side announces."""
        said = self._ask("neighbor", self._sessions[version][0].theirs, "adj-in", "-j")
        return list(json.loads(said or "{}") or {})

    def details(self) -> str:
        return f"{self._ask('neighbor')}\n{self._logged()}"

    def _ask(self, *words: str) -> str:
        return answer(self._namespace.words("gobgp", *words))

    def _tell(self, *words: str) -> None:
        self._namespace.run("gobgp", *words)

    def _configure(self) -> None:
        configs = [config for config, _ in self._sessions.values()]
        head = f'[global.config]\nas = {configs[0].our_asn}\nrouter-id = "10.254.0.3"\n'
        self._write(head + "".join(neighbor(config) for config in configs))


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
