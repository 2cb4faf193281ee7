#!/bin/sh
# `cargo deny ARGUMENTS`: the one on the PATH, or one installed below .cache/cargo-tools. Installed
# without optimisation, which halves the minutes it takes and costs nothing that is noticed here.
set -eu
cd "$(dirname "$0")/.."

version=0.20.2
tools=$PWD/.cache/cargo-tools
PATH=$PATH:$tools/bin
if ! cargo deny --version >/dev/null 2>&1; then
    echo "install: cargo-deny $version into .cache/cargo-tools; takes some minutes" >&2
    CARGO_TARGET_DIR=$tools/target cargo install --quiet --locked --debug \
        --root "$tools" --version "$version" cargo-deny
    rm -rf "$tools/target"
fi
exec cargo deny "$@"
