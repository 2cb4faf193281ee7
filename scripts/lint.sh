#!/bin/sh
# `make lint`: everything that can be said of the sources without running them.
set -eu
cd "$(dirname "$0")/.."
. scripts/steps.sh

scripts/need.sh cc cargo fmt clippy
step "formatting" cargo fmt --all --check
step "clippy" cargo clippy --locked --workspace --all-targets -- -D warnings
step "generated code agrees with the model" cargo xtask codegen --check
step "Python" scripts/ruff.sh check .
step "formatting of Python" scripts/ruff.sh format --check .
step "licences and sources of dependencies" \
    scripts/cargo-deny.sh --locked check licenses bans sources
steps_end
