#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""on_terminal.py SECONDS COMMAND...: run a command that wants a terminal, and copy what it writes.

It is killed after that many seconds, and when this process ends in whatever way. Exit status: that of
the command, 124 when the time was over.
"""
import ctypes
import os
import pty
import select
import signal
import subprocess
import sys
import time


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main():
    end = time.monotonic() + float(sys.argv[1])
    ours, its = pty.openpty()
    # pylint: disable-next=subprocess-popen-preexec-fn
    with subprocess.Popen(sys.argv[2:], stdin=its, stdout=its, stderr=its, start_new_session=True,
                          preexec_fn=die_with_parent) as child:
        os.close(its)
        while child.poll() is None or select.select([ours], [], [], 0)[0]:
            if time.monotonic() > end:
                child.kill()
                child.wait()
                return 124
            if select.select([ours], [], [], 0.5)[0]:
                try:
                    os.write(1, os.read(ours, 65536))
                except OSError:  # the other end is closed
                    break
        try:
            return child.wait(max(0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            return 124


if __name__ == "__main__":
    sys.exit(main())
