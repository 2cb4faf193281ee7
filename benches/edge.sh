#!/bin/sh
# The edge's part of `make bench`: measures on a kernel with VLANs and VRFs, the host's in namespaces of their own or else
# User-mode Linux; prints a table and writes target/bench/edge.json. Exit status 1 when a bar is missed.
# `benches/edge.sh --help` says what can be chosen.
set -eu
cd "$(dirname "$0")/.."

# As root without a login shell, these may be missing from the PATH.
PATH=$PATH:/usr/sbin:/sbin
export PATH

missing=
need() { # need PROGRAM PACKAGE
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need linux.uml user-mode-linux
need bird bird2
need ip iproute2
need depmod kmod
need busybox busybox-static
need curl curl
# Word splitting is meant.
# shellcheck disable=SC2086
[ -z "$missing" ] || scripts/debian.sh $missing
scripts/need.sh python3

cargo build --release --locked --quiet -p linkway
cargo build --release --locked --quiet -p linkway-edge --example edge_bench
exec python3 -I -B benches/edge/outside.py "$@"
