#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Several workers: frames of two workers meet in one receiver, order within each flow stays."""

import harness


def workers(count, ports, queues):
    def check(case):
        names = "abcdefgh"[:ports]
        switch = case.switch({p: f"queues={queues}" for p in names}, workers=count)
        vdevs = [f"net_virtq{i},path={switch.paths[p]},mac=02:00:00:00:00:0{i + 1},queues={queues}"
                 for i, p in enumerate(names)]
        # More threads than processors: give each its time slice before calling it a stall.
        case.seqcheck(vdevs, ["--packets", harness.scaled(100000), "--queues", queues, "--size", "60-1514",
                              "--stall-ms", 10000], megabytes=384)
        case.expect(switch.stop() == 0, "exit code 0 of the switch")
    return f"{count} workers, {ports} ports, {queues} queues", check


if __name__ == "__main__":
    harness.run(workers(2, 2, 1), workers(2, 4, 2), workers(3, 8, 1))
