#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The steer program finds what it is there to find; no hugepages, no root, one ring in memory for a port."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
import steer_agent  # noqa: E402

FRAMES = 500


def loop(case):
    """Two ports whose frames come back to them, in their only queue and without a hash."""
    _, eal = case.eal("steer", f"0@{harness.CPUS[0]}", 128, huge=False)
    steer = case.add(steer_agent.Steer("steer", [
        steer_agent.STEER, *eal, "--vdev", "net_ring0", "--vdev", "net_ring1"], case.path("log")))
    steer.configure(0, 1)
    steer.ask("start", 0)
    return steer


def is_refused(case, steer, fault, **kw):
    try:
        steer.check(1, FRAMES, to=0, source=0, **kw)
    except harness.Failed as e:
        case.expect(f"wrong={FRAMES}" in str(e) and "lost=0" in str(e), f"every frame to be wrong: {e}")
        case.expect(f": {fault}: expected" in steer.text(), f"'{fault}' to be named")
        return
    raise harness.Failed(f"expected '{fault}' to be found")


def frames_without_hash_pass_where_none_is_expected(case):
    steer = loop(case)
    steer.expect(reported=False)
    out = steer.check(1, FRAMES, to=0, source=0)
    case.expect(out["queues"][0] == FRAMES and out["reports"]["none"] == FRAMES, f"{FRAMES} frames: {out}")
    steer.ask("stop", 0)
    steer.end()


def a_wrong_queue_is_found(case):
    steer = loop(case)
    steer.expect(steer_agent.Rss(types=0, unclassified=1), reported=False)
    is_refused(case, steer, "queue")


def a_missing_hash_is_found(case):
    steer = loop(case)
    steer.expect(steer_agent.Rss(types=0x3f), steered=False)
    try:
        steer.check(1, FRAMES, to=0, source=0)
    except harness.Failed as e:
        case.expect(": flag of the hash: expected" in steer.text(), "the flag to be named")
        case.expect("wrong=0" not in str(e), f"frames to be wrong: {e}")
        return
    raise harness.Failed("expected the missing hash to be found")


def a_lost_frame_is_found(case):
    steer = loop(case)
    steer.configure(1, 1)
    steer.ask("start", 1)
    steer.expect(reported=False)
    try:
        steer.check(1, 1, to=1, source=0)
    except harness.Failed as e:
        case.expect("lost=1" in str(e) and "did not arrive" in steer.text(), f"one frame to be lost: {e}")
        return
    raise harness.Failed("expected the loss to be found")


def values_differ_from_the_published_ones_under_another_key(case):
    steer = loop(case)
    steer.expect(steer_agent.Rss(key=bytes(40)), reported=False, steered=False)
    try:
        steer.check(1, steer_agent.VECTORS, vectors=True, to=0, source=0)
    except harness.Failed as e:
        case.expect(f"wrong={steer_agent.VECTORS}" in str(e), f"every value to be wrong: {e}")
    else:
        raise harness.Failed("expected other values than the published ones")
    steer.expect(reported=False, steered=False, rss=steer_agent.Rss())
    steer.check(1, steer_agent.VECTORS, vectors=True, to=0, source=0)


def commands_that_make_no_sense_are_refused(case):
    steer = loop(case)
    for text in ("", "melt 0", "rss 0", "expect 1 xx 0 0 0", "reta 0 128 1=x"):
        case.expect(steer.try_(*text.split()) < 0, f"'{text}' to be refused")


if __name__ == "__main__":
    harness.run(frames_without_hash_pass_where_none_is_expected, a_wrong_queue_is_found, a_missing_hash_is_found,
                a_lost_frame_is_found, values_differ_from_the_published_ones_under_another_key,
                commands_that_make_no_sense_are_refused)
