#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""virtq-switch --idle-sleep: its worker sleeps without frames, and wakes up for whatever comes.

That it sleeps is shown by the kernel's own account of the thread: not a nanosecond is added.
"""

import os
import pathlib
import time

import harness
import vu_frontend as vu

SLEEP = ["--idle-sleep", "20"]


def idle(switch):
    return switch.telemetry("/virtq/workers")["0"]


def worker_ns(switch):
    """Nanoseconds that the worker has run."""
    for task in pathlib.Path(f"/proc/{switch.pid}/task").iterdir():
        if (task / "comm").read_text().startswith("rte-worker-"):
            return int((task / "schedstat").read_text().split()[0])
    raise harness.Failed("expected a thread rte-worker-1")


def wait_asleep(switch):
    harness.poll("a worker that sleeps", lambda: idle(switch)["asleep"] == 1, 20)


def expect_still(switch):
    """Asleep, and it stays so, unless control had something to tell it or somebody stopped the process."""
    for _ in range(10):
        wait_asleep(switch)
        sleeps, ran = idle(switch)["sleeps"], worker_ns(switch)
        time.sleep(0.5)
        if idle(switch)["sleeps"] == sleeps and worker_ns(switch) == ran:
            return
    raise harness.Failed(f"expected half a second in which the worker does not run: {idle(switch)}")


def end_asleep(case, switch, number=2):
    wait_asleep(switch)
    case.expect(switch.stop(number=number) == 0, "exit code 0 of a switch whose worker sleeps")


def every_frame_passes(driver):
    """All sizes of windows, so that the worker sleeps often and in the middle of everything."""
    def check(case):
        switch = case.switch({"a": "queues=2", "b": "queues=2"}, extra=["--idle-sleep", "0"])
        vdevs = [f"{driver}{i},path={case.path(name)}.sock,queues=2" for i, name in enumerate("ab")]
        slept = 0
        for window in (1, 8, 64):
            case.seqcheck(vdevs, ["--packets", harness.scaled(50000), "--queues", 2, "--size", "60-1514", "--window", window])
            now = idle(switch)["sleeps"]
            case.expect(now > slept, f"it slept with a window of {window}")
            slept = now
            expect_still(switch)
        print(f"# {idle(switch)}")
        end_asleep(case, switch)
    return f"{driver}: every frame passes a switch that sleeps", check


def testpmd_goes_on_after_it_slept(driver):
    def check(case):
        switch = case.switch({"a": "", "b": ""}, extra=SLEEP)
        expect_still(switch)  # without guests
        pmd = case.testpmd([f"{driver}{i},path={case.path(name)}.sock" for i, name in enumerate("ab")],
                           ["--forward-mode=io"])
        for _ in range(5):
            expect_still(switch)
            before = [pmd.stats(port)["RX-packets"] for port in (0, 1)]
            pmd.command("start tx_first 1")
            harness.poll("frames at both ports", lambda b=before: all(
                pmd.stats(port)["RX-packets"] > b[port] + 100 for port in (0, 1)), 20)
            pmd.command("stop")
        # The link of a port, set by either side; its ring stops and starts.
        for command in ("set link-down port 0", "set link-up port 0"):
            wait_asleep(switch)
            pmd.command(command)
        wait_asleep(switch)
        switch.telemetry("/virtq/link,a,down")
        wait_asleep(switch)
        switch.telemetry("/virtq/link,a,up")
        expect_still(switch)
        before = pmd.stats(1)["RX-packets"]
        pmd.command("start tx_first 1")
        harness.poll("frames after the links were down", lambda: pmd.stats(1)["RX-packets"] > before + 100, 20)
        pmd.kill()  # frames under way, kick descriptors open
        harness.poll("both ports without a guest", lambda: all(
            switch.telemetry(f"/virtq/port,{name}")["state"] != "running" for name in "ab"), 10)
        expect_still(switch)
        end_asleep(case, switch, 15)
    return f"{driver}: frames pass after sleep, links change in it", check


def ready(case, names):
    switch = case.switch({name: "" for name in names}, extra=SLEEP)
    guests = [vu.Frontend(f"{case.path(name)}.sock").start() for name in names]
    return switch, guests


def kick(ring):
    os.eventfd_write(ring.kick, 1)


def asked(ring):
    """Does the device want a kick? Used flags, 2.7.10."""
    return not ring.frontend.read(ring.used, 1)[0] & 1


def send_and_kick(switch, sender, receiver, number, ring=1):
    wait_asleep(switch)
    frame = vu.frame(2, 1, number)
    harness.poll("to be asked for kicks", lambda: asked(sender.rings[ring]), 5)
    sender.rings[ring].completed()
    sender.rings[ring].transmit(frame)
    kick(sender.rings[ring])
    harness.poll(f"frame {number}", lambda: frame in receiver.received(), 10)


def rings_change_under_a_sleeper(case):
    switch, (a, b) = ready(case, "ab")
    send_and_kick(switch, a, b, 1)
    for number in range(2, 12, 2):
        wait_asleep(switch)
        a.rings[1].enable(0)
        wait_asleep(switch)
        a.rings[1].completed()
        a.rings[1].transmit(vu.frame(2, 1, 99))  # disabled: it is taken and dropped
        kick(a.rings[1])
        harness.poll("the frame of a disabled ring completed", a.rings[1].completed, 10)
        wait_asleep(switch)
        a.rings[1].enable(1)
        send_and_kick(switch, a, b, number)
        # Another kick descriptor; the old one is still in somebody's hands.
        wait_asleep(switch)
        old, a.rings[1].kick = a.rings[1].kick, os.eventfd(0, os.EFD_NONBLOCK)
        a.send(vu.SET_VRING_KICK, (1).to_bytes(8, "little"), [a.rings[1].kick])
        send_and_kick(switch, a, b, number + 1)
        sleeps = idle(switch)["sleeps"]
        for _ in range(10):
            os.eventfd_write(old, 1)
        os.close(old)
        wait_asleep(switch)
        case.expect(idle(switch)["sleeps"] - sleeps <= 1, "a descriptor that was replaced wakes nobody")
    case.expect(b.received() == [], "nothing twice")
    end_asleep(case, switch)


def guests_come_and_go_under_a_sleeper(case):
    switch, (a, b) = ready(case, "ab")
    for number in range(1, 6):
        send_and_kick(switch, a, b, number)
        wait_asleep(switch)
        a.close()
        harness.poll("a disconnected", lambda: switch.telemetry("/virtq/port,a")["state"] != "running", 10)
        wait_asleep(switch)
        a = vu.Frontend(f"{case.path('a')}.sock").start()
    send_and_kick(switch, a, b, 6)
    end_asleep(case, switch)


def kicks_without_frames_hold_nobody_up(case):
    switch, (a, b, c) = ready(case, "abc")
    for number in range(1, 200):
        for _ in range(20):
            kick(c.rings[1])
        a.rings[1].completed()
        frame = vu.frame(2, 1, number)
        a.rings[1].transmit(frame)
        kick(a.rings[1])
        harness.poll(f"frame {number} beside useless kicks", lambda f=frame: f in b.received(), 10)
    # Its counter at the end: writes block or fail, ours never are.
    os.eventfd_write(c.rings[1].kick, 2 ** 64 - 2 - os.eventfd_read(c.rings[1].kick))
    send_and_kick(switch, a, b, 500)
    expect_still(switch)
    end_asleep(case, switch)


def ring_to_be_polled_keeps_its_worker_awake(case):
    switch, (a, b) = ready(case, "ab")
    wait_asleep(switch)
    nofd = (1 | 0x100).to_bytes(8, "little")
    a.send(vu.SET_VRING_KICK, nofd)
    harness.poll("a queue without kick", lambda: idle(switch)["queues_without_kick"] == 1, 10)
    for number in range(1, 20):
        frame = vu.frame(2, 1, number)
        a.rings[1].completed()
        a.rings[1].transmit(frame)
        harness.poll(f"frame {number} without a kick", lambda f=frame: f in b.received(), 10)
        case.expect(idle(switch)["asleep"] == 0, "awake")
    a.close()
    wait_asleep(switch)
    case.expect(idle(switch)["queues_without_kick"] == 0, "no queue is left that has to be polled")
    end_asleep(case, switch)


def several_workers_sleep_each_by_itself(case):
    switch = case.switch({"a": "", "b": ""}, extra=SLEEP, workers=2)
    a, b = (vu.Frontend(f"{case.path(name)}.sock").start() for name in "ab")

    def both():
        return all(w["asleep"] for w in switch.telemetry("/virtq/workers").values())
    for number in range(1, 20):
        harness.poll("both workers asleep", both, 20)
        send_and_kick(switch, a, b, number)
    said = switch.telemetry("/virtq/workers")
    case.expect(said["0"]["woken_by_kick"] >= 19 and said["1"]["woken_by_kick"] == 0,
                f"only the worker of the kicked queue is woken: {said}")
    end_asleep(case, switch)


if __name__ == "__main__":
    harness.run(*(make(driver) for make in (every_frame_passes, testpmd_goes_on_after_it_slept)
                  for driver in ("net_virtq", "net_virtio_user")),
                rings_change_under_a_sleeper, guests_come_and_go_under_a_sleeper, kicks_without_frames_hold_nobody_up,
                ring_to_be_polled_keeps_its_worker_awake, several_workers_sleep_each_by_itself)
