#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two Linux guests in QEMU ping each other through the switch; one socket is QEMU's own."""

import re

import harness
from guest import machine

ADDRESS = "ip addr add 10.0.0.{n}/24 dev eth0; ip link set eth0 up; ip link set eth0 promisc off\n"
HASH_REPORT = 57
WAITING = ADDRESS.format(n=1) + "while :; do sleep 1; done\n"
PINGING = ADDRESS.format(n=2) + """
for i in $(seq 60); do ping -c 1 -W 1 10.0.0.1 >/dev/null 2>&1 && break; done
ping -q -c 20 -i 0.05 10.0.0.1
ping -q -c 10 -i 0.05 -s 8000 10.0.0.1
ping -q -c 10 -i 0.05 -s 1 10.0.0.1
cat /sys/class/net/eth0/device/features
"""


def expect_pings(case, guest):
    guest.expect_line("GUEST: test.sh ended with", 90)
    for count in (20, 10, 10):
        case.expect(f"{count} packets transmitted, {count} packets received" in guest.text(),
                    f"{count} of {count} pings answered")


def two_guests_ping_each_other(case):
    # Made for the second guest before QEMU listens: the port has to keep trying.
    switch = case.switch({"g1": "queues=2", "g2": "queues=2,client=1"})
    waiting = machine.boot(case, 1, WAITING, f"{case.path('g1')}.sock")
    pinging = machine.boot(case, 2, PINGING, f"{case.path('g2')}.sock,server=on")
    expect_pings(case, pinging)
    case.expect(waiting.alive(), "the first guest still runs")
    case.expect(switch.stop() == 0, "the switch ends with 0 on SIGINT")


def guests_ping_through_a_switch_that_sleeps(case):
    switch = case.switch({"g1": "queues=2", "g2": "queues=2"}, extra=["--idle-sleep", "10"])
    waiting = machine.boot(case, 1, WAITING, f"{case.path('g1')}.sock")
    pinging = machine.boot(case, 2, PINGING, f"{case.path('g2')}.sock")
    expect_pings(case, pinging)
    idle = switch.telemetry("/virtq/workers")["0"]
    print(f"# {idle}")
    # Each ping and each answer comes 50 ms after the one before.
    case.expect(idle["woken_by_kick"] >= 40, f"a worker that slept between pings: {idle}")
    case.expect(waiting.alive(), "the first guest still runs")
    case.expect(switch.stop() == 0, "the switch ends with 0 on SIGINT")


def stock_backend_serves_the_same_guests(case):
    """The scenario itself, proved on net_vhost: a failure above is then the switch's."""
    pmd = case.testpmd([f"net_vhost{i},iface={case.path(f'g{i + 1}')}.sock,queues=2" for i in (0, 1)],
                       ["--rxq=2", "--txq=2", "--forward-mode=io"], cpu=harness.CPUS[-1])
    pmd.command("start")
    machine.boot(case, 1, WAITING, f"{case.path('g1')}.sock")
    expect_pings(case, machine.boot(case, 2, PINGING, f"{case.path('g2')}.sock"))


def guests_take_hash_reports_with_every_packet(case):
    """QEMU passes HASH_REPORT on and keeps the control queue to itself: headers of 20 bytes."""
    switch = case.switch({"g1": "queues=2,hash=on", "g2": "queues=2,hash=on"})
    waiting = machine.boot(case, 1, WAITING, f"{case.path('g1')}.sock", "hash=on")
    pinging = machine.boot(case, 2, PINGING, f"{case.path('g2')}.sock", "hash=on")
    expect_pings(case, pinging)
    bits = re.search(r"^[01]{64}", pinging.text().replace("\r", ""), re.M)
    case.expect(bits is not None and bits.group(0)[HASH_REPORT] == "1", "the guest negotiated HASH_REPORT")
    case.expect(waiting.alive(), "the first guest still runs")
    case.expect(switch.stop() == 0, "the switch ends with 0 on SIGINT")


if __name__ == "__main__":
    harness.run(two_guests_ping_each_other, guests_take_hash_reports_with_every_packet,
                guests_ping_through_a_switch_that_sleeps,
                stock_backend_serves_the_same_guests)
