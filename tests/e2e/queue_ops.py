#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What stock testpmd asks of queues, link, MTU and ports happens: seen by traffic and by the other side."""

import re

import harness

QUEUES = 2


class Peer:
    """The other side of port 0, and how to make it send and to ask what it sees."""

    def xstat(self, name):
        return int(re.search(rf"^{name}: (\d+)$", self.pmd.command("show port xstats 0"), re.M).group(1))


class SwitchPeer(Peer):
    """virtq-switch, and behind it another testpmd that sends."""

    def __init__(self, case):
        self.case = case
        self.switch = case.switch({"a": f"queues={QUEUES}", "b": f"queues={QUEUES}", "c": f"queues={QUEUES}"})
        self.pmd = case.testpmd([f"net_virtq0,path={case.path('b')}.sock,queues={QUEUES},mac=02:00:00:00:00:02"],
                                [f"--rxq={QUEUES}", f"--txq={QUEUES}", "--eth-peer=0,02:00:00:00:00:01",
                                 "--txonly-multi-flow"], name="peer", cpu=harness.CPUS[-1])

    def port(self, name="a"):
        return self.switch.telemetry(f"/virtq/port,{name}")

    def enabled(self):
        """Rings that the device has enabled, by their number."""
        pairs = self.port()["queues"]
        rings = [(pairs[str(i)][kind]["enabled"], pairs[str(i)][kind]["running"])
                 for i in range(QUEUES) for kind in ("receiveq", "transmitq")]
        self.case.expect(all(e == r for e, r in rings), f"enabled rings run and others do not: {rings}")
        return {n for n, (enabled, _) in enumerate(rings) if enabled}

    def taken(self, queue):
        return self.port()["queues"][str(queue)]["rx_packets"]


class VhostPeer(Peer):
    """Stock net_vhost: its queue n is pair n of ours."""

    def __init__(self, case):
        self.pmd = case.testpmd([f"net_vhost0,iface={case.path('a')}.sock,queues={QUEUES}"],
                                [f"--rxq={QUEUES}", f"--txq={QUEUES}"], name="peer", cpu=harness.CPUS[-1])

    def enabled(self):
        # rte_vhost logs each message: the last word on each ring counts.
        words = re.findall(r"set queue enable: ([01]) to qp idx: (\d+)", self.pmd.text())
        return {n for n, on in {int(ring): on for on, ring in words}.items() if on == "1"}

    def told_mtu(self):
        return self.pmd.text().count("read message VHOST_USER_NET_SET_MTU")

    def taken(self, queue):
        return self.xstat(f"rx_q{queue}_good_packets")


def driver(case):
    pmd = case.testpmd([f"net_virtq0,path={case.path('a')}.sock,queues={QUEUES},mac=02:00:00:00:00:01"],
                       [f"--rxq={QUEUES}", f"--txq={QUEUES}", "--eth-peer=0,02:00:00:00:00:02",
                        "--txonly-multi-flow"])
    wait_link(pmd, "up")
    return pmd


def wait_link(pmd, state):
    harness.poll(f"link {state}", lambda: f"Link status: {state}" in pmd.command("show port info 0"), 10)


def moved(pmd, count):
    """What count() gained while pmd forwarded until it had gained something, or for a while."""
    before = count()
    pmd.command("start")
    try:
        harness.poll("traffic", lambda: sum(count()) > sum(before) + 500, 1)
    except harness.Failed:
        pass
    pmd.command("stop")
    return [after - b for after, b in zip(count(), before)]


def received(pmd):
    """Per queue, by our own counters."""
    out = pmd.command("show port xstats 0")
    return [int(re.search(rf"^rx_q{q}_packets: (\d+)$", out, re.M).group(1)) for q in range(QUEUES)]


def state_of(pmd, kind, queue):
    info = pmd.command(f"show {kind} info 0 {queue}")
    return re.search(r"[RT]x queue state: (\w+)", info).group(1)


def on_both(name, function):
    return [(f"{name}, {label}", lambda case, peer=peer: function(case, peer(case)))
            for label, peer in (("virtq-switch", SwitchPeer), ("net_vhost", VhostPeer))]


ALL = set(range(2 * QUEUES))


def receive_queues(case, peer):
    pmd = driver(case)
    peer.pmd.command("set fwd txonly")
    peer.pmd.command("start")
    pmd.command("set fwd rxonly")
    case.expect(all(moved(pmd, lambda: received(pmd))), "traffic on all queues")
    for q in (1, 0):
        pmd.command(f"port 0 rxq {q} stop")
        harness.poll(f"ring {2 * q} disabled", lambda: peer.enabled() == ALL - {2 * q}, 5)
        case.expect(state_of(pmd, "rxq", q) == "stopped", f"receive queue {q} is stopped")
        got = moved(pmd, lambda: received(pmd))
        case.expect(got[q] == 0 and got[1 - q] > 0, f"traffic on the other queue only: {got}")
        case.expect("Desc status = UNAVAILABLE" in pmd.command(f"show port 0 rxq {q} desc 5 status"),
                    "descriptors of a stopped queue are unavailable")
        pmd.command(f"port 0 rxq {q} start")
        harness.poll("all rings enabled", lambda: peer.enabled() == ALL, 5)
        case.expect(state_of(pmd, "rxq", q) == "started", f"receive queue {q} is started")
        case.expect(all(moved(pmd, lambda: received(pmd))), "traffic on all queues again")
    for q in range(QUEUES):
        pmd.command(f"port 0 rxq {q} stop")
    harness.poll("no receive ring enabled", lambda: peer.enabled() == ALL - {0, 2}, 5)
    case.expect(moved(pmd, lambda: received(pmd)) == [0, 0], "nothing received")
    # The port starts again: all its queues do.
    pmd.command("port stop 0")
    pmd.command("port start 0")
    wait_link(pmd, "up")
    harness.poll("all rings enabled", lambda: peer.enabled() == ALL, 5)
    case.expect(all(moved(pmd, lambda: received(pmd))), "traffic on all queues after a restart")
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")


def transmit_queues(case, peer):
    pmd = driver(case)
    peer.pmd.command("set fwd rxonly")
    peer.pmd.command("start")
    pmd.command("set fwd txonly")

    def taken():
        return [peer.taken(q) for q in range(QUEUES)]

    case.expect(all(moved(pmd, taken)), "traffic from all queues")
    for q in (1, 0):
        pmd.command(f"port 0 txq {q} stop")
        harness.poll(f"ring {2 * q + 1} disabled", lambda: peer.enabled() == ALL - {2 * q + 1}, 5)
        case.expect(state_of(pmd, "txq", q) == "stopped", f"transmit queue {q} is stopped")
        sent = moved(pmd, taken)
        case.expect(sent[q] == 0 and sent[1 - q] > 0, f"traffic from the other queue only: {sent}")
        pmd.command(f"port 0 txq {q} start")
        case.expect(all(moved(pmd, taken)), "traffic from all queues again")
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")


def deferred(case, peer):
    pmd = driver(case)
    peer.pmd.command("set fwd txonly")
    peer.pmd.command("start")
    pmd.command("set fwd rxonly")
    for q in (1, 0):
        pmd.command("port stop 0")
        pmd.command(f"port 0 rxq {q} deferred_start on")
        pmd.command(f"port 0 txq {q} deferred_start on")
        pmd.command("port start 0")
        wait_link(pmd, "up")
        harness.poll(f"pair {q} disabled", lambda: peer.enabled() == ALL - {2 * q, 2 * q + 1}, 5)
        info = pmd.command(f"show rxq info 0 {q}")
        case.expect("RX deferred start: on" in info and "Rx queue state: stopped" in info, "as in show rxq info")
        info = pmd.command(f"show txq info 0 {q}")
        case.expect("TX deferred start: on" in info and "Tx queue state: stopped" in info, "as in show txq info")
        got = moved(pmd, lambda: received(pmd))
        case.expect(got[q] == 0 and got[1 - q] > 0, f"traffic on the other queue only: {got}")
        pmd.command(f"port 0 rxq {q} start")
        pmd.command(f"port 0 txq {q} start")
        harness.poll("all rings enabled", lambda: peer.enabled() == ALL, 5)
        case.expect(all(moved(pmd, lambda: received(pmd))), "traffic on all queues")
        pmd.command("port stop 0")
        pmd.command(f"port 0 rxq {q} deferred_start off")
        pmd.command(f"port 0 txq {q} deferred_start off")
        pmd.command("port start 0")
        wait_link(pmd, "up")
        harness.poll("all rings enabled", lambda: peer.enabled() == ALL, 5)
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")


def descriptors(case, peer):
    pmd = driver(case)
    # Nobody polls: the peer fills what is posted.
    case.expect("Desc status = AVAILABLE" in pmd.command("show port 0 rxq 0 desc 5 status"), "posted")
    case.expect("Desc status = DONE" in pmd.command("show port 0 txq 0 desc 5 status"), "free")
    peer.pmd.command("set fwd txonly")
    peer.pmd.command("start")
    harness.poll("frames that wait", lambda: "Desc status = DONE" in
                 pmd.command("show port 0 rxq 0 desc 5 status"), 10)
    peer.pmd.command("stop")
    used = pmd.command("show port 0 rxq 0 desc used count")
    case.expect(int(re.search(r"Used desc count = (\d+)", used).group(1)) > 5, "more than 5 descriptors used")
    info = pmd.command("show rxq info 0 0")
    for text in ("Number of RXDs: 256", "RX buffer size: 2048", "Rx queue state: started", "Burst mode: rx merge"):
        case.expect(text in info, f"'{text}' in show rxq info")
    info = pmd.command("show txq info 0 0")
    for text in ("Number of TXDs: 256", "Tx queue state: started", "Burst mode: tx "):
        case.expect(text in info, f"'{text}' in show txq info")
    # net_vhost polls no queue of a port that does not forward: what we send stays.
    if isinstance(peer, VhostPeer):
        pmd.command("set fwd txonly")
        pmd.command("start")
        harness.poll("a full ring", lambda: "Desc status = FULL" in
                     pmd.command("show port 0 txq 0 desc 5 status"), 10)
        pmd.command("stop")
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")


def still(pmd):
    stats = pmd.stats()
    return stats if pmd.stats() == stats else None


def link_wishes(case, peer):
    pmd = driver(case)
    peer.pmd.command("set fwd txonly")
    peer.pmd.command("start")
    pmd.command("set fwd rxonly")
    pmd.command("start")
    for _ in range(3):
        # Under traffic.
        pmd.command("set link-down port 0")
        wait_link(pmd, "down")
        harness.poll("all rings disabled", lambda: peer.enabled() == set(), 5)
        if isinstance(peer, SwitchPeer):
            case.expect(peer.port()["state"] == "connected", "the switch shows a connected port without rings")
        # A burst may have been under way, its thread off the processor.
        before = harness.poll("counters that stand still", lambda: still(pmd), 5)
        pmd.command("show port info 0")
        case.expect(pmd.stats() == before, "nothing moves")
        pmd.command("set link-up port 0")
        wait_link(pmd, "up")
        harness.poll("all rings enabled", lambda: peer.enabled() == ALL, 5)
        harness.poll("traffic", lambda: pmd.stats()["RX-packets"] > before["RX-packets"] + 500, 10)
    pmd.command("stop")
    # It stays down until it is wanted up, whatever the port does.
    pmd.command("set link-down port 0")
    pmd.command("port stop 0")
    pmd.command("port start 0")
    case.expect("Link status: down" in pmd.command("show port info 0"), "link down after a restart")
    harness.poll("all rings disabled", lambda: peer.enabled() == set(), 5)
    pmd.command("set link-up port 0")
    wait_link(pmd, "up")
    case.expect(all(moved(pmd, lambda: received(pmd))), "traffic on all queues")
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")


def mtu(case, peer):
    pmd = driver(case)
    for value in (1400, 1500, 1280):
        told = peer.told_mtu() if isinstance(peer, VhostPeer) else 0
        pmd.command("port stop 0")
        pmd.command(f"port config mtu 0 {value}")
        pmd.command("port start 0")
        wait_link(pmd, "up")
        case.expect(f"MTU: {value}" in pmd.command("show port info 0"), f"MTU {value}")
        if isinstance(peer, VhostPeer):
            harness.poll("another NET_SET_MTU", lambda told=told: peer.told_mtu() > told, 5)
        elif "MTU" in peer.port()["feature_names"]:
            case.expect(peer.port()["mtu"] == value, f"the switch was told MTU {value}")
    pmd.command("port stop 0")
    case.expect("< device min MTU (68)" in pmd.command("port config mtu 0 60"), "an MTU below 68 is refused")
    case.expect("MTU: 1280" in pmd.command("show port info 0"), "the MTU is what it was")
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")


def attach_and_detach(case):
    peer = SwitchPeer(case)
    pmd = driver(case)

    def cycle():
        pmd.command(f"port attach net_virtq7,path={case.path('c')}.sock,queues={QUEUES},mac=02:00:00:00:00:07")
        pmd.command("port start 1", 30)
        harness.poll("port c runs", lambda: peer.port("c")["state"] == "running", 10)
        pmd.command("port stop 1")
        pmd.command("port detach 1")
        harness.poll("port c is free", lambda: peer.port("c")["state"] == "down", 10)

    # testpmd takes a port that was not configured from the start.
    cycle()
    before = held(pmd, peer)
    for _ in range(harness.ROUNDS):
        cycle()
    # A connection to telemetry may linger.
    harness.poll(f"descriptors and maps of guest and switch not above {before}",
                 lambda: all(now <= b for now, b in zip(held(pmd, peer), before)), 5)
    case.expect("net_virtq7" not in pmd.command("show device info all"), "the device is gone")
    case.expect("Link status: up" in pmd.command("show port info 0"), "port 0 untouched")
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")


def held(pmd, peer):
    """Descriptors and mappings of guest and switch; of the switch those of guests' memory."""
    shared = sum(line.split()[1].endswith("s") for line in peer.switch.maps())
    return pmd.fds(), len(pmd.maps()), peer.switch.fds(), shared


def free_mbufs(pmd):
    dump = pmd.command("dump_mempool")
    common = int(re.search(r"^\s+common_pool_count=(\d+)", dump, re.M).group(1))
    return common + sum(map(int, re.findall(r"cache_count\[\d+\]=(\d+)", dump)))


def other_counts_and_sizes(case):
    """Stop, reconfigure, start, under the traffic of the other port; E2E_ROUNDS=1000 is the long run."""
    peer = SwitchPeer(case)
    pmd = driver(case)
    peer.pmd.command("set fwd txonly")
    peer.pmd.command("start")
    pmd.command("set fwd rxonly")

    def cycle(queues, descs):
        pmd.command("port stop 0")
        for kind in ("rxq", "txq"):
            pmd.command(f"port config all {kind} {queues}")
        for kind in ("rxd", "txd"):
            pmd.command(f"port config all {kind} {descs}")
        pmd.command("port start 0", 30)
        wait_link(pmd, "up")
        harness.poll(f"{queues} pairs", lambda: peer.enabled() == set(range(2 * queues)), 5)
        out = pmd.command("show rxq info 0 0")
        case.expect(f"Number of RXDs: {descs}" in out, f"{descs} descriptors")
        start = pmd.stats()["RX-packets"]
        pmd.command("start")
        harness.poll("traffic", lambda: pmd.stats()["RX-packets"] > start, 10)
        pmd.command("stop")

    cycle(2, 256)
    before = held(pmd, peer)
    memory = pmd.rss_kib(), peer.switch.rss_kib()
    for number in range(harness.ROUNDS):
        cycle(1 + number % 2, (256, 64, 100, 32)[number % 4])
    cycle(2, 256)
    harness.poll(f"descriptors and maps of guest and switch not above {before}",
                 lambda: all(now <= b for now, b in zip(held(pmd, peer), before)), 5)
    grown = [now - b for now, b in zip((pmd.rss_kib(), peer.switch.rss_kib()), memory)]
    print(f"# {harness.ROUNDS} cycles, held {before}, memory grown by {grown} KiB")
    case.expect(max(grown) < 4096, f"memory of guest and switch grown by {grown} KiB")
    pmd.command("port stop 0")
    case.expect(free_mbufs(pmd) == 8192, f"all 8192 mbufs in the pool, not {free_mbufs(pmd)}")
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")
    case.expect(peer.switch.stop() == 0, "exit code 0 of the switch")


if __name__ == "__main__":
    harness.run(*on_both("receive queues", receive_queues), *on_both("transmit queues", transmit_queues),
                *on_both("deferred start", deferred), *on_both("descriptors and infos", descriptors),
                *on_both("link down and up", link_wishes), *on_both("MTU", mtu), attach_and_detach,
                other_counts_and_sizes)
