"""Where the scenarios run: namespaces of the host if its kernel can do it, else User-mode Linux."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent.parent
UML_MODULES = Path("/usr/lib/uml/modules")

# Makes the two kinds of link that the edge needs, in a network namespace that then vanishes.
PROBE = """\
ip link add probe type vrf table 5 &&
ip link add port type veth peer name far &&
ip link add link port name port.5 type vlan id 5 &&
tc qdisc add dev port.5 clsact &&
tc filter add dev port.5 ingress protocol ip prio 1 flower ip_proto icmp \\
    action police pkts_rate 1 pkts_burst 1 conform-exceed drop/pass"""


@dataclass(frozen=True)
class Job:
    """What every instance is told."""

    work: Path
    program: Path
    keep: bool
    # What runs inside.
    inside: Path = HERE / "inside.py"
    # The memory of User-mode Linux, as its command line has it; taken as it is needed.
    memory: str = "1G"


def host_can() -> bool:
    """Whether this kernel has 802.1Q, VRF and tc's classifiers, and we may use them."""
    if os.geteuid() != 0:
        return False
    for module in ("8021q", "vrf"):
        subprocess.run(["modprobe", "-q", module], stderr=subprocess.DEVNULL, check=False)
    probe = ["unshare", "--net", "sh", "-c", PROBE]
    return subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode == 0


def host_words(job: Job, number: int) -> list[str]:
    """In namespaces of its own: what is left behind ends with them."""
    inside = [sys.executable, "-I", "-S", "-B", str(job.inside), str(job.work), str(number)]
    inside += ["keep" if job.keep else "", str(job.program)]
    script = 'mount -t tmpfs tmpfs /run && exec "$@"'
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [*unshare, "sh", "-c", script, "sh", *inside]


def uml_words(job: Job, number: int) -> list[str]:
    """User-mode Linux with the host's files as its own; what `init.sh` must know goes with it."""
    told = {
        "LAB_MODULES": modules(),
        "LAB_PYTHON": sys.executable,
        "LAB_INSIDE": job.inside,
        "LAB_WORK": job.work,
        "LAB_NUMBER": number,
        "LAB_KEEP": "keep" if job.keep else "no",
        "LAB_PROGRAM": job.program,
    }
    words = one_processor(number)
    words += ["linux.uml", f"mem={job.memory}", "rootfstype=hostfs", "rootflags=/", "rw"]
    words += [f"init={HERE / 'init.sh'}", "con=null", "con0=fd:0,fd:1", "quiet"]
    return words + [f"{name}={value}" for name, value in told.items()]


def one_processor(number: int) -> list[str]:
    """Keeps what comes after it on one processor, another for each machine. User-mode Linux has only one of its own: its
    kernel and the process that runs take turns at every system call, and waking the other on another processor takes
    several times as long as the call itself."""
    processors = sorted(os.sched_getaffinity(0))
    return ["taskset", "--cpu-list", str(processors[number % len(processors)])]


def modules() -> Path:
    """A directory in which modprobe finds the modules of User-mode Linux; made once."""
    (release,) = (entry.name for entry in UML_MODULES.iterdir())
    place = REPOSITORY / ".cache" / "lab"
    tree = place / "lib" / "modules" / release
    if not (tree / "modules.dep").exists():
        shutil.rmtree(tree, ignore_errors=True)
        # These parts have all that is needed and what it depends on.
        for part in ("kernel/net", "kernel/lib", "kernel/drivers/net"):
            if (UML_MODULES / release / part).exists():
                shutil.copytree(UML_MODULES / release / part, tree / part)
        for file in (UML_MODULES / release).glob("modules.*"):
            shutil.copy(file, tree)
        subprocess.run(["depmod", "-b", str(place), release], check=True)
    return place


class Instance:
    """One running machine. Its console goes to a file."""

    def __init__(self, words: list[str], console: Path) -> None:
        self.console = console
        with console.open("wb") as output:
            # A session of its own: ending it ends all that it has started, and nothing else.
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def is_running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """Ends it at once, with all that it has started."""
        if self.is_running():
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
