# SPDX-License-Identifier: BSD-3-Clause
"""How the switch takes to more queues, ports, addresses and workers: each case against its base, in turn."""
import dataclasses
import math
import os
import sys

import switches
import twocore

# A process of Debian's DPDK has 32 ports at most.
PORTS_PER_GUEST = 31
SPREAD = dataclasses.replace(twocore.SMALL, flows=64)
LOAD = "60"


def case(what, pair, shape, key, target=None, sense=">=", load=LOAD, kind="ratio"):
    return {"what": what, "pair": pair, "shape": shape, "key": key, "target": target,
            "sense": sense, "load": load, "kind": kind}


def cases(cpus):
    """Lists of cases; the first of each is the base of the others."""
    rate, cycles = twocore.PPS, twocore.CYCLES
    yield [case(f"{n} queues against 1", twocore.OURS, dataclasses.replace(SPREAD, queues=n), rate)
           for n in (1, 2, 4, 8)]
    # Each burst then goes to all receiveqs.
    yield [case(f"{n} queues against 1, any flow by any queue", twocore.OURS,
                dataclasses.replace(SPREAD, queues=n, mixed=True), rate) for n in (1, 2, 4, 8)]
    yield [case(f"{n} ports of which two are busy against 2", twocore.OURS,
                dataclasses.replace(twocore.SMALL, ports=n), rate, 0.91)
           for n in (2, 64)]
    # What it costs the worker alone is steer_cycles' to say; here caches are shared with guests.
    yield [case(f"{2 * n} addresses against 16", twocore.COUNTED,
                dataclasses.replace(twocore.SMALL, macs=n), cycles, None, "<=", LOAD + ",macs",
                "difference") for n in (8, 512, 32768)]
    if cpus > 2:
        yield [case(f"{n} workers against 1", twocore.OURS,
                    dataclasses.replace(SPREAD, queues=2, workers=n), rate) for n in (1, 2)]


class Crowd:
    """A pair, and guests on all other ports that are connected and idle."""

    def __init__(self, machine, name, shape):
        self.idle = []
        self.pair = twocore.Pair(machine, name, shape)
        try:
            self.pair.switch.resume()
            driver = twocore.PAIRS[name][1]
            for first in range(2, shape.ports, PORTS_PER_GUEST):
                count = min(PORTS_PER_GUEST, shape.ports - first)
                self.idle.append(switches.Guests(machine, self.pair.switch, driver, ["--idle"],
                                                 first, count, f"idle{first}"))
                self.idle[-1].wait()
            self.pair.switch.pause()
        except BaseException:
            self.close()
            raise

    def close(self):
        for guests in self.idle:
            guests.close()
        self.pair.close()


def figure(result, key):
    """None when something else had the CPUs."""
    return result.get(key) if result["waited"] <= twocore.DISTURBED else None


def take_turns(machine, group, rounds, seconds):
    """Figures of base and cases, started once, in turn; a list for each round."""
    crowds = []
    try:
        for c in group:
            crowds.append(Crowd(machine, c["pair"], c["shape"]))
            crowds[-1].pair.do("max", 0.2, c["load"])
        twocore.say(f"scaling: {group[-1]['what']}: started")
        return [[figure(crowd.pair.do("max", seconds, c["load"]), c["key"][0])
                 for c, crowd in zip(group, crowds)] for _ in range(rounds)]
    finally:
        for crowd in crowds:
            crowd.close()


def measure_group(machine, group, rounds, seconds):
    """Base and cases, from several starts; what scaling_rows() of two_report.py wants."""
    each = math.ceil(rounds / twocore.STARTS)
    values = [v for _ in range(twocore.STARTS) for v in take_turns(machine, group, each, seconds)]
    found = []
    for i, c in enumerate(group[1:], 1):
        scale = c["key"][1]
        found.append({"what": c["what"], "load": c["load"], "unit": c["key"][2],
                      "target": c["target"], "sense": c["sense"], "kind": c["kind"],
                      "rounds": [{"ours": v[i] * scale, "base": v[0] * scale} for v in values
                                 if v[i] is not None and v[0] is not None]})
    return found


def measure(machine, data, rounds, seconds):
    data["scaling"] = []
    cpus = len(os.sched_getaffinity(0))
    if cpus < 3:
        data["skipped"]["scaling: 2 workers"] = f"{cpus} CPUs: the guests and each worker need one"
    for group in cases(cpus):
        try:
            data["scaling"] += measure_group(machine, group, rounds, seconds)
        except switches.Missing as why:
            data["skipped"][f"scaling: {group[-1]['what']}"] = str(why)
        except switches.Failed as why:
            data["skipped"][f"scaling: {group[-1]['what']}"] = "failed"
            print(f"scaling: {group[-1]['what']}: {why}", file=sys.stderr)
