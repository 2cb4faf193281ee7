#!/bin/sh
# `make bench`: builds, installs what is missing, measures the server and then the edge, and joins both into one table and one
# report. Arguments are those of linkway-bench. `--edge-only`, followed by arguments of benches/edge.sh, measures the edge
# alone; `--server-only` the server alone.
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
# The table is printed once, after both. Status 1 is a missed bar, which the joined report shows.
status=0
bench "$@" >/dev/null || status=$?
[ "$status" -le 1 ] || exit "$status"
benches/edge.sh --join
bench join
