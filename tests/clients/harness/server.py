"""One running Linkway: started on a fresh data directory, spoken to, ended."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness import paths
from harness.polling import until
from harness.recorder import Recorder
from harness.signing import Endpoint, Key

REGION = "eu-west-2"
READY_SECONDS = 20.0
STOP_SECONDS = 15.0


@dataclass(frozen=True)
class Certificate:
    """What HTTPS needs, as PEM files: the server's certificate, its key, and who signed it."""

    chain: Path
    key: Path
    authority: Path


# A customer agreement that every server of this suite offers.
AGREEMENT = "terms-of-use"

Settings = Mapping[str, "float | bool | str | list[str] | Settings"]

# Quick enough for tests, slow enough that each state can be seen; limits that no honest test meets.
DEFAULTS: Settings = {
    "simulated_approval_seconds": 0.5,
    "simulated_step_seconds": 0.5,
    "customer_agreements": [AGREEMENT],
    "throttle": {
        "key_per_second": 10_000,
        "key_burst": 10_000,
        "account_per_second": 10_000,
        "account_burst": 10_000,
    },
    "quotas": {
        "private_and_public_interfaces_per_connection": 4094,
        "interfaces_per_connection": 4094,
        "connections_per_location": 10_000,
        "access_keys_per_account": 1000,
        "unanswered_offers_per_lender": 10_000,
        "unanswered_offers": 10_000,
        "tag_bytes_per_account": 1 << 30,
    },
}


class AdminRefused(Exception):
    """`linkway admin` ended with an error; the text is what it wrote to stderr."""


class Server:
    """A `linkway serve` of this suite. `start` it, `stop` it; it may be started again."""

    def __init__(
        self,
        directory: Path,
        settings: Settings | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        self.data = directory / "data"
        self.log = directory / "serve.log"
        self.recorder = Recorder()
        self.secrets: set[str] = set()
        self._config = directory / "linkway.toml"
        self._config.write_text(toml({**DEFAULTS, **(settings or {})}))
        self._process: subprocess.Popen[bytes] | None = None
        self._certificate = certificate
        self._listen = "127.0.0.1:0"

    def start(self) -> None:
        """Starts the program and waits until it says that it is ready."""
        program = paths.linkway()
        assert program.exists(), f"{program} is missing: build it, or set LINKWAY_BIN"
        words = [program, "serve", "--data-dir", self.data, "--listen", self._listen]
        words += ["--region", REGION, "--config", self._config]
        if self._certificate:
            words += ["--tls-cert", self._certificate.chain, "--tls-key", self._certificate.key]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(word) for word in words], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        until(self._is_ready, bool, "the server to be ready", READY_SECONDS)
        # A later start takes the same address, so that clients made before it go on working.
        self._listen = urlsplit(self.endpoint.url).netloc

    def _is_ready(self) -> bool:
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"serve ended with {code}:\n{self.log_text()}"
        try:
            return self.endpoint.get("/readyz").status == 200
        except (OSError, json.JSONDecodeError):
            return False

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> int:
        """Asks the process to end and gives its exit code; kills it when it does not."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"did not end within {STOP_SECONDS} s of SIGTERM") from None

    def kill(self) -> None:
        """Ends the process with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    @property
    def operator_file(self) -> Path:
        return self.data / "operator.json"

    @property
    def endpoint(self) -> Endpoint:
        """Where the server listens, from operator.json."""
        operator = json.loads(self.operator_file.read_text())
        trusted = str(self._certificate.authority) if self._certificate else None
        return Endpoint(operator["endpoint"].rstrip("/"), operator["region"], trusted)

    @property
    def admin_endpoint(self) -> Endpoint:
        """Where the operator calls and metrics are: on loopback, without TLS."""
        operator = json.loads(self.operator_file.read_text())
        return Endpoint(operator["adminEndpoint"].rstrip("/"), operator["region"], None)

    @property
    def operator(self) -> Key:
        """The operator's own key."""
        operator = json.loads(self.operator_file.read_text())
        return Key("", operator["accessKeyId"], operator["secretAccessKey"])

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def admin(self, *words: str, environment: Mapping[str, str] | None = None) -> object:
        """Runs `linkway admin WORDS --output json` and gives the parsed answer.

        `environment` replaces this process's own.
        """
        line = [str(paths.linkway()), "admin", "--credentials", str(self.operator_file)]
        if self._certificate:
            line += ["--ca-cert", str(self._certificate.authority)]
        done = subprocess.run(
            [*line, *words, "--output", "json"],
            capture_output=True,
            text=True,
            timeout=30,
            env=environment,
            check=False,
        )
        if done.returncode != 0:
            raise AdminRefused(f"admin {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def create_account(self, account_id: str, name: str) -> Key:
        """A new account with one access key."""
        self.admin("account", "create", "--id", account_id, "--name", name)
        return self.create_key(account_id)

    def create_key(self, account_id: str) -> Key:
        """One more access key for the account."""
        made = self.admin("access-key", "create", "--account", account_id)
        assert isinstance(made, dict)
        self.secrets.add(made["secretAccessKey"])
        return Key(account_id, made["accessKeyId"], made["secretAccessKey"])

    def create_location(self, code: str, name: str, *, simulated: bool) -> None:
        flag = ["--simulated"] if simulated else []
        self.admin("location", "create", "--code", code, "--name", name, *flag)

    def create_gateway(
        self, account_id: str, asn: int | None = None, cidr: str = "10.0.0.0/16"
    ) -> str:
        """A virtual gateway of the account with one VPC; gives its id."""
        words = ["--account", account_id, "--vpc", "vpc-12345678", "--cidr", cidr]
        if asn is not None:
            words += ["--asn", str(asn)]
        made = self.admin("gateway", "create", *words)
        assert isinstance(made, dict)
        return made["virtualGatewayId"]

    def leaks(self) -> list[str]:
        """Where a secret of this run can be read: `place: what`, never the secret itself."""
        kept = dict.fromkeys({*self.secrets, self.operator.secret_access_key}, "a secretAccessKey")
        # Shorter ones were refused as keys; they are too short to search for.
        kept |= {key: "an authKey" for key in self.recorder.bgp_keys if len(key) >= 6}
        return [
            f"{place}: {what}"
            for place, content in self._readable_places()
            for secret, what in kept.items()
            if secret.encode() in content
        ]

    def _readable_places(self) -> Iterator[tuple[str, bytes]]:
        yield "/metrics", self.admin_endpoint.get("/metrics").body
        yield "events", json.dumps(self.admin("events", "--all")).encode()
        yield "log", self.log.read_bytes()
        for file in sorted(self.data.rglob("*")):
            if file.is_file() and file != self.operator_file:
                yield str(file.relative_to(self.data)), file.read_bytes()


def toml(settings: Settings) -> str:
    """The settings as TOML: plain values first, then one table for each nested mapping."""
    plain = {name: value for name, value in settings.items() if not isinstance(value, Mapping)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in plain.items()]
    for name, value in settings.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{name}]", toml(value).rstrip()]
    return "\n".join(lines) + "\n"
