#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Instructions per packet of each leg, by callgrind. Started by perf/instructions.sh."""
import argparse
import json
import os
import re
import subprocess
import sys

import measure
import report

LEGS = ["drv.tx", "dev.rx", "dev.tx", "switch", "drv.rx"]
BURST = 32
TIMEOUT = 300
NAME = re.compile(r"(fn|cfn)=(\(\d+\))(?: (\S+))?")
LINE = re.compile(r"^\s*([\d,]+) .*?\)\s+(\S+)")


# Negotiated and not used, also by drivers on net_vhost: what looking into every header costs.
OFFLOADS = [{**config, "name": config["name"] + ", TSO unused", "args": config["args"] + ["--offloads", "tso"]}
            for config in measure.CONFIGS if config["name"].startswith("virtq") and "--offloads" not in config["args"]
            and "virtq on" not in config["name"]]


def function(leg):
    return "leg_" + leg.replace(".", "_")


def run(args, config):
    """Profile one configuration; returns its packets and callgrind's file."""
    out = os.path.join(args.scratch, "out.json")
    profile = os.path.join(args.scratch, "callgrind")
    cmd = ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + profile,
           "--collect-atstart=no"]
    cmd += ["--toggle-collect=" + function(leg) for leg in LEGS]
    # Without hugepages EAL reserves little address space; with them, more than valgrind has.
    cmd += [os.path.join(args.build, "perf", "ethdev_cycles"), "-l", "0", "--no-huge",
            "--no-shconf", "--no-pci", "--no-telemetry", "-m", "256", "--log-level=error",
            "--log-level=lib.vhost.*:error", "--force-max-simd-bitwidth=256"]
    if config["plugin"]:
        cmd += ["-d", measure.plugin_of(args.build)]
    cmd += ["--"] + [a.format(dir=args.scratch) for a in config["args"]]
    cmd += ["--size", str(args.size), "--burst", str(BURST), "--windows", "32", "--bursts", "1",
            "--json", out]
    done = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        tail = "\n".join(line for line in done.stdout.splitlines() if not line.startswith("=="))
        raise measure.Failed(f"{config['name']}: status {done.returncode}\n{tail}")
    with open(out, encoding="utf-8") as file:
        result = json.load(file)[0]
    for name in ("s0", "s1"):
        if os.path.exists(os.path.join(args.scratch, name)):
            os.unlink(os.path.join(args.scratch, name))
    return result["turns"] * BURST, profile


def legs_of(profile, packets):
    """Instructions per packet by leg, all that it calls included: the cost of calls to it.

    In callgrind's format a call is three lines: cfn=(number) name, where the name stands once for
    each number; calls=...; position and inclusive cost.
    """
    names = {}
    found = {}
    called = None
    with open(profile, encoding="utf-8") as file:
        for line in file:
            match = NAME.match(line)
            if match:
                kind, number, name = match.groups()
                name = names.setdefault(number, name)
                called = name if kind == "cfn" else called
            elif line.startswith("calls="):
                cost = int(next(file).split()[1])
                for leg in LEGS:
                    if called == function(leg):
                        found[leg] = found.get(leg, 0) + cost / packets
    return found


def by_function(profile):
    """(instructions, file:function), without what a function calls."""
    text = subprocess.run(["callgrind_annotate", "--auto=no", "--threshold=100", profile],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True).stdout
    for line in text.splitlines():
        match = LINE.match(line)
        if match and ":" in match.group(2):
            yield int(match.group(1).replace(",", "")), match.group(2)


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--only", action="append")
    parser.add_argument("--top", type=int, default=0)
    parser.add_argument("--size", type=int, default=60)
    return parser.parse_args()


def main():
    args = parse_args()
    lines = [("instructions per packet", *LEGS, "total")]
    tops = []
    failed = False
    for config in measure.CONFIGS + OFFLOADS:
        if "packed" in config["name"] or config.get("width") == 512:
            continue
        if args.only and not any(o in config["name"] for o in args.only):
            continue
        if config["plugin"] and not os.path.exists(measure.plugin_of(args.build)):
            print(f"{config['name']}: skipped, this build has no net_virtq", file=sys.stderr)
            continue
        try:
            packets, profile = run(args, config)
        except (measure.Failed, subprocess.TimeoutExpired) as error:
            print(error, file=sys.stderr)
            failed = True
            continue
        found = legs_of(profile, packets)
        lines.append((config["name"], *(f"{found[leg]:.1f}" if leg in found else "-"
                                        for leg in LEGS), f"{sum(found.values()):.1f}"))
        own = sorted(by_function(profile), reverse=True)[:args.top]
        tops += ["", config["name"] + ", by function:"] if own else []
        tops += [f"{count / packets:8.1f}  {os.path.basename(where)}" for count, where in own]
    print(report.table(lines))
    print("\n".join(tops), end="\n" if tops else "")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
