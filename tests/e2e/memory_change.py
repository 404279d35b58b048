#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""SET_MEM_TABLE under traffic: frames go on, neighbours lose nothing, no mapping is left over."""

import frontend_shapes as shapes
import harness
import vu_frontend as vu

ROUNDS = 1000 if harness.FULL else 100


def memory_table_changes_under_traffic(case):
    switch = case.switch({p: "" for p in "abcd"})
    others = case.seqcheck_start([f"net_virtq{i},path={switch.paths[p]},mac=02:00:00:00:00:1{i}"
                                  for i, p in enumerate("cd")], ["--seconds", 3600, "--quiet"])
    others.expect_line("sending")
    a, b = shapes.pair(case, switch.paths["a"], switch.paths["b"])
    shapes.learn(a, b)
    extra = vu.Region(0x40000000, 2 << 20)
    before = switch.fds(), len(switch.maps())
    for number in range(ROUNDS):
        # A region comes and goes as by hot plug; frames are under way while it does.
        frames = [vu.frame(2, 1, n, 60 + n) for n in range(1, 25)]
        for f in frames[:12]:
            a.rings[1].transmit(f)
        for side in (a, b):
            side.share_memory([*side.regions, extra] if number % 2 == 0 else None)
        for f in frames[12:]:
            a.rings[1].transmit(f)
        got = []
        harness.poll(f"round {number}: 24 frames", lambda: got.extend(b.received()) or len(got) >= 24, 5)
        case.expect(got == frames, f"round {number}: the same frames in order")
        a.rings[1].completed()
    case.expect(abs(switch.fds() - before[0]) <= 2, f"about {before[0]} file descriptors, not {switch.fds()}")
    case.expect(abs(len(switch.maps()) - before[1]) <= 4, f"about {before[1]} mappings")
    others.stop()
    case.seqcheck_end(others)


def neighbour_withholds_half_a_message(case):
    """The thread that reads sockets may have to wait for it; traffic of others must not."""
    switch = case.switch({p: "" for p in "abc"})
    others = case.seqcheck_start([f"net_virtq{i},path={switch.paths[p]},mac=02:00:00:00:00:1{i}"
                                  for i, p in enumerate("ab")], ["--seconds", 2, "--quiet", "--stall-ms", 500])
    others.expect_line("sending")
    c = vu.Frontend(switch.paths["c"]).negotiate((vu.F_VERSION_1,))
    c.socket.send(b"\5\0\0\0\1\0\0\0\x28\0\0\0")  # SET_MEM_TABLE with 40 bytes that do not follow
    # Their end needs an answer of that thread, so it comes after ours.
    others.expect_line("seqcheck: (ok|FAILED)", 20)
    c.close()
    case.seqcheck_end(others)
    case.expect(switch.stop() == 0, "exit code 0 of the switch")


if __name__ == "__main__":
    harness.run(memory_table_changes_under_traffic, neighbour_withholds_half_a_message)
