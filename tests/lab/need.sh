#!/bin/sh
# Installs what the lab needs, and with it the tests of `crates/edge`, `crates/linkway` and `crates/store` that start the same
# programs.
set -eu

repository=$(cd "$(dirname "$0")/../.." && pwd)

# As root without a login shell, these may be missing from the PATH.
PATH=$PATH:/usr/sbin:/sbin
export PATH

# debian.sh PACKAGE... for those whose program is not there.
missing=
need() { # need PROGRAM PACKAGE
    command -v "$1" >/dev/null 2>&1 || [ -x "$1" ] || missing="$missing $2"
}
need linux.uml user-mode-linux
need bird bird2
need /usr/lib/frr/bgpd frr
need gobgpd gobgpd
need /usr/sbin/bgpctl openbgpd
need /usr/sbin/exabgp exabgp
need nft nftables
need ip6tables iptables
need ip iproute2
need depmod kmod
need mkfs.ext4 e2fsprogs
need sysctl procps
need busybox busybox-static
need ping iputils-ping
need tcpdump tcpdump
need iperf3 iperf3
need curl curl
# Word splitting is meant.
# shellcheck disable=SC2086
[ -z "$missing" ] || "$repository/scripts/debian.sh" $missing
"$repository/scripts/need.sh" python3
