#!/bin/sh
# `make test`: every test there is, in the order in which a failure is cheapest to learn of.
# The list of steps is explicit: a new suite gets a line here.
set -eu
cd "$(dirname "$0")/.."
. scripts/steps.sh

# Tests of the workspace: units, properties, the store's suite, the server on real sockets, crashes.
workspace_tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        echo cargo nextest run --locked --workspace
    else
        echo cargo test --locked --workspace --lib --bins --tests
    fi
}

scripts/need.sh cc cargo python3 venv
# Before the workspace's tests: some of them start BIRD, in User-mode Linux where this kernel has no VRFs.
tests/lab/need.sh
step "release build" cargo build --release --locked -p linkway
# Word splitting is meant.
# shellcheck disable=SC2046
step "tests of the workspace" $(workspace_tests)
step "tests in documentation comments" cargo test --locked --workspace --doc --quiet
step "real clients" tests/clients/run.sh
step "the lab's helper" cargo build --release --locked -p linkway-edge --example edge_steps
step "lab: packets through real routers" tests/lab/run.sh
step "the Debian package: install, upgrade, remove; the container recipe" python3 -I -B tests/package/check.py
step "alert rules, dashboard, examples" python3 -I -B tests/monitoring/check.py
step "fuzz targets, a short run each" fuzz/run.sh 10
step "the documents' commands" .cache/venv/bin/python scripts/check_docs.py
step "demo: make demo, its report; failing; interrupted" .cache/venv/bin/python -I -B demo/check.py
steps_end
