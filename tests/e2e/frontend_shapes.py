#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Frontends that are not like QEMU or DPDK: without STATUS, without protocol features, with holes."""

import struct
import time

import harness
import vu_frontend as vu


def pair(case, path_a, path_b, rings=(0, 1), enable=True, sizes=(8 << 20,), **kw):
    """Two connected frontends of the same shape, known to the switch by one frame each."""
    a, b = vu.Frontend(path_a, sizes), vu.Frontend(path_b, sizes)
    for f in (a, b):
        f.start(rings, enable=enable, **kw)
    return a, b


def learn(a, b, tx=1):
    """Until both addresses are known: frames flow both ways."""
    def both():
        for sender, to, number in ((a, 2, 1), (b, 1, 2)):
            sender.rings[tx].completed()
            sender.rings[tx].transmit(vu.frame(to, number, 0))
        time.sleep(0.02)
        return all([x.received(hello=True) for x in (a, b)])
    harness.poll("first frames of two scripted frontends", both, 5)


def exchange_both(case, a, b, tx=1, count=200, lengths=(60, 1514)):
    for x, y, to, sender in ((a, b, 2, 1), (b, a, 1, 2)):
        frames = [vu.frame(to, sender, n, lengths[n % len(lengths)]) for n in range(1, count)]
        case.expect(vu.exchange(x, tx, y, frames), f"{count - 1} frames, intact and in order")


def shape(name, queues=1, **kw):
    def check(case):
        switch = case.switch({"a": f"queues={queues}", "b": f"queues={queues}"})
        a, b = pair(case, *[switch.paths[p] for p in "ab"], **kw)
        learn(a, b)
        exchange_both(case, a, b)
        case.expect(switch.alive(), "the switch runs on")
        case.expect(switch.stop() == 0, "exit code 0 of the switch")
    return name, check


def holes_between_rings(case):
    """Pairs 0 and 3 of 4 set up, pairs 1 and 2 never mentioned."""
    switch = case.switch({"a": "queues=4", "b": "queues=4"})
    a, b = pair(case, *[switch.paths[p] for p in "ab"], rings=(0, 1, 6, 7))
    learn(a, b)
    for tx in (1, 7):
        for n in range(1, 50):
            a.rings[tx].transmit(vu.frame(2, 1, n))
            harness.poll(f"frame of ring {tx} on ring 0 or 6", b.received, 5)
            a.rings[tx].completed()


def rings_enabled_late(case):
    switch = case.switch({"a": "", "b": ""})
    a, b = pair(case, *[switch.paths[p] for p in "ab"], enable=False)
    time.sleep(0.2)
    case.expect(not a.rings[0].completed() and not b.rings[0].completed(),
                "no frame on rings that are not enabled")
    for f in (a, b):
        for ring in f.rings.values():
            ring.enable()
    learn(a, b)
    exchange_both(case, a, b)


def disabled_transmitq_is_emptied(case):
    """SET_VRING_ENABLE 0: what is sent is taken and dropped, until it is enabled or the ring is stopped."""
    switch = case.switch({"a": "", "b": ""})
    a, b = pair(case, *[switch.paths[p] for p in "ab"])
    learn(a, b)
    ring = a.rings[1]
    for round_ in range(1, 6):
        ring.enable(0)
        for n in range(100):
            harness.poll("the sender's ring to be emptied", lambda n=n: ring.completed() is not None and
                         ring.transmit(vu.frame(2, 1, n + 1)), 3)
        harness.poll("100 frames dropped as disabled",
                     lambda r=round_: switch.telemetry("/virtq/port,a")["rx_drops"]["disabled"] == 100 * r, 5)
        case.expect(not b.received(), "none of them to be delivered")
        ring.completed()
        ring.enable()
        learn(a, b)
        exchange_both(case, a, b, count=20)


def ring_stopped_and_started_again(case):
    """GET_VRING_BASE tells the position, the ring goes on from there; the other ring is untouched."""
    switch = case.switch({"a": "", "b": ""})
    a, b = pair(case, *[switch.paths[p] for p in "ab"])
    learn(a, b)
    for round_ in range(20):
        ring = b.rings[round_ % 2]
        index, base = struct.unpack("<II", b.send(vu.GET_VRING_BASE, struct.pack("<II", ring.index, 0),
                                                  reply=True)[:8])
        ring.completed()
        case.expect((index, base) == (ring.index, ring.used_next),
                    f"base {ring.used_next} of ring {ring.index}, not {base} of {index}")
        ring.set_up()
        exchange_both(case, a, b, count=20)


def status_zero_and_driver_ok_again(case):
    switch = case.switch({"a": "", "b": ""})
    a, b = pair(case, *[switch.paths[p] for p in "ab"])
    learn(a, b)
    b.driver_ok(0)
    case.expect(not vu.exchange(a, 1, b, [vu.frame(2, 1, 1)], 0.3), "no frame for a device that was reset")
    b.driver_ok()
    learn(a, b)
    exchange_both(case, a, b)


def second_client_is_refused(case):
    switch = case.switch({"a": "", "b": ""})
    a, b = pair(case, *[switch.paths[p] for p in "ab"])
    learn(a, b)
    other = vu.Frontend(switch.paths["a"])
    try:
        other.ask(vu.GET_FEATURES)
    except vu.Refused:
        pass
    else:
        raise harness.Failed("expected the second connection to one port to be closed")
    exchange_both(case, a, b)


if __name__ == "__main__":
    harness.run(
        shape("usual frontend"),
        shape("without STATUS", protocol=(vu.P_MQ, vu.P_REPLY_ACK)),
        shape("without REPLY_ACK", protocol=(vu.P_MQ, vu.P_STATUS)),
        shape("without PROTOCOL_FEATURES", protocol=None),
        shape("four pairs offered, one used", queues=4),
        shape("four pairs offered, four used", queues=4, rings=tuple(range(8))),
        shape("memory in three regions", sizes=(4 << 20, 2 << 20, 4 << 20)),
        shape("IN_ORDER and MRG_RXBUF", wanted=(vu.F_VERSION_1, vu.F_IN_ORDER, vu.F_MRG_RXBUF)),
        holes_between_rings, rings_enabled_late, disabled_transmitq_is_emptied, ring_stopped_and_started_again,
        status_zero_and_driver_ok_again, second_client_is_refused)
