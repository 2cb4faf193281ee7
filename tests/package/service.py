"""A service as its systemd unit describes it, run without systemd."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from machine import Machine

READY_SECONDS = 60


def settings(unit: str) -> dict[str, str]:
    """The unit's settings; of those that are given several times the last."""
    lines = [line.split("=", 1) for line in unit.splitlines() if "=" in line and line[0] != "#"]
    return dict(lines)


class Service:
    """The server, started with the unit's own command, user and umask."""

    def __init__(self, machine: Machine) -> None:
        unit = machine.path("usr/lib/systemd/system/linkway.service").read_text()
        self.settings = settings(unit)
        self.log = machine.path("tmp/linkway.log").open("ab")
        command = self.settings["ExecStart"].split()
        self.process = subprocess.Popen(
            machine.command(*command, user=self.settings["User"]),
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            umask=int(self.settings["UMask"], 8),
            stdout=self.log,
            stderr=self.log,
            cwd="/",
        )
        self.machine = machine
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        ends = time.monotonic() + READY_SECONDS
        operator = self.machine.path("var/lib/linkway/operator.json")
        while time.monotonic() < ends and self.process.poll() is None:
            if operator.exists() and self.answers(json.loads(operator.read_text())["endpoint"]):
                return
            time.sleep(0.05)
        self.process.kill()
        log = self.machine.path("tmp/linkway.log").read_text()
        raise RuntimeError(f"the server does not become ready:\n{log}")

    @staticmethod
    def answers(endpoint: str) -> bool:
        connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=2)
        try:
            # Whatever it says to a call without a signature: it is there.
            connection.request("POST", "/", "{}")
            return connection.getresponse().status in range(400, 500)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def admin(self, *words: str) -> list | dict:
        """What `linkway admin` answers to root on the machine."""
        credentials = {"LINKWAY_CREDENTIALS": "/var/lib/linkway/operator.json"}
        told = self.machine.run("linkway", "admin", *words, "--output", "json", **credentials)
        return json.loads(told)

    def stop(self) -> None:
        self.process.terminate()
        code = self.process.wait(60)
        if code != 0:
            raise RuntimeError(f"the server ends with {code}")
        self.log.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, failed: type | None, *_: object) -> None:
        if failed:
            self.process.kill()
        else:
            self.stop()
