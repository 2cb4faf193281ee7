"""The container recipe without a container engine: its last stage, instruction by instruction, on a machine of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from machine import Machine

# Where the build stage leaves the program.
PROGRAM = "/src/target/release/linkway"


def instructions(text: str) -> list[tuple[str, str]]:
    """The recipe's instructions, with continued lines joined."""
    joined = text.replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines()]
    return [tuple(line.split(None, 1)) for line in lines if line and not line.startswith("#")]


def stages(recipe: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in recipe:
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def check_build_stage(stage: list[tuple[str, str]], repository: Path) -> None:
    """What it copies exists, and the ignore file keeps none of it from the build."""
    ignored = (repository / ".containerignore").read_text().split()
    for word, rest in stage:
        if word != "COPY":
            continue
        for source in rest.split()[:-1]:
            if not (repository / source).exists():
                sys.exit(f"Containerfile: there is no {source}")
            if source in ignored:
                sys.exit(f"Containerfile: {source} is in .containerignore")


def check_container(machine: Machine, repository: Path) -> None:
    """Carries out the last stage, then runs what a container would run, until it serves."""
    recipe = instructions((repository / "packaging/Containerfile").read_text())
    build, final = stages(recipe)
    check_build_stage(build, repository)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or repository / "target")
    program = Path(os.environ.get("LINKWAY_BIN") or target / "release/linkway").absolute()
    user, words, directory = "root", [], "/"
    for word, rest in final:
        match word:
            case "FROM" | "EXPOSE" | "VOLUME" | "LABEL" | "STOPSIGNAL":
                pass
            case "RUN":
                # No packages are fetched for this: those of this machine are there.
                machine.path("usr/local/bin").mkdir(parents=True, exist_ok=True)
                fetch = machine.path("usr/local/bin/apt-get")
                fetch.write_text("#!/bin/sh\nexit 0\n")
                fetch.chmod(0o755)
                machine.run("sh", "-ec", rest)
            case "COPY":
                *sources, destination = [part for part in rest.split() if part[:2] != "--"]
                for source in sources:
                    is_program = "--from=build" in rest and source == PROGRAM
                    from_path = program if is_program else repository / source
                    machine.path(destination).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(from_path, machine.path(destination))
            case "USER":
                user = rest.split(":")[0]
            case "WORKDIR":
                directory = rest
            case "ENTRYPOINT" | "CMD":
                words += json.loads(rest)
            case _:
                sys.exit(f"Containerfile: the check does not know {word}")
    serves(machine, user, words, directory)


def serves(machine: Machine, user: str, words: list[str], directory: str) -> None:
    log = machine.path("tmp/container.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            machine.command("env", f"--chdir={directory}", *words, user=user),
            stdout=output,
            stderr=output,
        )
        operator = machine.path("var/lib/linkway/operator.json")
        ends = time.monotonic() + 60
        while time.monotonic() < ends and process.poll() is None and not operator.exists():
            time.sleep(0.05)
        credentials = {"LINKWAY_CREDENTIALS": "/var/lib/linkway/operator.json"}
        listed = machine.run("linkway", "admin", "account", "list", code=None, **credentials)
        process.terminate()
        code = process.wait(60)
    if not listed.startswith("ACCOUNT") or code != 0:
        sys.exit(f"Containerfile: {listed}\nexit status {code}\n{log.read_text()}")
