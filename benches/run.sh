#!/bin/sh
# `make bench`: builds, installs moto where it is missing, measures. Arguments go to linkway-bench.
set -eu
cd "$(dirname "$0")/.."

[ -x .cache/venv/bin/moto_server ] || tests/clients/install.sh
cargo build --release --locked -p linkway
exec cargo run --release --locked --quiet -p linkway-bench -- "$@"
