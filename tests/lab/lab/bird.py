"""BIRD 2 as the customer's router."""

from __future__ import annotations

from pathlib import Path

from lab.checks import wait_until
from lab.net import Namespace
from lab.process import Process, attempt, tail
from lab.routerconfig import RouterConfig


class Bird:
    """One BIRD in a customer's namespace."""

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        self._namespace = namespace
        self._config = directory / "bird.conf"
        self._control = directory / "bird.ctl"
        self._log = directory / "bird.log"
        self._process: Process | None = None

    def start(self, config: RouterConfig, prefixes: list[str]) -> None:
        self._write(config, prefixes)
        words = ["bird", "-f", "-c", str(self._config), "-s", str(self._control)]
        self._process = Process(self._namespace.words(*words), self._log)
        wait_until("the customer's BIRD to answer", lambda: self._ask("show status"))

    def announce(self, config: RouterConfig, prefixes: list[str]) -> None:
        self._write(config, prefixes)
        wait_until("BIRD to reconfigure", lambda: "Reconfigur" in self._ask("configure"))

    def session(self) -> str:
        """`Established`, or where the session is on its way there."""
        line = self._line()
        return "Established" if "Established" in line else line

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()

    def end(self) -> None:
        if self._process and self._process.is_running():
            self._process.stop()

    def details(self) -> str:
        log = tail(self._log.read_text(errors="replace")) if self._log.exists() else ""
        return f"{self._ask('show protocols all dx')}\n{log}"

    def _line(self) -> str:
        """The session's line of `show protocols`."""
        lines = self._ask("show protocols dx").splitlines()
        return " ".join(next((line for line in lines if line.startswith("dx")), "").split())

    def _ask(self, command: str) -> str:
        done = attempt(["birdc", "-s", str(self._control), *command.split()])
        return done.stdout if done.returncode == 0 else ""

    def _write(self, config: RouterConfig, prefixes: list[str]) -> None:
        family = f"ipv{config.version}"
        routes = "\n".join(f"  route {prefix} unreachable;" for prefix in prefixes)
        self._config.write_text(
            f"""\
log stderr all;
router id 10.254.0.1;
protocol device {{ }}
protocol kernel {{ {family} {{ import none; export where source = RTS_BGP; }}; }}
protocol static announced {{
  {family};
{routes}
}}
protocol bgp dx {{
  local {config.ours} as {config.our_asn};
  neighbor {config.theirs} as {config.their_asn};
  password "{config.key}";
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 4;
  {family} {{ import all; export where source = RTS_STATIC; }};
}}
"""
        )
        self._config.chmod(0o600)
