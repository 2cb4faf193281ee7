"""tcpdump on an interface, while a scenario does something."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from lab.checks import wait_until
from lab.frames import Frame, parse
from lab.net import Namespace
from lab.process import Process, run

if TYPE_CHECKING:
    from lab.scene import Scene


class Capture:
    """`with scene.capture(namespace, interface) as seen: …`, then `seen.frames`.

    `direction` is as the interface sees it: in, out or inout.
    """

    def __init__(self, scene: Scene, namespace: Namespace, interface: str, direction: str) -> None:
        self.frames: list[Frame] = []
        where = f"{namespace.name}-{interface}-{scene.next_number()}"
        self._file = scene.directory / f"{where}.pcap"
        self._log = scene.directory / f"{where}.log"
        words = ["tcpdump", "-i", interface, "-n", "-p", "-U", "-Q", direction, "-Z", "root"]
        words += ["--immediate-mode", "-w", str(self._file)]
        self._words = namespace.words(*words)
        scene.on_failure(f"capture {where}", self._text)

    def __enter__(self) -> Capture:
        self._process = Process(self._words, self._log)
        wait_until(
            "tcpdump to listen", lambda: "listening on" in self._process.log_text(), pause=0.02
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop(signal.SIGINT)
        self.frames = parse(self._file.read_bytes())

    def pings(self, source: str, target: str) -> list[str]:
        """The pings and answers from one address to another that were seen."""
        ends = (source, target)
        frames = [frame for frame in self.frames if frame.kind in ("icmp", "icmp6")]
        return [str(frame) for frame in frames if (frame.source, frame.target) == ends]

    def _text(self) -> str:
        lines = run(["tcpdump", "-e", "-n", "-r", str(self._file)]).splitlines()
        return "\n".join(lines[:40])
