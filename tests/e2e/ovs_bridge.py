#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""net_virtq ports on a bridge of OVS-DPDK with action NORMAL; suite ovs, only run when asked for by name."""

import re
import signal
import time

import harness
import ovs

MAC = "02:00:00:00:00:0{}"
# The other end listens: OVS as client dials every second, as server it waits.
OTHER = {"client": ",server=1", "server": ""}


def vdevs(bridge, more=""):
    return [f"net_virtq{i},path={bridge.path(name)},mac={MAC.format(i + 1)}{OTHER[role]}{more}"
            for i, (name, role) in enumerate(bridge.ports.items())]


def show(bridge):
    for name in bridge.ports:
        rings = {k: bridge.status(name, k) for k in ("mode", "num_of_vrings", "mtu")}
        print(f"# OVS {name}: features {bridge.features(name):#x}, {rings}")


def sequences(role, size="60-1514", queues=1, mtu=1500, more="", options=()):
    """Every frame arrives once, in order, unchanged, both ways."""
    def check(case):
        bridge = ovs.Ovs(case, {"v0": role, "v1": role}, mtu)
        run = case.seqcheck_start(
            vdevs(bridge, f",queues={queues},queue_size=1024{more}"),
            ["--packets", harness.scaled(500000), "--size", size, "--queues", queues, "--hello-timeout", 60,
             "--link-timeout", 60, *options])
        show(bridge)
        result = case.seqcheck_end(run, 120)
        print(f"# {result['received']} frames, {result['mpps']:.2f} Mpps")
    return f"OVS as {role}, {size} bytes, {queues} queues{more}", check


def link(pmd, port):
    return re.search(r"Link status: (\w+)", pmd.command(f"show port info {port}")).group(1)


def wait_link(pmd, state):
    harness.poll(f"both links {state}", lambda: link(pmd, 0) == link(pmd, 1) == state, 60)


def frames_both_ways(pmd):
    """A burst of each port circles; OVS may lose the first ones, until it has seen that rings are enabled."""
    def more_than_a_burst():
        before = [pmd.stats(p)["RX-packets"] for p in (0, 1)]
        pmd.command("start tx_first")
        time.sleep(0.5)
        pmd.command("stop")
        return all(pmd.stats(p)["RX-packets"] > b + 1000 for p, b in zip((0, 1), before))
    harness.poll("1000 frames on both ports", more_than_a_burst, 60)


def link_follows_ovs(role):
    """OVS ends and starts again: links go down and up, and frames run in both directions."""
    def check(case):
        bridge = ovs.Ovs(case, {"v0": role, "v1": role})
        pmd = case.testpmd(vdevs(bridge), ["--forward-mode=mac", f"--eth-peer=0,{MAC.format(2)}",
                                           f"--eth-peer=1,{MAC.format(1)}"])
        for _ in range(3):
            wait_link(pmd, "up")
            frames_both_ways(pmd)
            # Killed it would leave its sockets, and refuse to start with them.
            bridge.daemon.stop(number=signal.SIGKILL if role == "client" else signal.SIGTERM)
            wait_link(pmd, "down")
            bridge.start()
        wait_link(pmd, "up")
        frames_both_ways(pmd)
        case.expect(pmd.quit() == 0, "testpmd ends with 0")
    return f"links follow OVS as {role}", check


def cases():
    for role in ("client", "server"):
        yield sequences(role)
        yield link_follows_ovs(role)
    yield sequences("client", queues=4)
    yield sequences("client", "60-9000", mtu=9000)
    yield sequences("client", "60-9000", mtu=9000, more=",mrg_rxbuf=0", options=["--mbuf-size", 9300])


if __name__ == "__main__":
    ovs.enter_network_namespace()
    harness.run(*cases())
