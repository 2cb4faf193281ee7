"""FRR as the customer's router: zebra and bgpd."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from lab.checks import must, wait_until
from lab.net import Namespace
from lab.process import Process, attempt, run, tail
from lab.routerconfig import RouterConfig

DAEMONS = Path("/usr/lib/frr")


class Frr:
    """One FRR in a customer's namespace, with its sockets and files in a directory of its own."""

    has_fib = True

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        # Whether its sessions use BFD; to be said before the start.
        self.bfd = False
        self._namespace = namespace
        self._directory = directory
        self._log = directory / "frr.log"
        self._processes: list[Process] = []
        self._config: RouterConfig | None = None
        # The other ends of the sessions, by IP version.
        self._neighbors: dict[int, str] = {}

    def start(self, config: RouterConfig, prefixes: list[str]) -> None:
        self._neighbors[config.version] = config.theirs
        self._config = config
        self._file("zebra.conf", "log stdout\nip nht resolve-via-default\n")
        self._file("bgpd.conf", bgpd_config(config, prefixes))
        self._start()
        if self.bfd:
            self._bfd("neighbor {} bfd", config)

    def load(self, text: str) -> None:
        """Starts with nothing, then has vtysh read this configuration; Failed if it does not know a line."""
        self.bfd = True
        for daemon in ("zebra", "bgpd"):
            self._file(f"{daemon}.conf", "log stdout\n")
        self._file("all.conf", text)
        self._start()
        words = ["vtysh", "--vty_socket", str(self._directory)]
        said = run([*words, "-f", str(self._directory / "all.conf")])
        # vtysh goes on after a line that it does not know.
        must("%" not in said, "vtysh to take every line", said)

    def _start(self) -> None:
        # The daemons give up root for this user, and want their files to be its own.
        for entry in (self._directory, *self._directory.iterdir()):
            shutil.chown(entry, "frr", "frr")
        self._run("zebra")
        wait_until("zebra's socket", (self._directory / "zserv.api").exists)
        if self.bfd:
            self._file("bfdd.conf", "log stdout\n")
            self._run("bfdd", "--bfdctl", str(self._directory / "bfdd.sock"))
        self._run("bgpd")
        wait_until("bgpd to answer", lambda: self._ask("show version"))

    def announce(self, config: RouterConfig, prefixes: list[str]) -> None:
        family = f"ipv{config.version} unicast"
        words = ["configure terminal", f"router bgp {config.our_asn}", f"address-family {family}"]
        wanted = {f"network {prefix}" for prefix in prefixes}
        text = self._ask("show running-config")
        present = {line.strip() for line in text.splitlines() if line.startswith("  network ")}
        words += [f"no {line}" for line in sorted(present - wanted)]
        words += sorted(wanted - present)
        self._ask(*words)

    def add(self, config: RouterConfig, prefixes: list[str]) -> None:
        """One more session, of the other IP version."""
        self._neighbors[config.version] = config.theirs
        lines = [line.strip() for line in session_config(config, prefixes).splitlines()]
        self._ask("configure terminal", f"router bgp {config.our_asn}", *lines)

    def session(self, version: int = 4) -> str:
        """`Established`, or where the session is on its way there."""
        neighbor = self._neighbors[version]
        answer = json.loads(self._ask(f"show bgp neighbors {neighbor} json") or "{}")
        return answer.get(neighbor, {}).get("bgpState", "no such neighbor")

    def bfd_off(self) -> None:
        """BFD is turned off in an orderly way: the other side is told (AdminDown, RFC 5880, section 6.8.16)."""
        assert self._config
        self._bfd("no neighbor {} bfd", self._config)

    def _bfd(self, line: str, config: RouterConfig) -> None:
        self._ask("configure terminal", f"router bgp {config.our_asn}", line.format(config.theirs))

    def kill(self) -> None:
        """SIGKILL."""
        for process in self._processes:
            process.kill()

    def end(self) -> None:
        for process in reversed(self._processes):
            if process.is_running():
                process.stop()

    def details(self) -> str:
        log = tail(self._log.read_text(errors="replace")) if self._log.exists() else ""
        return f"{self._ask('show bgp neighbors')}\n{log}"

    def _run(self, daemon: str, *more: str) -> None:
        at = self._directory
        words = [str(DAEMONS / daemon), "--vty_port", "0"]
        words += ["-f", str(at / f"{daemon}.conf"), "-i", str(at / f"{daemon}.pid")]
        words += ["-z", str(at / "zserv.api"), "--vty_socket", str(at), "--log", "stdout"]
        words += more
        self._processes.append(Process(self._namespace.words(*words), self._log))

    def _ask(self, *commands: str) -> str:
        words = ["vtysh", "--vty_socket", str(self._directory)]
        for command in commands:
            words += ["-c", command]
        done = attempt(words)
        return done.stdout if done.returncode == 0 else ""

    def _file(self, name: str, text: str) -> None:
        file = self._directory / name
        file.write_text(text)
        file.chmod(0o600)


def bgpd_config(config: RouterConfig, prefixes: list[str]) -> str:
    """What an administrator would write from the router configuration."""
    return f"""\
log stdout
router bgp {config.our_asn}
 bgp router-id 10.254.0.2
 no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
{session_config(config, prefixes)}"""


def session_config(config: RouterConfig, prefixes: list[str]) -> str:
    """The lines of one session, within `router bgp`."""
    networks = "\n".join(f"  network {prefix}" for prefix in prefixes)
    return f"""\
 neighbor {config.theirs} remote-as {config.their_asn}
 neighbor {config.theirs} password {config.key}
 neighbor {config.theirs} timers connect 1
 address-family ipv{config.version} unicast
{networks}
  neighbor {config.theirs} activate
 exit-address-family
"""
