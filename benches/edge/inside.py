"""Runs inside the machine: measures one thing after the other, writes WORK/results.json.

    inside.py WORK NUMBER KEEP PROGRAM

WORK/told.json says how much of each; lines for the waiting go to WORK/progress.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORK, KEEP, PROGRAM = Path(sys.argv[1]), sys.argv[3] == "keep", sys.argv[4]
sys.pycache_prefix = str(WORK / "compiled")
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tests" / "lab")]

import first_packet  # noqa: E402
from lab.process import run  # noqa: E402
from lab.scene import Lab, Scene  # noqa: E402
from lab.server import LISTEN  # noqa: E402

# In memory: on a hostfs every small write is a system call of the host.
DIRECTORY = Path("/run/bench")
# Longest time of one measurement: ten thousand interfaces take long to be made.
PATIENCE = 3000
# How long cold starts are repeated.
COLD_SECONDS = 90
UNIT = HERE.parent.parent / "packaging" / "linkway-edge.service"


def say(text: str) -> None:
    with (WORK / "progress").open("a") as file:
        file.write(text + "\n")


def agents_environment() -> dict[str, str]:
    """This process's environment with what the agent's unit sets: the agent is measured as it is installed."""
    lines = UNIT.read_text().splitlines()
    set_there = [line.split("=", 1)[1] for line in lines if line.startswith("Environment=")]
    return {**os.environ, **dict(one.split("=", 1) for one in set_there)}


def measured(bench: str, *words: str) -> dict | list:
    """What edge_bench says, in a network namespace of its own; its BIRD is ended."""
    state = DIRECTORY / "edge"
    # What it says while it works is for those who wait.
    log = WORK / "progress"
    begun = log.stat().st_size
    at = [str(state) if word == "DIR" else word for word in words]
    with log.open("ab") as errors:
        done = subprocess.run(
            ["unshare", "--net", bench, *at],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=agents_environment(),
            timeout=PATIENCE,
            check=False,
        )
    end_bird(state / "bird.pid")
    if done.returncode != 0:
        said = log.read_text(errors="replace")[begun:][-2000:]
        raise RuntimeError(f"edge_bench {' '.join(words)}: {done.returncode}: {said}")
    return json.loads(done.stdout)


def end_bird(note: Path) -> None:
    """Ends the BIRD that wrote this file, and waits until it is gone: its links go with it."""
    try:
        pid = int(note.read_text())
        os.kill(pid, signal.SIGKILL)
    except (OSError, ValueError):
        return
    note.unlink()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)


def cold(told: dict) -> dict:
    """Cold starts of both kinds, in turns; fewer of them where they take long."""
    began = time.monotonic()
    size = str(told["interfaces"])
    found: dict = {"interfaces": told["interfaces"], "agent": [], "plain": []}
    for _ in range(told["cold"]):
        found["plain"].append(measured(told["bench"], "cold-plain", size, "DIR"))
        found["agent"].append(measured(told["bench"], "cold-agent", size, "DIR", PROGRAM))
        plain, agent = (found[kind][-1]["seconds"] for kind in ("plain", "agent"))
        say(f"cold start at {size}: by hand {plain:.1f} s, the agent {agent:.1f} s")
        if time.monotonic() - began > COLD_SECONDS:
            break
    return found


def more(told: dict) -> list:
    say(f"one more interface on edges with {told['sizes']}")
    return measured(told["bench"], "more", told["sizes"], str(told["rounds"]), "DIR")


def packets(told: dict) -> list:
    run(["ip", "-batch", "-"], given=f"link set lo up\naddress add {LISTEN}/32 dev lo\n")
    lab = Lab(PROGRAM, DIRECTORY)
    scene = Scene(lab, "p_first_packet", lab.server(None), DIRECTORY / "first_packet")
    try:
        return first_packet.measure(scene, told["packets"], say)
    except Exception:
        for title, text in scene.details().items():
            print(f"-- {title}\n{text}")
        raise
    finally:
        scene.end()
        lab.end()


def main() -> None:
    DIRECTORY.mkdir()
    told = json.loads((WORK / "told.json").read_text())
    results = {}
    for part in (packets, more, cold):
        if part.__name__ not in told["parts"]:
            continue
        began = time.monotonic()
        results[part.__name__] = part(told)
        say(f"{part.__name__}: {time.monotonic() - began:.0f} s")
    new = WORK / "results.new"
    new.write_text(json.dumps(results))
    new.rename(WORK / "results.json")


if __name__ == "__main__":
    try:
        main()
    except Exception:  # noqa: BLE001 - the console is all that is seen outside
        traceback.print_exc(file=sys.stdout)
    if KEEP:
        ignored = shutil.ignore_patterns("*.ctl")
        shutil.copytree(DIRECTORY, WORK / "files", ignore=ignored, dirs_exist_ok=True)
