#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Steering and filter commands of stock testpmd do what they say, each proved by traffic through virtq-switch.

A port of the steer program (tests/steer) sends frames made here; testpmd with a net_virtq port prints what arrives:
source, hash, queue. Each frame has a source address of its own, which says which one it is.
"""

import dataclasses
import itertools
import random
import re
import struct

import harness
import steer_agent

QUEUES = 4
OWN = "02:00:00:00:00:02"
OTHER_KEY = bytes(range(7, 47))
NONE, TCP, UDP, SCTP = 0, 6, 17, 132
# Hash types, as in the standard, of testpmd's names for them.
TYPES = {"ip": 0x049, "tcp": 0x092, "udp": 0x124, "all": 0x1ff, "none": 0,
         "ipv4": 0x001, "ipv6-tcp": 0x010, "ipv4-udp": 0x004}


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def toeplitz(key, data):
    bits, value = int.from_bytes(key, "big"), 0
    for i in range(8 * len(data)):
        if data[i // 8] >> (7 - i % 8) & 1:
            value ^= bits >> (8 * len(key) - 32 - i) & 0xffffffff
    return value


@dataclasses.dataclass
class Packet:
    """An IP packet by what its hash is made of; version 0: no IP."""
    version: int
    protocol: int = NONE
    source: bytes = b""
    destination: bytes = b""
    ports: bytes = b"\0\1\0\2"
    extended: bool = False

    def bytes(self):
        data = self.ports + (b"\0" * 8 + b"\x50" + b"\0" * 7 if self.protocol == TCP else b"\0\x10" + b"\0" * 10)
        if self.version == 0:
            return b"\x88\xb5" + data
        if self.version == 4:
            return b"\x08\0" + struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), 0, 0, 64, self.protocol, 0) \
                + self.source + self.destination + data
        if self.extended:  # hop-by-hop options: padding only
            data = bytes([self.protocol, 0, 1, 4, 0, 0, 0, 0]) + data
        return b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(data), 0 if self.extended else self.protocol, 64) \
            + self.source + self.destination + data

    def hash(self, types, key):
        """The value, or None. VIRTIO 1.3, 5.1.6.4.3: the first type that is enabled and applies."""
        lists = {0: (), 4: ((2, 4, 1),), 6: ((0x10, 0x20, 0x08),)}[self.version]
        if self.extended:
            lists = ((0x80, 0x100, 0x40), *lists)
        for tcp, udp, addresses in lists:
            if types & {TCP: tcp, UDP: udp}.get(self.protocol, 0):
                return toeplitz(key, self.source + self.destination + self.ports)
            if types & addresses:
                return toeplitz(key, self.source + self.destination)
        return None


def packets(seed, each=3):
    """Some of every kind."""
    rng = random.Random(seed)
    out = [Packet(0)]
    for version, protocol, extended, _ in itertools.product((4, 6), (TCP, UDP, SCTP), (False, True), range(each)):
        if not (version == 4 and extended):
            size = 4 if version == 4 else 16
            out.append(Packet(version, protocol, rng.randbytes(size), rng.randbytes(size), rng.randbytes(4), extended))
    return out


@dataclasses.dataclass
class Arrival:
    hash: int  # or None
    queue: int


class Bench:
    """testpmd under test, the sender, and the switch between them."""

    ARRIVAL = re.compile(r"src=02:AA:([0-9A-F:]{11}) - dst=.* - Receive queue=(0x[0-9a-f]+)")
    HASH = re.compile(r" - RSS hash=(0x[0-9a-f]+)")

    def __init__(self, case, commands=(), workers=1):
        self.case = case
        self.switch = case.switch({"a": f"queues={QUEUES}", "b": ""}, workers=workers)
        self.sender = steer_agent.start(case, self.switch, ports=("b",), arguments=("",), name="sender")
        self.pmd = case.testpmd([f"net_virtq0,path={self.switch.paths['a']},queues={QUEUES},mac={OWN}"],
                                [f"--rxq={QUEUES}", f"--txq={QUEUES}"], cpu=harness.CPUS[-1])
        self.sender.configure(0, 1)
        self.sender.ask("start", 0)
        self.sender.up(0)
        self.next = 0
        self.tell("set fwd rxonly", "port stop 0", "port config 0 rx_offload rss_hash on", *commands)
        self.start()

    def start(self):
        self.tell("port start 0")
        harness.poll("link up", lambda: "Link status: up" in self.tell("show port info 0"), 10)
        self.pmd.verbose = 1
        self.tell("start")

    def stop(self):
        self.tell("stop", "port stop 0")

    def tell(self, *commands):
        """Commands that have to work; what they printed."""
        text = ""
        for c in commands:
            text = self.pmd.command(c)
            bad = re.search(r"(?i)\b(error|fail\w*|bad|invalid|not supported|unable|cannot|not found|please)\b.*", text)
            self.case.expect(c.startswith("show") or not bad, f"'{c}' to work, not: {bad and bad.group()}")
        return text

    def hash_size(self):
        return int(re.search(r"Redirection table size: (\d+)", self.tell("show port info 0")).group(1))

    def send(self, frames):
        """frames: (destination, contents). Which arrived: number -> Arrival."""
        first, start = self.next, len(self.pmd.text())
        self.deliver([(self.number(), *f) for f in frames])
        # Behind all others, and the second one only when the first has come.
        for _ in range(2):
            marker = self.number()
            self.deliver([(marker, OWN, Packet(0).bytes())])
            harness.poll("a frame that has to arrive", lambda n=marker: n in self.arrivals(start), 10)
        got = self.arrivals(start)
        return {n - first: a for n, a in got.items() if n < first + len(frames)}

    def number(self):
        self.next += 1
        return self.next - 1

    def deliver(self, frames):
        self.sender.ask("send", 0, *((mac_bytes(to) + b"\x02\xaa" + struct.pack(">I", n) + contents).hex()
                                     for n, to, contents in frames))

    def arrivals(self, start):
        got = {}
        for line in self.ARRIVAL.finditer(self.pmd.text()[start:]):
            n, value = int.from_bytes(mac_bytes(line.group(1)), "big"), self.HASH.search(line.group())
            self.case.expect(n not in got, f"frame {n} to arrive once")
            got[n] = Arrival(int(value.group(1), 16) if value else None, int(line.group(2), 16))
        return got

    def arrive(self, frames):
        """Which of the frames (destination, tag) arrive, as a list of truths."""
        got = self.send([(to, (struct.pack(">HH", 0x8100, tag) if tag else b"") + Packet(0).bytes())
                         for to, tag in frames])
        return [n in got for n in range(len(frames))]

    def check_hashes(self, mode, key, table, seed=1):
        """Hash and queue of packets of all kinds."""
        sent = packets(seed)
        got = self.send([(OWN, p.bytes()) for p in sent])
        self.case.expect(len(got) == len(sent), f"all {len(sent)} packets, not {len(got)}")
        for n, p in enumerate(sent):
            value = p.hash(TYPES[mode], key)
            self.case.expect(got[n].hash == value, f"rss {mode}: hash {value} of {p}, not {got[n].hash}")
            if mode != "none":
                queue = table[value % len(table)] if value is not None else 0
                self.case.expect(got[n].queue == queue, f"rss {mode}: queue {queue} of {p}, not {got[n].queue}")
        return got

    def end(self):
        self.pmd.verbose = 0
        self.case.expect(self.pmd.quit() == 0, "exit code 0 of testpmd")


def round_robin(size):
    return [i % QUEUES for i in range(size)]


def shown_key(bench):
    text = bench.tell("show port 0 rss-hash key")
    return bytes.fromhex(re.search(r"RSS key:\s+([0-9A-F]+)", text).group(1))


def rss_types(case):
    bench = Bench(case)
    table = round_robin(bench.hash_size())
    key = shown_key(bench)
    for mode in ("ip", "tcp", "udp", "all", "none", "all"):
        bench.tell(f"port config all rss {mode}")
        bench.check_hashes(mode, key, table)
    bench.end()


def rss_table(case):
    bench = Bench(case)
    size = bench.hash_size()
    key, table, rng = shown_key(bench), round_robin(size), random.Random(2)
    bench.tell("port config all rss all")
    for change in ({i: 3 for i in range(size)}, {rng.randrange(size): rng.randrange(3) for _ in range(100)},
                   {5: 1, size - 1: 2}):
        entries = list(change.items())
        for i in range(0, len(entries), 14):  # as many as a line takes
            bench.tell("port config 0 rss reta " + ",".join(f"({i},{q})" for i, q in entries[i:i + 14]))
        for i, q in change.items():
            table[i] = q
        masks = ",".join(["-1"] * (size // 64))
        shown = re.findall(r"hash index=(\d+), queue=(\d+)", bench.tell(f"show port 0 rss reta {size} ({masks})"))
        case.expect([int(q) for _, q in shown] == table, "show port rss reta to show the table")
        got = bench.check_hashes("all", key, table, seed=rng.random())
        case.expect(len({a.queue for a in got.values()}) > 1 or len(set(table)) == 1, "several queues in use")
    bench.end()


def rss_key(case):
    bench = Bench(case)
    table = round_robin(bench.hash_size())
    for kind, key in (("ipv4", OTHER_KEY), ("ipv6-tcp", steer_agent.VECTOR_KEY),
                      ("ipv4-udp", bytes(reversed(OTHER_KEY)))):
        bench.tell(f"port config 0 rss-hash-key {kind} {key.hex()}")
        case.expect(shown_key(bench) == key, f"show port rss-hash key to show {key.hex()}")
        # testpmd asks for this type alone with it.
        bench.check_hashes(kind, key, table)
        bench.tell("port config all rss all")
        bench.check_hashes("all", key, table)
    bench.end()


def rss_at_start(case):
    """With fewer queues the table names these only."""
    bench = Bench(case)
    size = bench.hash_size()
    bench.tell("port config all rss all", f"port config 0 rss-hash-key ipv4 {OTHER_KEY.hex()}")
    bench.stop()
    bench.tell("port config all rxq 2", "port config all txq 2")
    bench.start()
    bench.tell(f"port config 0 rss-hash-key ipv4 {OTHER_KEY.hex()}", "port config all rss all")
    bench.check_hashes("all", OTHER_KEY, [i % 2 for i in range(size)])
    bench.end()


STRANGER, SECOND, THIRD = "02:00:00:00:00:77", "02:00:00:00:00:55", "02:00:00:00:00:56"
GROUP, GROUP2, ALL = "01:00:5e:00:00:11", "33:33:00:00:00:12", "ff:ff:ff:ff:ff:ff"


def same(case, bench, what, frames):
    """frames: {(address, tag): does it arrive}"""
    got = bench.arrive(list(frames))
    case.expect(got == list(frames.values()), f"{what}: {frames}, not {got}")


def modes(case):
    case.covers("NET-DEV-048", "NET-DEV-049", "NET-DEV-051", "NET-DEV-052")
    bench = Bench(case)
    for promisc, allmulti in ((True, True), (False, True), (False, False), (True, False), (False, False), (True, True)):
        bench.tell(f"set promisc 0 {'on' if promisc else 'off'}", f"set allmulti 0 {'on' if allmulti else 'off'}")
        shown = bench.tell("show port info 0")
        case.expect(f"Promiscuous mode: {'en' if promisc else 'dis'}abled" in shown and
                    f"Allmulticast mode: {'en' if allmulti else 'dis'}abled" in shown, "show port info to say so")
        same(case, bench, f"promisc {promisc}, allmulti {allmulti}", {
            (OWN, 0): True, (STRANGER, 0): promisc, (GROUP, 0): promisc or allmulti, (ALL, 0): True})
    bench.end()


def addresses(case):
    case.covers("NET-FACT-117", "NET-DEV-066")
    bench = Bench(case)
    bench.tell("set promisc 0 off", "set allmulti 0 off")
    wanted = set()

    def check(what):
        same(case, bench, what, {(OWN, 0): True, (ALL, 0): True, (STRANGER, 0): False} | {
            (a, 0): a in wanted for a in (SECOND, THIRD, GROUP, GROUP2)})

    check("no further address")
    for change, command, address in (
            (wanted.add, "mac_addr add 0", SECOND), (wanted.add, "mcast_addr add 0", GROUP),
            (wanted.add, "mac_addr add 0", THIRD), (wanted.remove, "mac_addr remove 0", SECOND),
            (wanted.add, "mcast_addr add 0", GROUP2), (wanted.remove, "mcast_addr remove 0", GROUP),
            (wanted.remove, "mac_addr remove 0", THIRD), (wanted.remove, "mcast_addr remove 0", GROUP2)):
        bench.tell(f"{command} {address}")
        change(address)
        check(f"{command} {address}")
    bench.end()


def vlans(case):
    case.covers("VLAN-001", "VLAN-002", "VLAN-003", "VLAN-004", "VLAN-006", "VLAN-007")
    # The device filters for a port that starts with the filter on.
    bench = Bench(case, ["vlan set filter on 0"])
    bench.tell("set promisc 0 off")
    wanted, tags, expected = set(), (1, 5, 6, 4094), 0

    def check(what):
        nonlocal expected
        same(case, bench, what, {(OWN, 0): True} | {(OWN, tag): tag in wanted for tag in tags})
        expected += len(set(tags) - wanted)
        drops = bench.switch.telemetry("/virtq/port,a")["tx_drops"]["filtered_vlan"]
        case.expect(drops == expected, f"the switch to have dropped {expected} frames by their tag, not {drops}")

    check("an empty table")
    for change, command, tag in ((wanted.add, "add", 5), (wanted.add, "add", 4094), (wanted.remove, "rm", 5),
                                 (wanted.add, "add", 6), (wanted.remove, "rm", 4094)):
        bench.tell(f"rx_vlan {command} {tag} 0")
        change(tag)
        check(f"rx_vlan {command} {tag}")
    bench.tell("vlan set filter off 0")
    wanted |= {1, 5, 6, 4094}
    check("filter off")
    bench.end()


def reset(case):
    bench = Bench(case)
    key = shown_key(bench)
    bench.tell("port config all rss all", f"port config 0 rss-hash-key ipv4 {OTHER_KEY.hex()}")
    for _ in range(3):
        bench.stop()
        bench.tell("port reset 0")
        bench.start()
        case.expect(shown_key(bench) == key, "the key of the beginning")
        bench.tell("port config all rss all")
        bench.check_hashes("all", key, round_robin(bench.hash_size()))
    bench.end()


if __name__ == "__main__":
    harness.run(("port config all rss", rss_types), ("port config rss reta, show port rss reta", rss_table),
                ("port config rss-hash-key, show port rss-hash key", rss_key),
                ("RSS with other queue counts", rss_at_start),
                ("set promisc, set allmulti", modes), ("mac_addr and mcast_addr add and remove", addresses),
                ("rx_vlan add and rm, vlan set filter", vlans), ("port reset", reset))
