"""Programs: run to their end, or kept running and ended by their own process id."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import ClassVar

from lab.checks import Failed

RUN_SECONDS = 30
STOP_SECONDS = 10


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without anything that configures a client of AWS, or a proxy."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "LINKWAY_")) and not name.lower().endswith("_proxy")
    }
    return {**kept, **more}


def attempt(
    words: list[str], given: str = "", seconds: float = RUN_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end; the caller judges its exit status."""
    try:
        return subprocess.run(
            words,
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            env=clean_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(words)}: not done after {seconds:.0f} s") from None


def run(words: list[str], given: str = "", seconds: float = RUN_SECONDS) -> str:
    """What a program writes to stdout; Failed unless it ends with exit status 0."""
    done = attempt(words, given, seconds)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise Failed(f"{' '.join(words)}: exit status {done.returncode}: {said}")
    return done.stdout


class Process:
    """A program that keeps running; what it writes goes to a log file."""

    # Every one of this run that nobody has ended yet.
    started: ClassVar[list[Process]] = []

    def __init__(self, words: list[str], log: Path, **environment: str) -> None:
        self.words = words
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=clean_environment(**environment),
            )
        Process.started.append(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def must_run(self) -> None:
        """Fails with the end of its log if the program has ended."""
        if not self.is_running():
            code = self._process.returncode
            raise Failed(f"{self.words[0]} ended with {code}: {tail(self.log_text())}")

    def send(self, number: int) -> None:
        """Sends this signal and goes on."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""
        self._process.kill()
        self._process.wait()
        self._forget()

    def _forget(self) -> None:
        if self in Process.started:
            Process.started.remove(self)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Asks it to end and gives its exit status; kills it when it does not."""
        if self.is_running():
            self._process.send_signal(number)
        try:
            code = self._process.wait(STOP_SECONDS)
            self._forget()
            return code
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.words[0]}: still there {STOP_SECONDS} s after {number}") from None


def tail(text: str, lines: int = 15) -> str:
    """The last lines of a text."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
