# SPDX-License-Identifier: BSD-3-Clause
"""Rows of the table: two sides of a ratio, median and spread over the rounds, target, verdict.

A ratio is formed within a round; a round in which one side is missing does not count.
"""
import statistics

NOT_MEASURED = "not measured"
HEADER = ("what", "load", "ours", "peer", "unit", "ratio", "spread", "rounds", "target", "")


def spread(values):
    """Median, lowest and highest."""
    values = sorted(values)
    return statistics.median(values), values[0], values[-1]


def reached(ratio, target, sense):
    return ratio <= target if sense == "<=" else ratio >= target


def row(what, load, unit, pairs, target=None, sense="<=", kind="ratio", part="cycles"):
    """A row of (ours, peer) per round; pairs with None, or with nothing to divide by, are left out.

    kind "difference": ours - peer stands where else the ratio is, in the same unit.
    part: of perf/run.sh, which brings the row; several have a + between them.
    """
    pairs = [(a, b) for a, b in pairs if a is not None and b]
    result = {"what": what, "load": str(load), "unit": unit, "target": target, "sense": sense, "kind": kind,
              "part": part, "rounds": len(pairs), "verdict": NOT_MEASURED}
    if not pairs:
        return result
    ratio, low, high = spread([a / b if kind == "ratio" else a - b for a, b in pairs])
    result.update(ours=statistics.median(a for a, _ in pairs),
                  peer=statistics.median(b for _, b in pairs), ratio=ratio, low=low, high=high)
    result["verdict"] = ""
    if target is not None:
        result["verdict"] = "reached" if reached(ratio, target, sense) else "not reached"
    return result


def say_what_is_missing(found, parts):
    """Rows that this run could not bring say which part does."""
    for r in found:
        missing = [p for p in r["part"].split("+") if p not in parts]
        if r["verdict"] == NOT_MEASURED and missing:
            r["verdict"] = " ".join(["needs", *("--part " + p for p in missing)])


def summary(found):
    """Targets counted by verdict."""
    verdicts = [r["verdict"] for r in found if r["target"] is not None]
    counts = {v: verdicts.count(v) for v in ("reached", "not reached")}
    return (f"{len(verdicts)} targets: {counts['reached']} reached, {counts['not reached']} not reached, "
            f"{len(verdicts) - sum(counts.values())} not measured in this run")


def number(value):
    """Four digits that say something."""
    if value >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cells(r):
    form = ".2f" if r["kind"] == "ratio" else "+.1f"
    goal = "" if r["target"] is None else f"{r['sense']} {r['target']:{form}}"
    if "ratio" not in r:
        return (r["what"], r["load"], "-", "-", r["unit"], "-", "-", "0", goal, r["verdict"])
    return (r["what"], r["load"], number(r["ours"]), number(r["peer"]), r["unit"],
            f"{r['ratio']:{form}}", f"{r['low']:{form}}-{r['high']:{form}}", str(r["rounds"]), goal,
            r["verdict"])


def table(lines):
    """Columns as wide as they need; the first one to the left."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w)
                               for i, (cell, w) in enumerate(zip(line, widths))).rstrip()
                     for line in lines)


def text(rows):
    return table([HEADER, *map(cells, rows)])
