"""Where things lie in the repository."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent.parent
REPOSITORY = CLIENTS.parent.parent


def _target() -> Path:
    """Where cargo builds, as install.sh and run.sh call it."""
    chosen = os.environ.get("CARGO_TARGET_DIR")
    return Path(chosen) if chosen else REPOSITORY / "target"


def linkway() -> Path:
    """The program under test: LINKWAY_BIN, or the release build."""
    chosen = os.environ.get("LINKWAY_BIN")
    return Path(chosen) if chosen else _target() / "release" / "linkway"


def rust_walk() -> str:
    """The walk with the Rust SDK, as install.sh builds it."""
    program = _target() / "clients" / "debug" / "rust-sdk-walk"
    assert program.exists(), f"{program} is missing: run tests/clients/install.sh"
    return str(program)


def tool(name: str) -> str:
    """A program of the virtual environment that runs the tests."""
    return str(Path(sys.executable).parent / name)


def node() -> str:
    """Node: the one that install.sh put into the virtual environment, else the system's."""
    own = Path(tool("node"))
    found = str(own) if own.exists() else shutil.which("node")
    assert found, "no node: run tests/clients/install.sh"
    return found
