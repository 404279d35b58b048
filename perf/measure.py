#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run perf/floor and perf/ethdev_cycles for ours and the peers, interleaved; hand over to report.

Started by perf/run.sh. One round runs every configuration once; a round's ratios are taken from
runs that lie seconds apart, so that a machine that changes its mood changes both sides.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import time

import report

SIZES = "60,1500"
QUEUE = "queue_size=256"
FLAGS = ["avx2", "avx512f", "avx512bw", "avx512vl", "avx512_vbmi", "gfni", "erms", "fsrm",
         "cldemote", "movdir64b", "hypervisor"]
# Seconds that --quick may take for its rounds; what is left of two minutes is for set-up.
QUICK_BUDGET = 95
RUN_TIMEOUT = 60

VHOST = "net_vhost0,iface={dir}/s"


def vhost(name, driver):
    """A driver port against net_vhost."""
    return {"name": name, "plugin": "virtq" in driver,
            "args": ["--driver", driver + ",path={dir}/s", "--device", VHOST]}


def switch(name, driver):
    """Two driver ports with virtq-switch's worker between them."""
    args = driver.split(",", 1)
    pair = [f"{args[0]}{i},{args[1]},path={{dir}}/s{i}" for i in (0, 1)]
    return {"name": name, "plugin": "virtq" in driver,
            "args": ["--switch", "--driver", pair[0], "--driver2", pair[1],
                     "--peer", "a,path={dir}/s0", "--peer", "b,path={dir}/s1"]}


USER = "net_virtio_user0," + QUEUE
OURS = "net_virtq0," + QUEUE
CONFIGS = [
    vhost("virtio_user split", USER),
    vhost("virtq", OURS),
    vhost("virtio_user split, not mergeable", USER + ",mrg_rxbuf=0"),
    vhost("virtq, not mergeable", OURS + ",mrg_rxbuf=0"),
    vhost("virtio_user split vectorized", USER + ",mrg_rxbuf=0,in_order=0,vectorized=1"),
    switch("virtq on virtq-switch", "net_virtq," + QUEUE),
    vhost("virtio_user packed vectorized", USER + ",mrg_rxbuf=0,packed_vq=1,vectorized=1"),
    switch("virtio_user on virtq-switch", "net_virtio_user," + QUEUE),
]


def plugin_of(build):
    return os.path.join(build, "pmd", "librte_net_virtq.so")


class Failed(Exception):
    """A program that did not do what it should."""


class Runner:
    def __init__(self, args):
        self.args = args
        self.plugin = plugin_of(args.build)
        self.skipped = {}
        self.best_probe = None

    def program(self, name, eal, rest, lcores):
        out = os.path.join(self.args.scratch, "out.json")
        if os.path.exists(out):
            os.unlink(out)
        cmd = [os.path.join(self.args.build, "perf", name), "-l", lcores, "--in-memory",
               "--single-file-segments", "--no-pci", "--no-telemetry", "-m", "512",
               "--log-level=error", "--log-level=lib.vhost.*:error"]
        cmd += eal + ["--"] + rest + ["--json", out]
        done = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, timeout=RUN_TIMEOUT, check=False)
        if done.returncode != 0:
            tail = "\n".join(done.stdout.strip().splitlines()[-4:])
            raise Failed(f"{name} {' '.join(rest)}: status {done.returncode}\n{tail}")
        with open(out, encoding="utf-8") as file:
            return json.load(file)

    def floor(self, width):
        cpus = self.args.cpus
        eal = ["--main-lcore", cpus[1], f"--force-max-simd-bitwidth={width}"]
        lcores = ",".join(sorted(set(cpus)))
        return self.program("floor", eal, [], lcores)

    def ring(self, width):
        eal = [f"--force-max-simd-bitwidth={width}"]
        return self.program("ring_cycles", eal, [], self.args.cpus[1])

    def cycles(self, config, width):
        eal = [f"--force-max-simd-bitwidth={width}"]
        if config["plugin"]:
            eal += ["-d", self.plugin]
        rest = [a.format(dir=self.args.scratch) for a in config["args"]]
        rest += ["--size", SIZES, "--label", config["name"], "--windows", "32"]
        results = self.program("ethdev_cycles", eal, rest, self.args.cpus[1])
        for name in os.listdir(self.args.scratch):
            if name in ("s", "s0", "s1"):
                os.unlink(os.path.join(self.args.scratch, name))
        return {str(r["frame"]): r for r in results}

    def is_disturbed(self, run):
        """A run that saw no quiet window at all has a slow best probe."""
        probe = next(iter(run.values()))["probe"]
        if self.best_probe is None or probe < self.best_probe:
            self.best_probe = probe
        return probe > report.QUIET * self.best_probe

    def available(self, config):
        """Ours may be missing from a build; a peer may not."""
        if config["plugin"] and not os.path.exists(self.plugin):
            self.skipped[config["name"]] = "this build has no pmd/librte_net_virtq.so"
        return config["name"] not in self.skipped

    def round(self, width, retry):
        runs = {}
        for config in CONFIGS:
            if self.args.only and not any(o in config["name"] for o in self.args.only):
                continue
            if not self.available(config):
                continue
            try:
                run = self.cycles(config, width)
                if retry and self.is_disturbed(run):
                    run = self.cycles(config, width)
                    self.is_disturbed(run)
                runs[config["name"]] = run
            except (Failed, subprocess.TimeoutExpired) as error:
                if "no vswitch" in str(error):
                    self.skipped[config["name"]] = "this build has no vswitch"
                    continue
                self.skipped[config["name"]] = "failed"
                print(f"{config['name']}: {error}", file=sys.stderr)
        return runs


def text_of(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def output_of(*cmd):
    try:
        return subprocess.run(cmd, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def machine(cpus):
    """What somebody needs to know to compare these figures with others."""
    info = {}
    for line in text_of("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        info.setdefault(key.strip(), value.strip())
    flags = info.get("flags", "").split()
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    pages = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": info.get("model name", platform.machine()),
        "cpus": os.cpu_count(), "used_cpus": cpus,
        "flags": [f for f in FLAGS if f in flags],
        "missing_flags": [f for f in FLAGS if f not in flags],
        "kernel": platform.release(),
        "hugepages_2M": text_of(pages).strip(),
        "dpdk": output_of("pkg-config", "--modversion", "libdpdk"),
        "commit": output_of("git", "-C", top, "describe", "--always", "--dirty"),
        "load": text_of("/proc/loadavg").split()[:3],
    }


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--cpus", nargs=2, required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", action="append")
    parser.add_argument("--json")
    args = parser.parse_args()
    if args.rounds is None:
        args.rounds = 5 if args.quick else 9
    if args.rounds < 1:
        parser.error("--rounds: at least 1")
    return args


def main():
    args = parse_args()
    runner = Runner(args)
    start = time.monotonic()
    data = {"machine": machine(args.cpus), "widths": {}}
    for width in (512, 256):
        floor, ring, rounds = [], [], []
        # 256 bits stand beside as information: in a quick run, as many rounds as time allows.
        for number in range(args.rounds):
            spent = time.monotonic() - start
            left = QUICK_BUDGET - spent
            if args.quick and width == 256 and (number == 3 or number * 16 + 16 > left + 16):
                break
            try:
                floor.append(runner.floor(width))
                ring.append(runner.ring(width))
            except (Failed, subprocess.TimeoutExpired) as error:
                print(error, file=sys.stderr)
                runner.skipped["floor and ring_cycles"] = "failed"
            rounds.append(runner.round(width, not args.quick or left > 30))
            print(f"round {number + 1}/{args.rounds} at {width} bits done,"
                  f" {time.monotonic() - start:.0f} s", file=sys.stderr)
        data["widths"][str(width)] = {"floor": floor, "ring": ring, "rounds": rounds}
    data["skipped"] = runner.skipped
    data["seconds"] = round(time.monotonic() - start, 1)
    text = report.render(data)
    print(text)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
            file.write("\n")
    return 1 if "failed" in runner.skipped.values() else 0


if __name__ == "__main__":
    sys.exit(main())
