# SPDX-License-Identifier: BSD-3-Clause
"""What a port was told through ethdev, kept beside driver and switch, and held against what both say."""

import dataclasses
import random
import time

import harness
import steer_agent
from steer_agent import ALL_TYPES, KEY_BYTES, RX_OFFLOADS, RX_RSS_HASH, Rss

QUEUES = 4
UNTAGGED = 1 << 31  # in a seed of frames
VLAN_FILTER_OFFLOAD, VLAN_FILTER_MASK = 1 << 9, 2
OWN = "02:00:00:00:00:01"
BROADCAST = "ff:ff:ff:ff:ff:ff"
UNICAST = [f"02:00:00:00:01:{i:02x}" for i in range(12)]
MULTICAST = [f"01:00:5e:00:00:{i:02x}" for i in range(6)] + [f"33:33:00:00:00:{i:02x}" for i in range(6)]
VLANS = [1, 2, 5, 63, 64, 100, 1000, 4000, 4094]


@dataclasses.dataclass
class State:
    """All that the calls so far add up to."""
    pairs: int = QUEUES
    rss: Rss = dataclasses.field(default_factory=Rss)
    offloads: str = "none"
    promisc: bool = False
    allmulti: bool = False
    mac: str = OWN
    unicast: set = dataclasses.field(default_factory=set)
    multicast: set = dataclasses.field(default_factory=set)
    filter: bool = True
    vlans: set = dataclasses.field(default_factory=set)
    mtu: int = 1500

    def accepts(self, address, tag):
        """Does a frame to this address with this VLAN tag, 0 for none, arrive?"""
        if tag and self.filter and tag not in self.vlans:
            return False
        if self.promisc or address == BROADCAST:
            return True
        if int(address[:2], 16) & 1:
            return self.allmulti or address in self.multicast
        return address == self.mac or address in self.unicast


class Told:
    """A port of the steer program, the state that it was brought to, and both ends' opinion of that."""

    def __init__(self, case, seed):
        self.case, self.seed, self.rng = case, seed, random.Random(seed)
        self.options = {"a": f"queues={QUEUES}", "b": ""}
        self.switch = case.switch(self.options, megabytes=64)
        self.steer = steer_agent.start(case, self.switch, arguments=(f"queues={QUEUES}", ""))
        self.state, self.calls, self.started = State(), [], False
        self.steer.configure(1, 1)
        self.steer.ask("start", 1)
        self.configure()
        self.tell("promisc", 0, 0)
        self.tell("allmulti", 0, 0)
        self.start()
        self.size = int(self.view()["reta_size"])
        self.new_table()

    # Calls, which keep the model.

    def tell(self, *words):
        self.calls.append(" ".join(map(str, words)))
        self.steer.ask(*words)

    def configure(self):
        s = self.state
        offloads = RX_OFFLOADS[s.offloads] | RX_RSS_HASH | (VLAN_FILTER_OFFLOAD if s.filter else 0)
        self.tell("configure", 0, s.pairs, s.pairs, hex(offloads), hex(steer_agent.ethdev_types(s.rss.types)),
                  s.rss.key.hex())

    def start(self):
        self.tell("start", 0)
        self.started = True

    def stop(self):
        self.tell("stop", 0)
        self.started = False

    def new_table(self):
        """As configuring makes it."""
        table = tuple(i % self.state.pairs for i in range(self.size))
        self.state.rss = dataclasses.replace(self.state.rss, table=table)

    def rss_update(self):
        s, rng = self.state, self.rng
        types = rng.choice((ALL_TYPES, rng.randrange(1, ALL_TYPES + 1)))
        s.rss = dataclasses.replace(s.rss, types=types, key=rng.randbytes(KEY_BYTES))
        self.tell("rss", 0, hex(steer_agent.ethdev_types(types)), s.rss.key.hex())

    def reta_update(self):
        s, table = self.state, list(self.state.rss.table)
        change = {self.rng.randrange(self.size): self.rng.randrange(s.pairs)
                  for _ in range(self.rng.choice((1, 5, 200)))}
        for i, q in change.items():
            table[i] = q
        s.rss = dataclasses.replace(s.rss, table=tuple(table))
        self.tell("reta", 0, self.size, *(f"{i}={q}" for i, q in change.items()))

    def toggle_promisc(self):
        self.state.promisc = not self.state.promisc
        self.tell("promisc", 0, int(self.state.promisc))

    def toggle_allmulti(self):
        self.state.allmulti = not self.state.allmulti
        self.tell("allmulti", 0, int(self.state.allmulti))

    def change_unicast(self):
        address = self.rng.choice(UNICAST)
        add = address not in self.state.unicast
        if address == self.state.mac:
            return
        self.tell("mac", 0, "add" if add else "del", address)
        self.state.unicast ^= {address}

    def change_mac(self):
        address = self.rng.choice([a for a in [OWN, *UNICAST] if a not in self.state.unicast])
        self.tell("mac", 0, "set", address)
        self.state.mac = address

    def change_multicast(self):
        self.state.multicast = set(self.rng.sample(MULTICAST, self.rng.randrange(len(MULTICAST))))
        self.tell("multicast", 0, *sorted(self.state.multicast))

    def change_vlan(self):
        tag = self.rng.choice(VLANS)
        if not self.state.filter:
            return
        self.tell("vlan", 0, tag, int(tag not in self.state.vlans))
        self.state.vlans ^= {tag}

    def toggle_filter(self):
        """Off is a command for each of 4,096 numbers: rarely."""
        if self.rng.randrange(10) != 0:
            return
        self.state.filter = not self.state.filter
        self.tell("vlan_offload", 0, VLAN_FILTER_MASK if self.state.filter else 0)

    def change_mtu(self):
        self.state.mtu = self.rng.choice((1500, 1600, 1700))
        self.tell("mtu", 0, self.state.mtu)

    def restart(self):
        self.stop()
        self.start()

    def reconfigure(self):
        """Other queues, offloads, hash; a configured port has a fresh table and MTU, and its addresses as before."""
        s, rng = self.state, self.rng
        self.stop()
        s.pairs, s.offloads = rng.randint(1, QUEUES), rng.choice(list(RX_OFFLOADS))
        s.mtu, s.filter = 1500, rng.random() < 0.7
        s.rss = Rss(rng.randrange(1, ALL_TYPES + 1), rng.randbytes(KEY_BYTES))
        self.configure()
        # Without a device to ask, the table has what every device can do.
        self.size = int(self.view()["reta_size"])
        self.new_table()
        self.start()

    CALLS = (rss_update, reta_update, toggle_promisc, toggle_allmulti, change_unicast, change_unicast, change_mac,
             change_multicast, change_vlan, change_vlan, toggle_filter, change_mtu, restart, reconfigure)

    def random_call(self):
        self.rng.choice(self.CALLS)(self)

    # What both ends say.

    def view(self):
        return self.steer.view()

    def fail(self, text):
        raise harness.Failed(f"{text}\nseed {self.seed}, calls:\n" + "\n".join(c[:300] for c in self.calls[-40:]))

    def expect(self, what, got, expected):
        if got != expected:
            self.fail(f"{what}: expected {expected}, got {got}")

    def driver_agrees(self):
        s, v = self.state, self.view()
        macs = v["macs"].lower().split(",")
        self.expect("driver's promiscuous", v["promisc"], str(int(s.promisc)))
        self.expect("driver's all-multicast", v["allmulti"], str(int(s.allmulti)))
        self.expect("driver's MTU", v["mtu"], str(s.mtu))
        self.expect("driver's address", macs[0], s.mac)
        self.expect("driver's addresses", {m for m in macs[1:] if m != "00:00:00:00:00:00"}, s.unicast)
        # IPv4 means fragments and other protocols, too.
        self.expect("driver's hash types", int(v["types"], 16) & steer_agent.ethdev_types(ALL_TYPES),
                    steer_agent.ethdev_types(s.rss.types))
        self.expect("driver's key", v["key"], s.rss.key.hex())
        self.expect("driver's table", tuple(map(int, v["reta"].split(","))), s.rss.table)

    def switch_agrees(self):
        s = self.state
        d, macs, table, vlans = self.switch.telemetries(
            *(f"/virtq/control,a{part}" for part in ("", ",macs", ",table", ",vlans")))
        vlan = "VIRTIO_NET_F_CTRL_VLAN" in d["feature_names"]
        self.expect("switch: features", {"VIRTIO_NET_F_CTRL_RX", "VIRTIO_NET_F_RSS"} - set(d["feature_names"]), set())
        modes = {"PROMISC": s.promisc, "ALLMULTI": s.allmulti}
        self.expect("switch: modes", set(d["modes"]), {m for m, on in modes.items() if on})
        self.expect("switch: address", d["mac"].lower(), s.mac)
        self.expect("switch: unicast addresses", {m.lower() for m in macs["unicast"]}, s.unicast)
        self.expect("switch: multicast", {m.lower() for m in macs["multicast"]}, s.multicast)
        self.expect("switch: RSS is on", d["rss_on"], 1)
        self.expect("switch: hash types", int(d["hash_types"], 16), s.rss.types)
        self.expect("switch: key", d["key"], s.rss.key.hex())
        self.expect("switch: table", tuple(table["table"]), s.rss.table)
        self.expect("switch: unclassified queue", d["unclassified_queue"], s.rss.unclassified)
        self.expect("switch: pairs", d["pairs"], s.pairs)
        self.expect("switch: refused commands", {k: n for k, n in d["refused"].items() if n}, {})
        # A port that was started without the filter has nothing to tell, and gets all.
        if vlan and s.filter:
            self.expect("switch: VLANs", set(vlans["vlans"]), s.vlans)
        elif vlan:
            self.expect("switch: VLANs", d["vlans"], 4096)
        offloads = int(d["offloads"], 16)
        self.expect("switch: checksums", offloads >> 1 & 1, int(s.offloads != "none"))
        self.expect("switch: large packets", offloads >> 7 & 3, 3 if s.offloads == "lro" else 0)

    def both_agree(self):
        self.driver_agrees()
        if self.started:
            self.steer.up(0)
            self.switch_agrees()

    def traffic_agrees(self, frames=200):
        self.steer.up(0, 1)
        self.steer.expect(self.state.rss)
        try:
            self.steer.check(UNTAGGED | self.rng.randrange(1 << 31), frames)
        except harness.Failed as e:
            self.fail(str(e))
        probes = [(a, t) for a in [self.state.mac, OWN, BROADCAST, *UNICAST, *MULTICAST]
                  for t in (0, *self.rng.sample(VLANS, 2))]
        got = self.steer.probe(probes)
        expected = [int(self.state.accepts(a, t)) for a, t in probes]
        for p, g, e in zip(probes, got, expected):
            self.expect(f"how often {p} arrives", g, e)

    # The switch comes and goes.

    def switch_ends(self, kill):
        if kill:
            self.switch.kill()
        else:
            self.expect("exit code of the switch", self.switch.stop(), 0)
        self.case.processes.remove(self.switch)
        for port in (0, 1):
            self.steer.ask("link", port, 0, 5000)
        self.calls.append("# the switch is killed" if kill else "# the switch ends")

    def switch_starts(self):
        began = time.monotonic()
        self.switch = self.case.switch(self.options, megabytes=64)
        self.steer.up(0, 1)
        return time.monotonic() - began

