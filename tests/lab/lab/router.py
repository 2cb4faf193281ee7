"""What the customers' routers that are one process have in common."""

from __future__ import annotations

from pathlib import Path

from lab.net import Namespace
from lab.process import Process, attempt, tail
from lab.routerconfig import RouterConfig


class OneProcess:
    """A BGP daemon in a customer's namespace, with its configuration and its log in a directory of its own."""

    # The name of its files.
    name: str
    suffix = "conf"

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        self._namespace = namespace
        self._directory = directory
        self._config = directory / f"{self.name}.{self.suffix}"
        self._log = directory / f"{self.name}.log"
        self._process: Process | None = None
        # Sessions and what each announces, by IP version.
        self._sessions: dict[int, tuple[RouterConfig, list[str]]] = {}

    def announce(self, config: RouterConfig, prefixes: list[str]) -> None:
        """What the session announces from now on."""
        raise NotImplementedError

    def add(self, config: RouterConfig, prefixes: list[str]) -> None:
        """One more session, of the other IP version."""
        self.announce(config, prefixes)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()

    def end(self) -> None:
        if self._process and self._process.is_running():
            self._process.stop()

    def _run(self, *words: str, **environment: str) -> Process:
        self._process = Process(self._namespace.words(*words), self._log, **environment)
        return self._process

    def _write(self, text: str) -> None:
        """The configuration, which holds keys."""
        self._config.write_text(text)
        self._config.chmod(0o600)

    def _logged(self) -> str:
        return tail(self._log.read_text(errors="replace")) if self._log.exists() else ""


def answer(words: list[str]) -> str:
    """What a program says; nothing if it fails."""
    done = attempt(words)
    return done.stdout if done.returncode == 0 else ""
