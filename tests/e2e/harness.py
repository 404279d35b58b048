# SPDX-License-Identifier: BSD-3-Clause
"""Small harness of the end-to-end scenarios: processes, logs, telemetry, TAP.

A scenario file holds functions that take a Case and raise Failed or Skip; run(f, g, ...) runs
them in turn, each with a temporary directory of its own, and prints TAP. Whatever a case started
is gone when it ends. Environment: VIRTQ_BUILD build directory (default ../../build), VIRTQ_CPU_LOCK
file to hold while anything polls, E2E_NO_HUGE=1 to do without hugepages, E2E_FULL=1 for the long form,
E2E_ROUNDS for how often something is killed, E2E_ONLY to run only cases whose name contains it.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("VIRTQ_BUILD", HERE.parents[1] / "build")).resolve()
DRIVER = BUILD / "pmd" / "librte_net_virtq.so"
SWITCH = BUILD / "apps" / "virtq-switch"
SEQCHECK = BUILD / "tests" / "seqcheck" / "seqcheck"
FULL = os.environ.get("E2E_FULL") == "1"
ROUNDS = int(os.environ.get("E2E_ROUNDS", 100 if FULL else 10))
CPUS = sorted(os.sched_getaffinity(0))
TAIL_LINES = 25


class Failed(Exception):
    """Something is not as expected; the text says what was expected."""


class Skip(Exception):
    """Something this case needs is missing on this machine; the text says what."""


def free_hugepage_bytes():
    info = pathlib.Path("/proc/meminfo").read_text()
    number = {k: int(v) for k, v in re.findall(r"^(HugePages_Free|Hugepagesize):\s+(\d+)", info, re.M)}
    return number.get("HugePages_Free", 0) * number.get("Hugepagesize", 0) * 1024


HUGE = os.environ.get("E2E_NO_HUGE") != "1" and free_hugepage_bytes() >= 768 << 20


def memory_options(megabytes, huge=None):
    """EAL options for memory; driver ends need single files, device ends do not mind them."""
    if HUGE if huge is None else huge:
        return ["--in-memory", "--single-file-segments", "-m", str(megabytes)]
    return ["--no-huge", "--no-shconf", "-m", str(megabytes)]


def scaled(packets):
    """Fewer packets where two polling threads have to take turns on one processor."""
    return packets if len(CPUS) > 1 else packets // 50


def poll(what, condition, seconds):
    """Call condition until it returns something true, and return that."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"expected within {seconds} s: {what}")
        time.sleep(0.005)


def _unix_sockets(path):
    """(flags, state) of the sockets with this path; nobody has to connect to find out."""
    for line in pathlib.Path("/proc/net/unix").read_text().splitlines():
        fields = line.split()
        if len(fields) == 8 and fields[7] == str(path):
            yield int(fields[3], 16), int(fields[5], 16)


def is_listening(path):
    return any(flags & 0x10000 for flags, _ in _unix_sockets(path))


def is_connected(path):
    return any(not flags & 0x10000 and state == 3 for flags, state in _unix_sockets(path))


def _in_child(cpu):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nothing outlives the harness
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})


class Process:
    """A child with its output in a file."""

    def __init__(self, name, argv, log, stdin=subprocess.DEVNULL, cpu=None):
        self.name = name
        self.argv = [str(a) for a in argv]
        self.log = log
        with open(log, "wb") as out:
            self.popen = subprocess.Popen(self.argv, stdin=stdin, stdout=out, stderr=out,
                                          start_new_session=True, preexec_fn=lambda: _in_child(cpu))
        self.pid = self.popen.pid

    def text(self):
        return self.log.read_text(errors="replace")

    def alive(self):
        return self.popen.poll() is None

    def expect_line(self, pattern, seconds=20, start=0):
        """Wait until the output matches; the process must not end before."""
        def look():
            alive = self.alive()
            found = re.search(pattern, self.text()[start:], re.M)
            if not found and not alive:
                raise Failed(f"{self.name}: expected output /{pattern}/, "
                             f"but it ended with {self.popen.returncode}")
            return found
        return poll(f"{self.name}: output /{pattern}/", look, seconds)

    def wait(self, seconds):
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name}: expected to end within {seconds} s") from None

    def stop(self, seconds=15, number=signal.SIGINT):
        """Ask to stop and return the exit code."""
        if self.alive():
            self.popen.send_signal(number)
        return self.wait(seconds)

    def kill(self):
        if self.alive():
            self.popen.kill()
        self.popen.wait()

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def maps(self):
        return pathlib.Path(f"/proc/{self.pid}/maps").read_text().splitlines()

    def rss_kib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+)", status, re.M).group(1))


class Testpmd(Process):
    """dpdk-testpmd in interactive mode."""

    verbose = 0

    def __init__(self, name, argv, log):
        # Line buffered, or answers would come after the next prompt.
        super().__init__(name, ["stdbuf", "-oL", *argv], log, stdin=subprocess.PIPE)

    def wait_prompt(self, seconds=30):
        self.command("", seconds)
        return self

    def command(self, text, seconds=20):
        """Run a command and return what it printed.

        Its end is known by the answer to another one: the prompt is written byte by byte, and
        messages of other threads get between.
        """
        start, answer = len(self.text()), "Change verbose level"
        self.popen.stdin.write(text.encode() + f"\nset verbose {self.verbose}\n".encode())
        self.popen.stdin.flush()
        self.expect_line(answer, seconds, start)
        return self.text()[start:].split(answer)[0]

    def stats(self, port=0):
        out = self.command(f"show port stats {port}")
        return {k: int(v) for k, v in re.findall(r"([RT]X-(?:packets|errors|nombuf)):\s+(\d+)", out)}

    def quit(self):
        self.popen.stdin.write(b"quit\n")
        self.popen.stdin.flush()
        return self.wait(20)


class Switch(Process):
    """virtq-switch with its port sockets and its telemetry."""

    def __init__(self, name, argv, log, prefix, paths):
        super().__init__(name, argv, log)
        self.prefix = prefix
        self.paths = paths

    def wait_listening(self, seconds=20):
        def look():
            if not self.alive():
                raise Failed(f"{self.name}: expected to run, but it ended with {self.popen.returncode}")
            return all(is_listening(p) for p in self.paths.values())
        poll(f"{self.name}: sockets {sorted(map(str, self.paths.values()))}", look, seconds)
        return time.monotonic()

    def telemetry(self, command):
        """Ask rte_telemetry, return the answer as Python data."""
        return self.telemetries(command)[0]

    def telemetries(self, *commands):
        """Several questions on one connection."""
        answers = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(10)
            s.connect(str(telemetry_path(self.prefix)))
            size = json.loads(s.recv(1024))["max_output_len"]
            for command in commands:
                s.send(command.encode())
                answers.append(json.loads(s.recv(size))[command.split(",")[0]])
        return answers


def telemetry_path(prefix):
    base = "/var/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/tmp")
    return pathlib.Path(base) / "dpdk" / prefix / "dpdk_telemetry.v2"


class Case:
    """What one test point has started, and short names for the usual programs."""

    def __init__(self):
        self.tmp = pathlib.Path(tempfile.mkdtemp(prefix="e2e-"))
        self.processes = []
        self.prefixes = []
        self.covered = set()

    def path(self, name):
        return self.tmp / name

    def covers(self, *ids):
        """This case proves these requirements, if it passes; see tests/support/covers.h."""
        self.covered.update(ids)

    def eal(self, name, lcores, megabytes=256, huge=None, telemetry=False):
        prefix = f"{self.tmp.name}-{name}-{len(self.processes)}"
        self.prefixes.append(prefix)
        options = ["--lcores", lcores, "--no-pci", "--file-prefix", prefix]
        options += memory_options(megabytes, huge)
        return prefix, options + ([] if telemetry else ["--no-telemetry"])

    def add(self, process):
        self.processes.append(process)
        return process

    def start(self, name, argv, **kw):
        """Any program; output in a log of its own."""
        if not pathlib.Path(argv[0]).exists() and shutil.which(str(argv[0])) is None:
            raise Failed(f"expected the program {argv[0]} to exist")
        return self.add(Process(name, argv, self.path(f"{len(self.processes)}-{name}.log"), **kw))

    def switch(self, ports, extra=(), workers=1, huge=None, megabytes=256, wait=True, name="switch",
               options=()):
        """virtq-switch with ports {name: "further=arguments"}; sockets are <tmp>/<name>.sock; options of the EAL."""
        lcores = f"0@{CPUS[0]}," + ",".join(f"{i + 1}@{CPUS[-1 - i % len(CPUS)]}" for i in range(workers))
        prefix, eal = self.eal(name, lcores, megabytes, huge, telemetry=True)
        argv = [SWITCH, *eal, *options, "--"]
        for port, arguments in ports.items():
            argv += ["--port", f"{port},path={self.path(port)}.sock" + (f",{arguments}" if arguments else "")]
        listening = {p: pathlib.Path(f"{self.path(p)}.sock") for p, a in ports.items()
                     if "client=1" not in a}
        if not SWITCH.exists():
            raise Failed(f"expected {SWITCH} to be built")
        switch = self.add(Switch(name, [*argv, *extra], self.path(f"{len(self.processes)}-{name}.log"),
                                 prefix, listening))
        if wait:
            switch.wait_listening()
        return switch

    def driver_options(self, vdevs):
        if not any(str(v).startswith("net_virtq") for v in vdevs):
            return []
        if not DRIVER.exists():
            raise Failed(f"expected {DRIVER} to be built")
        return ["-d", DRIVER]

    def testpmd(self, vdevs, arguments=(), name="testpmd", huge=None, megabytes=192, cpu=None, wait=True):
        cpu = CPUS[0] if cpu is None else cpu
        _, eal = self.eal(name, f"0@{cpu},1@{cpu}", megabytes, huge)
        argv = ["dpdk-testpmd", *self.driver_options(vdevs), *eal]
        for v in vdevs:
            argv += ["--vdev", v]
        argv += ["--", "-i", "--nb-cores=1", "--total-num-mbufs=8192", *arguments]
        process = self.add(Testpmd(name, argv, self.path(f"{len(self.processes)}-{name}.log")))
        return process.wait_prompt() if wait else process

    def seqcheck_start(self, vdevs, arguments=(), name="seqcheck", huge=None, megabytes=256, late=(), cpu=None,
                       options=()):
        cpu = CPUS[0] if cpu is None else cpu
        _, eal = self.eal(name, f"0@{cpu}", megabytes, huge)
        eal += options
        argv = [SEQCHECK, *self.driver_options([*vdevs, *late]), *eal]
        for v in vdevs:
            argv += ["--vdev", v]
        process_json = self.path(f"{len(self.processes)}-{name}.json")
        argv += ["--", "--json", process_json, *[str(a) for a in arguments]]
        for v in late:
            argv += ["--late-vdev", v]
        process = self.start(name, argv)
        process.json = process_json
        return process

    def seqcheck_end(self, process, seconds=120, good=True):
        """Wait for its end, return its result; good: it must be satisfied."""
        code = process.wait(seconds)
        result = json.loads(process.json.read_text()) if process.json.exists() else {}
        if good and code != 0:
            raise Failed(f"{process.name}: expected exit code 0 (nothing lost, duplicated, reordered, "
                         f"corrupt), got {code}: {result.get('fault', 'no result')}")
        return result

    def seqcheck(self, vdevs, arguments=(), **kw):
        """Run a sequence check to its end and return its result."""
        seconds = kw.pop("seconds", 120)
        return self.seqcheck_end(self.seqcheck_start(vdevs, arguments, **kw), seconds)

    def expect(self, condition, text):
        if not condition:
            raise Failed(f"expected: {text}")

    def logs(self):
        for p in self.processes:
            yield f"--- {p.name} ({'running' if p.alive() else p.popen.returncode}): {' '.join(p.argv)}"
            yield from (line[:400] for line in p.text().splitlines()[-TAIL_LINES:])

    def close(self):
        for p in reversed(self.processes):
            p.kill()
        for prefix in self.prefixes:
            shutil.rmtree(telemetry_path(prefix).parent, ignore_errors=True)
        shutil.rmtree(self.tmp, ignore_errors=True)


def _leave(number, _frame):
    raise SystemExit(128 + number)


def _run_one(function):
    """@return TAP suffix and diagnostics; suffix None means failed."""
    case = Case()
    try:
        function(case)
        if case.covered and "VIRTQ_COVERAGE" in os.environ:
            with open(os.environ["VIRTQ_COVERAGE"], "a") as notes:
                notes.writelines(f"{one}\n" for one in sorted(case.covered))
        return "", []
    except Skip as reason:
        return f" # SKIP {reason}", []
    except Failed as reason:
        return None, [str(reason), *case.logs()]
    except Exception:  # a defect of the scenario itself must not end the plan
        return None, [*traceback.format_exc().splitlines(), *case.logs()]
    finally:
        case.close()


def run(*functions, polls=True):
    """Run the cases, print TAP, exit with 1 when any failed. A case is a function or (name, function).

    polls=False: nothing these cases start keeps a processor busy, so they need not wait for the lock.
    """
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    named = [f if isinstance(f, tuple) else (f.__name__, f) for f in functions]
    named = [(n, f) for n, f in named if os.environ.get("E2E_ONLY", "") in n]
    lock = os.environ.get("VIRTQ_CPU_LOCK") if polls else None
    failed = 0
    print(f"1..{len(named)}", flush=True)
    with open(lock, "a") if lock else contextlib.nullcontext() as held:
        if held:
            fcntl.flock(held, fcntl.LOCK_EX)
        for number, (name, function) in enumerate(named, 1):
            began = time.monotonic()
            suffix, notes = _run_one(function)
            failed += suffix is None
            print(f"{'not ok' if suffix is None else 'ok'} {number} - {name}{suffix or ''}")
            for note in notes:
                print(f"# {note}")
            print(f"# {time.monotonic() - began:.1f} s", flush=True)
    sys.exit(1 if failed else 0)
