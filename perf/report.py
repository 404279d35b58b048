#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tables from the figures that measure.py collects: report.py FILE.json prints them again.

A figure of a run is the minimum of its quiet windows: what the code costs when nothing comes in
between; on a machine that does nothing else the median is the same within 2 %. A ratio is formed within each round; the
table has the median over the rounds, and the lowest and highest. Runs without quiet windows (see
perf_stat.h) do not count.
"""
import json
import statistics
import sys

import idle
import rows
import two_report
from rows import table

# As PERF_QUIET in perf_stat.h.
QUIET = 1.2
SPLIT = ["virtio_user split", "virtio_user split, not mergeable", "virtio_user split vectorized"]
PACKED = "virtio_user packed vectorized"
SWITCHED = "virtq on virtq-switch"
DRIVER = ("drv.tx", "drv.rx")
DEVICE = ("dev.rx", "dev.tx")

THROUGH_MBUFS = "virtq on virtq-switch, through mbufs"
CHECKS = "virtq on virtq-switch, with checks and without"
BARE = "virtq on virtq-switch, not mergeable"
# What, size, ours (configurations, legs), peer (configurations, legs), target. Of several
# configurations the best counts. Legs None is the total; "floor" is a figure of perf/floor, "ring"
# a path and legs of perf/ring_cycles.
ROWS = [
    ("driver tx + rx against the best split, on net_vhost", 60, (["virtq"], DRIVER), (SPLIT, DRIVER), 0.30),
    ("device take + put through mbufs against rte_vhost", 60,
     ([THROUGH_MBUFS], DEVICE), (SPLIT, DEVICE), 0.25),
    ("driver tx + rx against the best split, on net_vhost", 1500, (["virtq"], DRIVER), (SPLIT, DRIVER), None),
    ("driver tx + rx on our switch against the best split on net_vhost", 60, ([SWITCHED], DRIVER), (SPLIT, DRIVER),
     None),
    ("device take + put through mbufs against rte_vhost", 1500, ([THROUGH_MBUFS], DEVICE), (SPLIT, DEVICE), None),
    ("one-copy forward against rte_vhost dequeue + enqueue", 60,
     ([SWITCHED], ("switch",)), (SPLIT, DEVICE), 0.20),
    ("one-copy forward against rte_vhost dequeue + enqueue", 1500,
     ([SWITCHED], ("switch",)), (SPLIT, DEVICE), None),
    ("driver + device, split, against packed vectorized", 60,
     ([SWITCHED], None), ([PACKED], None), 0.33),
    ("driver + device, split, against packed vectorized", 1500,
     ([SWITCHED], None), ([PACKED], None), None),
    ("driver + device against the best split", 60, ([SWITCHED], None), (SPLIT, None), None),
    ("net_virtq + net_vhost against the best split", 60, (["virtq"], None), (SPLIT, None), None),
    ("virtio_user guests, our switch against net_vhost", 60,
     (["virtio_user on virtq-switch"], None), (["virtio_user split"], None), None),
    ("one-copy forward against the floor, same core", 60,
     ([SWITCHED], ("switch",)), ("floor", "combined_same_60"), 1.5),
    ("one-copy forward against the floor, same core", 1500,
     ([SWITCHED], ("switch",)), ("floor", "combined_same_1500"), 1.5),
    ("one-copy forward against lib/ring alone", 60,
     ([SWITCHED], ("switch",)), ("ring", ("one copy", ("forward",))), None),
    ("take + put by lib/ring, no mbufs, against rte_vhost", 60,
     ("ring", ("two copy", ("take", "put"))), (SPLIT, DEVICE), None),
    ("mergeable negotiated, unused: driver + switch", 60, ([SWITCHED], None), ([BARE], None), 1.05),
    ("checksum negotiated, unused: driver + switch", 60,
     (["virtq on virtq-switch, checksum unused"], None), ([SWITCHED], None), 1.05),
    ("TSO and checksum negotiated, unused: driver + switch", 60,
     (["virtq on virtq-switch, TSO unused"], None), ([SWITCHED], None), 1.05),
    ("mergeable negotiated, unused: driver tx + rx on net_vhost", 60,
     (["virtq"], DRIVER), (["virtq, not mergeable"], DRIVER), None),
]
# Legs of perf/checks_cycles that have a twin without checks, and what may be between them.
CHECKED = [
    ("all validation of the guests' rings, in the switch, against none", ("switch",), 60, 3),
    ("all validation of the device's answers, in the driver, against none", DRIVER, 60, 3),
    ("both together", ("switch", *DRIVER), 60, None),
]
# What perf/steer_cycles is asked for; both sides of a difference.
HASHING = "10 with GFNI, else 40"
STEERING = [
    ("RSS + hash report, one receiveq, against off", "rss, report", "off", HASHING),
    ("MAC table: 65,536 addresses, uniform, against 16", "65536 addresses", "16 addresses", 10),
    ("automatic steering, four receiveqs, against one without", "automatic, several queues", "off", None),
    ("RSS against automatic steering, four receiveqs", "rss, several queues",
     "automatic, several queues", None),
    ("RSS + hash report against automatic steering, four", "rss, report, several queues",
     "automatic, several queues", None),
]
NOTHING = {"floor": [], "ring": [], "steering": [], "rounds": []}


def best_probe(data):
    probes = [size["probe"] for w in data["widths"].values() for r in w["rounds"]
              for run in r.values() for size in run.values()]
    return min(probes, default=0)


def run_figure(run, size, legs, limit):
    """Cycles per packet of some legs of a run, or None when it was disturbed."""
    result = run.get(str(size))
    if result is None or result["probe"] > limit:
        return None
    cycles = result["cycles_per_packet"]
    legs = ("total",) if legs is None else legs
    if any(leg not in cycles or cycles[leg]["quiet"] == 0 for leg in legs):
        return None
    return sum(cycles[leg]["min"] for leg in legs)


def ring_figures(runs, size, what, limit):
    """Rings of 256, bursts of 32, in order: one figure per run of perf/ring_cycles."""
    path, legs = what
    for run in runs:
        for f in run["figures"]:
            cycles = f["cycles_per_packet"]
            if (f["path"], f["frame"], f["ring"], f["burst"], f["in_order"]) == (
                    path, size, 256, 32, True) and run["probe"] <= limit and all(
                        cycles[leg]["quiet"] > 0 for leg in legs):
                yield sum(cycles[leg]["min"] for leg in legs)


def side(width, round_, what, size, limit):
    """One side of a ratio in one round. The floor and the ring are bounds: the best ever seen."""
    names, legs = what
    if names == "floor":
        figures = [f["figures"][legs]["min"] for f in width["floor"]
                   if legs in f["figures"] and f["figures"][legs]["quiet"] > 0]
    elif names == "ring":
        figures = list(ring_figures(width["ring"], size, legs, limit))
    else:
        figures = [run_figure(round_[n], size, legs, limit) for n in names if n in round_]
        if len(figures) < len(names) or None in figures:
            return None
    return min(figures, default=None)


def pairs_of(width, row, limit):
    """Both sides of every round."""
    _, size, ours, peer, _ = row
    return [(side(width, round_, ours, size, limit), side(width, round_, peer, size, limit))
            for round_ in width["rounds"]]


def cycle_rows(width, limit):
    return [rows.row(row[0], row[1], "cycles", pairs_of(width, row, limit), row[4]) for row in ROWS]


def check_rows(width, limit):
    """Each burst went both ways; with checks before and after, and the mean of these counts."""
    for what, legs, size, target in CHECKED:
        pairs = []
        for r in width["rounds"]:
            before, without, after = (run_figure(r.get(CHECKS, {}), size, [leg + more for leg in legs], limit)
                                      for more in ("", " unchecked", " again"))
            pairs.append((None if None in (before, after) else (before + after) / 2, without))
        yield rows.row(what, size, "cycles", pairs, target, kind="difference")


def steering_rows(data, width, figures, limit):
    """What a guest's wishes and the MAC table add to the worker's cycles, by perf/steer_cycles."""
    runs = [r["cycles_per_packet"] for r in figures.get("steering", []) if r["probe"] <= limit]
    gfni = width == "512" and "gfni" in data["machine"]["flags"]
    for what, ours, peer, target in STEERING:
        pairs = [(r[ours]["min"], r[peer]["min"]) for r in runs
                 if ours in r and peer in r and r[ours]["quiet"] and r[peer]["quiet"]]
        if target == HASHING:
            target = 10 if gfni else 40
        yield rows.row(what, 60, "cycles", pairs, target, kind="difference")


def leg_table(data, width, limit):
    """Every configuration and leg: median over the rounds."""
    lines = [("cycles per packet", "bytes", "drv.tx", "dev.rx", "dev.tx", "switch", "drv.rx",
              "total")]
    rounds = data["widths"][width]["rounds"]
    names = list(dict.fromkeys(n for r in rounds for n in r))
    for size in (60, 1500):
        for name in names:
            cells = []
            for leg in lines[0][2:]:
                figures = [run_figure(r[name], size, (leg,), limit) for r in rounds if name in r]
                figures = [f for f in figures if f is not None]
                cells.append(f"{statistics.median(figures):.1f}" if figures else "-")
            lines.append((name, str(size), *cells))
    return table(lines)


def floor_table(data, width):
    floors = data["widths"][width]["floor"]
    if not floors:
        return "floor: not measured"
    lines = [("floor, cycles", "minimum", "median")]
    for name in floors[0]["figures"]:
        figures = [f["figures"][name] for f in floors if f["figures"][name]["quiet"] > 0]
        if figures:
            lines.append((name, f"{min(f['min'] for f in figures):.1f}",
                          f"{statistics.median(f['median'] for f in figures):.1f}"))
    return table(lines)


def ring_table(data, width):
    """lib/ring alone, median over the rounds."""
    runs = data["widths"][width]["ring"]
    if not runs:
        return "lib/ring alone: not measured"
    names = ["add", "take", "put", "forward", "get", "reclaim", "total"]
    lines = [("lib/ring alone, cycles per packet", "bytes", "ring", "burst", *names)]
    for i, f in enumerate(runs[0]["figures"]):
        order = "in order" if f["in_order"] else "order verified"
        cells = []
        for name in names:
            figures = [r["figures"][i]["cycles_per_packet"][name]["min"] for r in runs
                       if r["figures"][i]["cycles_per_packet"].get(name, {}).get("quiet", 0) > 0]
            cells.append(f"{statistics.median(figures):.1f}" if figures else "-")
        lines.append((f"{f['path']}, {order}", str(f["frame"]), str(f["ring"]), str(f["burst"]),
                      *cells))
    return table(lines)


def all_rows(data):
    """Rows by SIMD width; what was measured on two cores stands with the first one."""
    limit = QUIET * best_probe(data)
    found = {}
    for width, figures in (data["widths"] or {"512": NOTHING}).items():
        found[width] = [*cycle_rows(figures, limit), *check_rows(figures, limit),
                        *steering_rows(data, width, figures, limit)]
        if len(found) == 1:
            found[width] += two_report.all_rows(data)
        rows.say_what_is_missing(found[width], data.get("parts", ()))
    return found


def row_tables(found):
    """Targets first, in one table, all of them; then what stands beside them, if it was measured."""
    targets = [r for r in found if r["target"] is not None]
    beside = [r for r in found if r["target"] is None and r["rounds"] > 0]
    out = ["Targets:", "", rows.text(targets), "", rows.summary(targets)]
    return out + (["", "Beside them:", "", rows.text(beside)] if beside else [])


def describe(machine):
    return [f"{machine['cpu']}, {machine['cpus']} CPUs, kernel {machine['kernel']}, "
            f"DPDK {machine['dpdk']}, {machine['hugepages_2M']} hugepages of 2 MiB, "
            f"commit {machine['commit']}",
            f"flags: {' '.join(machine['flags'])}; not there: {' '.join(machine['missing_flags'])}"]


def render(data):
    """All tables as text; adds the rows to data."""
    limit = QUIET * best_probe(data)
    out = describe(data["machine"])
    out.append("Cycles: bursts of 32, rings of 256, one core, time stamp counter, per packet.")
    data["rows"] = all_rows(data)
    for width, found in data["rows"].items():
        out += ["", f"SIMD width {width} bits. " + row_tables(found)[0], *row_tables(found)[1:]]
        if data["widths"].get(width, {}).get("rounds"):
            out += ["", leg_table(data, width, limit)]
    for text in (*two_report.tables(data), idle.table(data)):
        out += ["", text] if text else []
    measured = [w for w in data["widths"] if data["widths"][w]["rounds"]]
    if measured:
        out += ["", ring_table(data, measured[0]), "", floor_table(data, measured[0])]
    for name, why in data.get("skipped", {}).items():
        out.append(f"skipped: {name}: {why}")
    if "seconds" in data:
        out.append(f"measured in {data['seconds']:.0f} s")
    return "\n".join(out)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: report.py FILE.json")
    with open(sys.argv[1], encoding="utf-8") as json_file:
        print(render(json.load(json_file)))
