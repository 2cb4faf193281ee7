"""BIRD 2 as the customer's router."""

from __future__ import annotations

from pathlib import Path

from lab.checks import wait_until
from lab.net import Namespace
from lab.router import OneProcess, answer
from lab.routerconfig import RouterConfig


class Bird(OneProcess):
    """One BIRD in a customer's namespace."""

    name = "bird"
    has_fib = True

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        super().__init__(namespace, directory)
        # Whether its sessions use BFD; to be said before the start.
        self.bfd = False
        # What a prefix is announced with, in BIRD's words: `bgp_community.add((7224,7100));`.
        self.attributes: dict[str, str] = {}
        self._control = directory / "bird.ctl"

    def start(self, config: RouterConfig, prefixes: list[str]) -> None:
        self._sessions[config.version] = (config, prefixes)
        self._configure()
        self._start()

    def load(self, text: str) -> None:
        """Starts with this configuration."""
        self._write(text)
        self._start()

    def _start(self) -> None:
        self._run("bird", "-f", "-c", str(self._config), "-s", str(self._control))
        wait_until("the customer's BIRD to answer", lambda: self._ask("show status"))

    def announce(self, config: RouterConfig, prefixes: list[str]) -> None:
        self._sessions[config.version] = (config, prefixes)
        self._configure()
        wait_until("BIRD to reconfigure", lambda: "Reconfigur" in self._ask("configure"))

    def session(self, version: int = 4) -> str:
        """`Established`, or where the session is on its way there."""
        lines = self._ask(f"show protocols dx{version}").splitlines()
        line = " ".join(next((line for line in lines if line.startswith("dx")), "").split())
        return "Established" if "Established" in line else line

    def route(self, prefix: str) -> str:
        """All that it knows of its routes to a prefix."""
        return self._ask(f"show route all {prefix}")

    def bfd_off(self) -> None:
        """BFD is turned off in an orderly way: the other side is told (AdminDown, RFC 5880, section 6.8.16)."""
        self._ask("disable bfd1")

    def details(self) -> str:
        return f"{self._ask('show protocols all')}\n{self._logged()}"

    def _ask(self, command: str) -> str:
        return answer(["birdc", "-s", str(self._control), *command.split()])

    def _configure(self) -> None:
        sessions = (
            bgp(config, prefixes, self.attributes, bfd=self.bfd)
            for config, prefixes in self._sessions.values()
        )
        head = "log stderr all;\nrouter id 10.254.0.1;\nprotocol device { }\n"
        if self.bfd:
            head += "protocol bfd bfd1 { };\n"
        self._write(head + "".join(sessions))


def bgp(
    config: RouterConfig, prefixes: list[str], attributes: dict[str, str], *, bfd: bool = False
) -> str:
    """The protocols of one session."""
    family, version = f"ipv{config.version}", config.version
    words = {prefix: f" {{ {text} }}" for prefix, text in attributes.items()}
    routes = "\n".join(f"  route {p} unreachable{words.get(p, '')};" for p in prefixes)
    return f"""\
protocol kernel kernel{version} {{ {family} {{ import none; export where source = RTS_BGP; }}; }}
protocol static announced{version} {{
  {family};
{routes}
}}
protocol bgp dx{version} {{
  local {config.ours} as {config.our_asn};
  neighbor {config.theirs} as {config.their_asn};
  password "{config.key}";
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 4;
  bfd {"yes" if bfd else "no"};
  {family} {{ import all; export where source = RTS_STATIC; }};
}}
"""
