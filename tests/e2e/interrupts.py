#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Receive interrupts of net_virtq: a program that sleeps in epoll is woken by traffic."""

import pathlib
import re

import harness

SLEEPER = harness.BUILD / "tests" / "sleeper" / "sleeper"
BURST, ROUNDS = 32, 10


def asleep(process):
    """Is its main thread off the processor, waiting?"""
    stat = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "S"


def woken(case, queues, sender):
    """sender sends a burst per queue each round; between rounds the sleeper sleeps."""
    _, eal = case.eal("sleeper", f"0@{harness.CPUS[0]}", 192)
    total = BURST * queues * ROUNDS
    process = case.start("sleeper", [
        SLEEPER, "-d", harness.DRIVER, *eal,
        f"--vdev=net_virtq0,path={case.path('a')}.sock,queues={queues},mac=02:00:00:00:00:01,wait=10",
        "--", total, queues])
    process.expect_line("sleeper: waits")
    sender.command("set fwd io")
    for number in range(1, ROUNDS + 1):
        harness.poll("the sleeper to sleep", lambda: asleep(process), 10)
        harness.poll("the sender's link", lambda: "Link status: up" in sender.command("show port info 0"), 10)
        sender.command("start tx_first")
        sender.command("stop")
        process.expect_line(f"^sleeper: {BURST * queues * number} packets")
    case.expect(process.wait(10) == 0, "exit code 0 of the sleeper")
    found = re.search(r"(\d+) packets, (\d+) wake-ups, (\d+) ms", process.text())
    packets, wakes, ms = map(int, found.groups())
    print(f"# {packets} packets, {wakes} wake-ups, {ms} ms of processor time")
    case.expect(packets == total, f"{total} packets, not {packets}")
    # Some are spurious: a wake-up by the backend that came, one that came while it polled.
    case.expect(wakes < packets, "fewer wake-ups than packets")


def by_the_switch(case):
    switch = case.switch({"a": "queues=2", "b": ""})
    sender = case.testpmd([f"net_virtq0,path={case.path('b')}.sock,mac=02:00:00:00:00:02"])
    woken(case, 1, sender)
    case.expect(switch.stop() == 0, "exit code 0 of the switch")


def by_net_vhost(queues):
    def check(case):
        sender = case.testpmd([f"net_vhost0,iface={case.path('a')}.sock,queues={queues}"],
                              [f"--rxq={queues}", f"--txq={queues}"], cpu=harness.CPUS[-1])
        woken(case, queues, sender)
        case.expect(sender.quit() == 0, "exit code 0 of testpmd")
    return f"by net_vhost, {queues} queues", check


if __name__ == "__main__":
    harness.run(by_the_switch, by_net_vhost(1), by_net_vhost(2))
