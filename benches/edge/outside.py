"""The edge's benchmark, seen from outside: boots a machine, tells how far it is, makes the figures.

The machine, and what the tenants and routers are, come from the lab (tests/lab).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
sys.path[:0] = [str(HERE), str(REPOSITORY / "tests" / "lab")]

import figures  # noqa: E402
from lab import machine  # noqa: E402

USAGE = """\
Measures the edge's agent: cold start, one more interface, the first packet, bytes on the feed.
Prints a table and writes target/bench/edge.json. Exit status 1 if a bar is missed, 2 if it could
not be measured."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/edge.sh", description=USAGE)
    parser.add_argument("--interfaces", type=int, default=1000, help="of a cold start")
    parser.add_argument("--cold", type=int, default=2, help="cold starts of each kind")
    parser.add_argument("--sizes", default="10,1000,4000", help="edges that get one more")
    parser.add_argument("--rounds", type=int, default=20, help="times that each gets one more")
    parser.add_argument("--packets", type=int, default=10, help="interfaces to confirm")
    parser.add_argument("--parts", default="packets,more,cold", help="what is measured")
    parser.add_argument("--machine", choices=["auto", "host", "uml"], default="auto")
    parser.add_argument("--seconds", type=int, default=1500, help="bound of it all")
    parser.add_argument("--keep", action="store_true", help="keep logs, say where")
    parser.add_argument("--join", action="store_true", help="no table: another joins the reports")
    return parser.parse_args()


class Run:
    """One run of the machine."""

    def __init__(self, given: argparse.Namespace, work: Path) -> None:
        self._given = given
        self._work = work
        target = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target").absolute()
        self._release = target / "release"
        self.out = REPOSITORY / "target" / "bench"
        self._console = work / "console"
        self._progress = work / "progress"
        self._shown = 0

    def results(self) -> dict:
        """What was measured inside."""
        program = os.environ.get("LINKWAY_BIN") or self._release / "linkway"
        told = {
            "bench": str(self._release / "examples" / "edge_bench"),
            "interfaces": self._given.interfaces,
            "cold": self._given.cold,
            "sizes": self._given.sizes,
            "rounds": self._given.rounds,
            "packets": self._given.packets,
            "parts": self._given.parts.split(","),
        }
        (self._work / "told.json").write_text(json.dumps(told))
        self._progress.touch()
        job = machine.Job(
            self._work,
            Path(program).absolute(),
            self._given.keep,
            inside=HERE / "inside.py",
            memory="8G",
        )
        kind = self._given.machine
        if kind == "auto":
            kind = "host" if machine.host_can() else "uml"
        words = machine.host_words if kind == "host" else machine.uml_words
        where = "namespaces of this kernel" if kind == "host" else "User-mode Linux"
        print(f"bench: the edge, in {where}", file=sys.stderr, flush=True)
        instance = machine.Instance(words(job, 0), self._console)
        try:
            self._wait(instance)
        finally:
            instance.end()
        file = self._work / "results.json"
        if not file.exists():
            said = self._console.read_text(errors="replace").splitlines()
            sys.exit("bench: the edge was not measured\n" + "\n".join(said[-40:]))
        return json.loads(file.read_text())

    def _wait(self, instance: machine.Instance) -> None:
        deadline = time.monotonic() + self._given.seconds
        while instance.is_running():
            self._tell()
            if time.monotonic() > deadline:
                print(f"bench: not done after {self._given.seconds} s", file=sys.stderr)
                return
            time.sleep(0.3)
        self._tell()

    def _tell(self) -> None:
        """Shows the lines that have come."""
        lines = self._progress.read_text(errors="replace").splitlines()
        for line in lines[self._shown :]:
            print(f"bench: {line}", file=sys.stderr, flush=True)
        self._shown = len(lines)


def interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    given = arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    work = Path(tempfile.mkdtemp(prefix="linkway-bench-"))
    run = Run(given, work)
    try:
        rows = figures.rows(run.results())
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    except SystemExit as reason:
        print(reason, file=sys.stderr)
        return 2
    finally:
        if given.keep:
            print(f"bench: kept {work}", file=sys.stderr)
        else:
            shutil.rmtree(work, ignore_errors=True)
    run.out.mkdir(parents=True, exist_ok=True)
    (run.out / "edge.json").write_text(json.dumps(rows, indent=2) + "\n")
    if given.join:
        return 0
    print(figures.table(rows), end="")
    return 0 if all(row["pass"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
