#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sequence check driver - virtq-switch - driver over sizes, queues, rings, memory and socket roles."""

import harness

MAC = "02:00:00:00:00:0{}"


def through_switch(driver, packets, size="60", queues=1, arguments="", options=(), huge=None, server=False):
    """One case: two ports of one process, sending to each other through a switch of two ports."""
    def check(case):
        port = f"queues={queues}" + (",client=1" if server else "")
        switch = case.switch({"a": port, "b": port}, huge=huge)
        vdevs = [f"{driver}{i},path={case.path(name)}.sock,mac={MAC.format(i + 1)},queues={queues}"
                 f"{arguments}{',server=1' if server else ''}" for i, name in enumerate("ab")]
        result = case.seqcheck(vdevs, ["--packets", harness.scaled(packets), "--queues", queues, "--size", size, *options],
                               huge=huge)
        print(f"# {result['received']} frames, {result['mpps']:.2f} Mpps, window {result['window']}")
        case.expect(result["flooded"] == 0, "no copy of a frame at a port it is not for")
        code = switch.stop()
        case.expect(code == 0, f"exit code 0 of the switch on SIGINT, not {code}")
    words = [driver, f"{queues} queues", f"{size} bytes", arguments.lstrip(","), *map(str, options),
             "server" if server else "", "" if huge is None else ("hugepages" if huge else "no-huge")]
    return " ".join(w for w in words if w), check


def cases():
    long_run = 100000000 if harness.FULL else 2000000
    window = {"arguments": ",queue_size=1024", "options": ["--window", 256]}
    yield through_switch("net_virtq", long_run, **window)
    yield through_switch("net_virtio_user", 2000000, **window)
    for driver in ("net_virtq", "net_virtio_user"):
        yield through_switch(driver, 500000, "60-1514", queues=4)
        yield through_switch(driver, 50000, "60-9000")
        yield through_switch(driver, 50000, "60-9000", arguments=",queue_size=1024")
        yield through_switch(driver, 50000, "60-9000", arguments=",mrg_rxbuf=0", options=["--mbuf-size", 9300])
        yield through_switch(driver, 100000, "60-9000", arguments=",in_order=0", options=["--segs", 5])
        yield through_switch(driver, 200000, "60-1514", arguments=",mrg_rxbuf=0,in_order=0", queues=4)
        yield through_switch(driver, 200000, "60-1514", server=True)
        yield through_switch(driver, 200000, "60-9000", huge=False)
    for size in ("60", "64", "128", "1514", "1515", "2048", "2100", "9000"):
        yield through_switch("net_virtq", 50000, size)
    yield through_switch("net_virtq", 50000, "60-300", options=["--mbuf-size", 128, "--segs", 3])
    yield through_switch("net_virtq", 200000, arguments=",queue_size=32")
    yield through_switch("net_virtq", 500000, arguments=",queue_size=4096", options=["--descs", 4096])


if __name__ == "__main__":
    harness.run(*cases())
