#!/bin/sh
# Installs what `linkway demo` needs (Debian packages, an AWS CLI in .cache/venv) and runs it with the given
# arguments. LINKWAY_BIN names another program.
set -eu
cd "$(dirname "$0")/.."

program=${LINKWAY_BIN:-${CARGO_TARGET_DIR:-target}/release/linkway}
become=
[ "$(id -u)" = 0 ] || become=sudo
# As root, because the check whether this kernel has VLANs and VRFs makes links.
packages=$($become "$program" demo --packages)
# Word splitting is intended.
# shellcheck disable=SC2086
[ -z "$packages" ] || scripts/debian.sh $packages
scripts/aws-cli.sh
exec $become "$program" demo --aws .cache/venv/bin/aws --report target/demo/report.json "$@"
