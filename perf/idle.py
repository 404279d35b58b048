# SPDX-License-Identifier: BSD-3-Clause
"""What --idle-sleep saves and what it costs: CPU of the worker against latency, each setting in turn."""
import functools
import statistics
import sys
import time

import rows
import switches
import twocore

SETTINGS = ("off", 0, 10, 50, 200, 1000)
# Frames per second, both directions together; at 200 each one finds the worker asleep.
WAKE = 200
RATES = (1000, 10000, 100000)


class Sleepy(switches.VirtqSwitch):
    """virtq-switch whose worker sleeps after so many microseconds."""

    def __init__(self, machine, shape, setting):
        super().__init__(machine, shape)
        if setting != "off":
            self.options = [f"--idle-sleep={setting}"]


def loads():
    """(what, words for the guests, seconds of it)"""
    yield "wake", ("rate", 60, WAKE), 2
    for pps in RATES:
        yield pps, ("rate", 60, pps), 1
    yield "one", ("one", 60), 1


def worker_ns(process):
    """Nanoseconds that the worker's thread has run."""
    for name, (ran, _) in process.schedule().items():
        comm = f"/proc/{process.child.pid}/task/{name}/comm"
        with open(comm, encoding="utf-8") as file:
            if file.read().startswith("rte-worker-"):
                return ran
    raise switches.Failed("virtq-switch has no thread rte-worker-1")


def share(pair, work):
    """Share of a CPU that the worker took meanwhile, and what the work came to."""
    pair.switch.resume()
    try:
        before, start = worker_ns(pair.switch.main), time.monotonic()
        result = work()
        return (worker_ns(pair.switch.main) - before) / 1e9 / (time.monotonic() - start), result
    finally:
        pair.switch.pause()


def once(pair, what, words, seconds):
    mode, load, *rate = words
    cpu, result = share(pair, lambda: pair.guests.do(mode, seconds, load, *rate))
    latency = result["latency_ns"]
    return {"load": what, "cpu": cpu, "lost": result["lost"], "p50": latency["p50"] / 1000, "p99": latency["p99"] / 1000}


def measure(machine, data, rounds, seconds):
    data["idle"] = {str(s): [] for s in SETTINGS}
    pairs = {}
    try:
        for setting in SETTINGS:
            name = f"idle-sleep {setting}"
            twocore.PAIRS[name] = (functools.partial(Sleepy, setting=setting), "net_virtq", "net_virtq")
            pairs[setting] = twocore.Pair(machine, name, twocore.SMALL)
        for _ in range(rounds):
            for setting, pair in pairs.items():
                found = data["idle"][str(setting)]
                cpu, _ = share(pair, lambda: time.sleep(seconds))
                found.append({"load": 0, "cpu": cpu})
                found += [once(pair, what, words, factor * seconds) for what, words, factor in loads()]
    except (switches.Missing, switches.Failed) as why:
        data["skipped"]["idle"] = "failed" if isinstance(why, switches.Failed) else str(why)
        print(f"idle: {why}", file=sys.stderr)
    finally:
        for pair in pairs.values():
            pair.close()


def median(found, load, key):
    values = [f[key] for f in found if f["load"] == load]
    return statistics.median(values) if values else None


def table(data):
    """One line per setting; "" when this part did not run."""
    if not any(data.get("idle", {}).values()):
        return ""
    heads = ["idle-sleep, us", "CPU %: no frames", *(f"{pps}/s" for pps in RATES), "woken p50", "p99, us"]
    for pps in RATES:
        heads += [f"{pps}/s p50", "p99, us"]
    heads += ["one by one p50", "p99, us"]
    lines = [heads]
    for setting, found in data["idle"].items():
        if not found:
            continue
        line = [setting] + [f"{100 * median(found, load, 'cpu'):.1f}" for load in (0, *RATES)]
        for load in ("wake", *RATES, "one"):
            line += [f"{median(found, load, key):.1f}" for key in ("p50", "p99")]
        lines.append(line)
    return "Sleep: medians; latencies there, 60 bytes; woken: 200 frames per second.\n\n" + rows.table(lines)
