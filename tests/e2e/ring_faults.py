#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Guests that break their rings: which ring, why, what value and how often, told in every place.

Each class of fault that the device role knows (lib/ring/virtq_fault.h) is made by a scripted
frontend, looked up as an operator would (table, telemetry, log), and is gone after a reset.
"""

import re
import struct
import time

import frontend_shapes as shapes
import harness
import variants
import vu_frontend as vu

NEXT, WRITE, INDIRECT = 1, 2, 4
F_INDIRECT_DESC = 28
NOWHERE = 0xDEAD00000000
FEATURES = (vu.F_VERSION_1, vu.F_MRG_RXBUF, F_INDIRECT_DESC)


def put(ring, *descriptors, head=0, count=1):
    """Write raw descriptors from 0 on, make count chains with this head available."""
    f = ring.frontend
    for i, (address, length, flags, following) in enumerate(descriptors):
        f.write(ring.desc + 16 * i, struct.pack("<QIHH", address, length, flags, following))
    f.write(ring.avail + 4 + 2 * (ring.avail_next % ring.size), struct.pack("<H", head))
    ring.avail_next = (ring.avail_next + count) & 0xFFFF
    f.write(ring.avail + 2, struct.pack("<H", ring.avail_next))


def table(ring, *descriptors):
    """An indirect table in a buffer that is not in use; its address."""
    at = ring.buffers[-1]
    ring.frontend.write(at, b"".join(struct.pack("<QIHH", *d) for d in descriptors))
    return at


def good(ring):
    return ring.buffers[1]


# name: (how to make it in transmitq, how its value is told)
TRANSMIT = {
    "avail_index": (lambda r: put(r, count=r.size + 1), "index {0.avail_next}"),
    "head_index": (lambda r: put(r, head=r.size + 5), "descriptor 69"),
    "next_index": (lambda r: put(r, (good(r), 100, NEXT, 64)), "next 64"),
    "chain_loop": (lambda r: put(r, (good(r), 0, NEXT, 0)), "65 descriptors and no end"),
    "chain_bytes": (lambda r: put(r, (good(r), 4096, NEXT, 1), (good(r), 0xFFFFFFFF, 0, 0)), "4294971391 bytes"),
    "address": (lambda r: put(r, (NOWHERE, 100, 0, 0)), "address 0xdead00000000"),
    "read_after_write": (lambda r: put(r, (good(r), 100, NEXT | WRITE, 1), (NOWHERE, 100, 0, 0)),
                         "its address 0xdead00000000"),
    "not_readable": (lambda r: put(r, (good(r), 100, NEXT, 1), (good(r), 100, WRITE, 0)),
                     "behind 1 readable parts"),
    "indirect_next": (lambda r: put(r, (good(r), 32, NEXT | INDIRECT, 1)), "descriptor 0"),
    "indirect_nested": (lambda r: put(r, (table(r, (good(r), 100, NEXT, 1), (good(r), 16, INDIRECT, 0)), 32,
                                          INDIRECT, 0)), "entry 1"),
    "indirect_length": (lambda r: put(r, (good(r), 17, INDIRECT, 0)), "17 bytes"),
    "indirect_address": (lambda r: put(r, (NOWHERE, 32, INDIRECT, 0)), "entry at 0xdead00000000"),
    "indirect_not_negotiated": (lambda r: put(r, (NOWHERE, 32, INDIRECT, 0)), "table at 0xdead00000000"),
}
RECEIVE = {
    "not_writable": (lambda r: put(r, (good(r), 100, 0, 0)), "1 readable parts"),
    "address": (lambda r: put(r, (NOWHERE, 2048, WRITE, 0)), "address 0xdead00000000"),
}


def wanted(name):
    return FEATURES[:2] if name == "indirect_not_negotiated" else FEATURES


def fresh(ring):
    """As a driver that resets: a zeroed ring."""
    f = ring.frontend
    f.write(ring.avail, bytes(6 + 2 * ring.size))
    f.write(ring.used, bytes(6 + 8 * ring.size))
    ring.avail_next = ring.used_next = 0
    if ring.index % 2 == 0:
        ring.post_all()


def reset_ring(f, ring):
    """Without STATUS a ring is reset by stopping it; QEMU does so."""
    f.send(vu.GET_VRING_BASE, struct.pack("<II", ring.index, 0), reply=True)
    fresh(ring)
    ring.set_up()


def reset_device(f, _ring):
    f.driver_ok(0)
    for ring in f.rings.values():
        fresh(ring)
    f.driver_ok()


def told_everywhere(case, switch, port, ring, name, value):
    """The reason, by telemetry, log and table; @return telemetry of the ring."""
    kind = "transmitq" if ring.index % 2 else "receiveq"
    state = harness.poll(f"{name} in the telemetry", lambda: (
        lambda q: q if q.get("fault") == name else None)(switch.telemetry(f"/virtq/port,{port},0")[kind]), 5)
    case.expect(state["fault_value"] == value, f"'{value}', not '{state['fault_value']}'")
    case.expect(state["faults_by_reason"].get(name, 0) >= 1, f"{name} to be counted")
    case.expect(switch.telemetry(f"/virtq/port,{port}")["state"] == "broken", "a broken port")
    detail = rf"{re.escape(state['fault_text'])}: {re.escape(value)}, head \d+, position \d+; "
    switch.expect_line(rf"port {port}: the guest broke {kind} 0, ring {ring.index}\b.*: {detail}stopped", 5)
    switch.expect_line(rf"^{port} +broken ", 5)
    switch.expect_line(rf"^  BROKEN {kind} 0 \(ring {ring.index}\): {detail}stopped", 5)
    switch.expect_line(rf"^  fault {kind} 0 +{name} +\d+ times", 5)
    return state


def one_fault(kind, name):
    make, value = (RECEIVE if kind == "receiveq" else TRANSMIT)[name]

    def check(case):
        switch = case.switch({"a": "", "b": ""}, extra=["--show", "1"])
        a, b = shapes.pair(case, *[switch.paths[p] for p in "ab"], wanted=wanted(name))
        shapes.learn(a, b)
        ring = a.rings[1 if kind == "transmitq" else 0]
        if kind == "transmitq":
            make(ring)
        else:
            # Buffers that were good are taken first; one frame for each and one for the bad one.
            make(ring)
            for n in range(1, ring.size + 2):
                harness.poll("the neighbour's ring to be served", lambda n=n: b.rings[1].completed() is not None and
                             b.rings[1].transmit(vu.frame(1, 2, n)), 3)
        told_everywhere(case, switch, "a", ring, name, value.format(ring))
        case.expect(b.rings[1].transmit(vu.frame(9, 2, 1)), "the neighbour to go on")
        harness.poll("the neighbour's frame to be taken", b.rings[1].completed, 5)
        reset_ring(a, ring)
        shapes.learn(a, b)
        shapes.exchange_both(case, a, b)
        after = switch.telemetry("/virtq/port,a,0")[kind]
        case.expect("fault" not in after and after["faults"] == 1, f"one fault, which is over, not {after}")
        case.expect(switch.telemetry("/virtq/port,a")["state"] == "running", "a port that runs")
        case.expect(switch.stop() == 0, "exit code 0 of the switch")
    return f"{name} in {kind}: reason everywhere, and over after a reset", check


def which_reset_helps(case):
    """GET_VRING_BASE, SET_STATUS 0 and a new connection do; what moves a ring or disables it does not."""
    switch = case.switch({"a": "", "b": ""})
    a, b = shapes.pair(case, *[switch.paths[p] for p in "ab"], wanted=FEATURES)
    shapes.learn(a, b)

    def state():
        return switch.telemetry("/virtq/port,a,0")["transmitq"]

    def disable(f, ring):
        ring.enable(0)
        ring.enable(1)

    def new_call(f, ring):
        f.send(vu.SET_VRING_CALL, struct.pack("<Q", ring.index), [ring.call])

    for times, reset in enumerate((reset_ring, reset_device), 1):
        ring = a.rings[1]
        TRANSMIT["head_index"][0](ring)
        harness.poll("a fault", lambda: state().get("fault"), 5)
        for no_reset in (disable, new_call, lambda f, _ring: f.share_memory()):
            no_reset(a, ring)
            case.expect(state().get("fault") == "head_index" and state()["faults"] == times,
                        f"the ring to stay broken, fault {times}")
        reset(a, ring)
        shapes.learn(a, b)
        shapes.exchange_both(case, a, b, count=20)
    TRANSMIT["head_index"][0](a.rings[1])
    harness.poll("a fault", lambda: state().get("fault"), 5)
    a.close()
    harness.poll("the port to be down", lambda: switch.telemetry("/virtq/port,a")["state"] == "down", 5)
    a = vu.Frontend(switch.paths["a"]).start()
    shapes.learn(a, b)
    shapes.exchange_both(case, a, b, count=20)
    case.expect(state()["faults"] == 3 and switch.telemetry("/virtq/port,a")["ring_faults"] == 3, "three faults")


def neighbours_lose_nothing(case, width):
    """Every fault, again and again, while two other ports run a sequence check."""
    isa = variants.needed(width)
    option = f"--force-max-simd-bitwidth={width}"
    switch = case.switch({p: "" for p in "abc"}, extra=["--show", "1"],
                         options=[option, "--log-level=user.virtq.switch:info"])
    switch.expect_line(f"bursts by {isa},")
    others = case.seqcheck_start([f"net_virtq{i},path={switch.paths[p]},mac=02:00:00:00:00:1{i}"
                                  for i, p in enumerate("ab")], ["--seconds", 3600, "--quiet"], options=[option])
    others.expect_line("sending")
    c = vu.Frontend(switch.paths["c"]).start(wanted=FEATURES)
    ring, names = c.rings[1], [n for n in TRANSMIT if n != "indirect_not_negotiated"]
    begin, total = time.monotonic(), 0

    def faults():
        return switch.telemetry("/virtq/port,c,0")["transmitq"]["faults"]

    for _ in range(200 if harness.FULL else 20):
        for name in names:
            TRANSMIT[name][0](ring)
            total += 1
            harness.poll(f"fault {total}, {name}", lambda: faults() == total, 5)
            reset_device(c, ring) if total % 2 else reset_ring(c, ring)
    others.stop()
    result = case.seqcheck_end(others)
    by = switch.telemetry("/virtq/port,c,0")["transmitq"]["faults_by_reason"]
    case.expect(sum(by.values()) == total and set(by) == set(names), f"{total} faults by {len(names)} reasons, not {by}")
    lines = switch.text().count("port c: the guest broke")
    case.expect(0 < lines <= 10 * (time.monotonic() - begin + 30), f"a line or a few for each second, not {lines}")
    print(f"# {total} faults in {lines} lines; the neighbours passed {result['received']} frames, none lost")
    case.expect(switch.stop() == 0, "exit code 0 of the switch")


if __name__ == "__main__":
    harness.run(*[one_fault("transmitq", n) for n in TRANSMIT], *[one_fault("receiveq", n) for n in RECEIVE],
                which_reset_helps,
                *[(f"neighbours lose nothing, {width}-bit registers", lambda c, w=width: neighbours_lose_nothing(c, w))
                  for width in variants.WIDTHS])
