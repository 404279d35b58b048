# SPDX-License-Identifier: BSD-3-Clause
"""The steer program (tests/steer) driven line by line: ports of the driver, and frames checked by a reference."""

import dataclasses
import select
import subprocess

import harness

STEER = harness.BUILD / "tests" / "steer" / "steer"
KEY_BYTES = 40
VECTORS = 33
# Microsoft's key, that of the published values.
VECTOR_KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa")
# Hash types, lowest bit first, as ethdev knows them: IPv4, TCP, UDP, IPv6, TCP, UDP, IPv6 EX, TCP EX, UDP EX.
ETHDEV_BITS = (2, 4, 5, 8, 10, 11, 15, 16, 17)
ALL_TYPES = 0x1ff
RX_OFFLOADS = {"none": 0, "csum": 0x0c, "lro": 0x1c}
RX_RSS_HASH = 1 << 19
REPORTS = ("none", "IPv4", "TCPv4", "UDPv4", "IPv6", "TCPv6", "UDPv6", "IPv6_EX", "TCPv6_EX", "UDPv6_EX")


def ethdev_types(types):
    """Hash types of the standard -> RTE_ETH_RSS_*."""
    return sum(1 << bit for n, bit in enumerate(ETHDEV_BITS) if types >> n & 1)


@dataclasses.dataclass
class Rss:
    """What a port was told about steering."""
    types: int = ALL_TYPES
    key: bytes = VECTOR_KEY
    table: tuple = (0,)
    unclassified: int = 0


class Refused(Exception):
    """The program, or ethdev below it, says no; number is the error."""

    def __init__(self, text):
        super().__init__(text)
        self.number = int(text.split()[0]) if text.split()[0].lstrip("-").isdigit() else 0


class Steer(harness.Process):
    """One process with some ports; port 0 is the one that is told things."""

    def __init__(self, name, argv, log):
        self.name, self.argv, self.log = name, [str(a) for a in argv], log
        with open(log, "wb") as out:
            self.popen = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out,
                                          start_new_session=True, preexec_fn=lambda: harness._in_child(None))
        self.pid = self.popen.pid
        self.rest = b""
        self.answer("start", 30)

    def line(self, text, seconds):
        while b"\n" not in self.rest:
            if not select.select([self.popen.stdout], [], [], seconds)[0]:
                raise harness.Failed(f"{self.name}: expected an answer to '{text[:80]}' within {seconds} s")
            more = self.popen.stdout.read1(65536)
            if not more:
                raise harness.Failed(f"{self.name}: ended with {self.popen.wait()} at '{text[:80]}'")
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def answer(self, text, seconds):
        while True:  # EAL may have something to say, too
            words = self.line(text, seconds).split(" ", 2)
            if words[0] == "=":
                break
        rest = words[2] if len(words) > 2 else ""
        if words[1] != "ok":
            raise Refused(rest)
        return dict(w.split("=", 1) for w in rest.split())

    def ask(self, *words, seconds=60):
        """Run a command, return what it answers; Refused if it says no."""
        text = " ".join(str(w) for w in words)
        self.popen.stdin.write(text.encode() + b"\n")
        self.popen.stdin.flush()
        return self.answer(text, seconds)

    def try_(self, *words):
        """The same, return 0 or the error number."""
        try:
            self.ask(*words)
        except Refused as e:
            return e.number
        return 0

    def up(self, *ports, milliseconds=10000):
        for p in ports:
            self.ask("link", p, 1, milliseconds)

    def configure(self, port, rxq, txq=None, offloads=0, rss=None):
        """rss: None for no RSS mode."""
        self.ask("configure", port, rxq, txq or rxq, hex(offloads), *(
            (hex(ethdev_types(rss.types)), rss.key.hex()) if rss else ("-",)))

    def set_table(self, port, table, size):
        """table repeated to the size of the port's."""
        self.ask("reta", port, size, *(f"{i}={table[i % len(table)]}" for i in range(size)))

    def expect(self, rss=None, reported=True, steered=True):
        rss = rss or Rss(0)
        self.ask("expect", rss.types, rss.key.hex(), rss.unclassified, int(reported), int(steered), *rss.table)

    def check(self, seed, count, window=64, segments=3, vectors=False, to=0, source=1):
        """Frames from one port to the other; the counters, or Failed."""
        try:
            out = self.ask("vectors" if vectors else "check", to, source, seed, 0, count, window, segments, seconds=300)
        except Refused as e:
            raise harness.Failed(f"expected all frames to arrive as the reference says (seed {seed}): {e}") from None
        return {"reports": counts(out["reports"]), "queues": [int(n) for n in out["queues"].split(",")]}

    def probe(self, probes, to=0, source=1):
        """probes: (address, tag or 0); how often each arrived."""
        out = self.ask("probe", to, source, *(f"{a}/{t}" for a, t in probes))
        return [int(n) for n in out["arrived"].split(",")]

    def view(self, port=0):
        return self.ask("view", port)

    def end(self):
        self.popen.stdin.close()
        if self.wait(20) != 0:
            raise harness.Failed(f"{self.name}: expected exit code 0, not {self.popen.returncode}")


def counts(text):
    return {k: int(v) for k, v in (one.split(":") for one in text.split(","))}


def start(case, switch, ports=("a", "b"), arguments=("queues=4", "queues=4"), options=(), name="steer"):
    """The program with a port of the driver on each named port of the switch."""
    vdevs = [f"net_virtq{i},path={switch.paths[p]},mac=02:00:00:00:00:0{i + 1}" + (f",{a}" if a else "")
             for i, (p, a) in enumerate(zip(ports, arguments))]
    _, eal = case.eal(name, f"0@{harness.CPUS[0]}", 192)
    argv = [STEER, *case.driver_options(vdevs), *eal, *options]
    for v in vdevs:
        argv += ["--vdev", v]
    return case.add(Steer(name, argv, case.path(f"{len(case.processes)}-{name}.log")))
