#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Life of a net_virtq port with a backend that comes and goes, and with its application's wishes."""

import re

import harness


def vdevs(case, more=""):
    return [f"net_virtq{i},path={case.path(p)}.sock,mac=02:00:00:00:00:0{i + 1}{more}" for i, p in enumerate("ab")]


def link(pmd, port=0):
    return re.search(r"Link status: (\w+)", pmd.command(f"show port info {port}")).group(1)


def wait_link(pmd, state, seconds=3):
    harness.poll(f"link {state}", lambda: link(pmd) == link(pmd, 1) == state, seconds)


def rates_both_ways(pmd):
    """Frames of a new burst go round: port 0 to port 1 through the switch and back."""
    before = [pmd.stats(p)["RX-packets"] for p in (0, 1)]
    pmd.command("start tx_first")
    harness.poll("frames on both ports",
                 lambda: all(pmd.stats(p)["RX-packets"] > b + 1000 for p, b in zip((0, 1), before)), 10)
    pmd.command("stop")


def driver_starts_before_the_switch(server):
    def check(case):
        guests = case.seqcheck_start(vdevs(case, ",server=1" * server), ["--packets", harness.scaled(200000)])
        harness.poll("the driver's ports to be probed", lambda: "EAL" in guests.text(), 5)
        if server:
            for p in "ab":
                harness.poll(f"socket {p}", lambda p=p: harness.is_listening(f"{case.path(p)}.sock"), 10)
        case.switch({p: "client=1" if server else "" for p in "ab"})
        case.seqcheck_end(guests, 60)
    return f"driver starts before the switch, {'server' if server else 'client'}", check


def link_follows_the_switch(case):
    switch = case.switch({"a": "", "b": ""})
    # macswap answers to the sender; the first burst is flooded to the other port.
    pmd = case.testpmd(vdevs(case), ["--forward-mode=mac", "--eth-peer=0,02:00:00:00:00:02",
                                     "--eth-peer=1,02:00:00:00:00:01"])
    wait_link(pmd, "up")
    rates_both_ways(pmd)
    for number in range(3):
        switch.kill()
        wait_link(pmd, "down")
        switch = case.switch({"a": "", "b": ""}, name=f"switch{number}")
        wait_link(pmd, "up")
        rates_both_ways(pmd)
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")
    case.expect(switch.stop() == 0, "exit code 0 of the switch")


def stop_start_and_other_queue_counts(case):
    switch = case.switch({"a": "queues=4", "b": "queues=4"})
    pmd = case.testpmd(vdevs(case, ",queues=4"), ["--forward-mode=mac", "--eth-peer=0,02:00:00:00:00:02",
                                                  "--eth-peer=1,02:00:00:00:00:01"])
    for queues in (1, 4, 2, 3, 1):
        pmd.command("port stop all")
        pmd.command(f"port config all rxq {queues}")
        pmd.command(f"port config all txq {queues}")
        pmd.command("port start all")
        wait_link(pmd, "up")
        rates_both_ways(pmd)
    fds = switch.fds()
    for _ in range(10):
        pmd.command("port stop all")
        pmd.command("port start all")
    wait_link(pmd, "up")
    rates_both_ways(pmd)
    case.expect(switch.fds() == fds, f"{fds} file descriptors of the switch after 10 restarts, not {switch.fds()}")
    pmd.command("port stop all")
    pmd.command("port close all")
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")


def mbufs_all_come_back(case):
    """What the driver posted and took is freed again when the port stops."""
    case.switch({"a": "", "b": ""})
    pmd = case.testpmd(vdevs(case), ["--forward-mode=mac", "--eth-peer=0,02:00:00:00:00:02",
                                     "--eth-peer=1,02:00:00:00:00:01", "--mbcache=0"])
    wait_link(pmd, "up")
    rates_both_ways(pmd)
    pmd.command("port stop all")
    dump = pmd.command("dump_mempool")
    sizes = [int(re.search(rf"^\s+{k}=(\d+)", dump, re.M).group(1)) for k in ("size", "common_pool_count")]
    in_cache = sum(map(int, re.findall(r"cache_count\[\d+\]=(\d+)", dump)))
    case.expect(sizes[0] == sizes[1] + in_cache, f"{sizes[0]} mbufs in the pool, not {sizes[1]} + {in_cache}")


if __name__ == "__main__":
    harness.run(driver_starts_before_the_switch(False), driver_starts_before_the_switch(True),
                link_follows_the_switch, stop_start_and_other_queue_counts, mbufs_all_come_back)
