#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 of a guest: two other ports lose nothing, the switch keeps neither fds nor memory of it."""

import time

import harness

ROUNDS = harness.ROUNDS
RSS_SLACK_KIB = 4096


def vdevs(case, driver, names, first):
    return [f"{driver}{i},path={case.path(n)}.sock,mac=02:00:00:00:00:0{first + i}" for i, n in enumerate(names)]


def guest_memory(switch):
    """Shared mappings of the switch: its guests' memory, and its own where that is shared."""
    return sum(1 for line in switch.maps() if line.split()[1].endswith("s"))


def kill_guests(driver):
    def check(case):
        switch = case.switch({p: "" for p in "abcd"})
        others = case.seqcheck_start(vdevs(case, "net_virtq", "ab", 1), ["--seconds", 3600, "--quiet"],
                                     name="others")
        others.expect_line("sending")
        before, settled = (switch.fds(), guest_memory(switch)), None
        for number in range(ROUNDS):
            victim = case.seqcheck_start(vdevs(case, driver, "cd", 3), ["--seconds", 3600, "--quiet"],
                                         name=f"victim{number}", megabytes=128)
            victim.expect_line("sending")
            time.sleep(0.1)
            victim.kill()
            harness.poll(f"round {number}: file descriptors and mappings of the switch back at {before}",
                         lambda: (switch.fds(), guest_memory(switch)) == before, 5)
            settled = settled or switch.rss_kib()
        grown = switch.rss_kib() - settled
        case.expect(grown <= RSS_SLACK_KIB, f"memory of the switch to stay, not to grow by {grown} KiB")
        others.stop()
        result = case.seqcheck_end(others)
        case.expect(result["received"] > 0 and result["lost"] == 0, "traffic of the others, nothing lost")
        print(f"# {ROUNDS} kills: others passed {result['received']} frames, memory grew by {grown} KiB")
        case.expect(switch.stop() == 0, "exit code 0 of the switch")
    return f"{ROUNDS} kills of a {driver} guest", check


if __name__ == "__main__":
    harness.run(kill_guests("net_virtq"), kill_guests("net_virtio_user"))
