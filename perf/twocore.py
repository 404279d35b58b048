# SPDX-License-Identifier: BSD-3-Clause
"""Guest to guest on two cores: rates, latencies and the zero-loss rate, ours and the peers' in turn.

All pairs of a switch and its guests are started once; then they take turns, so that both sides of
a ratio lie a second apart. See switches.py for how they wait, doc/performance.md for what counts.
"""
import dataclasses
import math
import sys
import time

import search
import switches


@dataclasses.dataclass(frozen=True)
class Shape:
    """What both ends of a socket agree on."""
    ports: int = 2
    queues: int = 1
    ring: int = 256
    window: int = 192
    room: int = 2048
    frame: int = 1514
    flows: int = 1
    mixed: bool = False
    macs: int = 0
    workers: int = 1
    tso: bool = False


SMALL = Shape()
# A frame of 9000 bytes in one buffer on both sides.
JUMBO = Shape(room=9216, frame=9000)
# 16 buffers of a frame: 60 frames per ring.
TSO = Shape(ring=1024, window=32, room=4096, frame=65280, tso=True)
OURS = "net_virtq, virtq-switch"
COUNTED = "net_virtq, virtq-switch, counted"
MIXED = "net_virtio_user, virtq-switch"
PMD_SPLIT = "net_virtio_user split, testpmd io"
PMD_VECTOR = "net_virtio_user split vectorized, testpmd io"
PMD_PACKED = "net_virtio_user packed, testpmd io"
OVS = "net_virtio_user, OVS-DPDK"
USER = "net_virtio_user"
PACKED = ",packed_vq=1,mrg_rxbuf=0,vectorized=1"

# name -> (switch, driver, driver for frames that need merged buffers or None)
PAIRS = {
    OURS: (switches.VirtqSwitch, "net_virtq", "net_virtq"),
    PMD_SPLIT: (switches.Testpmd, USER, USER),
    PMD_PACKED: (switches.Testpmd, USER + PACKED, USER + ",packed_vq=1"),
    OVS: (switches.Ovs, USER, USER),
    PMD_VECTOR: (switches.Testpmd, USER + ",mrg_rxbuf=0,in_order=0,vectorized=1", None),
    MIXED: (switches.VirtqSwitch, USER, USER),
    COUNTED: (switches.BusySwitch, "net_virtq", "net_virtq"),
}
TESTPMD = (PMD_SPLIT, PMD_VECTOR, PMD_PACKED)
# Part -> shape of the pairs, and who sends what. Who is not in any row of a load is left out there.
LOADS = {
    "small": (SMALL, {"60": tuple(PAIRS), "imix": (OURS, *TESTPMD), "1500": tuple(PAIRS),
                      "1500,touch": (OURS, COUNTED, *TESTPMD)}),
    "jumbo": (JUMBO, {"9000": (OURS, PMD_SPLIT, PMD_PACKED)}),
    "tso": (TSO, {"tso": (OURS, PMD_SPLIT, PMD_PACKED)}),
}
# A thread that polls waits for its CPU no longer than this share of a measurement, or it is
# repeated; a result that waited longer than DISTURBED does not count.
QUIET = 0.01
DISTURBED = 0.05
RETRIES = 2
# Everybody is started so often for rates and scaling: where memory lies makes more of a difference than rounds.
STARTS = 3
# Rounds of one frame at a time for each other round of latencies: what one frame in a thousand meets is
# mostly the host, and differs between neighbouring rounds by a factor of two.
ONES = 3
# Figure of a result: key, factor, unit, which is the best of several.
PPS = ("pps", 1e-6, "Mpps", max)
BYTES = ("bytes_per_s", 1e-9, "GB/s", max)
CYCLES = ("switch_cycles", 1, "cycles", min)
QUICK = (OURS, PMD_SPLIT, PMD_PACKED, COUNTED)
LATENCY = (OURS, PMD_SPLIT, PMD_PACKED, OVS)
STARTED = time.monotonic()


class Pair:
    """A switch and its guests."""

    def __init__(self, machine, name, shape):
        kind, small, merged = PAIRS[name]
        driver = small if shape.frame <= shape.room and not shape.tso else merged
        if driver is None:
            raise switches.Missing("not for frames in several buffers")
        self.name = name
        self.machine = machine
        self.guests = None
        self.switch = kind(machine, shape)
        try:
            self.switch.start().wait()
            self.guests = switches.Guests(machine, self.switch, driver).wait()
            self.switch.pause()
        except BaseException:
            self.close()
            raise

    def once(self, words):
        """One command of the guests while the switch runs."""
        both = (self.guests.process, self.switch.main)
        self.switch.resume()
        try:
            self.switch.cycles()
            before = [process.schedule() for process in both]
            result = self.guests.do(*words)
            after = [process.schedule() for process in both]
            counted = self.switch.cycles()
        finally:
            self.switch.pause()
        result["waited"] = max(switches.waited(b, a) for b, a in zip(before, after))
        if counted is not None and counted[1] > 0:
            result["switch_cycles"] = counted[0] / counted[1]
        return result

    def do(self, *words):
        """The same, again when something else had their CPUs; the least disturbed one."""
        results = []
        while len(results) <= RETRIES:
            results.append(self.once(words))
            if results[-1]["waited"] <= QUIET or time.monotonic() > self.machine.patient_until:
                break
        return min(results, key=lambda r: r["waited"])

    def close(self):
        if self.guests is not None:
            self.guests.close()
        self.switch.close()


class Stage:
    """Several pairs of one shape, ready to take turns."""

    def __init__(self, machine, names, shape, skipped, part):
        self.pairs = []
        for name in names:
            try:
                self.pairs.append(Pair(machine, name, shape))
            except switches.Missing as why:
                skipped[f"{part}: {name}"] = str(why)
            except switches.Failed as why:
                skipped[f"{part}: {name}"] = "failed"
                print(f"{part}: {name}: {why}", file=sys.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pair in self.pairs:
            pair.close()

    def get(self, name):
        return next((p for p in self.pairs if p.name == name), None)

    def fail(self, pair, why, skipped, part):
        """A pair that failed in the middle takes no part any more."""
        skipped[f"{part}: {pair.name}"] = "failed"
        print(f"{part}: {pair.name}: {why}", file=sys.stderr)
        pair.close()
        self.pairs.remove(pair)


def say(text):
    print(f"{time.monotonic() - STARTED:4.0f} s  {text}", file=sys.stderr, flush=True)


class TwoCores:
    """Fills data with the figures of each part: lists of rounds, as measured."""

    def __init__(self, machine, data, budget, quick):
        self.machine = machine
        self.data = data
        self.skipped = data["skipped"]
        self.budget = budget
        self.quick = quick

    def enough(self, done):
        """Beyond the budget no further round begins, but a fifth."""
        return done >= (2 if self.quick else 5) and time.monotonic() - STARTED > self.budget

    def rounds(self, stage, loads, numbers, seconds, part):
        """Every pair, every load that it takes part in, each round; a list of {pair: {load: result}}.

        loads: names of pairs by load.
        """
        found = []
        for pair in list(stage.pairs):
            try:
                pair.do("max", 0.2, next(iter(loads)))
            except switches.Failed as why:
                stage.fail(pair, why, self.skipped, part)
        for number in numbers:
            if self.enough(number):
                break
            one = {pair.name: {} for pair in stage.pairs}
            for load, names in loads.items():
                for pair in [p for p in stage.pairs if p.name in names]:
                    try:
                        one[pair.name][load] = pair.do("max", seconds, load)
                    except switches.Failed as why:
                        stage.fail(pair, why, self.skipped, part)
            found.append(one)
            say(f"{part}: round {number + 1}")
        return found

    def rates(self, rounds, seconds):
        self.data["rates"] = {}
        for part, (shape, loads) in LOADS.items():
            if self.quick and part != "small":
                continue
            if self.quick:
                loads = {load: QUICK for load in ("60", "1500", "1500,touch")}
            names = tuple(n for n in PAIRS if any(n in some for some in loads.values()))
            self.data["wanted"] = QUICK if self.quick else tuple(PAIRS)
            found = self.data["rates"][part] = []
            each = rounds if self.quick else math.ceil(rounds / STARTS)
            for first in range(0, rounds, each):
                if self.enough(first):
                    break
                say(f"rates {part}: starting {len(names)} switches")
                with Stage(self.machine, names, shape, self.skipped, f"rates {part}") as stage:
                    found += self.rounds(stage, loads, range(first, min(first + each, rounds)),
                                         seconds, f"rates {part}")

    def latencies(self, rounds, seconds):
        """One frame at a time, at 10 and 80 % of what each let through, and all at the same rate."""
        found = self.data["latency"] = []
        say(f"latency: starting {len(LATENCY)} switches")
        with Stage(self.machine, LATENCY, SMALL, self.skipped, "latency") as stage:
            for _ in range(ONES * rounds):
                found.append(self.each(stage, lambda pair, load: {"one": pair.do("one", seconds, load)}))
            say(f"latency: {ONES * rounds} rounds of one frame at a time")
            for done in range(rounds):
                found.append(self.each(stage, lambda pair, load: self.at_rates(pair, load, seconds)))
                self.same_rate(stage, found[-1], seconds)
                say(f"latency: round {done + 1} of {rounds}")
            self.zero_loss(stage.get(OURS), rounds, seconds)

    def each(self, stage, measure):
        """What measure() finds of every pair and load, {pair: {load: result}}."""
        one = {pair.name: {} for pair in stage.pairs}
        for load in ("60", "1500"):
            for pair in list(stage.pairs):
                try:
                    one[pair.name][load] = measure(pair, load)
                except switches.Failed as why:
                    stage.fail(pair, why, self.skipped, "latency")
        return one

    @staticmethod
    def at_rates(pair, load, seconds):
        top = pair.do("max", 0.3, load)["pps"]
        result = {"maximum": top}
        for share in (10, 80):
            result[str(share)] = pair.do("rate", seconds, load, int(top * share / 100))
        return result

    def same_rate(self, stage, one, seconds):
        """Everybody at 80 % of what the slower of testpmd's pairs let through."""
        def measure(pair, load):
            tops = [one[n][load]["maximum"] for n in TESTPMD if load in one.get(n, {})]
            return pair.do("rate", seconds, load, int(min(tops) * 0.8)) if tops else {}
        for name, loads in self.each(stage, measure).items():
            for load, result in loads.items():
                one[name][load]["same"] = result

    def zero_loss(self, pair, rounds, seconds):
        """RFC 2544 for ours; each search begins at the maximum. Slices need no quiet trial."""
        found = self.data["zero_loss"] = []
        for done in range(rounds if pair is not None else 0):
            found.append({})
            for load in ("60", "1500"):
                try:
                    top = pair.do("max", seconds, load)["pps"]
                    rate, trials = search.search(
                        lambda pps, s, load=load: search.judge(pair.once(("slices", s, load, int(pps)))),
                        top, seconds, 4 * seconds)
                    found[-1][load] = {"rate": rate, "maximum": top, "trials": trials}
                except switches.Failed as why:
                    self.skipped["zero loss"] = "failed"
                    print(f"zero loss: {why}", file=sys.stderr)
                    return
            say(f"zero loss: search {done + 1} of {rounds}")
