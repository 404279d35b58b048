#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The offload check passes what is right and finds what is not; no hugepages, no root, one ring in memory."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402

OFFLOAD = harness.BUILD / "tests" / "offload" / "offload"
OPTIONS = ["--kinds", "none", "--accept", "none", "--mtu", 65000, "--wait-ms", 300]


def run(case, *options, seconds=60):
    _, eal = case.eal("offload", f"0@{harness.CPUS[0]}", 256, huge=False)
    out = case.path("result.json")
    process = case.start("offload", [OFFLOAD, *eal, "--vdev", "net_ring0", "--", "--echo", "--json", out, *OPTIONS,
                                     *map(str, options)])
    return process, process.wait(seconds), json.loads(out.read_text()) if out.exists() else {}


def sound_frames_pass(case):
    _, code, result = run(case)
    case.expect(code == 0 and result["result"] == "ok", f"exit code 0, not {code} {result.get('fault')}")
    case.expect(result["combinations"] == result["passed"] == 4 * 17, f"4 sizes in 1 to 17 segments, not {result}")
    case.expect(result["leaked"] == 0, "all mbufs back")


def finds(fault, words, at=100):
    def check(case):
        _, code, result = run(case, "--inject", f"{fault}={at}")
        case.expect(code == 1 and words in result["fault"], f"exit code 1 and '{words}', not {code}: {result.get('fault')}")
        case.expect(fault == "keep" or result["passed"] == result["combinations"] - 1,
                    f"one combination wrong, not {result['combinations'] - result['passed']}")
    return f"finds the arrival that is {words}", check


def impossible_combinations_have_a_reason(case):
    _, code, result = run(case, "--kinds", "none,tso4", "--mtu", 1500)
    case.expect(code == 0, f"exit code 0, not {code}")
    reasons = result["reasons"]
    case.expect(reasons == {"larger than the receiver's MTU": 34, "the sender's driver does not offer it": 68},
                f"two reasons, not {reasons}")


def what_was_not_asked_for_is_refused(case):
    process, code, _ = run(case, "--accept", "all")
    case.expect(code == 1 and "receive offloads of --accept" in process.text(), "a receiver without offloads to be named")


def bad_options_are_named(case):
    for option, value in (("--kinds", "none,ufo"), ("--sizes", "59"), ("--segs", "0"), ("--segs", "3-2"),
                          ("--accept", "some"), ("--inject", "melt=3"), ("--mtu", "x")):
        process, code, _ = run(case, option, value)
        case.expect(code == 2 and f"{option}={value}" in process.text(), f"{option} {value} to be refused")


if __name__ == "__main__":
    harness.run(sound_frames_pass, finds("lose", "lost"), finds("double", "came twice"), finds("swap", "overtaken"),
                finds("damage", "byte"), finds("keep", "mbufs did not come back"),
                impossible_combinations_have_a_reason, what_was_not_asked_for_is_refused, bad_options_are_named)
