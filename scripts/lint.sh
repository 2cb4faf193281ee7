#!/bin/sh
# `make lint`: everything that can be said of the sources without running them.
set -eu
cd "$(dirname "$0")/.."
. scripts/steps.sh

scripts/need.sh cc cargo fmt clippy
step 60 "formatting" cargo fmt --all --check
step 1800 "clippy" cargo clippy --locked --workspace --all-targets -- -D warnings
step 300 "generated code agrees with the model" cargo xtask codegen --check
step 120 "Python" scripts/ruff.sh check .
step 60 "formatting of Python" scripts/ruff.sh format --check .
step 1800 "licences and sources of dependencies" \
    scripts/cargo-deny.sh --locked check licenses bans sources
steps_end
