"""Holds the documents to what the program does.

Every `sh` block of a document runs, in order, in one shell with an empty home; a block marked `sh
server` stays in the background; `python` and `js` blocks run as programs in between. What a reader
of the document has already is prepared by commands in a `<!-- prepare` comment. Links must lead
somewhere, and the operator's tables of configuration keys and metrics must be complete.

Usage: check_docs.py [DOCUMENT...]
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target")
LINKWAY = Path(os.environ.get("LINKWAY_BIN") or TARGET / "release/linkway").absolute()
VENV = REPOSITORY / ".cache/venv/bin"
NODE_MODULES = REPOSITORY / "tests/clients/js-sdk/node_modules"
OPERATOR = REPOSITORY / "docs/operator.md"
SECONDS = 120

# The addresses in the documents; the check takes free ports instead.
DOCUMENTED = ("127.0.0.1:8580", "127.0.0.1:8590")

BLOCK = re.compile(
    r"^```(sh|sh server|python|js)\n(.*?)^```$|^<!-- prepare( server)?\n(.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
KEYS = re.compile(r"^## Configuration$.*?(?=^## )", re.MULTILINE | re.DOTALL)
KEY_ROW = re.compile(r"^\| `([a-z_.]+)` \| ([^|]*?) \|", re.MULTILINE)
METRIC_ROW = re.compile(r"^\| `((?:linkway|process)_[a-z_]+)` \|", re.MULTILINE)
MOTO = re.compile(
    r"It has (\d+) operations of Direct Connect \(([\d.]+)\) and no virtual interfaces"
)

# `linkway serve` without an address gets the free port; the build is done already.
WRAPPERS = {
    "linkway": """#!/bin/sh
case " $* " in
*" --listen "* | *" --print-config "*) ;;
" serve "*) shift; set -- serve --listen "$ADDRESS" "$@" ;;
esac
exec "$LINKWAY" "$@"
""",
    "cargo": '#!/bin/sh\n[ "$1" = build ]\n',
}

# Waits for a server whose address is given, with or without TLS.
READY = """for _ in $(seq 100); do
    curl -fsk "http://{0}/readyz" >/dev/null || curl -fsk "https://{0}/readyz" >/dev/null && break
    sleep 0.1
done
"""
LISTEN = re.compile(r"--listen (\S+)")
# Of the server whose data directory is there, which listens for its operator on a port of its own.
METRICS = r"""admin=$(find . -name operator.json -exec sed -n 's/.*"adminEndpoint": "\(.*\)".*/\1/p' {} +)
curl -fs -H "accept: application/openmetrics-text" "${admin%%[[:space:]]*}/metrics" >metrics || true
"""


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def script_of(text: str, directory: Path) -> tuple[str, int]:
    """The document's blocks as one shell script, and how many there are."""
    parts = ["set -euo pipefail\n"]
    blocks = list(BLOCK.finditer(text))
    for number, block in enumerate(blocks):
        language, code, background, prepared = block.groups()
        if prepared is not None:
            language, code = "sh server" if background else "sh", prepared
        if language == "sh":
            parts.append(code)
        elif language == "sh server":
            own = LISTEN.search(code)
            ready = READY.format(own[1] if own else "$ADDRESS")
            parts.append(f"{{\n{code}}} >>server.log 2>&1 &\n{ready}")
        else:
            suffix, program = {"python": ("py", "python"), "js": ("mjs", "node")}[language]
            (directory / f"block{number}.{suffix}").write_text(code)
            parts.append(f"{program} block{number}.{suffix}\n")
    return "".join([*parts, METRICS]), len(blocks)


def environment(directory: Path, address: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LINKWAY_"))}
    return {
        **kept,
        "ADDRESS": address,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(directory),
        "LINKWAY": str(LINKWAY),
        "NO_PROXY": "127.0.0.1,localhost",
        "PATH": f"{directory / 'bin'}:{VENV}:{os.environ['PATH']}",
    }


def prepare(directory: Path) -> None:
    (directory / "bin").mkdir()
    for name, text in WRAPPERS.items():
        program = directory / "bin" / name
        program.write_text(text)
        program.chmod(0o755)
    if NODE_MODULES.exists():
        (directory / "node_modules").symlink_to(NODE_MODULES)


def run_document(path: Path) -> list[str]:
    """What went wrong when the document's blocks ran."""
    directory = Path(tempfile.mkdtemp(prefix="linkway-docs-"))
    try:
        prepare(directory)
        text = path.read_text()
        addresses = [free_address() for _ in DOCUMENTED]
        for documented, free in zip(DOCUMENTED, addresses, strict=True):
            text = text.replace(documented, free)
        script, count = script_of(text, directory)
        if not count:
            return []
        began = time.monotonic()
        problems = run_script(script, directory, environment(directory, addresses[0]))
        took = time.monotonic() - began
        print(f"{path.relative_to(REPOSITORY)}: {count} blocks, {took:.1f} s", flush=True)
        return problems + unknown_metrics(directory / "metrics")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def run_script(script: str, directory: Path, variables: dict[str, str]) -> list[str]:
    (directory / "script").write_text(script)
    with (directory / "output").open("wb") as output:
        shell = subprocess.Popen(
            ["bash", "-x", "script"],
            cwd=directory,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            code = shell.wait(SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            # The session is this shell's own: its servers end with it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)
            shell.wait()
    if code == 0:
        return []
    written = (directory / "output").read_text(errors="replace")
    return [f"exit status {code} (none: more than {SECONDS} s):\n{written[-3000:]}"]


def unknown_metrics(scraped: Path) -> list[str]:
    if not scraped.exists():
        return []
    known = set(METRIC_ROW.findall(OPERATOR.read_text()))
    seen = re.findall(r"^# TYPE (\w+) ", scraped.read_text(), re.MULTILINE)
    return [f"{OPERATOR.name} lacks the metric {name}" for name in seen if name not in known]


def broken_links(path: Path) -> list[str]:
    targets = LINK.findall(path.read_text())
    return [f"link to {t} leads nowhere" for t in targets if not (path.parent / t).exists()]


def flat(table: dict, prefix: str = "") -> dict[str, str]:
    """Keys with their table's name before them, values as the file spells them."""
    found: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = f"`{json.dumps(value)}`"
    return found


def wrong_keys() -> list[str]:
    """Where the operator's reference differs from `--print-config`."""
    words = [LINKWAY, "serve", "--data-dir", "DIR", "--print-config"]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    real = flat(tomllib.loads(printed))
    # These have no default.
    optional = ("admin_listen", "rpki_file", "tls_cert", "tls_key")
    real |= {"data_dir": "required", **dict.fromkeys(optional, "none")}
    section = KEYS.search(OPERATOR.read_text())
    told = dict(KEY_ROW.findall(section[0] if section else ""))
    problems = [f"configuration key {k} is not described" for k in real.keys() - told.keys()]
    problems += [f"there is no configuration key {k}" for k in told.keys() - real.keys()]
    problems += [
        f"default of {key} is {real[key]}, not {value}"
        for key, value in told.items()
        if key in real and real[key] != value
    ]
    example = REPOSITORY / "packaging/config.toml"
    words = [LINKWAY, "serve", "--config", example, "--print-config"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return problems + ([] if done.returncode == 0 else [f"{example.name}: {done.stderr}"])


def wrong_of_moto() -> list[str]:
    """Where README is wrong about the moto that the tests have."""
    told = MOTO.search((REPOSITORY / "README.md").read_text())
    if told is None:
        return ["README.md does not compare with moto"]
    from moto.directconnect.responses import DirectConnectResponse  # noqa: PLC0415 - half a second

    version = importlib.metadata.version("moto")
    members = vars(DirectConnectResponse).items()
    operations = [name for name, it in members if callable(it) and not name.startswith("_")]
    problems = []
    if told.groups() != (str(len(operations)), version):
        problems.append(f"README.md: moto {version} has {len(operations)} operations")
    problems += [f"README.md: moto has {name}" for name in operations if "interface" in name]
    return problems


def main(arguments: list[str]) -> int:
    every = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")]
    documents = [Path(name).resolve() for name in arguments] or sorted(every)
    problems = [f"{OPERATOR.name}: {problem}" for problem in wrong_keys()] + wrong_of_moto()
    for path in documents:
        found = broken_links(path) + run_document(path)
        problems += [f"{path.relative_to(REPOSITORY)}: {problem}" for problem in found]
    for problem in problems:
        print(f"check_docs: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
