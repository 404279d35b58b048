#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a port wanted of a switch that was killed it has from the next one, by the control ring."""

import re
import time

import harness


def xstat(pmd, name):
    found = re.search(rf"^{name}: (\d+)$", pmd.command("show port xstats 0"), re.M)
    return int(found.group(1)) if found else -1


def wishes_outlive_the_switch(case):
    """Every VLAN there is, and the switch killed again and again."""
    switch = case.switch({"a": "queues=4"})
    pmd = case.testpmd([f"net_virtq0,path={case.path('a')}.sock,queues=4"],
                       ["--rxq=4", "--txq=4", "--enable-hw-vlan-filter", "--total-num-mbufs=8192"])
    pmd.command("set fwd rxonly")
    pmd.command("rx_vlan add all 0", 60)
    before = xstat(pmd, "control_commands")
    case.expect(before > 4090, f"a command for each VLAN, not {before} commands")
    worst = 0.0
    for number in range(3):
        switch.kill()
        switch = case.switch({"a": "queues=4"}, name=f"switch{number}")
        ready = time.monotonic()
        harness.poll("link to come back", lambda: "Link status: up" in pmd.command("show port info 0"), 20)
        worst = max(worst, time.monotonic() - ready)
    after = xstat(pmd, "control_commands")
    case.expect(after >= before + 3 * 4090, f"all of them again each time, not {after - before} commands")
    case.expect(xstat(pmd, "control_timeouts") == 0, "no command unanswered")
    case.expect(xstat(pmd, "control_refused") == 0, "no command refused")
    print(f"# {after} commands, {before} before the first kill; link back at most {worst * 1000:.0f} ms after the "
          "switch was there")
    pmd.quit()


if __name__ == "__main__":
    harness.run(wishes_outlive_the_switch)
