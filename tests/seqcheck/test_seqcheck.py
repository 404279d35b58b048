#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The sequence check finds what it is there to find; no hugepages, no root, one ring in memory."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402

PACKETS, EVERY = 20000, 1000


def start(case, *options):
    return case.seqcheck_start(["net_ring0"], ["--echo", "--packets", PACKETS, "--size", "60-400", "--descs", 256,
                                               "--stall-ms", 200, *options], huge=False, megabytes=64)


def sound_traffic_passes(case):
    result = case.seqcheck_end(start(case))
    case.expect(result["sent"] == result["received"] == PACKETS, f"{PACKETS} frames, not {result}")


def finds(fault, counter):
    def check(case):
        process = start(case, "--inject", f"{fault}={EVERY}")
        result = case.seqcheck_end(process, good=False)
        case.expect(process.popen.returncode == 1 and result["result"] == "failed", "exit code 1")
        # The hello frame counts as an arrival, so the last fault may fall behind the end.
        case.expect(PACKETS // EVERY - 1 <= result[counter] <= PACKETS // EVERY,
                    f"{PACKETS // EVERY} frames {counter}, not {result}")
        others = {"lost", "duplicated", "reordered", "corrupt"} - {counter, "lost" if fault == "corrupt" else ""}
        case.expect(not any(result[o] for o in others), f"nothing else found, not {result}")
    return f"finds what is {counter}", check


def loss_may_be_allowed_but_nothing_else(case):
    result = case.seqcheck_end(start(case, "--inject", f"lose={EVERY}", "--allow-loss"))
    case.expect(result["lost"] > 0, "loss to be counted")
    process = start(case, "--inject", f"duplicate={EVERY}", "--allow-loss")
    case.seqcheck_end(process, good=False)
    case.expect(process.popen.returncode == 1, "exit code 1 for duplicates")


def bad_options_are_named(case):
    for option, value in (("--size", "59"), ("--size", "100-60"), ("--burst", "0"), ("--inject", "melt=3"),
                          ("--window", "x")):
        process = start(case, option, value)
        code = process.wait(20)
        case.expect(code == 2 and f"{option}={value}" in process.text(), f"{option} {value} to be refused")


if __name__ == "__main__":
    harness.run(sound_traffic_passes, finds("lose", "lost"), finds("duplicate", "duplicated"),
                finds("reorder", "reordered"), finds("corrupt", "corrupt"),
                loss_may_be_allowed_but_nothing_else, bad_options_are_named)
