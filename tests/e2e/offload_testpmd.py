#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Offload commands of stock testpmd do what they say, against virtq-switch and against net_vhost.

One testpmd plays a file of frames into a port (net_pcap), another one writes what arrives to a file; between
them stands virtq-switch, or nothing: then one of them is the backend, net_vhost. The files are compared here,
with checksums of our own.
"""

import struct

import harness

MACS = bytes.fromhex("020000000002020000000001")
NB = 64
FEW = 12  # large ones: all of them fit into a ring at once
LARGE = 15000  # net_pcap writes up to 16,128 bytes


def checksum(data, start=0):
    if len(data) % 2:
        data += b"\0"
    total = start + sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def payload(i, size):
    return bytes((i * 31 + n * 7 + n // 251) & 0xff for n in range(size))


def frame(i, size, version=4, tcp=True):
    """A frame whose checksums are wrong, so that somebody has to make them right."""
    data = payload(i, size)
    if tcp:
        transport = struct.pack(">HHIIBBHHH", 4000 + i, 80, 1000 * i, 1, 0x50, 0x10, 0xffff, 0x1234, 0) + data
    else:
        transport = struct.pack(">HHHH", 4000 + i, 53, 8 + size, 0x1234) + data
    protocol = 6 if tcp else 17
    if version == 4:
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(transport), i, 0, 64, protocol, 0x1234)
        return MACS + b"\x08\0" + ip + bytes([192, 168, 0, 1, 192, 168, 0, 2]) + transport
    ip = struct.pack(">IHBB", 6 << 28, len(transport), protocol, 64)
    return MACS + b"\x86\xdd" + ip + bytes(15) + b"\1" + bytes(15) + b"\2" + transport


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for data in frames:
            f.write(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)


def read_pcap(path):
    raw = path.read_bytes()
    at = 24
    while at < len(raw):
        length = struct.unpack_from("<I", raw, at + 8)[0]
        yield raw[at + 16:at + 16 + length]
        at += 16 + length


class Parsed:
    """A received frame, its checksums verified."""

    def __init__(self, data):
        at = 12
        self.tag = None
        if data[at:at + 2] == b"\x81\0":
            self.tag = struct.unpack_from(">H", data, at + 2)[0]
            at += 4
        four = data[at:at + 2] == b"\x08\0"
        ip = data[at + 2:]
        self.size = len(data)
        if four:
            self.header_good = checksum(ip[:20]) == 0
            protocol, addresses, length, transport = ip[9], ip[12:20], struct.unpack_from(">H", ip, 2)[0] - 20, ip[20:]
        else:
            self.header_good = True
            protocol, addresses, length, transport = ip[6], ip[8:40], struct.unpack_from(">H", ip, 4)[0], ip[40:]
        transport = transport[:length]
        pseudo = addresses + struct.pack(">II", len(transport), protocol)
        self.good = self.header_good and checksum(pseudo + transport) == 0
        self.port, = struct.unpack_from(">H", transport)
        self.seq = struct.unpack_from(">I", transport, 4)[0] if protocol == 6 else 0
        self.data = transport[20 if protocol == 6 else 8:]


def between(case, device, ours, sender=("mac", ()), receiver=("io", ()), frames=()):
    """Play frames through, return what came out.

    device: "switch" or "vhost"; ours: which end net_virtq is then, "send" or "receive". sender, receiver:
    forwarding mode of testpmd and the commands to give before, {p} is the port in question.
    """
    source, sink = case.path("in.pcap"), case.path("out.pcap")
    write_pcap(source, frames)
    if device == "switch":
        switch = case.switch({"a": "", "b": ""})
        ends = {"send": f"net_virtq0,path={switch.paths['a']}", "receive": f"net_virtq0,path={switch.paths['b']}"}
    else:
        sock = case.path("sock")
        ends = {"send": f"net_vhost0,iface={sock},tso=1", "receive": f"net_vhost0,iface={sock},tso=1"}
        ends[ours] = f"net_virtq0,path={sock}"
    for end in ("send", "receive"):
        ends[end] += ",mac=02:00:00:00:00:0" + ("1" if end == "send" else "2") if "virtq" in ends[end] else ""
    b = case.testpmd([ends["receive"], f"net_pcap1,tx_pcap={sink}"], name="receiver", cpu=harness.CPUS[-1])
    # Or testpmd would throw the first frames away.
    a = case.testpmd([f"net_pcap0,rx_pcap={source}", ends["send"]], ["--no-flush-rx"], name="sender")
    for pmd, (mode, commands), port in ((a, sender, 1), (b, receiver, 0)):
        case.answers = [pmd.command(c.format(p=port)) for c in commands]
        pmd.command(f"set fwd {mode}")
    a.command("set eth-peer 1 02:00:00:00:00:02")
    for pmd, port in ((a, 1), (b, 0)):
        harness.poll("both links up", lambda p=pmd, n=port: "Link status: up" in p.command(f"show port info {n}"), 20)
    b.command("start")
    a.command("start")

    def quiet():
        before = b.stats(1)["TX-packets"]
        harness.time.sleep(0.3)
        return a.stats(1)["TX-packets"] >= len(frames) and b.stats(1)["TX-packets"] == before
    harness.poll("all frames sent, and nothing more arrives", quiet, 30)
    case.driver = a if ours == "send" else b
    case.xstats = case.driver.command(f"show port xstats {1 if ours == 'send' else 0}")
    case.expect(a.quit() == 0, "exit code 0 of the sender")
    case.expect(b.quit() == 0, "exit code 0 of the receiver")
    return [Parsed(f) for f in read_pcap(sink)]


def reconfigure(*commands):
    return ["port stop {p}", *commands, "port start {p}"]


CSUM = ("csum set ip hw {p}", "csum set tcp hw {p}", "csum set udp hw {p}")


def all_kinds(size):
    return [frame(i, size + i, 4 if i % 2 else 6, i % 4 < 2) for i in range(NB)]


def csum(device):
    def check(case):
        got = between(case, device, "send", sender=("csum", reconfigure(*CSUM)), frames=all_kinds(100))
        case.expect(len(got) == NB, f"{NB} frames, not {len(got)}")
        case.expect(all(p.good for p in got), "every checksum to be right")
        case.expect(all(p.data == payload(i, 100 + i) for i, p in enumerate(got)), "payload as it was")
    return f"csum set tcp, udp, ip hw to {device}", check


def tso(device, lro):
    def check(case):
        frames = [frame(i, LARGE, 4 if i % 2 else 6) for i in range(FEW)]
        receiver = ("io", reconfigure("port config {p} rx_offload tcp_lro on") if lro else [])
        got = between(case, device, "send", receiver=receiver,
                      sender=("csum", reconfigure(*CSUM, "tso set 1000 {p}")), frames=frames)
        whole = device == "vhost" or lro
        streams = {}
        for p in got:
            case.expect(whole or len(p.data) <= 1000, f"segments of 1000 bytes at most, not {len(p.data)}")
            case.expect(not whole or len(p.data) == LARGE, f"whole packets, not {len(p.data)} bytes")
            case.expect(lro or p.good, "every checksum to be right")
            streams.setdefault(p.port, bytearray()).extend(p.data)
        case.expect(len(streams) == FEW, f"{FEW} streams, not {len(streams)}")
        case.expect(all(bytes(data) == payload(port - 4000, LARGE) for port, data in streams.items()),
                    "payload as it was")
        case.expect(f"tx_total_segmentation_packets: {FEW}" in case.xstats, "all of them counted by the driver")
    return f"tso set to {device}" + (", received with tcp_lro" if lro else ""), check


def tx_vlan(device):
    def check(case):
        got = between(case, device, "send", sender=("mac", reconfigure("tx_vlan set {p} 5")), frames=all_kinds(60))
        case.expect(len(got) == NB and all(p.tag == 5 for p in got), "tag 5 in every frame")
        case.expect(all(p.data == payload(i, 60 + i) for i, p in enumerate(got)), "payload as it was")
    return f"tx_vlan set to {device}", check


def tagged(i):
    data = frame(i, 60)
    return data[:12] + struct.pack(">HH", 0x8100, 5 + i % 2) + data[12:]


def strip(device):
    def check(case):
        got = between(case, device, "receive", receiver=("io", ["vlan set strip on {p}"]),
                      frames=[tagged(i) for i in range(NB)])
        case.expect(len(got) == NB and all(p.tag is None for p in got), "no tag in any frame")
        case.expect(all(p.data == payload(i, 60) for i, p in enumerate(got)), "payload as it was")
    return f"vlan set strip on, from {device}", check


def rx_vlan(device):
    def check(case):
        got = between(case, device, "receive", frames=[tagged(i) for i in range(NB)],
                      receiver=("io", ["vlan set filter on {p}", "rx_vlan add 5 {p}", "rx_vlan add 6 {p}",
                                       "rx_vlan rm 6 {p}"]))
        case.expect(len(got) == NB // 2 and all(p.tag == 5 for p in got), "tag 5 alone to pass the filter")
        case.expect(f"rx_total_vlan_filtered: {NB // 2}" in case.xstats, "the others counted")
    return f"rx_vlan add and rm, from {device}", check


def mtu(device):
    def check(case):
        commands = [*reconfigure("port config {p} rx_offload scatter on"), "port config mtu {p} 9000"]
        got = between(case, device, "receive", frames=[frame(i, 8900) for i in range(FEW)], receiver=("io", commands))
        case.expect("failed" not in case.answers[-1].lower(), "the MTU to be taken")
        case.expect(len(got) == FEW and all(p.data == payload(i, 8900) for i, p in enumerate(got)),
                    "large frames whole")
    return f"port config mtu 9000, from {device}", check


def mtu_refused(case):
    switch = case.switch({"a": ""})
    pmd = case.testpmd([f"net_virtq0,path={switch.paths['a']}"])
    answer = pmd.command("port config mtu 0 9000")
    case.expect("mbufs of pool" in answer and "SCATTER" in answer, "the refusal to name the remedy")
    case.expect("MTU: 1500" in pmd.command("show port info 0"), "the MTU as it was")
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")


if __name__ == "__main__":
    harness.run(*[case for device in ("switch", "vhost") for case in [
        csum(device), tso(device, False), *([tso(device, True)] if device == "switch" else []), tx_vlan(device),
        strip(device), rx_vlan(device), mtu(device)]],
        ("port config mtu without SCATTER is refused in words", mtu_refused))
