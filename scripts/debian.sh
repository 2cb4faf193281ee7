#!/bin/sh
# Installs Debian packages, as root or with sudo. Called only where something is missing, so that a
# machine which has everything needs neither.
set -eu

echo "install: apt-get install $*" >&2
if [ "$(id -u)" = 0 ]; then become=; elif command -v sudo >/dev/null; then become=sudo; else
    echo "install: missing: $*. Install these packages as root, then run this again." >&2
    exit 1
fi
$become env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' - "$@" >&2
