"""ExaBGP as the customer's router. It has no FIB: what it learns it writes to a program, here `cat`."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from lab.checks import wait_until
from lab.net import Namespace
from lab.process import tail
from lab.router import OneProcess
from lab.routerconfig import RouterConfig

ENVIRONMENT = {
    # It would give up root, for which the lab's files are.
    "exabgp_daemon_user": "root",
    "exabgp_log_level": "INFO",
    "exabgp_api_cli": "false",
    "exabgp_api_ack": "false",
}
LOADED = "loaded new configuration"


class ExaBgp(OneProcess):
    """One ExaBGP in a customer's namespace. It says what other routers refuse to say: see `route`."""

    name = "exabgp"
    has_fib = False

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        super().__init__(namespace, directory)
        self._received = directory / "received.json"
        self._script = directory / "receive.sh"

    def start(self, config: RouterConfig, prefixes: list[str]) -> None:
        self._sessions[config.version] = (config, prefixes)
        # The shell stays, with its own stdout open: ExaBGP takes a closed one for the program's death.
        self._script.write_text(f"cat >> {self._received}\n")
        self._configure()
        process = self._run("exabgp", str(self._config), **ENVIRONMENT)
        # A signal that comes before it is ready ends it.
        wait_until("ExaBGP to have read its configuration", lambda: LOADED in process.log_text())

    def announce(self, config: RouterConfig, prefixes: list[str]) -> None:
        assert self._process is not None
        self._sessions[config.version] = (config, prefixes)
        self._configure()
        self._process.send(signal.SIGUSR1)

    def session(self, version: int = 4) -> str:
        """`Established`, or the last that it said of it."""
        theirs = self._sessions[version][0].theirs
        states = [
            said["neighbor"]["state"]
            for said in self._said()
            if said["type"] == "state" and said["neighbor"]["address"]["peer"] == theirs
        ]
        last = states[-1] if states else "not heard of"
        return "Established" if last == "up" else last

    def learned(self, version: int) -> list[str]:
        """The prefixes that the other side announces."""
        found: set[str] = set()
        for said in self._said():
            update = said["neighbor"].get("message", {}).get("update", {})
            family = f"ipv{version} unicast"
            for routes in update.get("announce", {}).get(family, {}).values():
                found |= {route["nlri"] for route in routes if "nlri" in route}
            found -= {route["nlri"] for route in update.get("withdraw", {}).get(family, [])}
        return sorted(found)

    def details(self) -> str:
        received = self._received.read_text() if self._received.exists() else ""
        return f"{tail(received)}\n{self._logged()}"

    def _said(self) -> list[dict[str, Any]]:
        """All whole lines that it wrote so far."""
        if not self._received.exists():
            return []
        lines = self._received.read_text().split("\n")[:-1]
        return [said for said in map(json.loads, lines) if "neighbor" in said]

    def _configure(self) -> None:
        head = f"process received {{\n  run /bin/sh {self._script};\n  encoder json;\n}}\n"
        sessions = (neighbor(config, prefixes) for config, prefixes in self._sessions.values())
        self._write(head + "".join(sessions))


def route(announced: str, ours: str) -> str:
    """The line of one route: a prefix, and after it what ExaBGP is to say of it if that is not the usual."""
    prefix, _, attributes = announced.partition(" ")
    next_hop = "" if "next-hop" in attributes else f"next-hop {ours}"
    return f"      unicast {prefix} {next_hop} {attributes};"


def neighbor(config: RouterConfig, prefixes: list[str]) -> str:
    """The section of one session."""
    routes = "\n".join(route(prefix, config.ours) for prefix in prefixes)
    return f"""\
neighbor {config.theirs} {{
  router-id 10.254.0.5;
  local-address {config.ours};
  local-as {config.our_asn};
  peer-as {config.their_asn};
  md5-password "{config.key}";
  family {{
    ipv{config.version} unicast;
  }}
  api {{
    processes [ received ];
    neighbor-changes;
    receive {{
      parsed;
      update;
    }}
  }}
  announce {{
    ipv{config.version} {{
{routes}
    }}
  }}
}}
"""
