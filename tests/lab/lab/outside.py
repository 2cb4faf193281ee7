"""Runs the lab: chooses the scenarios and the machine, waits, tells what each scenario did."""

from __future__ import annotations

import argparse
import compileall
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

LAB = Path(__file__).resolve().parent.parent
REPOSITORY = LAB.parent.parent
sys.path.insert(0, str(LAB))

from lab import machine  # noqa: E402

# Begun first: they take so long that nothing else would be left to run beside them.
LONGEST = ("o_every_step", "z_deleted_by_hand", "aa_bird_killed")

USAGE = """\
Runs the lab's scenarios: a real kernel, real routers, real packets. As root, or with the right to
run User-mode Linux. Exit status 0 if every scenario held."""


def arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/lab/run.sh", description=USAGE)
    parser.add_argument("scenario", nargs="*", help="only these, by name or letters")
    parser.add_argument("--list", action="store_true", help="list the scenarios and stop")
    parser.add_argument("--keep", action="store_true", help="keep logs and captures, say where")
    parser.add_argument("--verbose", action="store_true", help="all details of failures")
    parser.add_argument("--machine", choices=["auto", "host", "uml"], default="auto")
    parser.add_argument("--instances", type=int, default=2, help="machines side by side")
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("LAB_SECONDS", "1800")),
                        help="bound of the whole run")  # fmt: skip
    given = parser.parse_args()
    wanted = [chosen(name, names) for name in given.scenario]
    given.scenario = [name for found in wanted for name in found] or names
    return given


def chosen(word: str, names: list[str]) -> list[str]:
    """The scenarios that a word means: a name, a letter, or a beginning."""
    found = [name for name in names if name == word] or [
        name for name in names if name.startswith(f"{word}_")
    ]
    if not found:
        sys.exit(f"lab: no scenario {word!r}; there are: {', '.join(names)}")
    return found


def scenarios() -> dict[str, str]:
    """The scenarios by name, with the first line of what they say of themselves; `aa` comes after `z`."""
    files = [file for file in (LAB / "scenarios").glob("*.py") if not file.stem.startswith("_")]
    files.sort(key=lambda file: (len(file.stem.partition("_")[0]), file.stem))
    return {file.stem: file.read_text().split('"""')[1].splitlines()[0] for file in files}


def program() -> Path:
    """The program under test: LINKWAY_BIN, or the release build."""
    target = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target")
    chosen_one = os.environ.get("LINKWAY_BIN") or target / "release" / "linkway"
    path = Path(chosen_one).absolute()
    if not path.exists():
        sys.exit(f"lab: {path} is missing: run `make build`, or set LINKWAY_BIN")
    return path


def show(result: dict, *, verbose: bool) -> None:
    """What a scenario did and how long it took."""
    verdict = "ok" if result["ok"] else "FAILED"
    print(f"{verdict:<7} {result['scenario']}  {result['seconds']} s", flush=True)
    for at, text in result["notes"]:
        print(f"   {at:6.1f}  {text}")
    if result["ok"]:
        return
    print("   " + result["failure"].replace("\n", "\n   "))
    for title, text in result["details"].items():
        lines = text.rstrip().splitlines()
        lines = lines if verbose else lines[-30:]
        print(f"   -- {title}\n" + "\n".join(f"   | {line[:300]}" for line in lines))


class Run:
    """One run: the instances, and the results as they come."""

    def __init__(self, given: argparse.Namespace, work: Path) -> None:
        self._given = given
        self._work = work
        self._instances: list[machine.Instance] = []
        self.results: dict[str, dict] = {}

    def start(self) -> None:
        for name in ("claims", "results"):
            (self._work / name).mkdir()
        in_turn = sorted(self._given.scenario, key=lambda name: name not in LONGEST)
        (self._work / "scenarios.json").write_text(json.dumps(in_turn))
        sys.pycache_prefix = str(self._work / "compiled")
        compileall.compile_dir(LAB, quiet=1)
        job = machine.Job(self._work, program(), self._given.keep)
        kind = self._given.machine
        if kind == "auto":
            kind = "host" if machine.host_can() else "uml"
        words = machine.host_words if kind == "host" else machine.uml_words
        count = min(self._given.instances, len(self._given.scenario))
        where = "namespaces of this kernel" if kind == "host" else "User-mode Linux"
        print(f"lab: {len(self._given.scenario)} scenarios in {where}, {count} side by side")
        for number in range(count):
            console = self._work / f"console-{number}"
            self._instances.append(machine.Instance(words(job, number), console))

    def wait(self) -> None:
        """Shows results as they come, until all are there or nothing more can come."""
        deadline = time.monotonic() + self._given.seconds
        while len(self.results) < len(self._given.scenario):
            running = any(instance.is_running() for instance in self._instances)
            self._collect()
            if not running:
                return
            if time.monotonic() > deadline:
                print(f"lab: not done after {self._given.seconds} s", file=sys.stderr)
                return
            time.sleep(0.2)
        # They power off by themselves now.
        patience = time.monotonic() + 20
        while any(instance.is_running() for instance in self._instances):
            if time.monotonic() > patience:
                return
            time.sleep(0.1)

    def _collect(self) -> None:
        for file in sorted((self._work / "results").glob("*.json")):
            if file.stem not in self.results:
                self.results[file.stem] = json.loads(file.read_text())
                show(self.results[file.stem], verbose=self._given.verbose)

    def end(self) -> None:
        for instance in self._instances:
            instance.end()

    def missing(self) -> list[str]:
        return [name for name in self._given.scenario if name not in self.results]

    def consoles(self) -> str:
        """The end of what each machine said."""
        texts = []
        for instance in self._instances:
            lines = instance.console.read_text(errors="replace").splitlines()
            texts += [f"-- {instance.console.name}", *lines[-40:]]
        return "\n".join(texts)


def interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def verdict(run: Run, began: float) -> int:
    """Says how it went, keeps the report, gives the exit status."""
    missing = run.missing()
    failed = [name for name, result in run.results.items() if not result["ok"]]
    seconds = round(time.monotonic() - began, 1)
    report = {"ok": not (missing or failed), "seconds": seconds, "missing": missing}
    report["scenarios"] = [run.results[name] for name in sorted(run.results)]
    place = REPOSITORY / ".cache" / "lab"
    place.mkdir(parents=True, exist_ok=True)
    (place / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    if missing:
        print(f"lab: no result of {', '.join(missing)}\n{run.consoles()}", file=sys.stderr)
    if failed:
        print(f"lab: FAILED: {', '.join(sorted(failed))}", file=sys.stderr)
    print(f"lab: {len(run.results) - len(failed)} of {len(run.results) + len(missing)}"
          f" scenarios held, {seconds} s")  # fmt: skip
    return 0 if report["ok"] else 1


def main() -> int:
    known = scenarios()
    given = arguments(list(known))
    if given.list:
        for name in given.scenario:
            print(f"{name:<24} {known[name]}")
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    began = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix="linkway-lab-"))
    run = Run(given, work)
    try:
        run.start()
        run.wait()
        run.end()
        return verdict(run, began)
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130
    finally:
        run.end()
        if given.keep:
            print(f"lab: kept {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
