#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A Linux guest and a DPDK application on one switch: ARP, ping and UDP, plain and VLAN-tagged."""

import re

import harness
from guest import machine

UDP_ECHO = harness.BUILD / "tests" / "e2e" / "udp_echo"
MAC = "02:00:00:00:00:09"

# testpmd answers for any address: ARP and ping first, UDP when it has changed its mode. Until then
# it drops the questions, and they are asked again.
SCRIPT = """
ip link set eth0 up
ip link add link eth0 name eth0.100 type vlan id 100
ip link set eth0.100 up
ip addr add 10.0.0.2/24 dev eth0
ip addr add 10.0.1.2/24 dev eth0.100
rc=0
for to in 10.0.0.9 10.0.1.9; do
	for i in $(seq 60); do ping -c 1 -W 1 $to >/dev/null 2>&1 && break; done
	for size in 1 56 1400; do
		ping -q -c 20 -i 0.05 -s $size $to | grep 'packets transmitted'
	done
done
arp -n
arp -s 10.0.0.9 -i eth0 {mac}
arp -s 10.0.1.9 -i eth0.100 {mac}
echo "PINGED"
for to in 10.0.0.9 10.0.1.9; do udp_echo ask $to 7004 60 1400 || rc=1; done
echo "REPORT"; report
echo "ASKED $rc"
while :; do sleep 1; done
"""


def linux_and(driver):
    def check(case):
        switch = case.switch({"linux": "", "dpdk": ""})
        pmd = case.testpmd([f"{driver}0,path={switch.paths['dpdk']},mac={MAC}"], ["--forward-mode=icmpecho"],
                           cpu=harness.CPUS[-1])
        pmd.command("start")
        files = {"bin/report": machine.REPORT.encode(), "bin/udp_echo": UDP_ECHO.read_bytes()}
        guest = machine.boot(case, 1, SCRIPT.replace("{mac}", MAC), switch.paths["linux"], queues=1,
                             programs=[machine.image.ETHTOOL], files=files)
        guest.expect_line("^PINGED", 90)
        answered = re.findall(r"(\d+) packets transmitted, \1 packets received", guest.text())
        case.expect(answered == ["20"] * 6, "each ping of six sizes and networks is answered")
        case.expect(len(re.findall(MAC, guest.text())) == 2, f"ARP finds {MAC} plain and tagged")
        pmd.command("stop")
        pmd.command("set fwd 5tswap")
        pmd.command("start")
        asked = guest.expect_line(r"^ASKED (\d)", 90)
        case.expect(asked.group(1) == "0", "every UDP question got its answer")
        numbers = machine.report_numbers(guest.text())
        broken = {name: numbers[name] for name in machine.BROKEN if numbers[name]}
        case.expect(not broken, f"the guest gets nothing broken: {broken}")
        for port in switch.paths:
            features = switch.telemetry(f"/virtq/port,{port}")["feature_names"]
            print(f"# {port}: {' '.join(features)}")
        case.expect(pmd.quit() == 0 and switch.stop() == 0, "testpmd and the switch end with 0")
    return f"linux and {driver}", check


if __name__ == "__main__":
    harness.run(*[linux_and(d) for d in ("net_virtq", *(["net_virtio_user"] if harness.FULL else []))])
