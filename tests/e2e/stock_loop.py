#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A driver vdev against stock net_vhost: in one process, and with testpmd as the other one."""

import harness

SHAPES = [
    # queues, frame sizes, device arguments, further options of seqcheck
    (1, "60", "", ["--packets", 2000000]),
    (4, "60-1500", "", ["--packets", 500000]),
    (1, "60-9000", "", ["--packets", 100000, "--segs", 5]),
    (1, "60-9000", ",mrg_rxbuf=0", ["--packets", 100000, "--mbuf-size", 9300]),
    (4, "60-1500", ",in_order=0", ["--packets", 500000]),
]


def loop(driver, queues, size, arguments, options):
    def check(case):
        path = case.path("sock")
        case.seqcheck([f"net_vhost0,iface={path},queues={queues}"],
                      ["--queues", queues, "--size", size, *options],
                      late=[f"{driver}0,path={path},queues={queues},mac=02:00:00:00:00:01{arguments}"])
    return f"{driver} against net_vhost, {queues} queues, {size} bytes{arguments}", check


def through_testpmd(driver, queues):
    """Two ports of the driver, joined by stock testpmd in io mode over two net_vhost ports."""
    def check(case):
        paths = [case.path(n) for n in "ab"]
        pmd = case.testpmd([f"net_vhost{i},iface={p},queues={queues}" for i, p in enumerate(paths)],
                           [f"--rxq={queues}", f"--txq={queues}", "--forward-mode=io"], cpu=harness.CPUS[-1])
        pmd.command("start")
        case.seqcheck([f"{driver}{i},path={p},queues={queues},mac=02:00:00:00:00:0{i + 1}"
                       for i, p in enumerate(paths)],
                      ["--packets", harness.scaled(1000000), "--queues", queues, "--size", "60-1514"])
        case.expect(pmd.quit() == 0, "exit code 0 of testpmd")
    return f"{driver} through testpmd io, {queues} queues", check


if __name__ == "__main__":
    harness.run(*[case for driver in ("net_virtio_user", "net_virtq")
                  for case in [*[loop(driver, *shape) for shape in SHAPES],
                               through_testpmd(driver, 1), through_testpmd(driver, 4)]])
