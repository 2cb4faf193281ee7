"""Checks the demo's exit status and report, and that it leaves nothing behind.

Runs it once as `make demo`, then `linkway demo` itself: once with a client that accepts too
early, and three times to end it in the middle. As root.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
REPORT = REPOSITORY / "target/demo/report.json"
AWS = REPOSITORY / ".cache/venv/bin/aws"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target")
LINKWAY = (TARGET / "release/linkway").absolute()

DEMO_SECONDS = 120
END_SECONDS = 10

# States that last long enough to be observed in every run, in their order.
MUST = {
    "connection": ["requested|available", "deleted"],
    "virtual interface": ["confirming", "available", "deleted"],
    "BGP": ["down", "up", "down"],
}
# All states, in the order in which they may be observed.
ORDER = {
    "connection": ["requested", "pending", "available", "deleting", "deleted"],
    "virtual interface": ["confirming", "pending", "down", "available", "deleting", "deleted"],
    "BGP": ["down", "up", "down"],
}

# An AWS CLI that accepts in the recipient's name as soon as an interface is lent.
EARLY_ACCEPT = """#!/bin/sh
aws='{aws}'
out=$("$aws" "$@") || exit
printf '%s\\n' "$out"
case " $* " in *' allocate-private-virtual-interface '*)
    id=$(printf '%s' "$out" | sed -n 's/.*"virtualInterfaceId": "\\(.*\\)".*/\\1/p')
    export AWS_PROFILE=recipient
    gateway=$("$aws" directconnect describe-virtual-gateways \\
        --query 'virtualGateways[0].virtualGatewayId' --output text)
    "$aws" directconnect confirm-private-virtual-interface --virtual-interface-id "$id" \\
        --virtual-gateway-id "$gateway" </dev/null >/dev/null 2>&1 &
    ;;
esac
"""

# The error of whichever check comes first after the early acceptance.
EARLY_ACCEPT_ERROR = "must not be|were answered|the recipient sees|already, not confirming"


def must(condition: object, what: str) -> None:
    if not condition:
        sys.exit(f"demo/check.py: FAILED: {what}")


def is_subsequence(patterns: list[str], states: list[str]) -> bool:
    """Whether the patterns match states in that order, with or without others between them."""
    rest = iter(states)
    return all(any(re.fullmatch(pattern, state) for state in rest) for pattern in patterns)


def unchanged() -> None:
    """`make demo`: exit status 0 and a complete report, within two minutes after the build."""
    make = ["make", "--no-print-directory", "-C", str(REPOSITORY)]
    must(subprocess.run([*make, "build"], check=False).returncode == 0, "the build")
    # An earlier run's report must not be taken for this one's.
    REPORT.unlink(missing_ok=True)
    began = time.monotonic()
    done = subprocess.run([*make, "demo"], timeout=DEMO_SECONDS * 2, check=False)
    took = time.monotonic() - began
    must(done.returncode == 0, f"exit status {done.returncode}")
    must(took < DEMO_SECONDS, f"make demo took {took:.1f} s after the build")
    report = json.loads(REPORT.read_text())
    must(report["ok"] is True and "error" not in report, f"the report is not ok: {report}")
    must(report["kernel"] in ("host namespaces", "User-mode Linux"), f"kernel {report['kernel']}")
    pings = report["pings"]
    for moment in ("beforeAccept", "afterDelete"):
        must(pings[moment]["sent"] > 0, f"no ping was sent {moment}")
        must(pings[moment]["received"] == 0, f"{moment}: {pings[moment]}")
    after = pings["afterAccept"]
    must(after["sent"] > 0 and after["received"] == after["sent"], f"afterAccept: {after}")
    seconds = report["seconds"]
    must(0 <= seconds["confirmToFirstPing"] < seconds["total"] < DEMO_SECONDS, f"{seconds}")
    must(seconds["total"] <= took, f"{seconds} in {took:.1f} s")
    for resource, order in ORDER.items():
        seen = [entry["state"] for entry in report["states"] if entry["resource"] == resource]
        must(is_subsequence(seen, order), f"{resource}: {seen} is not in the order of {order}")
        required = MUST[resource]
        must(is_subsequence(required, seen), f"{resource}: {seen} lacks some of {required}")
    moments = [entry["second"] for entry in report["states"]]
    must(moments == sorted(moments), f"states are not in the order of time: {moments}")


class Run:
    """A running `linkway demo`, and what it leaves behind."""

    def __init__(self, directory: Path, aws: Path) -> None:
        self.report = directory / "report.json"
        command = [LINKWAY, "demo", "--aws", aws, "--report", self.report]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.directory = Path(tempfile.gettempdir()) / f"linkway-demo-{self.process.pid}"

    def until(self, text: str) -> None:
        """Reads its output up to a line that has this text."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if text in line:
                return
        must(False, f"it never printed {text!r}: {''.join(lines[-20:])}")

    def wait(self) -> tuple[int, str]:
        """Its exit status and the rest of its output."""
        rest, _ = self.process.communicate(timeout=DEMO_SECONDS)
        return self.process.returncode, rest

    def remaining(self) -> list[str]:
        """Processes that have its directory in their command lines."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            except OSError:
                continue
            if str(self.directory).encode() in words:
                found.append(words.replace(b"\0", b" ").decode(errors="replace")[:200])
        return found

    def must_have_ended(self) -> None:
        deadline = time.monotonic() + END_SECONDS
        while self.remaining() and time.monotonic() < deadline:
            time.sleep(0.1)
        must(not self.remaining(), f"these processes are left: {self.remaining()}")


def accepted_too_early(directory: Path) -> None:
    """With a client that accepts too early the demo must fail."""
    aws = directory / "aws"
    aws.write_text(EARLY_ACCEPT.format(aws=AWS))
    aws.chmod(0o755)
    run = Run(directory, aws)
    code, rest = run.wait()
    must(code == 1, f"exit status {code} with a client that accepts too early: {rest}")
    report = json.loads(run.report.read_text())
    must(report["ok"] is False and report["error"], f"the report of a failure: {report}")
    error = report["error"]
    must(re.search(EARLY_ACCEPT_ERROR, error), f"another failure was expected: {error}")
    must("FAILED" in rest and "afterAccept" not in report["pings"], f"the failure's text: {rest}")
    must(not run.directory.exists(), f"{run.directory} is left")
    run.must_have_ended()


def interrupted(directory: Path, number: signal.Signals, status: int) -> None:
    """A signal in the middle ends everything that the demo started."""
    run = Run(directory, AWS)
    run.until("bird -f")
    must(run.remaining(), "no process of it was found")
    os.kill(run.process.pid, number)
    code, rest = run.wait()
    must(code == status, f"exit status {code} after {number.name}: {rest}")
    run.must_have_ended()
    if number == signal.SIGKILL:
        # The launcher could not remove it; the sandbox's tmpfs is gone with its mount namespace.
        entries = run.directory.rglob("*")
        files = [entry for entry in entries if entry.name not in ("private", "pid")]
        must(not files, f"{files} are left")
        (run.directory / "pid").unlink()
        (run.directory / "private").rmdir()
        run.directory.rmdir()
        return
    report = json.loads(run.report.read_text())
    must(report["ok"] is False and report["error"] == "interrupted", f"the report: {report}")
    must(not run.directory.exists(), f"{run.directory} is left")


def main() -> None:
    unchanged()
    with tempfile.TemporaryDirectory() as place:
        accepted_too_early(Path(place))
    for number, status in ((signal.SIGTERM, 130), (signal.SIGINT, 130), (signal.SIGKILL, -9)):
        with tempfile.TemporaryDirectory() as place:
            interrupted(Path(place), number, status)
    print("demo/check.py: exit status, report, failure and interruption are as expected")


if __name__ == "__main__":
    main()
