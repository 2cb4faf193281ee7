"""Runs inside: as the only Python of a User-mode Linux or of a set of namespaces of its own.

    inside.py WORK NUMBER KEEP PROGRAM

Takes scenarios from WORK/scenarios.json until none is left, sharing them with another instance by
making a directory for each in WORK/claims, and writes WORK/results/NAME.json after each.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType

LAB = Path(__file__).resolve().parent.parent
WORK, NUMBER, KEEP, PROGRAM = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "keep", sys.argv[4]
# Compiled outside, where that is quick.
sys.pycache_prefix = str(WORK / "compiled")
sys.path.insert(0, str(LAB))

import importlib  # noqa: E402

from lab.checks import Failed  # noqa: E402
from lab.process import run  # noqa: E402
from lab.scene import Lab, Scene  # noqa: E402
from lab.server import LISTEN  # noqa: E402

# In memory: on a hostfs every small write is a system call of the host.
DIRECTORY = Path("/run/lab")
BOUND_SECONDS = 240


class Overdue(Exception):
    """The scenario took longer than its bound."""


def overdue(_number: int, _frame: FrameType | None) -> None:
    raise Overdue


def claim(name: str) -> bool:
    """Whether this instance is the one that runs the scenario."""
    try:
        (WORK / "claims" / name).mkdir()
    except FileExistsError:
        return False
    return True


def report(name: str, result: dict) -> None:
    """Writes a result so that it is either there whole or not at all."""
    new = WORK / "results" / f"{name}.new"
    with new.open("w") as file:
        json.dump(result, file)
        file.flush()
        os.fsync(file.fileno())
    new.rename(new.with_suffix(".json"))


def play(lab: Lab, name: str) -> dict:
    """Runs one scenario within its bound of time; gives its result."""
    began = time.monotonic()
    scene: Scene | None = None
    failure, details = None, {}
    try:
        module = importlib.import_module(f"scenarios.{name}")
        signal.alarm(getattr(module, "BOUND_SECONDS", BOUND_SECONDS))
        server = lab.server(getattr(module, "SERVER", None))
        scene = Scene(lab, name, server, DIRECTORY / name)
        module.run(scene)
        scene.close()
    except Failed as problem:
        failure = f"{problem}\n{where()}"
    except Overdue as problem:
        found = "\n".join(getattr(problem, "__notes__", []))
        failure = f"took longer than its bound\n{found}\n{where()}"
    except Exception:  # noqa: BLE001 - whatever it is, it fails this scenario and not the others
        failure = traceback.format_exc()
    signal.alarm(0)
    notes = scene.notes if scene else []
    if scene:
        details = scene.details() if failure else {}
        problems = scene.end()
        if problems and not failure:
            failure = "afterwards: " + "; ".join(problems)
    return {
        "scenario": name,
        "ok": failure is None,
        "seconds": round(time.monotonic() - began, 1),
        "instance": NUMBER,
        "notes": [[round(at, 1), text] for at, text in notes],
        "failure": failure,
        "details": details,
    }


def where() -> str:
    """The scenario's own lines of the traceback that is being handled."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    lines = [
        f"  {Path(frame.filename).name}:{frame.lineno}: {frame.line}"
        for frame in frames
        if Path(frame.filename).parent.name == "scenarios"
    ]
    return "\n".join(lines)


def main() -> None:
    signal.signal(signal.SIGALRM, overdue)
    run(["ip", "-batch", "-"], given=f"link set lo up\naddress add {LISTEN}/32 dev lo\n")
    DIRECTORY.mkdir()
    lab = Lab(PROGRAM, DIRECTORY)
    for name in json.loads((WORK / "scenarios.json").read_text()):
        if claim(name):
            report(name, play(lab, name))
    lab.end()
    if KEEP:
        shutil.copytree(DIRECTORY, WORK / f"files-{NUMBER}", ignore=shutil.ignore_patterns("*.ctl"))


if __name__ == "__main__":
    main()
