#!/bin/sh
# Runs every real client against the release binary (or LINKWAY_BIN) and tells what took longest. Each
# test has a bound of time (pyproject.toml). Arguments go to pytest: `run.sh -k walk`.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)

"$here/install.sh"
if [ -z "${LINKWAY_BIN:-}" ]; then
    (cd "$repository" && cargo build --release --quiet -p linkway)
fi
cd "$here"
PYTHONDONTWRITEBYTECODE=1 exec "$repository/.cache/venv/bin/python" -m pytest \
    --quiet --numprocesses 2 --dist loadfile --durations 10 "$@"
