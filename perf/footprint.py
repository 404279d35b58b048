# SPDX-License-Identifier: BSD-3-Clause
"""What a switch and a driver take: time until the first packet, memory beside the pools."""
import dataclasses
import json
import socket
import sys
import time

import scaling
import switches
import twocore

MANY = 32  # ports, the most that testpmd of Debian's DPDK has
QUEUES = 8


class Telemetry:
    """rte_telemetry of a process."""

    def __init__(self, process, prefix):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10)
        self.socket.connect(str(process.where / "dpdk" / prefix / "dpdk_telemetry.v2"))
        self.most = json.loads(self.socket.recv(65536))["max_output_len"]

    def get(self, command):
        self.socket.send(command.encode())
        return json.loads(self.socket.recv(self.most))[command.split(",")[0]]

    def close(self):
        self.socket.close()


def heap_bytes(telemetry):
    """Allocated of all heaps, without what pools take."""
    used = sum(int(telemetry.get(f"/eal/heap_info,{i}")["Alloc_size"])
               for i in telemetry.get("/eal/heap_list"))
    for name in telemetry.get("/mempool/list"):
        pool = telemetry.get(f"/mempool/info,{name}")
        each = pool["elt_size"] + pool["header_size"] + pool["trailer_size"]
        used -= each * pool["size"]
    return used


def memory_mib(switch):
    """Memory of the switch process: heap in hugepages beside its pools, and private memory elsewhere."""
    telemetry = Telemetry(switch.main, switch.main.name)
    try:
        return heap_bytes(telemetry) / (1 << 20) + switch.main.status("RssAnon") / 1024
    finally:
        telemetry.close()


def switch_memory(machine, name, ports):
    crowd = scaling.Crowd(machine, name, dataclasses.replace(twocore.SMALL, ports=ports))
    try:
        crowd.pair.switch.resume()
        return memory_mib(crowd.pair.switch)
    finally:
        crowd.close()


def first_packet_ms(machine, name):
    """From the start of the switch until a packet went through each way, guests included."""
    start = time.monotonic()
    pair = twocore.Pair(machine, name, twocore.SMALL)
    took = time.monotonic() - start
    pair.close()
    return took * 1000


def driver_kib(machine, driver):
    """Heap that one more queue pair of a port takes, mbufs not counted."""
    heap = {}
    for queues in (1, QUEUES):
        # One pool of each direction: the rest of a pool is no part of the driver.
        shape = dataclasses.replace(twocore.SMALL, queues=queues, mixed=True)
        switch = switches.VirtqSwitch(machine, shape)
        guests = None
        try:
            switch.start().wait()
            guests = switches.Guests(machine, switch, driver).wait()
            heap[queues] = guests.do("memory")["heap"]
        finally:
            if guests is not None:
                guests.close()
            switch.close()
    return (heap[QUEUES] - heap[1]) / 1024 / (2 * (QUEUES - 1))


def measure(machine, data, rounds):
    """Fills data["footprint"]: both sides of each round."""
    found = data["footprint"] = []
    ours, peer = twocore.OURS, twocore.PMD_SPLIT

    def add(what, load, unit, pairs):
        found.append({"what": what, "load": load, "unit": unit,
                      "rounds": [{"ours": a, "peer": b} for a, b in pairs]})
    try:
        add("start to first packet, against testpmd and net_vhost", "2 ports", "ms",
            [(first_packet_ms(machine, ours), first_packet_ms(machine, peer))
             for _ in range(rounds)])
        memory = {n: (switch_memory(machine, ours, n), switch_memory(machine, peer, n))
                  for n in (2, MANY)}
        add("switch memory beside pools, against testpmd and net_vhost", "2 ports", "MiB",
            [memory[2]])
        add("switch memory beside pools, against testpmd and net_vhost", f"{MANY} ports", "MiB",
            [memory[MANY]])
        add("switch memory beside pools, 64 ports against 32 of the peer", "64 ports", "MiB",
            [(switch_memory(machine, ours, 64), memory[MANY][1])])
        add("driver memory of a queue pair, against net_virtio_user", "ring 256", "KiB",
            [(driver_kib(machine, "net_virtq"), driver_kib(machine, twocore.USER))])
    except switches.Missing as why:
        data["skipped"]["footprint"] = str(why)
    except (switches.Failed, OSError) as why:
        data["skipped"]["footprint"] = "failed"
        print(f"footprint: {why}", file=sys.stderr)
