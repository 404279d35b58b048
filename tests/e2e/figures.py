#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the switch tells: telemetry of ports, queues, MAC table, drops by reason, the table on the terminal."""

import time

import frontend_shapes as shapes
import harness
import vu_frontend as vu


def counts_and_macs_agree_with_the_traffic(case):
    switch = case.switch({"a": "queues=2", "b": "queues=2"}, extra=["--show", "1"])
    case.expect(switch.telemetry("/virtq/ports") == ["a", "b"], "ports a and b")
    guests = case.seqcheck_start(
        [f"net_virtq{i},path={switch.paths[p]},queues=2,mac=02:00:00:00:00:0{i + 1}" for i, p in enumerate("ab")],
        ["--queues", 2, "--seconds", 3])
    guests.expect_line("sending")
    time.sleep(1)
    macs = switch.telemetry("/virtq/fdb")
    learned = dict(zip(macs["mac"], macs["port"]))
    case.expect(learned == {"02:00:00:00:00:01": "a", "02:00:00:00:00:02": "b"}, f"two addresses, not {learned}")
    features = switch.telemetry("/virtq/port,a")["feature_names"]
    case.expect("VIRTIO_F_VERSION_1" in features, f"VERSION_1 among the features, not only {features}")
    result = case.seqcheck_end(guests)
    ports = {p: switch.telemetry(f"/virtq/port,{p}") for p in "ab"}
    for port, other in ((ports["a"], ports["b"]), (ports["b"], ports["a"])):
        # A few frames more than were counted: the ones ahead that made the addresses known.
        sent = result["sent"] // 2
        case.expect(port["rx_packets"] == other["tx_packets"] + port["rx_dropped"] + other["tx_dropped"],
                    f"what came in at {port['name']} to go out at {other['name']} or to be counted as dropped")
        case.expect(port["rx_packets"] > 0 and port["tx_dropped"] == 0, f"frames and no drops, about {sent}")
        per_queue = [switch.telemetry(f"/virtq/port,{port['name']},{q}") for q in (0, 1)]
        case.expect(sum(q["rx_packets"] for q in per_queue) == port["rx_packets"], "queues to add up to the port")
        case.expect(all(q["rx_packets"] > 0 for q in per_queue), "frames on both queues")
    total = sum(p["rx_packets"] for p in ports.values())
    case.expect(result["sent"] <= total <= result["sent"] + 100, f"{result['sent']} frames, not {total}")
    for wrong in ("/virtq/port,nobody", "/virtq/port,a,9", "/virtq/port,a,x", "/virtq/port,a,", "/virtq/port",
                  "/virtq/fdb,x"):
        case.expect(switch.telemetry(wrong) is None, f"no answer to {wrong}")
    case.expect(switch.stop() == 0, "exit code 0 of the switch")
    case.expect(all(word in switch.text() for word in ("a ", "b ", "Mpps")), "a table of ports and rates")


def drops(case, switch, port):
    d = switch.telemetry(f"/virtq/port,{port}")
    return {k: v for k, v in {**d["rx_drops"], **d["tx_drops"]}.items() if v}


def each_drop_has_its_reason(case):
    switch = case.switch({"a": "", "b": ""})
    a, b = shapes.pair(case, switch.paths["a"], switch.paths["b"])
    shapes.learn(a, b)
    before = {p: drops(case, switch, p) for p in "ab"}
    good = vu.frame(2, 1, 1)
    sent = {
        "runt": good[:13],
        "invalid_source": good[:6] + bytes([1]) + good[7:],
        "reserved_multicast": bytes([1, 0x80, 0xC2, 0, 0, 3]) + good[6:],
        "same_port": vu.frame(1, 1, 1),
    }
    for reason, frame in sent.items():
        for _ in range(3):
            a.rings[1].transmit(frame)
        harness.poll(f"3 frames dropped as {reason}",
                     lambda r=reason: drops(case, switch, "a").get(r, 0) == before["a"].get(r, 0) + 3, 3)
    case.expect(not b.received(), "none of them to be delivered")
    # b posts nothing any more: its 64 buffers fill up, the rest has nowhere to go; a is not held up.
    for n in range(1, 201):
        harness.poll("the sender's ring to be served", lambda n=n: a.rings[1].completed() is not None and
                     a.rings[1].transmit(vu.frame(2, 1, n)), 3)
    harness.poll("136 of 200 frames dropped as no_descriptor",
                 lambda: drops(case, switch, "b").get("no_descriptor", 0) == 136, 3)
    got = len(b.received())
    case.expect(got == 64, f"64 frames in the buffers of b, not {got}")
    shapes.exchange_both(case, a, b)


def broken_ring_is_named(case):
    """A descriptor outside memory stops the ring of that guest, with a reason; the others go on."""
    switch = case.switch({"a": "", "b": "", "c": ""})
    a, b = shapes.pair(case, switch.paths["a"], switch.paths["b"])
    shapes.learn(a, b)
    c = vu.Frontend(switch.paths["c"]).start()
    ring = c.rings[1]
    ring.buffers = [0xDEAD0000000] * ring.size
    ring._offer(0, 100, 0)
    fault = harness.poll("a fault of c's ring",
                         lambda: switch.telemetry("/virtq/port,c,0")["transmitq"].get("fault"), 5)
    case.expect(fault, "a name of the fault")
    switch.expect_line("port c.*(ring|queue).*1", 5)
    shapes.exchange_both(case, a, b)


if __name__ == "__main__":
    harness.run(counts_and_macs_agree_with_the_traffic, each_drop_has_its_reason, broken_ring_is_named)
