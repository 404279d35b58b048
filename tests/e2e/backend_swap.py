#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A testpmd command line against stock net_vhost works the same for net_virtio_user and net_virtq.

All combinations of device arguments with E2E_FULL=1, else a set that covers every pair of values.
"""

import itertools
import re

import harness

ARGUMENTS = {
    "mac": ["", "02:00:00:00:00:42"],
    "queues": ["1", "4"],
    "queue_size": ["", "1024"],
    "server": ["", "1"],
    "mrg_rxbuf": ["", "0", "1"],
    "in_order": ["", "0", "1"],
}


def covering(combinations):
    """Greedy choice until each pair of values of two arguments has been taken."""
    def pairs(c):
        return set(itertools.combinations(c.items(), 2))
    left = set().union(*map(pairs, combinations))
    while left:
        best = max(combinations, key=lambda c: len(pairs(c) & left))
        left -= pairs(best)
        yield best


def swap(driver, values):
    given = "".join(f",{k}={v}" for k, v in values.items() if v)

    def check(case):
        path, queues, server = case.path("sock"), int(values["queues"]), values["server"] == "1"
        options = [f"--rxq={queues}", f"--txq={queues}"]

        client = ",client=1" if server else ""
        ends = {"driver": (f"{driver}0,path={path}{given}", harness.CPUS[0]),
                "device": (f"net_vhost0,iface={path},queues={queues}{client}", harness.CPUS[-1])}
        # Whoever listens on the socket is started first; net_virtio_user waits there for the other.
        for name in sorted(ends, reverse=server):
            ends[name] = case.testpmd([ends[name][0]], options, name=name, cpu=ends[name][1], wait=False)
            harness.poll(f"{name}: socket {path}", lambda: harness.is_listening(path), 20)
        device, driver_end = ends["device"].wait_prompt(), ends["driver"].wait_prompt()
        device.command("start")
        harness.poll("link of net_vhost up", lambda: "Link status: up" in device.command("show port info 0"), 5)
        driver_end.command("start tx_first")
        harness.poll(f"frames in a loop on {driver}: RX and TX",
                     lambda: min(driver_end.stats()[k] for k in ("RX-packets", "TX-packets")) > 10000, 10)
        driver_end.command("stop")
        info = driver_end.command("show port info 0")
        mac = re.search(r"MAC address: (\S+)", info).group(1)
        case.expect(not values["mac"] or mac == values["mac"].upper(), f"MAC {values['mac']}, not {mac}")
        case.expect(driver_end.stats()["TX-errors"] == 0, "no transmit errors")
        received = re.findall(r"^rx_q(\d+)_?(?:good_)?packets: (\d+)", driver_end.command("show port xstats 0"), re.M)
        case.expect(len({q for q, n in received if int(n) > 0}) == queues,
                    f"frames on each of {queues} receive queues, not {received}")
        case.expect(driver_end.quit() == 0, f"exit code 0 of testpmd with {driver}")
        case.expect(device.quit() == 0, "exit code 0 of testpmd with net_vhost")
    return f"{driver}{given}", check


def cases():
    combinations = [dict(zip(ARGUMENTS, v)) for v in itertools.product(*ARGUMENTS.values())]
    chosen = combinations if harness.FULL else list(covering(combinations))
    return [swap("net_virtq", c) for c in chosen] + [swap("net_virtio_user", c) for c in chosen[:2]]


if __name__ == "__main__":
    harness.run(*cases())
