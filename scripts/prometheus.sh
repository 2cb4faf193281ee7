#!/bin/sh
# Prints the directory of `promtool` and `prometheus`: Debian's package, unpacked into .cache/prometheus. It is not installed,
# so that no daemon is started and no user made.
set -eu
cd "$(dirname "$0")/.."

cache=$PWD/.cache/prometheus
if [ ! -x "$cache/usr/bin/promtool" ]; then
    scripts/need.sh dpkg-dev
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/download.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    echo "install: Debian's prometheus into .cache/prometheus" >&2
    (cd "$work" && { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; }) >&2
    dpkg-deb --extract "$work"/prometheus_*.deb "$cache"
fi
echo "$cache/usr/bin"
