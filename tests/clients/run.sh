#!/bin/sh
# Runs every real client against the release binary (or LINKWAY_BIN), within a bound of time, and
# tells what took longest. Arguments go to pytest: `run.sh -k walk`.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
bound_seconds=${CLIENT_TESTS_SECONDS:-1500}

"$here/install.sh"
if [ -z "${LINKWAY_BIN:-}" ]; then
    (cd "$repository" && cargo build --release --quiet -p linkway)
fi
cd "$here"
PYTHONDONTWRITEBYTECODE=1 exec timeout --kill-after=30 "$bound_seconds" \
    "$repository/.cache/venv/bin/python" -m pytest \
    --quiet --numprocesses 2 --dist loadfile --durations 10 "$@"
