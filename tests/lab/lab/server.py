"""The release binary's server, and the operator's command line."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from lab.checks import Failed, wait_until
from lab.process import Process, attempt

REGION = "eu-west-2"

# On the loopback of the lab's own namespace; every edge has a link there, its management network.
LISTEN = "198.51.100.1"

Settings = dict[str, Any]

# Limits that no honest scenario meets.
DEFAULTS: Settings = {"log_format": "json"}
THROTTLE = """
[throttle]
key_per_second = 10000
key_burst = 10000
account_per_second = 10000
account_burst = 10000
"""
# The benchmark has a thousand interfaces of few lenders.
QUOTAS = """
[quotas]
private_and_public_interfaces_per_connection = 4094
interfaces_per_connection = 4094
connections_per_location = 10000
unanswered_offers_per_lender = 10000
unanswered_offers = 10000
"""


class AdminRefused(Exception):
    """`linkway admin` ended with an error; the text is what it wrote to stderr."""


class Server:
    """A `linkway serve` on a data directory of its own. It may be killed and started again."""

    def __init__(self, program: str, directory: Path, port: int, settings: Settings) -> None:
        directory.mkdir(parents=True)
        self.program = program
        self.region = REGION
        self.endpoint = f"http://{LISTEN}:{port}"
        self.secrets: set[str] = set()
        self.log = directory / "serve.log"
        self._data = directory / "data"
        self._config = directory / "linkway.toml"
        lines = [f"{name} = {json.dumps(value)}" for name, value in (DEFAULTS | settings).items()]
        self._config.write_text("\n".join(lines) + "\n" + THROTTLE + QUOTAS)
        self.process: Process | None = None

    def start(self) -> None:
        """Starts the program and waits until it says that it is ready."""
        words = [self.program, "serve", "--data-dir", str(self._data), "--region", REGION]
        words += ["--allow-plaintext"]
        words += ["--listen", self.endpoint.removeprefix("http://"), "--config", str(self._config)]
        self.process = Process(words, self.log)
        wait_until("the server to be ready", self._is_ready, pause=0.05)
        operator = json.loads(self.operator_file.read_text())
        self.secrets.add(operator["secretAccessKey"])

    def _is_ready(self) -> bool:
        assert self.process is not None
        self.process.must_run()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.endpoint}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def metrics(self) -> str:
        """The page of the operator's monitoring."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        admin = json.loads(self.operator_file.read_text())["adminEndpoint"]
        with opener.open(f"{admin}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def is_running(self) -> bool:
        return self.process is not None and self.process.is_running()

    def kill(self) -> None:
        """SIGKILL."""
        if self.process:
            self.process.kill()
            self.process = None

    def stop(self) -> None:
        if self.process:
            process, self.process = self.process, None
            process.stop()

    @property
    def operator_file(self) -> Path:
        return self._data / "operator.json"

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def admin(self, *words: str) -> Any:
        """`linkway admin WORDS --output json`, parsed."""
        line = [self.program, "admin", "--credentials", str(self.operator_file)]
        done = attempt([*line, *words, "--output", "json"])
        if done.returncode != 0:
            raise AdminRefused(f"admin {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def check_secrets(self, places: dict[str, str]) -> None:
        """Fails if a secret of this lab can be read at one of these places (name: content)."""
        for place, content in places.items():
            for secret in self.secrets:
                if secret in content:
                    # Not the secret itself: this text is printed.
                    raise Failed(f"a secret of {len(secret)} characters can be read in {place}")
