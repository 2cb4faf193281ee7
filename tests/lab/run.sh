#!/bin/sh
# Runs the lab: real kernels, real routers, real packets. `run.sh --help` says how; README.md says what.
set -eu

here=$(cd "$(dirname "$0")" && pwd)

# As root without a login shell, these may be missing from the PATH.
PATH=$PATH:/usr/sbin:/sbin
export PATH

"$here/need.sh"

exec python3 -I -B "$here/lab/outside.py" "$@"
