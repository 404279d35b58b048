# SPDX-License-Identifier: BSD-3-Clause
"""Rows and tables of what was measured on two cores: twocore.py, scaling.py, footprint.py."""
import statistics

import rows
import scaling
from twocore import (BYTES, COUNTED, CYCLES, DISTURBED, MIXED, OURS, OVS, PMD_PACKED, PMD_SPLIT,
                     PMD_VECTOR, PPS, TESTPMD)

SPLIT = (PMD_SPLIT, PMD_VECTOR)

# What, part, load, ours, peers (the best of those that took part counts), figure, target, sense.
RATES = [
    ("guest to guest against testpmd io, split", "small", "60", OURS, SPLIT, PPS, 2.5, ">="),
    ("guest to guest against testpmd io, packed", "small", "60", OURS, (PMD_PACKED,), PPS, 2, ">="),
    ("guest to guest against OVS-DPDK", "small", "60", OURS, (OVS,), PPS, 3.3, ">="),
    ("guest to guest against the best testpmd io", "small", "imix", OURS, TESTPMD, PPS, None, ">="),
    ("guest to guest, untouched, against the best testpmd io", "small", "1500", OURS, TESTPMD, PPS,
     3, ">="),
    ("guest to guest, touched, against the best testpmd io", "small", "1500,touch", OURS, TESTPMD,
     PPS, 1.5, ">="),
    ("guest to guest against OVS-DPDK", "small", "1500", OURS, (OVS,), PPS, None, ">="),
    ("guest to guest against the best testpmd io", "jumbo", "9000", OURS, TESTPMD, PPS, None, ">="),
    ("guest to guest, 64 KiB, against the best testpmd io", "tso", "tso", OURS, TESTPMD, BYTES,
     1.6, ">="),
    ("virtio_user guests: our switch against testpmd io", "small", "60", MIXED, SPLIT, PPS, None,
     ">="),
    ("virtio_user guests: our switch against testpmd io", "small", "1500", MIXED, SPLIT, PPS, None,
     ">="),
    ("switch core against testpmd io, split", "small", "60", COUNTED, SPLIT, CYCLES, None, "<="),
    ("switch core against testpmd io, split", "small", "1500", COUNTED, SPLIT, CYCLES, None, "<="),
    ("switch core against OVS-DPDK", "small", "60", COUNTED, (OVS,), CYCLES, None, "<="),
]
FLOOR = [("60", "60"), ("1500", "1500"), ("1500,touch", "1500")]
LATENCY = (("one", "p50", 1.0), ("one", "p99.9", 1.0), ("10", "p50", None), ("10", "p99.9", None),
           ("80", "p50", None), ("80", "p99.9", None), ("same", "p50", None), ("same", "p99.9", None))
LATENCY_NAMES = {"one": "one at a time", "10": "at 10 % load", "80": "at 80 % load",
                 "same": "all at 80 % of testpmd's load"}


def undisturbed(data):
    """The same rounds without results of a time in which something else had the CPUs."""
    if isinstance(data, dict):
        return {k: undisturbed(v) for k, v in data.items()
                if not (isinstance(v, dict) and v.get("waited", 0) > DISTURBED)}
    return [undisturbed(v) for v in data] if isinstance(data, list) else data


def count(data):
    """Results, and how many of them were disturbed."""
    if isinstance(data, list):
        found = [count(v) for v in data]
    elif isinstance(data, dict) and "waited" in data:
        return 1, int(data["waited"] > DISTURBED)
    elif isinstance(data, dict):
        found = [count(v) for v in data.values()]
    else:
        return 0, 0
    return sum(a for a, _ in found), sum(b for _, b in found)


def figure(round_, names, load, what):
    """The best of some pairs in one round, None when none has it."""
    key, scale, _, best = what
    found = [round_[n][load][key] * scale for n in names
             if n in round_ and round_[n].get(load, {}).get(key) is not None]
    return best(found, default=None)


def rate_rows(raw, wanted=None):
    """wanted: pairs that this run meant to measure; None for all of them. Targets are all there."""
    data = undisturbed(raw)
    asked = {(part, load) for part, rounds in raw.items() for r in rounds
             for pair in r.values() for load in pair}
    for what, part, load, ours, peers, key, target, sense in RATES:
        meant = (part, load) in asked and (
            wanted is None or (ours in wanted and set(peers) & set(wanted)))
        if not meant and target is None:
            continue
        pairs = [(figure(r, (ours,), load, key), figure(r, peers, load, key)) for r in data.get(part, [])]
        row = rows.row(what, load, key[2], pairs, target, sense, part="rates")
        if asked and not meant:
            row["verdict"] = "not in this run"
        yield row


def floor_rows(rates, floors):
    """Cycles of the switch core against the best the floor ever did across cores."""
    for load, size in FLOOR:
        touched = "touched" if "touch" in load else "untouched"
        bounds = [f["min"] for run in floors for name, f in run["figures"].items()
                  if f["quiet"] > 0 and name.startswith(f"combined_cross_{touched}")
                  and name.endswith(f"busy_{size}")]
        pairs = [(figure(r, (COUNTED,), load, CYCLES), min(bounds, default=None))
                 for r in rates.get("small", [])]
        yield rows.row("one-copy forward against the floor, across cores", load, "cycles", pairs, 2.0,
                       part="rates+cycles")


def latency_rows(rounds):
    for load in ("60", "1500"):
        for mode, key, target in LATENCY:
            pairs = []
            if not rounds and target is None:
                continue
            for r in rounds:
                def of(name, r=r):
                    found = r.get(name, {}).get(load, {}).get(mode, {}).get("latency_ns")
                    return found[key] / 1000 if found else None
                peers = [of(n) for n in (PMD_SPLIT, PMD_PACKED) if of(n) is not None]
                pairs.append((of(OURS), min(peers, default=None)))
            yield rows.row(f"latency {key}, {LATENCY_NAMES[mode]}, against the best testpmd io", load, "us",
                           pairs, target, part="latency")


def zero_loss_rows(rounds):
    for load in ("60", "1500"):
        found = [r[load] for r in rounds if load in r]
        yield rows.row("zero-loss rate (RFC 2544) against the maximum", load, "Mpps",
                       [(f["rate"] / 1e6, f["maximum"] / 1e6) for f in found], 0.95, ">=",
                       part="latency")


def scaling_rows(found):
    """Each case against its base in the same round; targets as doc/performance.md has them."""
    found = list(found)
    there = [case["what"] for case in found]
    for case in (c for group in scaling.cases(2) for c in group[1:]):
        if case["target"] is not None and case["what"] not in there:
            found.append({**case, "unit": case["key"][2], "rounds": []})
    for case in found:
        pairs = [(r["ours"], r["base"]) for r in case["rounds"]]
        yield rows.row(case["what"], case["load"], case["unit"], pairs, case["target"],
                       case["sense"], case["kind"], part="scaling")


def footprint_rows(found):
    for case in found:
        yield rows.row(case["what"], case["load"], case["unit"],
                       [(r["ours"], r["peer"]) for r in case["rounds"]], part="footprint")


def all_rows(data):
    """All rows on two cores of a run, for the one table."""
    rates = data.get("rates", {})
    out = list(rate_rows(rates, data.get("wanted")))
    floors = [f for w in data.get("widths", {}).values() for f in w["floor"]]
    out += floor_rows(undisturbed(rates), floors)
    out += latency_rows(undisturbed(data.get("latency", [])))
    out += zero_loss_rows(data.get("zero_loss", []))
    out += scaling_rows(data.get("scaling", []))
    out += footprint_rows(data.get("footprint", []))
    return out


def median_of(rounds, name, load, key):
    values = [r[name][load][key] for r in rounds if key in r.get(name, {}).get(load, {})]
    return statistics.median(values) if values else None


def rates_table(rates):
    """Every pair and load: median over the rounds."""
    loads = [(part, load) for part, rounds in rates.items()
             for load in dict.fromkeys(x for r in rounds for p in r.values() for x in p)]
    names = dict.fromkeys(n for rounds in rates.values() for r in rounds for n in r)
    lines = [("guest to guest, two cores, Mpps", *(load for _, load in loads), "", "cycles 60",
              "cycles 1500")]
    for name in names:
        line = [name]
        for part, load in loads:
            pps = median_of(rates[part], name, load, "pps")
            line.append("-" if pps is None else f"{pps / 1e6:.3f}")
        line.append("")
        for load in ("60", "1500"):
            c = median_of(rates.get("small", []), name, load, "switch_cycles")
            line.append("-" if c is None else f"{c:.0f}")
        lines.append(tuple(line))
    return rows.table(lines)


def latency_table(rounds):
    lines = [("latency, microseconds", "load", "one: p50", "p99", "p99.9", "10 %: p50", "p99",
              "p99.9", "80 %: p50", "p99", "p99.9", "same rate: p50", "p99", "p99.9")]
    for load in ("60", "1500"):
        for name in dict.fromkeys(n for r in rounds for n in r):
            line = [name, load]
            for mode in LATENCY_NAMES:
                for key in ("p50", "p99", "p99.9"):
                    values = [r[name][load][mode]["latency_ns"][key] / 1000 for r in rounds
                              if "latency_ns" in r.get(name, {}).get(load, {}).get(mode, {})]
                    line.append(f"{statistics.median(values):.2f}" if values else "-")
            lines.append(tuple(line))
    return rows.table(lines)


def tables(data):
    out = []
    results, disturbed = count([data.get("rates", {}), data.get("latency", [])])
    if disturbed:
        out.append(f"{disturbed} of {results} measurements on two cores do not count: something "
                   "else had the CPUs.")
    if data.get("rates"):
        out.append(rates_table(undisturbed(data["rates"])))
    if data.get("latency"):
        out.append(latency_table(undisturbed(data["latency"])))
    return out
