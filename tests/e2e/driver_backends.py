#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""net_virtq before backends that lack something, change their mind, are silent or talk nonsense."""

import re
import struct
import time

import harness
import vu_backend as vb
import vu_frontend as vu


def port(case, arguments="", options=()):
    """testpmd with one port; a frontend must answer its prompt whatever the backend does."""
    return case.testpmd([f"net_virtq0,path={case.path('sock')},mac=02:00:00:00:00:01{arguments}"],
                        ["--disable-device-start", *options])


def start(pmd):
    pmd.command("port start 0", 30)


def link_up(pmd):
    return "Link status: up" in pmd.command("show port info 0")


def rings_of(backend, request):
    return [struct.unpack("<I", p[:4])[0] for p in backend.seen(request)]


def served(name, pairs=1, **offer):
    """The backend suffices: all rings of the wanted pairs are set up and enabled, the link is up."""
    def check(case):
        backend = vb.Backend(case.path("sock"), **offer)
        pmd = port(case, f",queues={pairs}", [f"--rxq={pairs}", f"--txq={pairs}"])
        start(pmd)
        harness.poll("link up", lambda: link_up(pmd), 5)
        rings = list(range(2 * pairs))
        for request in (vu.SET_VRING_NUM, vu.SET_VRING_ADDR, vu.SET_VRING_KICK):
            case.expect(sorted(set(rings_of(backend, request))) == rings, f"message {request} for rings {rings}")
        acknowledged = struct.unpack("<Q", backend.seen(vu.SET_FEATURES)[-1])[0]
        case.expect(acknowledged & ~backend.features == 0, "only offered features acknowledged")
        case.expect(acknowledged >> vu.F_VERSION_1 & 1, "VERSION_1 acknowledged")
        if backend.features >> vu.F_PROTOCOL_FEATURES & 1:
            enabled = {r for r, on in (struct.unpack("<II", p) for p in backend.seen(vu.SET_VRING_ENABLE)) if on}
            case.expect(enabled == set(rings), f"rings {rings} enabled, not {enabled}")
        pmd.command("port stop 0")
        case.expect(pmd.quit() == 0, "exit code 0 of testpmd")
    return name, check


def lacking(name, feature, arguments="", options=()):
    """A backend comes back without a feature that the started port depends on: link down, reason in the log."""
    def check(case):
        backend = vb.Backend(case.path("sock"))
        pmd = port(case, arguments, options)
        start(pmd)
        harness.poll("link up", lambda: link_up(pmd), 5)
        backend.close()
        harness.poll("link down", lambda: not link_up(pmd), 5)
        backend = vb.Backend(case.path("sock"), features=[f for f in vb.USUAL if f != feature])
        harness.poll("another connection", lambda: backend.seen(vu.GET_FEATURES), 5)
        pmd.expect_line(f"(?i)virtq.*{name}", 5)
        time.sleep(0.3)
        case.expect(not link_up(pmd), f"link down without {name}")
        backend.close()
        vb.Backend(case.path("sock"))
        harness.poll("link up with a backend that has it again", lambda: link_up(pmd), 5)
        case.expect(pmd.quit() == 0, "exit code 0 of testpmd")
    return f"backend comes back without {name}", check


def without_version_1(case):
    vb.Backend(case.path("sock"), features=[f for f in vb.USUAL if f != vu.F_VERSION_1])
    pmd = port(case)
    pmd.popen.stdin.write(b"port start 0\n")
    pmd.popen.stdin.flush()
    pmd.expect_line("(?i)virtq.*VERSION_1", 10)
    case.expect(not link_up(pmd), "link down")
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")


def nonsense(name, **answers):
    """The driver gives up the connection and tries again; its application goes on."""
    def check(case):
        table = {getattr(vu, request): function for request, function in answers.items()}
        backend = vb.Backend(case.path("sock"), answers=table)
        pmd = port(case)
        start(pmd)
        harness.poll("the driver to connect", lambda: backend.connections >= 1, 5)
        case.expect(not link_up(pmd), "link down")
        backend.close()
        backend = vb.Backend(case.path("sock"))
        harness.poll("link up with a sane backend", lambda: link_up(pmd), 30)
        case.expect(pmd.quit() == 0, "exit code 0 of testpmd")
    return name, check


def no_backend_at_all(case):
    pmd = port(case)
    start(pmd)
    case.expect(not link_up(pmd), "link down")
    info = pmd.command("show port info 0")
    case.expect(re.search(r"Max possible RX queues: [1-9]", info), "the driver's own limits without a backend")
    vb.Backend(case.path("sock"))
    harness.poll("link up once there is one", lambda: link_up(pmd), 5)
    case.expect(pmd.quit() == 0, "exit code 0 of testpmd")


if __name__ == "__main__":
    minimal = (vu.F_PROTOCOL_FEATURES, vu.F_VERSION_1)
    harness.run(
        served("usual backend"),
        served("four pairs", pairs=4),
        served("without STATUS", protocol=(vu.P_MQ, vu.P_REPLY_ACK)),
        served("without REPLY_ACK", protocol=(vu.P_MQ, vu.P_STATUS)),
        served("nothing but VERSION_1", features=minimal, protocol=()),
        served("without PROTOCOL_FEATURES", features=(vu.F_VERSION_1, vu.F_MRG_RXBUF)),
        lacking("MRG_RXBUF", vu.F_MRG_RXBUF), lacking("IN_ORDER", vu.F_IN_ORDER),
        without_version_1, no_backend_at_all,
        nonsense("silence for GET_FEATURES", GET_FEATURES=lambda p: None),
        nonsense("silence for GET_PROTOCOL_FEATURES", GET_PROTOCOL_FEATURES=lambda p: None),
        nonsense("answer to another question", GET_FEATURES=lambda p: vb.reply(vu.GET_QUEUE_NUM, bytes(8))),
        nonsense("answer of 4 GiB", GET_FEATURES=lambda p: struct.pack("<III", 1, 5, 0xFFFFFFFF)),
        nonsense("answer without length", GET_FEATURES=lambda p: vb.reply(1, b"")),
        nonsense("half an answer", GET_FEATURES=lambda p: vb.reply(1, bytes(8))[:10]),
        nonsense("wrong version", GET_FEATURES=lambda p: struct.pack("<III", 1, 6, 8) + bytes(8)),
        polls=False)
