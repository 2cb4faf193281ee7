#!/bin/sh
# `ruff ARGUMENTS`, for the Python of the tests, the demo and the documents: installed into
# .cache/lint, which takes seconds.
set -eu
cd "$(dirname "$0")/.."

version=0.17.6
export RUFF_CACHE_DIR=.cache/ruff
venv=.cache/lint
if ! "$venv/bin/ruff" --version 2>/dev/null | grep -qxF "ruff $version"; then
    scripts/need.sh python3 venv
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "ruff==$version"
fi
exec "$venv/bin/ruff" "$@"
