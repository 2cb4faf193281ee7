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

from harness.server import Certificate, Server


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate for 127.0.0.1, signed by an authority made for this test."""
    ca, ca_key, chain, key = (tmp_path / name for name in ("ca", "ca-key", "chain", "key"))
    openssl("/CN=linkway test authority", ca, ca_key, [])
    name = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"]
    openssl("/CN=linkway test", chain, key, [*name, "-CA", str(ca), "-CAkey", str(ca_key)])
    return Certificate(chain, key, ca)


def openssl(subject: str, certificate: Path, key: Path, more: list[str]) -> None:
    """A new key and a certificate for it, self-signed unless `more` says otherwise."""
    line = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    line += ["-nodes", "-days", "2", "-subj", subject]
    line += [*more, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(line, check=True, capture_output=True, timeout=30)


def test_https(start_server: Callable[..., Server], certificate: Certificate) -> None:
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

    assert client(str(certificate.authority)).describe_locations()["locations"] == []
    with pytest.raises(botocore.exceptions.SSLError):
        client(None).describe_locations()
