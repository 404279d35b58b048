#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""MAC table: unknown and broadcast frames to all others, known ones to one port, moves, ageing."""

import time

import harness
import vu_frontend as vu

BROADCAST = bytes([0xFF] * 6)


def connect(case, switch, names):
    return [vu.Frontend(switch.paths[n]).start() for n in names]


def send(frontend, frame):
    frontend.rings[1].completed()
    frontend.rings[1].transmit(frame)


def expect_at(case, what, frame, receivers, others):
    """The frame arrives at each receiver once, and at nobody else."""
    got = {id(r): [] for r in [*receivers, *others]}

    def look():
        for r in [*receivers, *others]:
            got[id(r)] += r.received()
        return all(got[id(r)] for r in receivers)
    harness.poll(f"{what}: frame at {len(receivers)} ports", look, 5)
    time.sleep(0.05)
    look()
    case.expect(all(got[id(r)] == [frame] for r in receivers), f"{what}: the frame once at each receiver")
    case.expect(not any(got[id(r)] for r in others), f"{what}: nothing at the other ports")


def wait_until_served(a, b):
    """Frames of unknown sources pass: all rings of both run."""
    def look():
        send(a, vu.frame(0x77, 0x71, 0))
        send(b, vu.frame(0x78, 0x72, 0))
        time.sleep(0.02)
        return a.received(hello=True) and b.received(hello=True)
    harness.poll("rings of two ports to run", look, 5)


def ready(case, names, **kw):
    switch = case.switch({n: "" for n in names}, **kw)
    ends = connect(case, switch, names)
    for other in ends[1:]:
        wait_until_served(ends[0], other)
    return switch, ends


def unknown_known_broadcast_moved(case):
    switch, (a, b, c) = ready(case, "abc")
    first = vu.frame(2, 1, 1)
    send(a, first)
    expect_at(case, "unknown destination", first, [b, c], [a])
    back = vu.frame(1, 2, 2)
    send(b, back)
    expect_at(case, "destination learned from its first frame", back, [a], [b, c])
    send(a, first)
    expect_at(case, "known destination", first, [b], [a, c])
    everybody = BROADCAST + vu.frame(2, 1, 3)[6:]
    send(a, everybody)
    expect_at(case, "broadcast", everybody, [b, c], [a])
    moved = vu.frame(1, 2, 4)
    send(c, moved)  # the address of b, now behind c
    expect_at(case, "sender that moved", moved, [a], [b, c])
    send(a, first)
    expect_at(case, "destination that moved", first, [c], [a, b])
    send(a, vu.frame(1, 9, 5))  # to its own port
    time.sleep(0.1)
    case.expect(not a.received() and not b.received() and not c.received(), "no frame back to its own port")


def address_is_forgotten_with_age(case):
    switch, (a, b, c) = ready(case, "abc", extra=["--mac-age", "2"])
    to_a, to_b = vu.frame(1, 2, 1), vu.frame(2, 1, 2)

    def known():
        """b has just been heard of, so c gets nothing; unless this took so long that it was forgotten."""
        began = time.monotonic()
        send(b, to_a)
        harness.poll("the frame of b at a", a.received, 5)
        c.received()
        send(a, to_b)
        harness.poll("the frame of a at b", b.received, 5)
        time.sleep(0.05)
        flooded = c.received()
        case.expect(not flooded or time.monotonic() - began > 1.5, "no flooding to a known address")
        return not flooded
    harness.poll("a known address", known, 30)
    seen_by_c = []

    def flooded():
        send(a, to_b)
        time.sleep(0.1)
        b.received()
        seen_by_c.extend(c.received())
        return to_b in seen_by_c
    harness.poll("an address without traffic to be flooded to again", flooded, 10)
    # a has sent all the while, so its address is still there.
    macs = switch.telemetry("/virtq/fdb")["mac"]
    case.expect("02:00:00:00:01:01" in macs and "02:00:00:00:01:02" not in macs, f"a in the table, not b: {macs}")


if __name__ == "__main__":
    harness.run(unknown_known_broadcast_moved, address_is_forgotten_with_age)
