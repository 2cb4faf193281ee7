"""A machine to install on: a copy-on-write view of this one's files, with processes, a network and users of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

INSIDE = "LINKWAY_PACKAGE_TEST_INSIDE"
# What of this machine the other one must not see.
HIDDEN = ("etc/linkway", "var/lib/linkway", "var/lib/linkway-edge")
NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child")


def reexec_inside() -> None:
    """Returns in namespaces of its own; outside of them it becomes the parent that waits for that, and ends as it does."""
    if INSIDE in os.environ:
        return
    if os.geteuid() != 0:
        sys.exit("package test: needs root, for namespaces and chroot")
    words = ["unshare", *NAMESPACES, sys.executable, "-I", "-B", *sys.argv]
    sys.exit(subprocess.run(words, env={**os.environ, INSIDE: "1"}, check=False).returncode)


class Machine:
    """The other machine, below `root`; its changes are in memory, and end with the namespaces."""

    def __init__(self) -> None:
        run("mount", "--make-rprivate", "/")
        base = Path(tempfile.mkdtemp(prefix="linkway-package-"))
        run("mount", "-t", "tmpfs", "-o", "size=1g,mode=755", "package", str(base))
        self.root = base / "root"
        layers = {name: base / name for name in ("upper", "work", "root")}
        for layer in layers.values():
            layer.mkdir()
        options = f"lowerdir=/,upperdir={layers['upper']},workdir={layers['work']}"
        run("mount", "-t", "overlay", "-o", options, "package", str(self.root))
        run("mount", "-t", "proc", "proc", str(self.root / "proc"))
        run("mount", "--rbind", "/dev", str(self.root / "dev"))
        for name in ("run", "tmp"):
            run("mount", "-t", "tmpfs", "-o", "size=64m", name, str(self.root / name))
        for name in HIDDEN:
            shutil.rmtree(self.root / name, ignore_errors=True)
        run("ip", "link", "set", "lo", "up")

    def path(self, inside: str) -> Path:
        """Where a file of the machine is from here."""
        return self.root / inside.lstrip("/")

    def command(self, *words: str, user: str | None = None) -> list[str]:
        """The words that run a command on the machine, as a user of it."""
        # Numbers, since chroot reads the names in this machine's files.
        who = [f"--userspec={self.ids(user)}", "--groups="] if user else []
        return ["chroot", *who, str(self.root), *words]

    def ids(self, user: str) -> str:
        for line in self.path("etc/passwd").read_text().splitlines():
            fields = line.split(":")
            if fields[0] == user:
                return f"{fields[2]}:{fields[3]}"
        raise KeyError(user)

    def run(self, *words: str, code: int | None = 0, **environment: str) -> str:
        """Runs a command on the machine; what it wrote. `code` is the exit status that it must have; None: any."""
        kept = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        done = subprocess.run(
            self.command(*words),
            env={**kept, "HOME": "/root", "LC_ALL": "C.UTF-8", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if code is not None and done.returncode != code:
            sys.exit(
                f"package test: {' '.join(words)}: exit status {done.returncode}\n{done.stdout}"
            )
        return done.stdout


def run(*words: str) -> None:
    subprocess.run(words, check=True)
