#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Offloads through virtq-switch: {none, csum, TSO4, TSO6, USO} x {receiver asks for nothing, checksum, all} x
{mergeable or not} x {60, 1500, 9000, 65000 bytes} x {1..17 segments}, judged byte by byte (tests/offload)."""

import json

import harness

OFFLOAD = harness.BUILD / "tests" / "offload" / "offload"
MAC = "02:00:00:00:00:0{}"
SIZES = ("60", "1500", "9000", "65000")
KINDS = ("none", "csum", "tso4", "tso6", "uso")
SEGMENTS = 17
ROUNDS = 20 if harness.FULL else 1
# MTU of both ports and data bytes of a receive buffer, with and without mergeable buffers.
NORMAL = (1500, 2048, 2048)
JUMBO = (9000, 2048, 9216)
LARGE = (65000, 2048, 65200)
WHOLE = 65200  # one buffer for what arrives unsegmented

# What cannot be: combinations of a direction -> why.
IMPOSSIBLE = {
    ("net_virtio_user", "net_virtq"): {("uso", s): "DPDK's driver has no USO" for s in SIZES},
    ("net_virtio_user", "net_virtio_user"): {("uso", s): "DPDK's driver has no USO" for s in SIZES} | {
        (k, "65000"): "its MTU ends below 9,728" for k in ("none", "csum")},
    ("net_virtq", "net_virtio_user"): {(k, "65000"): "its MTU ends below 9,728" for k in ("none", "csum")},
}


class Totals:
    """Cells of all runs of a case, one character per number of segments; a run fills in what it can."""

    def __init__(self):
        self.cells = {}
        self.runs = self.frames = 0

    def add(self, accept, merge, result):
        self.runs += 1
        for d in result["directions"]:
            self.frames += d["sent"]
            for cell, new in d["cells"].items():
                key = (d["from"], d["to"], accept, merge, *cell.split())
                old = self.cells.get(key, "-" * SEGMENTS)
                self.cells[key] = "".join(n if o == "-" or n == "f" else o for o, n in zip(old, new))

    def check(self, case):
        passed = missing = 0
        for (source, sink, accept, merge, kind, size), cell in self.cells.items():
            expected = "-" if (kind, size) in IMPOSSIBLE.get((source, sink), {}) else "p"
            case.expect(cell == expected * SEGMENTS,
                        f"{source} to {sink}, asks for {accept}, {'' if merge else 'not '}mergeable: {kind} {size}: "
                        f"{expected * SEGMENTS}, not {cell}")
            passed += cell.count("p")
            missing += cell.count("-")
        print(f"# {self.runs} runs, {self.frames} frames: {passed} combinations passed, {missing} cannot be")


def guests(case, switch, drivers, accept, merge, setting, options=(), eal=()):
    """One run of the judge between ports a and b of the switch; its result."""
    mtu, merged, single = setting
    number = len(case.processes)
    if not merge and accept == "all":
        # DPDK's driver wants one mbuf for the largest packet; ours takes as many as it needs.
        if "net_virtio_user" in drivers:
            single = WHOLE
        else:
            # A ring of 256 has 7 buffers of 33 mbufs.
            single, options = merged, [*options, "--window", 7]
    vdevs = [f"{d}{i},path={switch.paths[p]},mac={MAC.format(i + 1)},mrg_rxbuf={int(merge)}"
             for i, (d, p) in enumerate(zip(drivers, "ab"))]
    _, memory = case.eal("offload", f"0@{harness.CPUS[0]}", 384)
    out = case.path(f"{number}.json")
    argv = [OFFLOAD, *case.driver_options(vdevs), *memory, *eal]
    for v in vdevs:
        argv += ["--vdev", v]
    process = case.start("offload", [*argv, "--", "--json", out, "--accept", accept, "--mtu", mtu, "--mbuf-size",
                                     merged if merge else single, "--largest-mss", 8900, "--rounds", ROUNDS, *options])
    code = process.wait(600 if harness.FULL else 60)
    result = json.loads(out.read_text()) if out.exists() else {"fault": "no result"}
    if code != 0:
        raise harness.Failed(f"expected exit code 0 of {' '.join(drivers)} accept={accept} merge={merge} mtu={mtu}, "
                             f"not {code}: {result['fault']}")
    return result


def goes_through_whole_where_wanted(case, accept, merge, result):
    """Right bytes are not all: what a receiver asks for must not be done for it."""
    for d in result["directions"]:
        seen, to = d["seen"], d["to"]
        case.expect(d["asks"] == accept, f"{to} to ask for {accept}, not {d['asks']}, with{'' if merge else 'out'} mergeable buffers")
        for kind in KINDS[1:]:
            lro = accept == "all" and kind != "csum" and (kind != "uso" or to == "net_virtq")
            where = f"{d['from']} to {to}, asks for {accept}: {kind}"
            if not d["cells"].get(f"{kind} 1500", "").strip("-?"):
                continue
            case.expect((seen[kind]["lro"] > 0) == lro, f"{where} {'' if lro else 'not '}as LRO, not {seen[kind]}")
            case.expect((seen[kind]["partial"] > 0) == (accept != "none"),
                        f"{where} with partial checksums if asked for only, not {seen[kind]}")
            if lro and to == "net_virtq":
                case.expect(seen[kind]["segments"] == 0, f"{where} in one piece, not {seen[kind]}")


def matrix(drivers):
    def check(case):
        switch = case.switch({"a": "", "b": ""})
        totals = Totals()
        for accept in ("none", "csum", "all"):
            for merge in (True, False):
                for setting in (NORMAL, LARGE):
                    result = guests(case, switch, drivers, accept, merge, setting)
                    totals.add(accept, merge, result)
                    goes_through_whole_where_wanted(case, accept, merge, result)
        totals.check(case)
        case.expect(switch.stop() == 0, "exit code 0 of the switch")
    return f"every combination between {' and '.join(drivers)}", check


def reduced(case, switch, **kw):
    for accept, merge in (("none", True), ("all", True), ("all", False)):
        for setting in (NORMAL, JUMBO):
            result = guests(case, switch, ("net_virtq", "net_virtq"), accept, merge, setting,
                            ["--segs", "1-17" if harness.FULL else "3-4"], **kw)
            goes_through_whole_where_wanted(case, accept, merge, result)


def two_workers(case):
    switch = case.switch({"a": "", "b": ""}, workers=2)
    reduced(case, switch)
    case.expect(switch.stop() == 0, "exit code 0 of the switch")


def simd(bits):
    def check(case):
        option = f"--force-max-simd-bitwidth={bits}"
        switch = case.switch({"a": "", "b": ""}, options=[option])
        reduced(case, switch, eal=[option])
        case.expect(switch.stop() == 0, "exit code 0 of the switch")
    return f"{bits}-bit registers at both ends", check


def judge_between_stock_peers(case):
    """What the judge says of drivers and devices that are not ours; net_vhost knows neither two tags nor extensions."""
    path = case.path("stock.sock")
    _, memory = case.eal("offload", f"0@{harness.CPUS[0]}", 384)
    out = case.path("stock.json")
    process = case.start("offload", [OFFLOAD, *memory, "--vdev", f"net_vhost0,iface={path},tso=1", "--", "--json", out,
                                     "--late-vdev", f"net_virtio_user0,path={path},mac={MAC.format(1)}",
                                     "--max-tags", 1, "--no-extensions"])
    code = process.wait(60)
    case.expect(code == 0, f"exit code 0, not {code}: {json.loads(out.read_text())['fault'] if out.exists() else ''}")


PAIRS = [("net_virtq", "net_virtq"), ("net_virtq", "net_virtio_user"), ("net_virtio_user", "net_virtio_user")]

if __name__ == "__main__":
    harness.run(judge_between_stock_peers, *[matrix(pair) for pair in PAIRS], two_workers,
                *[simd(bits) for bits in (64, 256, 512)])
