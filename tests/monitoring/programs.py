"""What is watched and what watches: a server with a lent interface, an edge's agent, promtool and a Prometheus."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
INSIDE = "LINKWAY_MONITORING_TEST_INSIDE"
PATIENCE = 90
# The server's own certificate, which clients are told to trust.
CERTIFICATE = [
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
    *("-days", "90", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
    *("-addext", "basicConstraints=critical,CA:FALSE"),
]
API = "https://127.0.0.1:8580"


def inside_a_network() -> None:
    """Returns in a network of its own, where every port is free; outside of it waits for that and ends as it does."""
    if INSIDE in os.environ:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    if os.geteuid() != 0:
        sys.exit("monitoring: needs root, for a network of its own")
    # Fetched before, since there is no network then.
    subprocess.run(
        [str(REPOSITORY / "scripts/prometheus.sh")], stdout=subprocess.DEVNULL, check=True
    )
    words = [
        "unshare",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        sys.executable,
        "-I",
        "-B",
        *sys.argv,
    ]
    sys.exit(subprocess.run(words, env={**os.environ, INSIDE: "1"}, check=False).returncode)


def wait_for(what: str, look: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if look():
            return
        time.sleep(0.1)
    sys.exit(f"monitoring: waited {PATIENCE} s for {what}")


def fetch(url: str, accept: str | None = None) -> tuple[str, str]:
    """A page's content type and text."""
    request = urllib.request.Request(url, headers={"accept": accept} if accept else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["content-type"], answer.read().decode()


def is_there(url: str) -> bool:
    try:
        fetch(url)
    except OSError:
        return False
    return True


def query(prometheus: str, expression: str) -> list:
    """The series that a query finds."""
    words = urllib.parse.urlencode({"query": expression})
    return json.loads(fetch(f"{prometheus}/api/v1/query?{words}")[1])["data"]["result"]


class Tools:
    """promtool and prometheus."""

    def __init__(self) -> None:
        words = [str(REPOSITORY / "scripts/prometheus.sh")]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
        self.directory = Path(done.stdout.strip())

    @staticmethod
    def linkway() -> str:
        target = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target")
        return str(Path(os.environ.get("LINKWAY_BIN") or target / "release/linkway").absolute())

    def promtool(self, *words: str, text: str | None = None) -> str:
        """What it has against something; nothing if it has nothing."""
        line = [str(self.directory / "promtool"), *words]
        done = subprocess.run(line, input=text, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        return f"promtool {' '.join(words)}: {said}" if done.returncode else ""

    @contextlib.contextmanager
    def prometheus(self, directory: Path) -> Iterator[str]:
        """A Prometheus with the directory's configuration; its URL."""
        words = [str(self.directory / "prometheus"), "--web.listen-address=127.0.0.1:9090"]
        words += [
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/tsdb",
        ]
        with running(words, directory / "prometheus.log"):
            wait_for("Prometheus", lambda: is_there("http://127.0.0.1:9090/-/ready"))
            yield "http://127.0.0.1:9090"


@contextlib.contextmanager
def running(words: list[str], log: Path) -> Iterator[None]:
    """A program, for as long; its log is shown if the test fails meanwhile."""
    with log.open("wb") as output:
        process = subprocess.Popen(words, stdout=output, stderr=output)
    try:
        yield
    except BaseException:
        sys.stderr.write(log.read_text()[-4000:])
        raise
    finally:
        process.terminate()
        process.wait(30)


class Scene(contextlib.ExitStack):
    """A server with a lent interface at a simulated location, and the agent of a real edge with a port."""

    edge_address = "127.0.0.1:9580"
    edge_metrics = f"http://{edge_address}/metrics"
    # No handoff to a fabric, and no interface on the real edge, whose kernel may lack what that takes.
    without_series = frozenset(
        {
            "linkway_fabric_reachable",
            "linkway_edge_fence_dropped_packets_total",
        }
    )

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        directory.mkdir()
        self.data = directory / "data"
        config = directory / "config.toml"
        config.write_text("simulated_approval_seconds = 0\nsimulated_step_seconds = 0\n")
        self.certificate, key = str(directory / "cert.pem"), str(directory / "key.pem")
        subprocess.run([*CERTIFICATE, "-out", self.certificate, "-keyout", key], check=True)
        words = [Tools.linkway(), "serve", "--data-dir", str(self.data), "--config", str(config)]
        words += ["--tls-cert", self.certificate, "--tls-key", key]
        self.enter_context(running(words, directory / "server.log"))
        wait_for("the server", (self.data / "operator.json").exists)
        operator = json.loads((self.data / "operator.json").read_text())
        self.server_metrics = operator.get("adminEndpoint", operator["endpoint"]) + "/metrics"
        wait_for("metrics", lambda: is_there(self.server_metrics))
        self.lend()
        self.start_edge()

    def admin(self, *words: str) -> dict | list:
        line = [Tools.linkway(), "admin", "--credentials", str(self.data / "operator.json")]
        line += [*words, "--output", "json"]
        done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)

    def call(self, key: dict, operation: str, **request: object) -> dict:
        """A call of the API, signed by curl."""
        line = ["curl", "--fail-with-body", "--silent", "--show-error", API]
        line += ["--cacert", self.certificate]
        line += ["--aws-sigv4", "aws:amz:eu-west-2:directconnect"]
        line += ["--user", f"{key['accessKeyId']}:{key['secretAccessKey']}"]
        line += ["--header", "content-type: application/x-amz-json-1.1"]
        line += ["--header", f"x-amz-target: OvertureService.{operation}"]
        done = subprocess.run(
            [*line, "--data", json.dumps(request)], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"monitoring: {operation}: {done.stdout}")
        return json.loads(done.stdout)

    def lend(self) -> None:
        self.admin("location", "create", "--code", "SIM1", "--name", "Simulated", "--simulated")
        lender, recipient = "987654321098", "123456789000"
        keys = {}
        for account in (lender, recipient):
            self.admin("account", "create", "--id", account, "--name", f"account {account}")
            keys[account] = self.admin("access-key", "create", "--account", account)
        gateway = self.admin(
            "gateway",
            "create",
            "--account",
            recipient,
            "--vpc",
            "vpc-12345678",
            "--cidr",
            "10.0.0.0/16",
        )
        order = {"location": "SIM1", "bandwidth": "1Gbps", "connectionName": "one"}
        connection = self.call(keys[lender], "CreateConnection", **order)["connectionId"]
        known = {"connectionId": connection}
        wait_for(
            "the connection",
            lambda: (
                self.call(keys[lender], "DescribeConnections", **known)["connections"][0][
                    "connectionState"
                ]
                == "available"
            ),
        )
        lent = {"virtualInterfaceName": "one", "vlan": 101, "asn": 65000, "addressFamily": "ipv4"}
        lent |= {"amazonAddress": "172.16.0.1/30", "customerAddress": "172.16.0.2/30"}
        whom = {**known, "ownerAccount": recipient}
        interface = self.call(
            keys[lender],
            "AllocatePrivateVirtualInterface",
            **whom,
            newPrivateVirtualInterfaceAllocation=lent,
        )["virtualInterfaceId"]
        self.call(
            keys[recipient],
            "ConfirmPrivateVirtualInterface",
            virtualInterfaceId=interface,
            virtualGatewayId=gateway["virtualGatewayId"],
        )
        name = "linkway_virtual_interface_bgp_status{"
        wait_for("the session", lambda: name in fetch(self.server_metrics)[1])

    def start_edge(self) -> None:
        self.admin("location", "create", "--code", "PAR1", "--name", "Paris")
        key = self.admin("edge", "create", "--id", "par1-a", "--location", "PAR1")
        credentials = self.directory / "edge.json"
        credentials.touch(mode=0o600)
        credentials.write_text(json.dumps(key))
        words = [Tools.linkway(), "edge", "--endpoint", API, "--credentials", str(credentials)]
        words += ["--ca-cert", self.certificate]
        words += ["--state-dir", str(self.directory / "edge"), "--metrics", self.edge_address]
        self.enter_context(running(words, self.directory / "edge.log"))
        wait_for("the edge's metrics", lambda: is_there(self.edge_metrics))
        heard = 'linkway_edge_last_report_timestamp_seconds{edge="par1-a"}'
        wait_for("the edge's report", lambda: heard in fetch(self.server_metrics)[1])
