#!/bin/sh
# Process 1 of the User-mode Linux: mounts, loads modules, runs the scenarios, powers off. What it
# must know comes as NAME=VALUE on the kernel's command line.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
for module in ipv6 llc 8021q vrf veth dummy; do
    modprobe -d "$LAB_MODULES" "$module" || echo "no module $module"
done
"$LAB_PYTHON" -I -S -B "$LAB_INSIDE" "$LAB_WORK" "$LAB_NUMBER" "$LAB_KEEP" "$LAB_PROGRAM"
sync
busybox poweroff -f
