# SPDX-License-Identifier: BSD-3-Clause
"""A QEMU machine with one vhost-user network card, and what its Linux says about it."""

import re
import shutil

import harness
from guest import image

# Names of VIRTIO 1.3, 5.1.3 Feature bits, as QEMU's device options write them.
OFFLOADS = {"csum": 0, "guest_csum": 1, "guest_tso4": 7, "guest_tso6": 8, "guest_ecn": 9, "guest_ufo": 10,
            "host_tso4": 11, "host_tso6": 12, "host_ecn": 13, "host_ufo": 14, "mrg_rxbuf": 15}


def boot(case, number, test, socket, options="", queues=2, memory=144, programs=(), files=()):
    """Boot a guest that runs the shell text `test`; never by KVM (real-guests: it does not boot).

    socket: path, with ",server=on" when QEMU is to serve it. options: of the network card, such as
    "guest_csum=off,mrg_rxbuf=off".
    """
    initrd = case.path(f"initrd{number}")
    if shutil.which("qemu-system-x86_64") is None:
        raise harness.Skip("the package qemu-system-x86 is not installed")
    try:
        kernel = image.build(initrd, test, programs, dict(files))
    except image.Missing as reason:
        raise harness.Skip(str(reason)) from None
    # vectors=0: QEMU 7.2 crashes under TCG when a guest uses MSI-X on a vhost-user device.
    device = f"virtio-net-pci,netdev=n0,mac=52:54:00:00:00:0{number},mq=on,vectors=0,disable-legacy=on"
    return case.start(f"guest{number}", [
        "qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
        "-monitor", "none", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max",
        "-m", str(memory), "-kernel", kernel, "-initrd", initrd,
        "-append", "console=ttyS0 panic=-1 quiet",
        "-object", f"memory-backend-memfd,id=mem,size={memory}M,share=on", "-numa", "node,memdev=mem",
        "-chardev", f"socket,id=c0,path={socket}",
        "-netdev", f"vhost-user,id=n0,chardev=c0,queues={queues}",
        "-device", device + (f",{options}" if options else "")], cpu=harness.CPUS[0])


# What goes wrong unseen: the guest's own counters and the kernel's complaints.
REPORT = """#!/bin/sh
cat /proc/net/snmp /proc/net/snmp6 /proc/net/netstat
for f in /sys/class/net/eth0/statistics/*; do echo "eth0 $(basename $f) $(cat $f)"; done
ethtool -k eth0
dmesg | grep -E 'csum failure|bad gso|WARNING:|Oops|BUG:' | sed 's/^/COMPLAINT: /'
"""

# Counters of a guest that only a broken frame moves.
BROKEN = ("IpInHdrErrors", "TcpInErrs", "TcpInCsumErrors", "UdpInCsumErrors", "IcmpInCsumErrors",
          "Ip6InHdrErrors", "Udp6InCsumErrors", "Icmp6InCsumErrors", "eth0 rx_errors",
          "eth0 rx_frame_errors", "eth0 rx_length_errors", "eth0 rx_crc_errors")


def report_numbers(text):
    """{name: number} of REPORT: "TcpInCsumErrors", "Ip6InHdrErrors", "eth0 rx_frame_errors", ..."""
    numbers, heads = {}, {}
    for line in text.replace("\r", "").splitlines():
        if m := re.fullmatch(r"(\w+): (.*)", line):
            name, words = m.group(1), m.group(2).split()
            if name in heads and re.fullmatch(r"[-\d ]+", m.group(2)):
                numbers.update({name + key: int(value) for key, value in zip(heads.pop(name), words)})
            else:
                heads[name] = words
        elif m := re.fullmatch(r"(\w+6\w+|eth0 \w+)\s+(\d+)", line):
            numbers[m.group(1)] = int(m.group(2))
    return numbers


def ethtool(text):
    """{"tx-checksumming": True, ...} of "ethtool -k"."""
    return {m.group(1): m.group(2) == "on"
            for m in re.finditer(r"^\s*([\w-]+): (on|off)\b", text.replace("\r", ""), re.M)}
