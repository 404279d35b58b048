# SPDX-License-Identifier: BSD-3-Clause
"""A vhost-user backend as a script: offers what it is told to, keeps what it was sent, moves nothing.

Written from docs/interop/vhost-user.rst (QEMU).
"""

import array
import contextlib
import os
import socket
import struct
import threading

from vu_frontend import (F_IN_ORDER, F_MQ, F_MRG_RXBUF, F_PROTOCOL_FEATURES, F_VERSION_1, GET_CONFIG,
                         GET_FEATURES, GET_PROTOCOL_FEATURES, GET_QUEUE_NUM, GET_STATUS, GET_VRING_BASE,
                         P_MQ, P_REPLY_ACK, P_STATUS, SET_STATUS)

F_INDIRECT = 28
USUAL = (F_MRG_RXBUF, F_MQ, F_INDIRECT, F_PROTOCOL_FEATURES, F_VERSION_1, F_IN_ORDER)
USUAL_PROTOCOL = (P_MQ, P_REPLY_ACK, P_STATUS)


class Backend:
    """Serves one socket, one connection after the other, until close()."""

    def __init__(self, path, features=USUAL, protocol=USUAL_PROTOCOL, pairs=4, answers=None):
        self.features = sum(1 << b for b in features)
        self.protocol = sum(1 << b for b in protocol)
        self.pairs = pairs
        self.answers = answers or {}  # request -> function(payload) -> bytes for the socket, None: silence
        self.messages = []  # (request, payload) of all connections
        self.connections = 0
        self.status = 0
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.client = None
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def seen(self, request):
        return [p for r, p in self.messages if r == request]

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self.client:
            with contextlib.suppress(OSError):
                self.client.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                self.client, _ = self.listener.accept()
                self.connections += 1
                with self.client, contextlib.suppress(OSError):
                    while self._message(self.client):
                        pass

    def _message(self, client):
        head, ancillary, _, _ = client.recvmsg(12, socket.CMSG_SPACE(4 * 8))
        for _, _, data in ancillary:
            for fd in array.array("i", data[:len(data) // 4 * 4]):
                os.close(fd)
        if len(head) < 12:
            return False
        request, flags, size = struct.unpack("<III", head)
        payload = b""
        while len(payload) < size:
            piece = client.recv(size - len(payload))
            if not piece:
                return False
            payload += piece
        self.messages.append((request, payload))
        if request == SET_STATUS:
            self.status, = struct.unpack("<Q", payload)
        answer = self._answer(request, flags, payload)
        if answer is not None:
            client.sendall(answer)
        return True

    def _answer(self, request, flags, payload):
        if request in self.answers:
            return self.answers[request](payload)
        numbers = {GET_FEATURES: self.features, GET_PROTOCOL_FEATURES: self.protocol,
                   GET_QUEUE_NUM: self.pairs, GET_STATUS: self.status}
        if request in numbers:
            return reply(request, struct.pack("<Q", numbers[request]))
        if request == GET_VRING_BASE:
            return reply(request, payload)
        if request == GET_CONFIG:
            return reply(request, b"")
        return reply(request, bytes(8)) if flags & 8 else None


def reply(request, payload):
    return struct.pack("<III", request, 5, len(payload)) + payload
