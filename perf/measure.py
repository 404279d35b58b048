#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run the programs of perf/ for ours and the peers, interleaved; hand over to report.

Started by perf/run.sh. In a round every configuration starts a process of its own, all together,
because most of their time is waiting for sockets; then one after the other measures, while the
rest sleeps. So both sides of a ratio lie a second apart, and a machine that changes its mood
changes both.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time

import footprint
import idle
import plot
import report
import scaling
import switches
import twocore

SIZES = "60,1500"
QUEUE = "queue_size=256"
FLAGS = ["avx2", "avx512f", "avx512bw", "avx512vl", "avx512vbmi", "gfni", "erms", "fsrm",
         "cldemote", "movdir64b", "hypervisor"]
# For each process; a round has one process per configuration. run.sh reserves as much.
MEMORY_MIB = 96
RUN_TIMEOUT = 60
PARTS = ("cycles", "rates", "latency", "footprint", "scaling")
QUICK_PARTS = ("cycles", "rates")
# Only when asked for.
MORE_PARTS = ("idle",)
# Width -> rounds at least, at most, and seconds of the run after which no further one begins. 256
# bits stand beside as information.
PLAN = ((512, 5, 15, 330), (256, 3, 5, 420))
QUICK_PLAN = ((512, 3, 7, 45), (256, 1, 2, 55))
# Seconds of a measurement on two cores, rounds, and seconds of the run after which the part has no
# more than five rounds.
RATES, QUICK_RATES = (0.4, 9, 720), (0.25, 3, 95)
SECONDS, ROUNDS = 0.4, 5
# Seconds of a run after which nothing is measured again because it was disturbed.
PATIENCE, QUICK_PATIENCE = 900, 75

VHOST = "net_vhost0,iface={dir}/s0"


def vhost(name, driver):
    """A driver port against net_vhost."""
    return {"name": name, "plugin": "virtq" in driver,
            "args": ["--driver", driver + ",path={dir}/s0", "--device", VHOST]}


def switch(name, driver, more=(), path="switch", program="ethdev_cycles"):
    """Two driver ports with virtq-switch's worker between them, or what else the path says."""
    args = driver.split(",", 1)
    pair = [f"{args[0]}{i},{args[1]},path={{dir}}/s{i}" for i in (0, 1)]
    return {"name": name, "plugin": "virtq" in driver, "program": program,
            "args": [*more, "--path", path, "--driver", pair[0], "--driver2", pair[1],
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
    switch(report.THROUGH_MBUFS, "net_virtq," + QUEUE, path="mbufs"),
    switch(report.BARE, "net_virtq," + QUEUE + ",mrg_rxbuf=0"),
    switch("virtq on virtq-switch, checksum unused", "net_virtq," + QUEUE, ["--offloads", "csum"]),
    switch("virtq on virtq-switch, TSO unused", "net_virtq," + QUEUE, ["--offloads", "tso"]),
    # The driver is part of this program, and its twin without checks is for 512 bits.
    {**switch(report.CHECKS, "net_virtq," + QUEUE, path="checks", program="checks_cycles"),
     "plugin": False, "width": 512},
]


def plugin_of(build):
    return os.path.join(build, "pmd", "librte_net_virtq.so")


class Failed(Exception):
    """A program that did not do what it should."""


class Process:
    """One program of perf/, which writes its figures to a file."""

    def __init__(self, args, name, eal, rest, lcores):
        self.dir = tempfile.mkdtemp(dir=args.scratch)
        self.out = os.path.join(self.dir, "out.json")
        cmd = [os.path.join(args.build, "perf", name), "-l", lcores, "--in-memory",
               "--single-file-segments", "--no-pci", "--no-telemetry", "-m", str(MEMORY_MIB),
               "--log-level=error", "--log-level=lib.vhost.*:error"]
        rest = [a.format(dir=self.dir) for a in rest]
        self.text = " ".join([name] + rest)
        # pylint: disable-next=consider-using-with
        self.child = subprocess.Popen(cmd + eal + ["--"] + rest + ["--json", self.out],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True)
        self.said = []

    def wait_ready(self):
        for line in self.child.stdout:
            if line == "ready\n":
                return
            self.said.append(line)
        self.finish()
        raise Failed(f"{self.text}: ended before it was ready")

    def finish(self):
        """Let it measure, wait for its end, and read the figures."""
        try:
            said, _ = self.child.communicate("go\n", timeout=RUN_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.communicate()
            raise Failed(f"{self.text}: still running after {RUN_TIMEOUT} s") from None
        if self.child.returncode != 0:
            tail = "".join((self.said + said.splitlines(True))[-4:])
            raise Failed(f"{self.text}: status {self.child.returncode}\n{tail}")
        with open(self.out, encoding="utf-8") as file:
            return json.load(file)

    def stop(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.communicate()


class Runner:
    def __init__(self, args, skipped):
        self.args = args
        self.plugin = plugin_of(args.build)
        self.skipped = skipped
        self.best_probe = None

    def floor(self, width):
        eal = ["--main-lcore", self.args.cpus[1], f"--force-max-simd-bitwidth={width}"]
        lcores = ",".join(sorted(set(self.args.cpus)))
        return Process(self.args, "floor", eal, [], lcores).finish()

    def ring(self, width):
        eal = [f"--force-max-simd-bitwidth={width}"]
        return Process(self.args, "ring_cycles", eal, [], self.args.cpus[1]).finish()

    def steering(self, width, found):
        """What the receiving guest asks for, once more: a second or less."""
        if not os.path.exists(os.path.join(self.args.build, "perf", "steer_cycles")):
            self.skipped["steer_cycles"] = "this build has no vswitch"
            return
        try:
            eal = [f"--force-max-simd-bitwidth={width}"]
            found["steering"].append(
                Process(self.args, "steer_cycles", eal, [], self.args.cpus[1]).finish())
        except Failed as error:
            print(error, file=sys.stderr)
            self.skipped["steer_cycles"] = "failed"

    def bounds(self, width, found):
        """The floor and lib/ring alone, once more."""
        try:
            found["floor"].append(self.floor(width))
            found["ring"].append(self.ring(width))
        except Failed as error:
            print(error, file=sys.stderr)
            self.skipped["floor and ring_cycles"] = "failed"

    def start(self, config, width):
        eal = [f"--force-max-simd-bitwidth={width}"]
        if config["plugin"]:
            eal += ["-d", self.plugin]
        program = config.get("program", "ethdev_cycles")
        rest = config["args"] + ["--size", SIZES, "--label", config["name"], "--windows", "32",
                                 "--bursts", "256", "--wait"]
        return Process(self.args, program, eal, rest, self.args.cpus[1])

    def is_disturbed(self, run):
        """A run that saw no quiet window at all has a slow best probe."""
        probe = next(iter(run.values()))["probe"]
        if self.best_probe is None or probe < self.best_probe:
            self.best_probe = probe
        return probe > report.QUIET * self.best_probe

    def wanted(self, width):
        """Configurations of this run; ours may be missing from a build, a peer may not."""
        for config in CONFIGS:
            if self.args.only and not any(o in config["name"] for o in self.args.only):
                continue
            if config.get("width", width) != width:
                continue
            if config["plugin"] and not os.path.exists(self.plugin):
                self.skipped[config["name"]] = "this build has no pmd/librte_net_virtq.so"
            if config["name"] not in self.skipped:
                yield config

    def failed(self, config, error):
        for why in ("not in this program", "takes other instances"):
            if why in str(error):
                self.skipped[config["name"]] = why
                return
        self.skipped[config["name"]] = "failed"
        print(f"{config['name']}: {error}", file=sys.stderr)

    def measure(self, configs, width):
        """Start all, measure one after the other; figures by name and frame size."""
        runs = {}
        processes = []
        try:
            for config in configs:
                processes.append((config, self.start(config, width)))
            ready = []
            for config, process in processes:
                try:
                    process.wait_ready()
                    ready.append((config, process))
                except Failed as error:
                    self.failed(config, error)
            for config, process in ready:
                try:
                    results = process.finish()
                    runs[config["name"]] = {str(r["frame"]): r for r in results}
                except Failed as error:
                    self.failed(config, error)
        finally:
            for _, process in processes:
                process.stop()
        return runs

    def round(self, width):
        runs = self.measure(list(self.wanted(width)), width)
        again = [name for name, run in runs.items() if self.is_disturbed(run)]
        if again:
            more = self.measure([c for c in CONFIGS if c["name"] in again], width)
            for name, run in more.items():
                self.is_disturbed(run)
                runs[name] = run
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
    parser.add_argument("--part", action="append", choices=PARTS + MORE_PARTS)
    parser.add_argument("--json")
    parser.add_argument("--out", help="directory for figures.json and the plots")
    args = parser.parse_args()
    if args.rounds is not None and args.rounds < 1:
        parser.error("--rounds: at least 1")
    if args.part is None:
        args.part = QUICK_PARTS if args.quick else PARTS
        # Names of configurations on one core.
        if args.only:
            args.part = ("cycles",)
    return args


def cycles(args, data):
    """Everything on one core, and the floor."""
    runner = Runner(args, data["skipped"])
    for width, least, most, seconds in QUICK_PLAN if args.quick else PLAN:
        if args.rounds is not None:
            least = most = args.rounds if width == 512 else min(args.rounds, most)
        found = {"floor": [], "ring": [], "steering": [], "rounds": []}
        data["widths"][str(width)] = found
        while len(found["rounds"]) < most:
            done = len(found["rounds"])
            if done >= least and time.monotonic() - twocore.STARTED > seconds:
                break
            # Bounds: the best ever seen counts.
            if done % 2 == 0:
                runner.bounds(width, found)
            runner.steering(width, found)
            found["rounds"].append(runner.round(width))
            twocore.say(f"cycles, {width} bits: round {done + 1} of {most}")


def two_cores(args, data):
    """Everything with a switch on one core and guests on the other."""
    if not set(args.part) - {"cycles"}:
        return
    if len(set(args.cpus)) < 2:
        for part in args.part:
            if part != "cycles":
                data["skipped"][part] = "one CPU only: a switch and its guests need one each"
        return
    patience = (QUICK_PATIENCE if args.quick else PATIENCE) - (time.monotonic() - twocore.STARTED)
    machine_ = switches.Machine(args.build, args.cpus, args.scratch, patience)
    seconds, rounds, budget = QUICK_RATES if args.quick else RATES
    run = twocore.TwoCores(machine_, data, budget, args.quick)
    if "rates" in args.part:
        run.rates(args.rounds or rounds, seconds)
    rounds = args.rounds or ROUNDS
    if "latency" in args.part:
        run.latencies(rounds, SECONDS)
    if "scaling" in args.part:
        scaling.measure(machine_, data, rounds, SECONDS)
    if "footprint" in args.part:
        twocore.say("footprint")
        footprint.measure(machine_, data, min(rounds, 3))
    if "idle" in args.part:
        twocore.say("idle")
        idle.measure(machine_, data, rounds, SECONDS)


def write(args, data):
    """The figures and the plots, where they are wanted."""
    files = [args.json] if args.json else []
    if args.out:
        os.makedirs(args.out, exist_ok=True)
        files.append(os.path.join(args.out, "figures.json"))
        written = plot.write_all(data, args.out)
        print(f"\n{args.out}: figures.json {' '.join(written)}")
    for name in files:
        with open(name, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
            file.write("\n")


def main():
    args = parse_args()
    data = {"machine": machine(args.cpus), "parts": args.part, "widths": {}, "skipped": {}}
    if "cycles" in args.part:
        cycles(args, data)
    two_cores(args, data)
    data["seconds"] = round(time.monotonic() - twocore.STARTED, 1)
    print(report.render(data))
    write(args, data)
    return 1 if "failed" in data["skipped"].values() else 0


if __name__ == "__main__":
    sys.exit(main())
