"""What the story plays on: a server of its own, the operator's and the tenants' command lines, and
the terminal.

Everything lives in one temporary directory and one child process; both end with the stage.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
LINKWAY = Path(os.environ.get("LINKWAY_BIN") or REPOSITORY / "target/release/linkway").absolute()
AWS = REPOSITORY / ".cache/venv/bin/aws"

READY_SECONDS = 20
STOP_SECONDS = 15
CALL_SECONDS = 60

# Slow enough that a person sees each state, quick enough that nobody waits.
CONFIG = """\
simulated_approval_seconds = 1
simulated_step_seconds = 1
log_format = "json"
"""


class Failed(Exception):
    """The story did not go as it must; the text says where."""


class Refused(Exception):
    """A client's call was answered with an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Terminal:
    """Plain text; bold and dim where somebody watches."""

    def __init__(self) -> None:
        self._is_plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ

    def _styled(self, code: int, text: str) -> str:
        return text if self._is_plain else f"\x1b[{code}m{text}\x1b[0m"

    def title(self, text: str) -> None:
        print(f"\n{self._styled(1, text)}", flush=True)

    def say(self, text: str) -> None:
        print(text, flush=True)

    def command(self, who: str, words: list[str]) -> None:
        print(f"  {self._styled(2, who + ' $')} {shlex.join(words)}", flush=True)

    def answer(self, text: str) -> None:
        for line in text.splitlines():
            print(f"    {self._styled(2, '|')} {line}", flush=True)


class Stage:
    """A running server with its data in a temporary directory. Use it as a context manager."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Stage:
        for program, hint in ((LINKWAY, "make build"), (AWS, "scripts/aws-cli.sh")):
            if not program.exists():
                raise Failed(f"{program} is missing: run {hint}")
        self.directory = Path(tempfile.mkdtemp(prefix="linkway-demo-"))
        self.data = self.directory / "data"
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self) -> None:
        config = self.directory / "config.toml"
        config.write_text(CONFIG)
        words = [str(LINKWAY), "serve", "--data-dir", str(self.data)]
        # Port 0: whichever is free, so the demo never meets another server.
        words += ["--listen", "127.0.0.1:0", "--config", str(config)]
        self._log = (self.directory / "serve.log").open("wb")
        # A session of its own: Ctrl-C is for the demo, which then ends the server in good order.
        self._process = subprocess.Popen(
            words,
            stdout=self._log,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"the server did not start:\n{self.log()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            self.endpoint = json.loads((self.data / "operator.json").read_text())["endpoint"]
            # No proxy can reach this machine's own address.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{self.endpoint}/readyz", timeout=2) as answer:
                return answer.status == 200
        except (OSError, ValueError):
            return False

    def log(self) -> str:
        """What the server wrote; it names requests, never secrets."""
        return (self.directory / "serve.log").read_text(errors="replace")

    def stop(self) -> None:
        """Ends the server that this stage started, in good order if it can."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failed(f"the server did not end within {STOP_SECONDS} s") from None
        finally:
            self._log.close()
        if code != 0:
            raise Failed(f"the server ended with exit status {code}:\n{self.log()}")

    def admin(self, *words: str, quiet: bool = False) -> Any:
        """`linkway admin WORDS`: shows the command, gives the answer."""
        if not quiet:
            self.terminal.command("operator", ["linkway", "admin", *words])
        operator = {"LINKWAY_CREDENTIALS": str(self.data / "operator.json")}
        line = [str(LINKWAY), "admin", "--output", "json", *words]
        done = self._run(line, self._environment(operator))
        if done.returncode != 0:
            raise Failed(f"linkway admin {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def check(self) -> str:
        """`linkway admin check` on the data directory; the server must have ended."""
        line = [str(LINKWAY), "admin", "check", str(self.data)]
        done = self._run(line, self._environment({}))
        if done.returncode != 0:
            raise Failed(f"linkway admin check: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def aws(self, who: str, *words: str, quiet: bool = False) -> dict[str, Any]:
        """`aws directconnect WORDS` with `who`'s profile: shows the command, gives the answer."""
        if not quiet:
            self.terminal.command(who, ["aws", "directconnect", *words])
        line = [str(AWS), "directconnect", *words, "--output", "json"]
        done = self._run(line, self._environment({"AWS_PROFILE": who}))
        if done.returncode == 0:
            return json.loads(done.stdout or "{}")
        found = re.search(r"An error occurred \((\w+)\).*?: (.*)", done.stderr, re.DOTALL)
        if not found:
            raise Failed(f"aws directconnect {' '.join(words)}: {done.stderr.strip()}")
        raise Refused(found[1], found[2].strip())

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        """This process's environment, with the AWS CLI's files inside the temporary directory."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        own = {
            "AWS_CONFIG_FILE": str(self.directory / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.directory / "aws-credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "NO_PROXY": "127.0.0.1",
        }
        return {**kept, **own, **more}

    @staticmethod
    def _run(line: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            line,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CALL_SECONDS,
            check=False,
        )
