#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A driver vdev against stock net_vhost in one process: no switch, nothing but the two rings."""

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


if __name__ == "__main__":
    harness.run(*[loop(driver, *shape) for driver in ("net_virtio_user", "net_virtq") for shape in SHAPES])
