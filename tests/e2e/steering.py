#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Hash, type and receive queue of every packet, guest to guest, are what an independent reference says (tests/steer):
published values, random packets on all receive paths, random tables with any number of queues and workers."""

import random

import harness
import steer_agent
from steer_agent import ALL_TYPES, RX_OFFLOADS, RX_RSS_HASH, Rss

QUEUES = 4
WIDTHS = (64, 256, 512)
# Over all receive paths together; six processes, five settings of offloads.
PACKETS = harness.scaled(1_000_000 if harness.FULL else 100_000)
TABLES = 100 if harness.FULL else 8


def switch_and_guests(case, workers=1, width=None, arguments="", senders=1, others=""):
    """A switch, and one process with the receiver on port a, not started yet, the sender on b, and others."""
    options = [f"--force-max-simd-bitwidth={width}"] if width else []
    ports = {"a": f"queues={QUEUES}", "b": f"queues={senders}"} | dict.fromkeys(others, "")
    switch = case.switch(ports, workers=workers, options=options)
    steer = steer_agent.start(case, switch, [*ports], (f"queues={QUEUES}{arguments}", f"queues={senders}",
                                                       *[""] * len(others)), options)
    steer.configure(1, senders)
    steer.ask("start", 1)
    return switch, steer


def restart(steer, pairs, rss, offloads=RX_RSS_HASH):
    """The receiver with so many pairs; its table as the driver makes it."""
    steer.ask("stop", 0)
    steer.configure(0, pairs, offloads=offloads, rss=rss)
    steer.ask("start", 0)
    steer.up(0, 1)
    return int(steer.view()["reta_size"])


def random_rss(rng, table, types=None):
    if types is None:
        types = rng.choice((ALL_TYPES, rng.randrange(1, ALL_TYPES + 1), 1 << rng.randrange(9)))
    return Rss(types, rng.randbytes(steer_agent.KEY_BYTES), tuple(table))


def tell(steer, rss, size):
    """A running port gets another configuration."""
    steer.ask("rss", 0, hex(steer_agent.ethdev_types(rss.types)), rss.key.hex())
    steer.set_table(0, rss.table, size)
    steer.expect(rss)


def be_known(steer):
    """The switch learns the receiver's address: what comes for it is not flooded any more."""
    steer.ask("send", 0, "ffffffffffff020000000001" + "88b5" + "00" * 46)


def published(case):
    case.covers("HASH-008", "HASH-009", "HASH-033", "HASH-035", "HASH-036")
    _, steer = switch_and_guests(case)
    for pairs in (4, 1):
        size = restart(steer, pairs, Rss())
        steer.expect(Rss(table=tuple(i % pairs for i in range(size))))
        got = steer.check(1, steer_agent.VECTORS, vectors=True)
        seen = {k for k, n in got["reports"].items() if n}
        case.expect(seen == set(steer_agent.REPORTS) - {"none"}, f"every type of hash once, not {seen}")
    steer.end()


def random_packets(case):
    case.covers("HASH-001", "HASH-002", "HASH-003", *(f"HASH-{n:03}" for n in range(19, 35)))
    rng, seen, done = random.Random(3), dict.fromkeys(steer_agent.REPORTS, 0), 0
    paths = [(w, m, o) for w in WIDTHS for m in (1, 0) for o in RX_OFFLOADS if m or o != "lro"]
    for width in WIDTHS:
        for merge in (1, 0):
            _, steer = switch_and_guests(case, width=width, arguments=f",mrg_rxbuf={merge}")
            for path in (p for p in paths if p[:2] == (width, merge)):
                size = restart(steer, QUEUES, Rss(), RX_OFFLOADS[path[2]] | RX_RSS_HASH)
                count = PACKETS // len(paths) + 1
                for part in range(2):
                    if part:
                        be_known(steer)
                    tell(steer, random_rss(rng, [rng.randrange(QUEUES) for _ in range(size)],
                                           None if part else ALL_TYPES), size)
                    got = steer.check(rng.randrange(1 << 32), count // 2 + 1)
                    for k, n in got["reports"].items():
                        seen[k] += n
                        done += n
            steer.end()
            for p in case.processes:
                p.kill()
    print(f"# {done} packets on {len(paths)} receive paths: {seen}")
    case.expect(done >= PACKETS, f"{PACKETS} packets")
    case.expect(all(n > PACKETS // 100 for n in seen.values()), f"enough of every report: {seen}")


def random_tables(workers):
    def check(case):
        case.covers("NET-DEV-079", "NET-DEV-080", "NET-DEV-081", "NET-FACT-133", "NET-FACT-134", "NET-FACT-135")
        rng = random.Random(workers)
        _, steer = switch_and_guests(case, workers=workers, senders=QUEUES)
        for pairs in (1, 2, 3, 4):
            size = restart(steer, pairs, Rss())
            for _ in range(TABLES // 2 if workers > 1 else TABLES):
                few = rng.sample(range(pairs), rng.randint(1, pairs))
                tell(steer, random_rss(rng, [rng.choice(few) for _ in range(size)], ALL_TYPES), size)
                got = steer.check(rng.randrange(1 << 32), 500)
                used = {q for q, n in enumerate(got["queues"]) if n}
                # Packets without a hash are the unclassified queue's.
                case.expect(used == set(few) | {0}, f"queues {set(few) | {0}} in use, not {used}")
        steer.end()
    return f"random tables, 1 to 4 pairs, workers={workers}", check


def without_hash_report(case):
    """Steered all the same, and no mbuf claims a hash."""
    rng = random.Random(4)
    _, steer = switch_and_guests(case)
    size = restart(steer, QUEUES, Rss(), 0)
    rss = random_rss(rng, [rng.randrange(QUEUES) for _ in range(size)], ALL_TYPES)
    tell(steer, rss, size)
    steer.expect(rss, reported=False)
    steer.check(5, 3000)
    steer.end()


def several_receivers(case):
    """Frames for a receiver that the switch does not know are copied, for it and others."""
    rng = random.Random(6)
    _, steer = switch_and_guests(case, others="cd")
    for port in (2, 3):
        steer.configure(port, 1)
        steer.ask("start", port)
    size = restart(steer, QUEUES, Rss())
    steer.up(2, 3)
    for _ in range(4):
        tell(steer, random_rss(rng, [rng.randrange(QUEUES) for _ in range(size)]), size)
        steer.check(rng.randrange(1 << 32), 1000)
    steer.end()


if __name__ == "__main__":
    harness.run(("published values", published), ("random packets on every receive path", random_packets),
                *(random_tables(w) for w in (1, 2, 3)), ("steering without hash report", without_hash_report),
                ("frames to several receivers", several_receivers))
