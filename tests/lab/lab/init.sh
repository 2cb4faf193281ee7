#!/bin/sh
# Process 1 of the User-mode Linux: mounts, loads modules, runs the scenarios, powers off. What it
# must know comes as NAME=VALUE on the kernel's command line.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
# In one call each, since a process start is slow here; what this kernel's package lacks is only named.
modprobe -a -d "$LAB_MODULES" ipv6 llc 8021q vrf veth dummy
# What a packet filter, a policer or an emulated line may be made of.
modprobe -a -d "$LAB_MODULES" nfnetlink nf_tables nft_ct nft_limit nft_reject nft_compat x_tables \
    xt_comment ip_tables iptable_raw ip6_tables ip6table_raw ip6t_rpfilter ipt_rpfilter sch_ingress sch_netem cls_matchall cls_flower cls_fw cls_u32 act_police act_gact \
    act_skbedit act_mirred act_vlan
"$LAB_PYTHON" -I -S -B "$LAB_INSIDE" "$LAB_WORK" "$LAB_NUMBER" "$LAB_KEEP" "$LAB_PROGRAM"
sync
busybox poweroff -f
