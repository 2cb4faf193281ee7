"""Terraform and its AWS provider, where both are on the machine; nothing is downloaded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.server import REGION
from harness.signing import Endpoint, Key

# Where providers lie that somebody installed, besides Terraform's own places.
PLACES = ("/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins", "/opt/*")
PROVIDER = "registry.terraform.io/hashicorp/aws"
SECONDS = 300.0


def plugins() -> Path | None:
    """The directory with the AWS provider; None: it is not on this machine, or Terraform is not."""
    if shutil.which("terraform") is None:
        return None
    own = Path.home() / ".terraform.d" / "plugins"
    found = [own, *(path for place in PLACES for path in Path("/").glob(place.lstrip("/")))]
    return next((path for path in found if (path / PROVIDER).is_dir()), None)


def provider(endpoint: Endpoint, key: Key, alias: str | None = None) -> dict[str, Any]:
    """The configuration of an account's provider. Who the account is would be asked of STS."""
    named = {"alias": alias} if alias else {}
    return {
        **named,
        "region": REGION,
        "access_key": key.access_key_id,
        "secret_key": key.secret_access_key,
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_region_validation": True,
        "skip_requesting_account_id": True,
        "endpoints": [{"directconnect": endpoint.url}],
    }


class Terraform:
    """A directory with a configuration in JSON, and what was made of it."""

    def __init__(self, directory: Path, providers: list[dict[str, Any]]) -> None:
        self._directory = directory
        self._providers = providers
        directory.mkdir(parents=True, exist_ok=True)

    def write(self, resources: Mapping[str, Any], **blocks: Any) -> None:
        """Resources as `{type: {name: members}}`; further blocks by name."""
        required = {"aws": {"source": "hashicorp/aws"}}
        content = {
            "terraform": {"required_providers": required},
            "provider": {"aws": self._providers},
            "resource": resources,
            **blocks,
        }
        (self._directory / "main.tf.json").write_text(json.dumps(content, indent=1))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        own = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._directory), **own}
        return subprocess.run(
            ["terraform", *words],
            cwd=self._directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def must(self, *words: str) -> str:
        done = self.run(*words)
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"terraform {' '.join(words)}:\n{said[-6000:]}"
        return said

    def init(self, like: Terraform | None = None) -> None:
        """Finds the provider, or takes what another directory found: its checksum takes seconds."""
        if like is None:
            self.must("init", "-no-color", "-input=false", f"-plugin-dir={plugins()}")
            return
        shutil.copytree(
            like._directory / ".terraform", self._directory / ".terraform", symlinks=True
        )
        shutil.copy(like._directory / ".terraform.lock.hcl", self._directory)

    def apply(self) -> str:
        return self.must("apply", "-no-color", "-input=false", "-auto-approve")

    def is_clean(self) -> None:
        """A plan finds nothing to change."""
        done = self.run("plan", "-no-color", "-input=false", "-detailed-exitcode")
        assert done.returncode == 0, f"the plan is not empty:\n{done.stdout}{done.stderr}"[-6000:]

    def state(self) -> dict[str, dict[str, Any]]:
        """The members of each resource, by its address."""
        state = json.loads((self._directory / "terraform.tfstate").read_text())
        return {
            f"{one['type']}.{one['name']}": one["instances"][0]["attributes"]
            for one in state["resources"]
            if one["mode"] == "managed"
        }

    def plan(self) -> str:
        return self.must("plan", "-no-color", "-input=false")

    def destroy(self) -> None:
        self.must("destroy", "-no-color", "-input=false", "-auto-approve")
