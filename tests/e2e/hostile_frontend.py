#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Messages no sane frontend sends: the connection may go, the switch and its other ports stay."""

import contextlib
import os
import struct
import tempfile

import frontend_shapes as shapes
import harness
import vu_frontend as vu

SET_LOG_BASE, SET_LOG_FD, GET_INFLIGHT_FD, SET_INFLIGHT_FD = 6, 7, 31, 32
ROUNDS = 20 if harness.FULL else 2


def regions(*entries, count=None):
    table = struct.pack("<II", len(entries) if count is None else count, 0)
    return table + b"".join(struct.pack("<QQQQ", *e) for e in entries)


def one_region(size=8 << 20, guest=0x100000, user=0x7F0000100000, offset=0):
    return vu.SET_MEM_TABLE, regions((guest, size, user, offset)), 1


def messages():
    """(request, payload, number of file descriptors that come along)"""
    for count in (0, 9, 255, 0xFFFFFFFF):
        yield vu.SET_MEM_TABLE, regions(count=count), 0
    yield vu.SET_MEM_TABLE, regions((0x100000, 1 << 20, 0x7F0000100000, 0)), 0  # a region without its file
    for size in (0, 16 << 20, 1 << 63, (1 << 64) - 1):  # the file has 8 MiB
        yield one_region(size)
    yield one_region(offset=(1 << 64) - 4096)
    yield one_region(guest=(1 << 64) - 4096)
    for number in (0, 1, 3, 5, 255, 32769, 65535, 65536, 1 << 31):
        yield vu.SET_VRING_NUM, struct.pack("<II", 0, number), 0
    for index in (2, 3, 255, 256, 257, 0x10000, 0xFFFF0000, 0xFFFFFFFF):
        for request in (vu.SET_VRING_NUM, vu.SET_VRING_BASE, vu.GET_VRING_BASE, vu.SET_VRING_ENABLE):
            yield request, struct.pack("<II", index, 256), 0
        yield vu.SET_VRING_ADDR, struct.pack("<IIQQQQ", index, 0, 0, 0, 0, 0), 0
    for base in (1, 65535, 65536, 0xFFFFFFFF):
        yield vu.SET_VRING_BASE, struct.pack("<II", 0, base), 0
    for at in (0, 1, 0x7F0000100001, 0x7F00008FFFFF, (1 << 64) - 16):
        yield vu.SET_VRING_ADDR, struct.pack("<IIQQQQ", 0, 0, at, at, at, 0), 0
    for request in (vu.SET_VRING_KICK, vu.SET_VRING_CALL, vu.SET_VRING_ERR):
        for value in (0, 2, 255, 0x100, 1 << 32):
            yield request, struct.pack("<Q", value), 1
            yield request, struct.pack("<Q", value), 0
        yield request, struct.pack("<Q", 0), 8
    for features in ((1 << 64) - 1, 0, 1 << 33, 1 << 34):
        yield vu.SET_FEATURES, struct.pack("<Q", features), 0
        yield vu.SET_PROTOCOL_FEATURES, struct.pack("<Q", features), 0
    yield SET_LOG_BASE, struct.pack("<QQ", (1 << 64) - 4096, 8192), 1
    yield SET_LOG_BASE, struct.pack("<QQ", 4096, 4096), 1
    yield SET_LOG_FD, b"", 1
    for queues, size in ((0, 256), (257, 256), (65535, 32768)):
        yield GET_INFLIGHT_FD, struct.pack("<QQHH", 0, 0, queues, size), 0
        yield SET_INFLIGHT_FD, struct.pack("<QQHH", 1 << 20, 0, queues, size), 1
    for offset, size in ((0, 257), (250, 60), (0xFFFFFFFF, 2), (0, 0xFFFFFFFF)):
        yield vu.GET_CONFIG, struct.pack("<III", offset, size, 0) + bytes(60), 0
    for request in (0, 21, 22, 26, 41, 99, 0x7FFFFFFF, 0xFFFFFFFF):
        yield request, bytes(8), 1
    yield vu.RESET_OWNER, b"", 8
    yield vu.SET_OWNER, b"", 8
    yield vu.GET_FEATURES, b"", 8


def raw_headers():
    """Bytes as they are: cut, oversized, of another version."""
    head = struct.pack("<III", vu.SET_FEATURES, 1, 8)
    yield from (head[:n] for n in range(1, 12))
    yield from (struct.pack("<III", vu.SET_FEATURES, 1, size) for size in (1, 7, 9, 633, 4096, 0x7FFFFFFF, 0xFFFFFFFF))
    yield from (struct.pack("<III", vu.SET_FEATURES, flags, 8) + bytes(8) for flags in (0, 2, 3, 5, 0xFFFFFFFF))


def connect(path):
    """A connection that is served: the one before has been taken leave of."""
    def attempt():
        f = vu.Frontend(path)
        try:
            f.ask(vu.GET_FEATURES)
        except vu.Refused:
            f.close()
            return None
        return f
    return harness.poll("the switch to serve a new connection", attempt, 5)


def attack(path, deliver):
    """One hostile act on a connection that runs and one on a fresh one."""
    for running in (True, False):
        f = connect(path)
        if running:
            f.start()
        with contextlib.suppress(vu.Refused, OSError):
            f.socket.settimeout(0.05)
            deliver(f)
            f.ask(vu.GET_FEATURES)
        f.close()


def send_message(request, payload, nb_fds, kind):
    def deliver(f):
        with tempfile.TemporaryFile() as plain:
            fd = {"file": plain.fileno(), "memory": f.regions[0].fd, "directory": os.open("/", os.O_RDONLY)}
            try:
                f.send(request, payload, [fd[kind]] * nb_fds)
            finally:
                os.close(fd["directory"])
    return deliver


def hostile_messages_disturb_nobody(case):
    switch = case.switch({p: "queues=1" for p in "abc"})
    others = case.seqcheck_start([f"net_virtq{i},path={switch.paths[p]},mac=02:00:00:00:00:1{i}"
                                  for i, p in enumerate("ab")], ["--seconds", 3600, "--quiet"])
    others.expect_line("sending")
    attack(switch.paths["c"], lambda f: f.ask(vu.GET_FEATURES))
    # Two connections; the switch closes the last one when it gets to it.
    harness.poll("both connections to be gone", lambda: switch.text().count("port c: disconnected") == 2, 5)
    before = harness.poll("a quiet switch", lambda: (switch.fds(), len(switch.maps())), 1)
    acts = [send_message(*m, kind) for m in messages()
            for kind in (("memory", "file", "directory") if m[2] else ("memory",))]
    acts += [lambda f, data=data: f.socket.send(data) for data in raw_headers()]
    for _ in range(ROUNDS):
        for act in acts:
            attack(switch.paths["c"], act)
            case.expect(switch.alive(), "the switch to run on")
    harness.poll(f"file descriptors of the switch back at {before[0]}", lambda: switch.fds() == before[0], 5)
    case.expect(len(switch.maps()) <= before[1] + 4, f"about {before[1]} mappings, not {len(switch.maps())}")
    connect(switch.paths["c"]).start()
    others.stop()
    result = case.seqcheck_end(others)
    print(f"# {2 * ROUNDS * len(acts)} hostile acts, the others passed {result['received']} frames")
    case.expect(switch.stop() == 0, "exit code 0 of the switch")


def stalled_frontend_is_named_and_delays_nobody(case):
    """Header sent, payload kept back; again and again, while other frontends come and go."""
    switch = case.switch({p: "" for p in "abc"})
    a, b = shapes.pair(case, *[switch.paths[p] for p in "ab"])
    shapes.learn(a, b)
    for round_ in range(1, 4):
        c = connect(switch.paths["c"])
        c.socket.send(struct.pack("<III", vu.SET_VRING_ADDR, 1, 40))
        a.close()
        a = connect(switch.paths["a"]).start()
        shapes.learn(a, b)
        shapes.exchange_both(case, a, b, count=20)
        harness.poll("the switch to hang up and to name the port", lambda r=round_: switch.text().count(
            "port c: hung up on its frontend, which stopped in the middle of a message for 500 ms") == r, 10)
        case.expect(c.socket.recv(1) == b"", "the end of the connection")
        c.close()
    case.expect("not ours" not in switch.text(), "poll() and recvmsg() of the switch in use")
    case.expect(switch.stop() == 0, "exit code 0 of the switch")


if __name__ == "__main__":
    harness.run(hostile_messages_disturb_nobody, stalled_frontend_is_named_and_delays_nobody)
