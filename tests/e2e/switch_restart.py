#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 of the switch under traffic: back within a second, nothing twice, guests untouched."""

import re
import time

import harness

ROUNDS = harness.ROUNDS
LIMIT_S = 1.0


def resumed(guests, nb_flows, since):
    """Times at which each flow came back after `since`, once all have."""
    times = {}
    for flow, at in re.findall(r"^gap flow (\d+) us \d+ until ([\d.]+)$", guests.text(), re.M):
        if float(at) > since:
            times[flow] = float(at)
    return times if len(times) == nb_flows else None


def restart(driver, server, queues=1):
    def check(case):
        port = f"queues={queues}" + (",client=1" if server else "")
        ports = {"a": port, "b": port}
        sockets = [f"{case.path(p)}.sock" for p in ports]
        switch = case.switch(ports)
        guests = case.seqcheck_start(
            [f"{driver}{i},path={s},mac=02:00:00:00:00:0{i + 1},queues={queues}{',server=1' * server}"
             for i, s in enumerate(sockets)],
            ["--seconds", 3600, "--allow-loss", "--report-gap", "--quiet", "--queues", queues])
        guests.expect_line("sending")
        worst = 0.0
        for number in range(ROUNDS):
            time.sleep(0.2)
            switch.kill()
            killed = time.monotonic()
            switch = case.switch(ports, wait=False, name=f"switch{number}")
            switch.wait_listening()
            if server:
                harness.poll("connections to both guests", lambda: all(map(harness.is_connected, sockets)), 20)
            ready = time.monotonic()
            times = harness.poll(f"round {number}: all flows to come back",
                                 lambda: resumed(guests, 2 * queues, killed), 10)
            worst = max(worst, max(times.values()) - ready)
        case.expect(worst <= LIMIT_S, f"traffic back within {LIMIT_S} s after the switch is there, not {worst:.3f}")
        guests.stop()
        result = case.seqcheck_end(guests)
        print(f"# {ROUNDS} kills: back at most {worst * 1000:.0f} ms after the switch was there, "
              f"{result['lost'] / ROUNDS:.0f} frames lost each")
    return f"{driver} {'server' if server else 'client'} {queues} queues: {ROUNDS} kills of the switch", check


if __name__ == "__main__":
    harness.run(restart("net_virtq", False), restart("net_virtq", True), restart("net_virtq", False, 4),
                restart("net_virtio_user", True))
