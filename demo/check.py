"""Holds the demo to what it claims: its exit status, its report, and that nothing is left of it.

Plays it once through the door that people use, `make demo`; then `linkway demo` itself, once with
a client that cheats, and three times to end it in the middle. As root.
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

STORY_SECONDS = 120
GONE_SECONDS = 10

# States that cannot be missed, in the order in which they must be seen; between them only these.
MUST = {
    "connection": ["requested|available", "deleted"],
    "virtual interface": ["confirming", "available", "deleted"],
    "BGP": ["down", "up", "down"],
}
ORDER = {
    "connection": ["requested", "pending", "available", "deleting", "deleted"],
    "virtual interface": ["confirming", "pending", "down", "available", "deleting", "deleted"],
    "BGP": ["down", "up", "down"],
}

# Accepts in the recipient's name as soon as an interface is lent.
CHEAT = """#!/bin/sh
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

# Whichever of its looks comes first after the cheat.
NOTICED = "must not be|were answered|the recipient sees|already, not confirming"


def must(holds: object, what: str) -> None:
    if not holds:
        sys.exit(f"demo/check.py: FAILED: {what}")


def is_part(seen: list[str], whole: list[str]) -> bool:
    """Whether `seen` is in `whole` in that order, with gaps or without."""
    rest = iter(whole)
    return all(any(re.fullmatch(state, step) for step in rest) for state in seen)


def honest() -> None:
    """The story as it is: exit status 0, and a report that says why, soon after the build."""
    make = ["make", "--no-print-directory", "-C", str(REPOSITORY)]
    must(subprocess.run([*make, "build"], check=False).returncode == 0, "the build")
    # What an earlier run has left says nothing of this one.
    REPORT.unlink(missing_ok=True)
    began = time.monotonic()
    done = subprocess.run([*make, "demo"], timeout=STORY_SECONDS * 2, check=False)
    took = time.monotonic() - began
    must(done.returncode == 0, f"exit status {done.returncode}")
    must(took < STORY_SECONDS, f"make demo took {took:.1f} s after the build")
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
    must(0 <= seconds["confirmToFirstPing"] < seconds["total"] < STORY_SECONDS, f"{seconds}")
    must(seconds["total"] <= took, f"{seconds} in {took:.1f} s")
    for resource, order in ORDER.items():
        seen = [entry["state"] for entry in report["states"] if entry["resource"] == resource]
        must(is_part(seen, order), f"{resource}: {seen} is not in the order of {order}")
        must(is_part(MUST[resource], seen), f"{resource}: {seen} lacks some of {MUST[resource]}")
    moments = [entry["second"] for entry in report["states"]]
    must(moments == sorted(moments), f"states are not in the order of time: {moments}")


class Run:
    """A demo of its own kind, and what is left of it."""

    def __init__(self, directory: Path, aws: Path) -> None:
        self.report = directory / "report.json"
        words = [LINKWAY, "demo", "--aws", aws, "--report", self.report]
        self.process = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.place = Path(tempfile.gettempdir()) / f"linkway-demo-{self.process.pid}"

    def until(self, text: str) -> None:
        """Reads what it says up to a line that has this text."""
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            said.append(line)
            if text in line:
                return
        must(False, f"it never said {text!r}: {''.join(said[-20:])}")

    def ends(self) -> tuple[int, str]:
        """Its exit status and the rest of what it says."""
        rest, _ = self.process.communicate(timeout=STORY_SECONDS)
        return self.process.returncode, rest

    def left(self) -> list[str]:
        """The processes that still have its directory in their command lines."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            except OSError:
                continue
            if str(self.place).encode() in words:
                found.append(words.replace(b"\0", b" ").decode(errors="replace")[:200])
        return found

    def must_be_gone(self) -> None:
        deadline = time.monotonic() + GONE_SECONDS
        while self.left() and time.monotonic() < deadline:
            time.sleep(0.1)
        must(not self.left(), f"these processes are left: {self.left()}")


def cheated(directory: Path) -> None:
    """A client that accepts too early: the demo must notice."""
    aws = directory / "aws"
    aws.write_text(CHEAT.format(aws=AWS))
    aws.chmod(0o755)
    run = Run(directory, aws)
    code, rest = run.ends()
    must(code == 1, f"exit status {code} with a client that cheats: {rest}")
    report = json.loads(run.report.read_text())
    must(report["ok"] is False and report["error"], f"the report of a failure: {report}")
    must(re.search(NOTICED, report["error"]), f"another failure was expected: {report['error']}")
    must("FAILED" in rest and "afterAccept" not in report["pings"], f"the failure's text: {rest}")
    must(not run.place.exists(), f"{run.place} is left")
    run.must_be_gone()


def ended(directory: Path, number: signal.Signals, status: int) -> None:
    """Ended in the middle: everything ends with it."""
    run = Run(directory, AWS)
    run.until("bird -f")
    must(run.left(), "it has no processes to be found")
    os.kill(run.process.pid, number)
    code, rest = run.ends()
    must(code == status, f"exit status {code} after {number.name}: {rest}")
    run.must_be_gone()
    if number == signal.SIGKILL:
        # Nobody was left to remove it; it is empty, and what was in it is gone.
        files = [entry for entry in run.place.rglob("*") if entry.name not in ("private", "pid")]
        must(not files, f"{files} are left")
        (run.place / "pid").unlink()
        (run.place / "private").rmdir()
        run.place.rmdir()
        return
    report = json.loads(run.report.read_text())
    must(report["ok"] is False and report["error"] == "interrupted", f"the report: {report}")
    must(not run.place.exists(), f"{run.place} is left")


def main() -> None:
    honest()
    with tempfile.TemporaryDirectory() as place:
        cheated(Path(place))
    for number, status in ((signal.SIGTERM, 130), (signal.SIGINT, 130), (signal.SIGKILL, -9)):
        with tempfile.TemporaryDirectory() as place:
            ended(Path(place), number, status)
    print("demo/check.py: exit status, report, failure and interruption are as they must be")


if __name__ == "__main__":
    main()
