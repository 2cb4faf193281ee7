"""The clients that can make any single call: boto3, the AWS CLI, osc-cli and curl.

Each gives the answer as a mapping with the wire's member names, or raises Refused with the error's
type and text as that client reads them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import boto3
import botocore.exceptions
from botocore.config import Config

from harness import paths
from harness.recorder import Recorder
from harness.signing import CONTENT_TYPE, Endpoint, Key, Reply, tenant_target

Params = Mapping[str, Any]
Answer = dict[str, Any]

RUN_TIMEOUT_SECONDS = 120


class Refused(Exception):
    """An error answer, as the client understood it."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(f"{error}: {message}")
        self.error = error
        self.message = message


class Client(Protocol):
    """Makes calls with one access key."""

    def call(self, operation: str, params: Params) -> Answer: ...


class Boto:
    """boto3 without its own parameter checks, so that the server is what judges."""

    def __init__(self, endpoint: Endpoint, key: Key, recorder: Recorder) -> None:
        self._client = boto3.client(
            "directconnect",
            endpoint_url=endpoint.url,
            region_name=endpoint.region,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
        )
        self._recorder = recorder
        self._client.meta.events.register("after-call.directconnect.*", self._after_call)

    def _after_call(self, http_response: Any, model: Any, **_: object) -> None:
        headers = {name.lower(): value for name, value in http_response.headers.items()}
        reply = Reply(http_response.status_code, headers, http_response.content)
        self._recorder.check(model.name, reply)

    def call(self, operation: str, params: Params) -> Answer:
        method = getattr(self._client, snake(operation))
        try:
            answer = method(**params)
        except botocore.exceptions.ClientError as error:
            raise Refused(**reason(error)) from error
        answer.pop("ResponseMetadata")
        return answer


class AwsCli:
    """The AWS CLI, configured by nothing but its environment."""

    def __init__(self, endpoint: Endpoint, key: Key, home: Path) -> None:
        self._environment = aws_environment(endpoint, key, home)

    def call(self, operation: str, params: Params) -> Answer:
        words = [kebab(operation)]
        for name, value in params.items():
            words += [f"--{kebab(name)}", cli_value(value)]
        return self.run(*words)

    def run(self, *words: str) -> Answer:
        """`aws directconnect WORDS`."""
        done = run([paths.tool("aws"), "directconnect", *words], self._environment)
        if done.returncode == 0:
            # An empty answer is printed as nothing at all.
            return json.loads(done.stdout or "{}")
        found = re.search(r"An error occurred \((\w+)\) when calling .*?: (.*)", done.stderr, re.S)
        assert found, done.stderr
        raise Refused(found[1], found[2].strip())


class OscCli:
    """OUTSCALE's command line; its configuration is a file in the home directory."""

    def __init__(self, endpoint: Endpoint, key: Key, home: Path) -> None:
        profile = {
            "access_key": key.access_key_id,
            "secret_key": key.secret_access_key,
            "endpoint": endpoint.url,
            "region_name": endpoint.region,
        }
        (home / ".osc").mkdir(parents=True)
        (home / ".osc" / "config.json").write_text(json.dumps({"default": profile}))
        self._environment = {**clean_environment(), "HOME": str(home)}

    def call(self, operation: str, params: Params) -> Answer:
        words = [word for name, value in params.items() for word in (f"--{name}", osc_value(value))]
        done = run([paths.tool("osc-cli"), "directlink", operation, *words], self._environment)
        if done.returncode == 0:
            answer = json.loads(done.stdout)
            assert answer.pop("requestid"), done.stdout
            return answer
        found = re.search(
            r"OscApiException: Error --> status = \d+, code = (\w+), Reason = (.*), request_id = \S+$",
            done.stderr.strip(),
            re.S,
        )
        assert found, done.stderr
        raise Refused(found[1], found[2])


class Curl:
    """curl with its own signer."""

    def __init__(self, endpoint: Endpoint, key: Key, recorder: Recorder) -> None:
        self._endpoint = endpoint
        self._key = key
        self._recorder = recorder

    def call(self, operation: str, params: Params) -> Answer:
        line = ["curl", "--silent", "--show-error", "--include"]
        line += ["--aws-sigv4", f"aws:amz:{self._endpoint.region}:directlink"]
        line += ["--user", f"{self._key.access_key_id}:{self._key.secret_access_key}"]
        line += ["--header", f"content-type: {CONTENT_TYPE}"]
        line += ["--header", f"x-amz-target: {tenant_target(operation)}"]
        line += ["--data-binary", json.dumps(params), f"{self._endpoint.url}/"]
        done = run(line, clean_environment())
        assert done.returncode == 0, done.stderr
        reply = parse_http(done.stdout)
        self._recorder.check(operation, reply)
        if reply.status == 200:
            return reply.json()
        raise Refused(reply.error, reply.message)


def reason(error: botocore.exceptions.ClientError) -> dict[str, str]:
    """Type and text of boto3's exception."""
    return {
        "error": error.response["Error"]["Code"],
        "message": error.response["Error"]["Message"],
    }


def run(
    line: list[str], environment: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs a client's program to its end, with `given` on its standard input."""
    return subprocess.run(
        line,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_SECONDS,
        check=False,
    )


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that configures a client of AWS."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def aws_environment(endpoint: Endpoint, key: Key, home: Path) -> dict[str, str]:
    """The environment that points a client of AWS at the server."""
    return {
        **clean_environment(),
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_DEFAULT_REGION": endpoint.region,
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
    }


def snake(name: str) -> str:
    """CreateConnection -> create_connection, as boto3 names its methods."""
    return kebab(name).replace("-", "_")


def kebab(name: str) -> str:
    """ownerAccount -> owner-account, as the AWS CLI names its words."""
    return re.sub(r"(?<!^)(?=[A-Z][a-z]|(?<=[a-z])[A-Z])", "-", name).lower()


def cli_value(value: Any) -> str:
    """A parameter's value as the AWS CLI takes it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def osc_value(value: Any) -> str:
    """A parameter's value as osc-cli takes it: a Python literal, so digits must be quoted twice."""
    if isinstance(value, str):
        return json.dumps(value) if value.isdigit() else value
    return json.dumps(value)


def parse_http(text: str) -> Reply:
    """One HTTP/1.1 answer, head and body, as curl --include prints it."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    status, *lines = head.split("\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Reply(
        int(status.split()[1]),
        {name.lower(): value for name, value in headers.items()},
        body.encode(),
    )
