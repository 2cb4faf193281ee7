#!/bin/sh
# `linkway demo` with all that it needs: Debian's packages, and an AWS CLI of this repository.
# Arguments go to it; LINKWAY_BIN names the program.
set -eu
cd "$(dirname "$0")/.."

program=${LINKWAY_BIN:-${CARGO_TARGET_DIR:-target}/release/linkway}
become=
[ "$(id -u)" = 0 ] || become=sudo
# As root: only root can tell whether this kernel will do.
packages=$($become "$program" demo --packages)
# Word splitting is meant.
# shellcheck disable=SC2086
[ -z "$packages" ] || scripts/debian.sh $packages
scripts/aws-cli.sh
exec $become "$program" demo --aws .cache/venv/bin/aws --report target/demo/report.json "$@"
