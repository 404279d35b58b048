#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Known unicast needs no mbuf of the switch: with a pool of one it goes on at full rate."""

import harness

PACKETS = 3000000


def rate(case, *options):
    names = [f"{p}{len(case.processes)}" for p in "ab"]
    switch = case.switch({n: "" for n in names}, extra=options)
    result = case.seqcheck([f"net_virtq{i},path={switch.paths[n]},queue_size=1024,mac=02:00:00:00:00:0{i + 1}"
                            for i, n in enumerate(names)], ["--packets", harness.scaled(PACKETS), "--quiet"])
    pool = switch.telemetry("/mempool/info,vswitch")
    case.expect(switch.stop() == 0, "exit code 0 of the switch")
    return result["mpps"], pool


def known_unicast_without_mbufs(case):
    """A burst would take 32 mbufs: a switch that took any for known unicast would lose frames here."""
    full, empty = [], []
    for _ in range(3):
        full.append(rate(case)[0])
        mpps, pool = rate(case, "--mbufs", "1")
        empty.append(mpps)
        case.expect(pool["size"] == 1, f"a pool of one mbuf, not {pool}")
    print(f"# {max(full):.2f} Mpps with the usual pool, {max(empty):.2f} Mpps with one mbuf")
    case.expect(max(empty) > 0.25 * max(full), "about the same rate, on a busy machine, too")


if __name__ == "__main__":
    harness.run(known_unicast_without_mbufs)
