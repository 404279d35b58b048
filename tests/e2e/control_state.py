#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Commands by a real control ring, and what the switch says about them: telemetry, table, link, no stock frontend."""

import os
import struct
import time

import frontend_shapes as shapes
import harness
import vu_frontend as vu

F_MAC, F_STATUS, F_CTRL_VQ, F_CTRL_RX, F_CTRL_VLAN, F_CTRL_RX_EXTRA = 5, 16, 17, 18, 19, 20
F_CTRL_MAC_ADDR, F_CTRL_GUEST_OFFLOADS, F_GUEST_CSUM, F_RSS = 23, 2, 1, 60
WANTED = (F_GUEST_CSUM, F_CTRL_GUEST_OFFLOADS, F_MAC, F_STATUS, F_CTRL_VQ, F_CTRL_RX, F_CTRL_VLAN, F_CTRL_RX_EXTRA,
          F_CTRL_MAC_ADDR, F_RSS, vu.F_MQ, vu.F_VERSION_1)
PROTOCOL = (vu.P_MQ, vu.P_REPLY_ACK, vu.P_STATUS, vu.P_CONFIG)
OK, ERR = 0, 1
KEY = bytes((7 * i + 1) & 0xFF for i in range(40))


class Control:
    """The control queue: one command at a time, two descriptors."""

    def __init__(self, frontend, index, kick=True):
        self.ring, self.kick = frontend.ring(index), kick
        self.frontend = frontend
        self.command, self.answer = self.ring.region.take(16384), self.ring.region.take(1)
        self.ring.set_up()

    def send(self, data):
        """The answer, or None after 5 seconds."""
        f, ring = self.frontend, self.ring
        f.write(self.command, data)
        f.write(self.answer, b"\xee")
        f.write(ring.desc, struct.pack("<QIHH", self.command, len(data), 1, 1))
        f.write(ring.desc + 16, struct.pack("<QIHH", self.answer, 1, vu.DESC_F_WRITE, 0))
        f.write(ring.avail + 4 + 2 * (ring.avail_next % ring.size), struct.pack("<H", 0))
        ring.avail_next = (ring.avail_next + 1) & 0xFFFF
        f.write(ring.avail + 2, struct.pack("<H", ring.avail_next))
        if self.kick:
            os.eventfd_write(ring.kick, 1)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            done = ring.completed()
            if done:
                assert done == [(0, 1)], done
                return f.read(self.answer, 1)[0]
        return None


def mac_bytes(n, first=2):
    return bytes([first, 0, 0]) + n.to_bytes(3, "big")


def text(mac):
    return ":".join(f"{b:02X}" for b in mac)


def start(case, switch, port, pairs, **kw):
    f = vu.Frontend(switch.paths[port], sizes=(8 << 20,))
    f.negotiate(WANTED, protocol=PROTOCOL)
    f.share_memory()
    for index in range(2):
        ring = f.ring(index)
        if index == 0:
            ring.post_all()
        ring.set_up()
    control = Control(f, 2 * pairs, **kw)
    f.driver_ok()
    return f, control


def rss(types, table, unclassified, pairs, key):
    return (bytes([4, 1]) + struct.pack("<IHH", types, len(table) - 1, unclassified) +
            struct.pack(f"<{len(table)}H", *table) + struct.pack("<HB", pairs, len(key)) + key)


def all_of_the_state_can_be_read(case):
    switch = case.switch({"a": "queues=127,mac=02:aa:bb:cc:dd:ee"})
    f, control = start(case, switch, "a", 127)
    unicast = [mac_bytes(n) for n in range(256)]
    multicast = [mac_bytes(n, 3) for n in range(256)]
    vlans = sorted({(37 * n) % 4096 for n in range(1200)})
    table = [(5 * n) % 127 for n in range(512)]
    commands = [b"\x00\x00\x01", b"\x00\x03\x01", b"\x00\x03\x00", b"\x00\x05\x01", b"\x01\x01" + mac_bytes(0x123456),
                b"\x01\x00" + struct.pack("<I", 256) + b"".join(unicast) + struct.pack("<I", 256) + b"".join(multicast),
                rss(0x1FF, table, 126, 100, KEY), b"\x05\x00" + struct.pack("<Q", 0)]
    for command in commands + [b"\x02\x00" + struct.pack("<H", v) for v in vlans]:
        case.expect(control.send(command) == OK, f"OK to {command[:8].hex()}")
    refused = {"unknown": b"\x09\x00", "truncated": b"\x00", "value": b"\x00\x00\x07", "oversized": b"\x00\x00\x01\x01",
               "not_negotiated": b"\x03\x00"}
    for command in refused.values():
        case.expect(control.send(command) == ERR, f"ERR to {command.hex()}")
    state = switch.telemetry("/virtq/control,a")
    wanted = {"has_ring": 1, "running": 1, "index": 254, "modes": ["PROMISC", "NOBCAST"],
              "mac": text(mac_bytes(0x123456)), "unicast": 256, "unicast_all": 0, "multicast": 256, "multicast_all": 0,
              "vlans": len(vlans), "pairs": 100, "rss_on": 1, "hash_types": "0x1ff", "key": KEY.hex(),
              "key_length": 40, "table_entries": 512, "unclassified_queue": 126, "max_tx_vq": 100, "offloads": "0x0",
              "refused": {**dict.fromkeys(refused, 1), "no_ack_place": 0, "no_memory": 0}, "link": "up"}
    for key, value in wanted.items():
        case.expect(state[key] == value, f"{key} {value}, not {state[key]}")
    case.expect(state["commands"]["VLAN_ADD"] == len(vlans) and state["commands"]["NOMULTI"] == 2, "commands by kind")
    macs = switch.telemetry("/virtq/control,a,macs")
    case.expect(macs == {"unicast": [text(m) for m in unicast], "multicast": [text(m) for m in multicast]},
                "both tables of addresses")
    case.expect(switch.telemetry("/virtq/control,a,table") == {"table": table}, "512 entries of RSS")
    got, first = [], 0
    while True:
        part = switch.telemetry(f"/virtq/control,a,vlans,{first}")
        got += part["vlans"]
        first = part["next"]
        if first == 0:
            break
    case.expect(got == vlans, "all VLANs")
    case.expect(f.config(0, 6) == mac_bytes(0x123456), "the new address in config space")
    for wrong in ("/virtq/control", "/virtq/control,nobody", "/virtq/control,a,x", "/virtq/control,a,vlans,x",
                  "/virtq/control,a,", "/virtq/link,a", "/virtq/link,a,sideways", "/virtq/link,nobody,up"):
        case.expect(switch.telemetry(wrong) is None, f"no answer to {wrong}")
    f.close()
    harness.poll("the state of a guest that has gone",
                 lambda: switch.telemetry("/virtq/control,a")["has_ring"] == 0, 5)
    state = switch.telemetry("/virtq/control,a")
    case.expect(state["modes"] == [] and state["mac"] == "02:AA:BB:CC:DD:EE" and state["vlans"] == 0, "as after a reset")
    case.expect(switch.stop() == 0, "exit code 0 of the switch")
    case.expect("class and command are not known" in switch.text(), "refusals in the table")


def commands_are_answered_with_kicks_and_without(case):
    switch = case.switch({"a": "", "b": ""})
    for port, kick in (("a", True), ("b", False)):
        f, control = start(case, switch, port, 1, kick=kick)
        for n in range(100):
            case.expect(control.send(b"\x00\x00" + bytes([n & 1])) == OK, f"answer {n} at {port}")
        f.close()


def a_link_is_set_by_telemetry(case):
    switch = case.switch({"a": "", "b": ""})
    a, b = shapes.pair(case, switch.paths["a"], switch.paths["b"])
    shapes.learn(a, b)
    case.expect(switch.telemetry("/virtq/link,b,down") == {"name": "b", "link": "down"}, "b down")
    case.expect(switch.telemetry("/virtq/port,b")["link"] == "down", "the port to say so")
    case.expect(not vu.exchange(a, 1, b, [vu.frame(2, 1, 1)], 0.3), "no frame to b")
    b.rings[1].transmit(vu.frame(1, 2, 1))
    harness.poll("b's frame dropped as link_down",
                 lambda: switch.telemetry("/virtq/port,b")["rx_drops"]["link_down"] == 1, 3)
    case.expect(switch.telemetry("/virtq/link,b,up") == {"name": "b", "link": "up"}, "b up")
    b.rings[1].completed()
    shapes.exchange_both(case, a, b)


if __name__ == "__main__":
    harness.run(all_of_the_state_can_be_read, commands_are_answered_with_kicks_and_without, a_link_is_set_by_telemetry)
