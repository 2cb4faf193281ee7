"""HTTPS with a certificate that the client verifies."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from harness.server import Server


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    line = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    line += ["-nodes", "-days", "2", "-subj", "/CN=linkway-test"]
    line += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert]
    subprocess.run(line, check=True, capture_output=True, timeout=30)
    return cert, key


def test_https(start_server: Callable[..., Server], certificate: tuple[Path, Path]) -> None:
    server = start_server(certificate=certificate)
    assert server.endpoint.url.startswith("https://127.0.0.1:")
    tenant = server.create_account("100000000001", "tenant")

    def client(verify: str | None) -> Any:
        return boto3.client(
            "directconnect",
            endpoint_url=server.endpoint.url,
            region_name=server.endpoint.region,
            aws_access_key_id=tenant.access_key_id,
            aws_secret_access_key=tenant.secret_access_key,
            verify=verify,
            config=Config(retries={"total_max_attempts": 1}),
        )

    assert client(str(certificate[0])).describe_locations()["locations"] == []
    with pytest.raises(botocore.exceptions.SSLError):
        client(None).describe_locations()
