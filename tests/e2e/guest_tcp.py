#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""TCP and UDP, IPv4 and IPv6, between two Linux guests on the switch, over what their cards can do.

Guest 1 serves, guest 2 asks. Both hash what they sent and got, and both kernels count what reached
them broken: a checksum that nobody completed or a segment cut wrongly cannot hide behind TCP.
"""

import hashlib
import random
import re

import harness
import vu_frontend
from guest import machine

UDP_ECHO = harness.BUILD / "tests" / "e2e" / "udp_echo"
PAYLOAD_BYTES = (8 if harness.FULL else 2) << 20
DATAGRAMS = 60

ADDRESS = """
echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
ip link set eth0 mtu {mtu}
[ {queues} = 1 ] || ethtool -L eth0 combined {queues}
ip addr add 10.0.0.{number}/24 dev eth0
ip link set eth0 up
ip addr add fd00::{number}/64 dev eth0
echo "SENT $(sha256sum </payload)"
"""
SERVING = """
nc -ll -p 7001 -e sha256sum &
nc -ll -p 7002 -e cat /payload &
nc -ll -p 7003 -e report &
udp_echo serve 7004 &
""" + ADDRESS + "while :; do sleep 1; done\n"
ASKING = ADDRESS + """
for a in 10.0.0.1 fd00::1; do
	for i in $(seq 60); do ping -c 1 -W 1 $a >/dev/null 2>&1 && break; done
done
give() { echo "GAVE $1 $(nc $1 7001 </payload)"; }
take() { echo "TOOK $1 $(nc $1 7002 </dev/null | sha256sum)"; }
give 10.0.0.1; take 10.0.0.1
give fd00::1 & take fd00::1; wait
rc=0
for a in 10.0.0.1 fd00::1; do
	udp_echo ask $a 7004 {datagrams} {datagram} || rc=1
	udp_echo ask $a 7004 10 40000 || rc=1
done
echo "REPORT 1"; nc 10.0.0.1 7003 </dev/null
echo "REPORT 2"; report
echo "ASKED $rc"
while :; do sleep 1; done
"""

# What the switch may drop here: Linux counts on neither.
USUAL_DROPS = {"no_descriptor"}
# What ethtool calls the transmit offloads.
SHOWN = {"csum": "tx-checksumming", "host_tso4": "tx-tcp-segmentation", "host_tso6": "tx-tcp6-segmentation"}


def offered(switch, port):
    """The feature bits that the switch offers whoever connects to this port."""
    frontend = vu_frontend.Frontend(switch.paths[port])
    try:
        return frontend.ask(vu_frontend.GET_FEATURES)
    finally:
        frontend.close()


def off(options):
    return set(re.findall(r"(\w+)=off", options))


def check_negotiated(case, switch, port, options, report):
    """The guest took each offload that the switch offers and its card has, and Linux uses them."""
    features = int(switch.telemetry(f"/virtq/port,{port}")["features"], 16)
    taken = {n for n, bit in machine.OFFLOADS.items() if features >> bit & 1}
    print(f"# {port} ({options or 'defaults'}): {features:#x} {' '.join(sorted(taken)) or 'no offload'}")
    has = {n for n, bit in machine.OFFLOADS.items() if offered_bits(case, switch) >> bit & 1} - off(options)
    case.expect(taken == has, f"{port} negotiates {sorted(has)}, not {sorted(taken)}")
    shown = machine.ethtool(report)
    for name, words in SHOWN.items():
        # Linux segments nothing that it cannot leave the checksum of to the card.
        wanted = name in taken and "csum" in taken
        case.expect(shown.get(words) == wanted, f"{port}: ethtool shows {words} {'on' if wanted else 'off'}")
    return taken


def offered_bits(case, switch):
    if not hasattr(case, "offered"):
        case.offered = offered(switch, "spare")
    return case.offered


def check_intact(case, asking, payloads):
    text = asking.text().replace("\r", "")
    digests = [hashlib.sha256(p).hexdigest() for p in payloads]
    for address in ("10.0.0.1", "fd00::1"):
        for word, digest in (("GAVE", digests[1]), ("TOOK", digests[0])):
            found = re.search(rf"^{word} {re.escape(address)} (\w+)", text, re.M)
            case.expect(found and found.group(1) == digest,
                        f"{word} {address}: {PAYLOAD_BYTES} bytes with sha256 {digest}, "
                        f"not {found.group(1) if found else 'nothing'}")


def check_reports(case, reports):
    """Nothing broken arrived; @return the counters of both guests."""
    guests = []
    for number, report in enumerate(reports, 1):
        numbers = machine.report_numbers(report)
        broken = {name: numbers[name] for name in machine.BROKEN if numbers[name]}
        case.expect(not broken, f"guest {number} gets nothing broken: {broken}")
        complaints = re.findall("^COMPLAINT: (.*)", report, re.M)
        case.expect(not complaints, f"the kernel of guest {number} has no complaint: {complaints}")
        print(f"# guest {number}: {numbers['TcpInSegs']} segments in, {numbers['TcpOutSegs']} out, "
              f"{numbers['TcpRetransSegs']} again; {numbers['eth0 rx_packets']} frames in, "
              f"{numbers['eth0 tx_packets']} out")
        guests.append(numbers)
    return guests


def check_segmentation(case, switch, port, taken, numbers, mtu):
    """Who may leave the cutting to the card does; who does not take large frames gets none."""
    if taken >= {"csum", "host_tso4", "host_tso6"}:
        case.expect(numbers["eth0 tx_packets"] < numbers["TcpOutSegs"],
                    f"{port}: {numbers['TcpOutSegs']} TCP segments leave in fewer frames")
    if not taken & {"guest_tso4", "guest_tso6"}:
        stats = switch.telemetry(f"/virtq/port,{port}")
        case.expect(stats["tx_bytes"] <= stats["tx_packets"] * (mtu + 14),
                    f"{port}: no frame above its MTU of {mtu}: {stats['tx_packets']} with {stats['tx_bytes']} bytes")


def check_switch(case, switch, ports):
    for name in ports:
        port = switch.telemetry(f"/virtq/port,{name}")
        drops = {n: v for key in ("rx_drops", "tx_drops") for n, v in port[key].items() if v}
        print(f"# {name}: {port['rx_packets']} frames of {port['rx_bytes'] // max(1, port['rx_packets'])} bytes in, "
              f"{port['tx_packets']} of {port['tx_bytes'] // max(1, port['tx_packets'])} out, drops {drops}")
        case.expect(not set(drops) - USUAL_DROPS, f"{name}: no drop but {sorted(USUAL_DROPS)}: {drops}")


def talk(one="", two="", queues=1, mtu=1500):
    """One case: guests 1 and 2 with these options of their cards."""
    def check(case):
        ports = {p: f"queues={queues}" for p in ("g1", "g2")}
        switch = case.switch({**ports, "spare": ""})
        dice = random.Random(mtu)
        payloads = [dice.randbytes(PAYLOAD_BYTES) for _ in ports]
        guests = []
        for number, (script, options) in enumerate(((SERVING, one), (ASKING, two)), 1):
            words = {"number": number, "mtu": mtu, "queues": queues, "datagrams": DATAGRAMS, "datagram": mtu - 48}
            for key, value in words.items():
                script = script.replace("{" + key + "}", str(value))
            files = {"payload": payloads[number - 1], "bin/report": machine.REPORT.encode(),
                     "bin/udp_echo": UDP_ECHO.read_bytes()}
            guests.append(machine.boot(case, number, script, switch.paths[f"g{number}"], options, queues=queues,
                                       memory=192, programs=[machine.image.ETHTOOL], files=files))
        asked = guests[1].expect_line(r"^ASKED (\d)", 150)
        case.expect(asked.group(1) == "0", "every UDP question got its answer")
        case.expect(guests[0].alive(), "guest 1 still runs")
        check_intact(case, guests[1], payloads)
        reports = re.split(r"^REPORT \d\r?$", guests[1].text(), flags=re.M)[1:]
        taken = [check_negotiated(case, switch, *which) for which in zip(ports, (one, two), reports)]
        for which in zip(ports, taken, check_reports(case, reports)):
            check_segmentation(case, switch, *which, mtu)
        check_switch(case, switch, ports)
        code = switch.stop()
        case.expect(code == 0, f"the switch ends with 0 on SIGINT, not {code}")
    words = [f"1 {one or 'all'}", f"2 {two or 'all'}", f"queues={queues}" if queues > 1 else "",
             f"mtu={mtu}" if mtu != 1500 else ""]
    return " ".join(w for w in words if w), check


NO_RECEIVE = "guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off"
NO_SEGMENTS = "guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off"
NO_SEND = "csum=off,host_tso4=off,host_tso6=off,host_ecn=off,host_ufo=off"
PLAIN = "mrg_rxbuf=off"  # Linux then posts one page per buffer, or 64 KiB in chains with GUEST_TSO
JUMBO = "host_mtu=9000"  # without it a Linux that can neither merge nor LRO posts buffers of 1514 bytes


def cases():
    yield talk()
    yield talk(one=f"{NO_RECEIVE},{PLAIN}")
    yield talk(one=f"{PLAIN},{JUMBO}", two=f"{NO_SEND},{JUMBO}", queues=2, mtu=9000)
    if not harness.FULL:
        return
    yield talk(one=NO_RECEIVE)
    yield talk(one=NO_SEGMENTS)
    yield talk(one=NO_SEGMENTS, two=NO_RECEIVE, mtu=9000)
    yield talk(one=PLAIN, two=PLAIN)
    yield talk(two=NO_SEND)
    yield talk(one="guest_tso6=off,host_tso4=off", queues=2)
    yield talk(queues=2, mtu=9000)


if __name__ == "__main__":
    harness.run(*cases())
