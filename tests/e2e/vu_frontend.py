# SPDX-License-Identifier: BSD-3-Clause
"""A vhost-user frontend as a script: every message is sent only when a scenario says so.

Written from docs/interop/vhost-user.rst (QEMU) and VIRTIO 1.3, 2.7 Split Virtqueues. It knows one
descriptor per frame, VERSION_1 headers of 12 bytes, and polls.
"""

import array
import contextlib
import mmap
import os
import socket
import struct
import time

GET_FEATURES, SET_FEATURES, SET_OWNER, RESET_OWNER, SET_MEM_TABLE = 1, 2, 3, 4, 5
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR = 12, 13, 14
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM, SET_VRING_ENABLE = 15, 16, 17, 18
GET_CONFIG, SET_STATUS, GET_STATUS = 24, 39, 40

F_MRG_RXBUF, F_MQ, F_PROTOCOL_FEATURES, F_VERSION_1, F_IN_ORDER = 15, 22, 30, 32, 35
P_MQ, P_REPLY_ACK, P_CONFIG, P_STATUS = 0, 3, 9, 16
HEADER_BYTES = 12
BUFFER_BYTES = 2048
DESC_F_WRITE = 2
DRIVER_OK_STATUS = 0xF  # ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK


class Refused(Exception):
    """The backend answered with an error or hung up."""


class Region:
    """A piece of guest memory in a memfd of its own."""

    def __init__(self, guest, size):
        self.guest, self.size = guest, size
        self.fd = os.memfd_create("vu-frontend")
        os.ftruncate(self.fd, size)
        self.map = mmap.mmap(self.fd, size)
        self.used = 0

    def take(self, size, alignment=64):
        """Guest address of size fresh bytes."""
        at = -(-self.used // alignment) * alignment
        assert at + size <= self.size
        self.used = at + size
        return self.guest + at


class Ring:
    """Driver role of one split ring, one descriptor per frame."""

    def __init__(self, frontend, index, size, region, base=0):
        self.frontend, self.index, self.size, self.region = frontend, index, size, region
        self.desc = region.take(16 * size)
        self.avail = region.take(6 + 2 * size)
        self.used = region.take(6 + 8 * size)
        buffers = frontend.regions[index % len(frontend.regions)]
        self.buffers = [buffers.take(BUFFER_BYTES) for _ in range(size)]
        self.avail_next = self.used_next = base
        self.kick, self.call = os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)
        if base:
            frontend.write(self.avail + 2, struct.pack("<H", base))
            frontend.write(self.used + 2, struct.pack("<H", base))

    def set_up(self, enable=True):
        """NUM, BASE, ADDR, CALL, KICK and, with protocol features, ENABLE."""
        f = self.frontend
        f.send(SET_VRING_NUM, struct.pack("<II", self.index, self.size))
        f.send(SET_VRING_BASE, struct.pack("<II", self.index, self.used_next))
        f.send(SET_VRING_ADDR, struct.pack("<IIQQQQ", self.index, 0, f.user(self.desc), f.user(self.used),
                                           f.user(self.avail), 0))
        f.send(SET_VRING_CALL, struct.pack("<Q", self.index), [self.call])
        f.send(SET_VRING_KICK, struct.pack("<Q", self.index), [self.kick])
        if enable and f.protocol is not None:
            self.enable()
        return self

    def enable(self, on=1):
        self.frontend.send(SET_VRING_ENABLE, struct.pack("<II", self.index, on))

    def _offer(self, position, length, flags):
        slot = position % self.size
        write = self.frontend.write
        write(self.desc + 16 * slot, struct.pack("<QIHH", self.buffers[slot], length, flags, 0))
        write(self.avail + 4 + 2 * slot, struct.pack("<H", slot))
        self.avail_next = (position + 1) & 0xFFFF
        write(self.avail + 2, struct.pack("<H", self.avail_next))

    def post_all(self):
        """Receive ring: give the device every buffer that it does not have."""
        while (self.avail_next - self.used_next) & 0xFFFF < self.size:
            self._offer(self.avail_next, BUFFER_BYTES, DESC_F_WRITE)

    def transmit(self, frame):
        """Transmit ring: offer one frame; False when the ring is full."""
        if (self.avail_next - self.used_next) & 0xFFFF == self.size:
            return False
        slot = self.avail_next % self.size
        self.frontend.write(self.buffers[slot], bytes(HEADER_BYTES) + frame)
        self._offer(self.avail_next, HEADER_BYTES + len(frame), 0)
        return True

    def completed(self):
        """[(buffer id, length)] that the device has used since the last call."""
        index, = struct.unpack("<H", self.frontend.read(self.used + 2, 2))
        entries = []
        while self.used_next != index:
            at = self.used + 4 + 8 * (self.used_next % self.size)
            entries.append(struct.unpack("<II", self.frontend.read(at, 8)))
            self.used_next = (self.used_next + 1) & 0xFFFF
        return entries

    def received(self):
        """Frames that arrived; their buffers are posted again."""
        frames = [self.frontend.read(self.buffers[i], n)[HEADER_BYTES:] for i, n in self.completed()]
        self.post_all()
        return frames


class Frontend:
    """One connection to a backend."""

    def __init__(self, path, sizes=(8 << 20,)):
        self.regions, guest = [], 0x100000
        for size in sizes:
            self.regions.append(Region(guest, size))
            guest += size
        self.features = 0
        self.protocol = None  # acknowledged protocol features, None without them
        self.rings = {}
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(5)
        self.socket.connect(str(path))

    # Guest memory

    def _find(self, guest):
        for r in self.regions:
            if r.guest <= guest < r.guest + r.size:
                return r, guest - r.guest
        raise KeyError(guest)

    def read(self, guest, size):
        r, at = self._find(guest)
        return r.map[at:at + size]

    def write(self, guest, data):
        r, at = self._find(guest)
        r.map[at:at + len(data)] = data

    @staticmethod
    def user(guest):
        """Address as the frontend's process would have it; any invertible rule will do."""
        return guest + 0x7F0000000000

    # Messages

    def send(self, request, payload=b"", fds=(), reply=False):
        """Send; with REPLY_ACK wait for the verdict. reply: return the answer's payload."""
        ack = not reply and self.protocol is not None and self.protocol >> P_REPLY_ACK & 1
        head = struct.pack("<III", request, 1 | (8 if ack else 0), len(payload))
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self.socket.sendmsg([head + payload], control)
            if not reply and not ack:
                return b""
            answer = self._receive(12)
            got, _, size = struct.unpack("<III", answer)
            body = self._receive(size)
        except OSError as reason:
            raise Refused(f"request {request}: {reason}") from None
        if got != request or (ack and struct.unpack("<Q", body)[0] != 0):
            raise Refused(f"request {request}: answer {got} {body.hex()}")
        return body

    def _receive(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise OSError("backend hung up")
            data += piece
        return data

    def ask(self, request, payload=b""):
        return struct.unpack("<Q", self.send(request, payload, reply=True)[:8])[0]

    # Steps of a usual start

    def negotiate(self, wanted, protocol=(P_MQ, P_REPLY_ACK, P_STATUS)):
        """Owner and features; protocol None: do not acknowledge PROTOCOL_FEATURES."""
        self.send(SET_OWNER)
        offered = self.ask(GET_FEATURES)
        acknowledged = sum(1 << bit for bit in wanted) & offered
        if protocol is not None:
            offered_protocol = self.ask(GET_PROTOCOL_FEATURES)
            chosen = sum(1 << bit for bit in protocol) & offered_protocol
            self.send(SET_PROTOCOL_FEATURES, struct.pack("<Q", chosen))
            self.protocol = chosen
            # Again: config space and control queue are offered to those who know CONFIG.
            acknowledged = sum(1 << bit for bit in wanted) & self.ask(GET_FEATURES) | 1 << F_PROTOCOL_FEATURES
        self.send(SET_FEATURES, struct.pack("<Q", acknowledged))
        self.features = acknowledged
        return self

    def share_memory(self, regions=None):
        regions = self.regions if regions is None else regions
        table = struct.pack("<II", len(regions), 0)
        for r in regions:
            table += struct.pack("<QQQQ", r.guest, r.size, self.user(r.guest), 0)
        self.send(SET_MEM_TABLE, table, [r.fd for r in regions])

    def ring(self, index, size=64, base=0):
        self.rings[index] = Ring(self, index, size, self.regions[-1], base)
        return self.rings[index]

    def config(self, offset, size):
        """Bytes of config space."""
        return self.send(GET_CONFIG, struct.pack("<III", offset, size, 0) + bytes(size), reply=True)[12:]

    def driver_ok(self, status=DRIVER_OK_STATUS):
        if self.protocol is not None and self.protocol >> P_STATUS & 1:
            self.send(SET_STATUS, struct.pack("<Q", status))

    def start(self, rings=(0, 1), wanted=(F_VERSION_1, F_MQ), enable=True, size=64, **kw):
        """Everything up to DRIVER_OK for the given rings, receive buffers posted."""
        self.negotiate(wanted, **kw)
        self.share_memory()
        for index in rings:
            ring = self.ring(index, size)
            if index % 2 == 0:
                ring.post_all()
            ring.set_up(enable)
        self.driver_ok()
        return self

    def received(self, hello=False):
        """Frames that arrived on any receive ring that was made; buffers are posted again.

        Without hello those of number 0 are left out: some may still come when a test has begun.
        """
        frames = [f for index, ring in self.rings.items() if index % 2 == 0 for f in ring.received()]
        return [f for f in frames if hello or f[14:18] != bytes(4)]

    def close(self):
        self.socket.close()
        for ring in self.rings.values():
            for fd in (ring.kick, ring.call):
                with contextlib.suppress(OSError):
                    os.close(fd)
        for r in self.regions:
            r.map.close()
            os.close(r.fd)


def frame(to, sender, number, length=60):
    """An Ethernet frame of the local experimental type with a recognisable payload."""
    head = bytes([2, 0, 0, 0, 1, to, 2, 0, 0, 0, 1, sender]) + b"\x88\xb5" + struct.pack("<I", number)
    return (head + bytes((number + i) & 0xFF for i in range(length)))[:length]


def exchange(sender, tx, receiver, frames, seconds=5):
    """Send the frames, 16 in flight at most; True when exactly these arrive, in order."""
    wanted, got, todo = list(frames), [], list(frames)
    end = time.monotonic() + seconds
    while len(got) < len(wanted) and time.monotonic() < end:
        sender.rings[tx].completed()
        while todo and len(wanted) - len(todo) - len(got) < 16 and sender.rings[tx].transmit(todo[0]):
            todo.pop(0)
        got += receiver.received()
    return got == wanted
