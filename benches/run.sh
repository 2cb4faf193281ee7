#!/bin/sh
# `make bench`: builds, installs what is missing, measures the server and then the edge, and joins both into one table and one
# report. Arguments go to linkway-bench; `--edge-only` measures the edge alone and has its arguments after it
# (benches/edge.sh), `--server-only` leaves it out.
set -eu
cd "$(dirname "$0")/.."

bench() {
    cargo run --release --locked --quiet -p linkway-bench -- "$@"
}

case "${1-}" in
--edge-only)
    shift
    exec benches/edge.sh "$@"
    ;;
--server-only)
    shift
    edge=no
    ;;
*)
    edge=yes
    ;;
esac

[ -x .cache/venv/bin/moto_server ] || tests/clients/install.sh
cargo build --release --locked -p linkway
if [ "$edge" = no ]; then
    bench "$@"
    exit
fi
# The table is printed once both are measured. Status 1 is a missed bar, of which the joined report tells.
status=0
bench "$@" >/dev/null || status=$?
[ "$status" -le 1 ] || exit "$status"
benches/edge.sh --join
bench join
