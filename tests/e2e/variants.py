#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sequence check through virtq-switch with every set of features that picks another burst function, at each width of
registers: {in order or not} x {mergeable or not} x {checksums or not} x {hash report or not}, and stock drivers."""

import itertools

import harness

WIDTHS = {64: ("base", "scalar"), 256: ("avx2", "avx2"), 512: ("avx512", "gfni")}
NEEDS = {64: set(), 256: {"avx2", "bmi2"}, 512: {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vbmi", "gfni"}}
PACKETS = harness.scaled(50_000_000 if harness.FULL else 320_000)
BOTH = (False, True)


def cpu_flags():
    with open("/proc/cpuinfo", encoding="ascii") as f:
        line = next((line for line in f if line.startswith("flags")), ":")
    return {name.replace("avx512vbmi", "avx512_vbmi") for name in line.split(":")[1].split()}


def needed(width):
    """Name of the instruction set at a width; skips the case where the processor has not got it."""
    missing = sorted(NEEDS[width] - cpu_flags())
    if missing:
        raise harness.Skip(f"this processor lacks {', '.join(missing)}")
    return WIDTHS[width][0]


def pairs(driver, names, settings):
    """vdevs of two ports for each setting (in order, mergeable)."""
    for number, (path, (in_order, merge)) in enumerate(zip(names, (s for s in settings for _ in "ab"))):
        yield (f"{driver}{number},path={path},mac=02:00:00:00:01:{number:02x},in_order={int(in_order)},"
               f"mrg_rxbuf={int(merge)}")


def mask(wanted):
    """Two ports for each setting."""
    return hex(sum(3 << 2 * i for i, on in enumerate(wanted) if on))


def names_of(in_order, merge, checksums, hashes, isa):
    words = [w for w, on in (("merge", merge), ("offload", checksums), ("hash", hashes)) if on]
    return (f"rx {'_'.join(words) or 'plain'} {isa}",
            f"tx {'in_order' if in_order else 'verified_order'}{'_offload' if checksums else ''} {isa}")


def at(width):
    def check(case):
        isa, hash_form = needed(width), WIDTHS[width][1]
        option = f"--force-max-simd-bitwidth={width}"
        settings = list(itertools.product(BOTH, repeat=4))
        stock = list(itertools.product(BOTH, repeat=2))
        ours, theirs = [[f"{kind}{i}" for i in range(2 * len(s))] for kind, s in (("p", settings), ("v", stock))]
        switch = case.switch(dict.fromkeys(ours + theirs, ""), options=[option, "--log-level=user.virtq.switch:info"])
        switch.expect_line(f"bursts by {isa}, hashes by {hash_form}$")

        vdevs = pairs("net_virtq", [switch.paths[n] for n in ours], [s[:2] for s in settings])
        options = ["--packets", PACKETS, "--size", "60-1514", "--descs", 256]
        result = case.seqcheck([*vdevs], [*options, "--checksums", mask(s[2] for s in settings),
                                            "--hash", mask(s[3] for s in settings)], options=[option])
        for number, port in enumerate(result["ports"]):
            expected = names_of(*settings[number // 2], isa)
            case.expect((port["rx"], port["tx"]) == expected, f"port {number} to run {expected}, not {port}")
        expect_all(case, result, 2 * len(settings))

        vdevs = pairs("net_virtio_user", [switch.paths[n] for n in theirs], stock)
        expect_all(case, case.seqcheck([*vdevs], options, options=[option]), 2 * len(stock))
        case.expect(switch.stop() == 0, "exit code 0 of the switch")
    return f"{width}-bit registers at both ends", check


def expect_all(case, result, ports):
    """Each port got its share, and none what was for another."""
    share = PACKETS // ports
    case.expect(len(result["flows"]) == ports and all(f["received"] >= share for f in result["flows"]),
                f"{share} frames for each of {ports} ports, not {result['flows']}")
    # Those that made the addresses known, 20 ms apart.
    case.expect(100 * result["flooded"] < result["received"], f"no copies at other ports, not {result['flooded']}")
    print(f"# {result['received']} frames of {ports} ports, {result['mpps']:.2f} Mpps")


if __name__ == "__main__":
    harness.run(*[at(width) for width in WIDTHS])
