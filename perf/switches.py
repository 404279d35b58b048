# SPDX-License-Identifier: BSD-3-Clause
"""The programs of a two-core measurement: switches, ours and the peers', and the guests on them.

A switch polls one CPU, the guests poll the other one. Between measurements a switch is stopped by
SIGSTOP and its guests wait for a command, so several pairs exist side by side and take turns within
a second. Everything that is started dies with this process.
"""
import ctypes
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import time

OVS_DAEMON = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
WIDTH = "--force-max-simd-bitwidth=512"
START_SECONDS = 40


class Failed(Exception):
    """A program that did not do what it should."""


class Missing(Exception):
    """Something is not there on this machine; the text says what."""


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(what, ready, process, seconds=START_SECONDS):
    """Until ready() is true; the process must not end before."""
    end = time.monotonic() + seconds
    while not ready():
        process.check()
        if time.monotonic() > end:
            raise Failed(f"{process.name}: waited {seconds} s for {what}\n{process.words()}")
        time.sleep(0.002)


def is_listening(path):
    for line in pathlib.Path("/proc/net/unix").read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if len(fields) == 8 and fields[7] == str(path) and int(fields[3], 16) & 0x10000:
            return True
    return False


class Process:
    """A child: what it says on stdout is read line by line, the rest is in a file."""

    def __init__(self, where, name, command, env=None):
        self.name = name
        self.where = pathlib.Path(where)
        self.log = self.where / f"{name}.log"
        self.stopped = False
        self.buffer = b""
        self.started = time.monotonic()
        environment = dict(os.environ, RUNTIME_DIRECTORY=str(where), **(env or {}))
        with open(self.log, "wb") as log:
            # pylint: disable-next=consider-using-with,subprocess-popen-preexec-fn
            self.child = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=log, env=environment,
                                          start_new_session=True, preexec_fn=_die_with_parent)

    def words(self, count=6):
        text = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join("    | " + line for line in text[-count:])

    def check(self):
        if self.child.poll() is not None:
            raise Failed(f"{self.name}: ended with {self.child.returncode}\n{self.words()}")

    def say(self, text):
        try:
            self.child.stdin.write(text.encode() + b"\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            self.child.wait(5)
            self.check()

    def line(self, seconds=START_SECONDS):
        """The next line of its output."""
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.child.stdout], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise Failed(f"{self.name}: no answer within {seconds} s\n{self.words()}")
            data = os.read(self.child.stdout.fileno(), 65536)
            if not data:
                self.child.wait(5)
                self.check()
                raise Failed(f"{self.name}: ended\n{self.words()}")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode(errors="replace")

    def drain(self):
        """Forget what it said so far, so that its pipe never fills up."""
        while select.select([self.child.stdout], [], [], 0)[0]:
            if not os.read(self.child.stdout.fileno(), 65536):
                break
        self.buffer = b""

    def pause(self):
        if not self.stopped:
            os.kill(self.child.pid, signal.SIGSTOP)
            self.stopped = True

    def resume(self):
        if self.stopped:
            os.kill(self.child.pid, signal.SIGCONT)
            self.stopped = False

    def status(self, key):
        """A line of /proc/PID/status in KiB."""
        text = pathlib.Path(f"/proc/{self.child.pid}/status").read_text(encoding="utf-8")
        return int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1))

    def schedule(self):
        """Nanoseconds on a CPU and waiting for one, of each thread; empty if the kernel does not say."""
        found = {}
        for task in pathlib.Path(f"/proc/{self.child.pid}/task").iterdir():
            try:
                words = (task / "schedstat").read_text(encoding="utf-8").split()
            except OSError:
                continue
            found[task.name] = (int(words[0]), int(words[1]))
        return found

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()


def eal(name, lcores, megabytes, telemetry=False):
    words = ["--lcores", lcores, "--in-memory", "--single-file-segments", "--no-pci", WIDTH, "-m",
             megabytes, "--file-prefix", name, "--log-level=lib.vhost.*:error"]
    return words + ([] if telemetry else ["--no-telemetry"])


def waited(before, after):
    """Share of its time that the thread which ran most had to wait for its CPU."""
    ran, delay = max(((cpu - before[t][0], wait - before[t][1]) for t, (cpu, wait) in after.items()
                      if t in before), default=(0, 0))
    return delay / (ran + delay) if ran + delay > 0 else 0.0


class Machine:
    """Where everything is: build directory, the two CPUs, a directory for sockets and logs."""

    def __init__(self, build, cpus, scratch, patience=0):
        self.build = pathlib.Path(build)
        self.guest_cpu, self.switch_cpu = cpus
        self.scratch = pathlib.Path(scratch)
        self.plugin = self.build / "pmd" / "librte_net_virtq.so"
        self.number = 0
        # Disturbed measurements are repeated until then, so that a run ends in bounded time.
        self.patient_until = time.monotonic() + patience

    def directory(self):
        self.number += 1
        path = self.scratch / f"t{self.number}"
        path.mkdir()
        return path


class Switch:
    """A switch with ports 0..n-1 on sockets in its directory. The guests connect, or it does."""
    dials = False
    name = "switch"

    def __init__(self, machine, shape):
        self.machine = machine
        self.shape = shape
        self.where = machine.directory()
        self.processes = []
        self.main = None

    def socket(self, port):
        return self.where / f"s{port}"

    def lcores(self):
        main, worker = self.machine.guest_cpu, self.machine.switch_cpu
        more = [f"{i + 1}@{main if i % 2 else worker}" for i in range(self.shape.workers)]
        return ",".join([f"0@{main}", *more])

    def add(self, name, command, env=None):
        process = Process(self.where, name, command, env)
        self.processes.append(process)
        return process

    def wait(self):
        """Until guests may connect."""
        for port in range(self.shape.ports):
            wait_for(f"socket {port}", lambda p=port: is_listening(self.socket(p)), self.main)

    def pause(self):
        for process in self.processes:
            process.pause()

    def resume(self):
        for process in self.processes:
            process.resume()

    def cycles(self):
        """(cycles of polls that found something, packets) since the last call; None if unknown."""
        return None

    def close(self):
        for process in reversed(self.processes):
            process.close()
        shutil.rmtree(self.where, ignore_errors=True)


class VirtqSwitch(Switch):
    """Our switch, the program that users run."""
    name = "virtq-switch"
    options = ()  # besides ports

    def start(self):
        program = self.machine.build / "apps" / "virtq-switch"
        if not program.exists():
            raise Missing("this build has no apps/virtq-switch")
        ports = []
        for port in range(self.shape.ports):
            ports += ["--port", f"p{port},path={self.socket(port)},queues={self.shape.queues}"]
        megabytes = 96 + self.shape.ports * (1 + 3 * self.shape.queues)
        entries = ["--mac-entries", max(65536, 4 * self.shape.macs)]
        self.main = self.add("virtq-switch", [
            program, *eal("virtq-switch", self.lcores(), megabytes, telemetry=True), "--", *ports,
            *entries, *self.options])
        return self


class BusySwitch(Switch):
    """The same data path with a clock around it."""
    name = "virtq-switch, counted"

    def start(self):
        program = self.machine.build / "perf" / "busy_switch"
        if not program.exists():
            raise Missing("this build has no perf/busy_switch")
        ports = [f"p{port},{self.socket(port)},{self.shape.queues}"
                 for port in range(self.shape.ports)]
        self.main = self.add("busy_switch", [program, *eal("busy", self.lcores(), 96), "--", *ports])
        return self

    def cycles(self):
        self.main.say("")
        answer = json.loads(self.main.line())
        return answer["cycles"], answer["packets"]


class Testpmd(Switch):
    """Stock testpmd, io mode, between net_vhost ports: no switch at all, the least a peer can do."""
    name = "testpmd io, net_vhost"
    program = "dpdk-testpmd"
    answer = "Change verbose level"

    def start(self):
        if shutil.which(self.program) is None:
            raise Missing(f"{self.program} is not installed")
        vdevs = []
        tso = ",tso=1,legacy-ol-flags=1" if self.shape.tso else ""
        for port in range(self.shape.ports):
            vdevs += ["--vdev", f"net_vhost{port},iface={self.socket(port)},"
                                f"queues={self.shape.queues}{tso}"]
        room = self.shape.room + 128
        mbufs = 4096 + self.shape.ports * self.shape.queues * 2 * self.shape.ring
        megabytes = mbufs * (room + 256) // (1 << 20) + 96 + 2 * self.shape.ports
        self.main = self.add("testpmd", [
            "stdbuf", "-oL", self.program, *eal("testpmd", self.lcores(), megabytes, True), *vdevs,
            "--", "-i", "--auto-start", "--forward-mode=io", f"--nb-cores={self.shape.workers}",
            f"--rxq={self.shape.queues}", f"--txq={self.shape.queues}",
            f"--rxd={self.shape.ring}", f"--txd={self.shape.ring}", "--record-core-cycles",
            f"--total-num-mbufs={mbufs}", f"--mbuf-size={room}",
            f"--max-pkt-len={max(1518, min(self.shape.frame, self.shape.room) + 18)}"])
        return self

    def command(self, text):
        self.main.drain()
        self.main.say(text)
        self.main.say("set verbose 0")
        lines = []
        while not lines or self.answer not in lines[-1]:
            lines.append(self.main.line())
        return "\n".join(lines)

    def cycles(self):
        said = self.command("show fwd stats all")
        self.command("clear fwd stats all")
        found = re.search(r"total cycles=(\d+) / total \w+ packets=(\d+)", said)
        return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


class Ovs(Switch):
    """OVS-DPDK, action NORMAL, in a network namespace of its own: it makes taps and leaves them."""
    name = "OVS-DPDK"
    dials = True

    @staticmethod
    def why_not():
        if os.geteuid() != 0:
            return "OVS needs root"
        if not pathlib.Path(OVS_DAEMON).exists():
            return "openvswitch-switch-dpdk is not installed"
        if shutil.which("unshare") is None:
            return "there is no unshare for a network namespace"
        return None

    def tool(self, name, *words, seconds=30):
        done = subprocess.run([name, *map(str, words)], env=self.env, timeout=seconds + 5,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if done.returncode != 0:
            raise Failed(f"{name} {' '.join(map(str, words))}: {done.stdout.strip()}")
        return done.stdout

    def vsctl(self, *words):
        return self.tool("ovs-vsctl", f"--db={self.database}", "--timeout=30", *words)

    def start(self):
        if self.why_not() is not None:
            raise Missing(self.why_not())
        env = {key: str(self.where) for key in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR")}
        self.env = dict(os.environ, **env)
        self.database = f"unix:{self.where / 'db'}"
        self.tool("ovsdb-tool", "create", self.where / "conf.db", OVS_SCHEMA)
        server = self.add("ovsdb-server", ["ovsdb-server", self.where / "conf.db",
                                           f"--remote=p{self.database}",
                                           f"--unixctl={self.where / 'ovsdb.ctl'}"], env)
        wait_for("its socket", lambda: is_listening(self.where / "db"), server)
        self.vsctl("--no-wait", "init")
        extra = f"--in-memory --no-pci --no-telemetry {WIDTH}"
        words = ["dpdk-init=true", f"dpdk-socket-mem={self.megabytes()}",
                 f"dpdk-socket-limit={self.megabytes()}", "per-port-memory=false",
                 f"pmd-cpu-mask={1 << int(self.machine.switch_cpu):#x}",
                 f"dpdk-lcore-mask={1 << int(self.machine.guest_cpu):#x}", f"dpdk-extra={extra}"]
        if self.shape.tso:
            words.append("userspace-tso-enable=true")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", *(f"other_config:{w}" for w in words))
        self.main = self.add("ovs-vswitchd", [
            "unshare", "-n", OVS_DAEMON, self.database, f"--unixctl={self.where / 'vswitchd.ctl'}"],
            env)
        wait_for("DPDK", lambda: b"DPDK Enabled - initialized" in self.main.log.read_bytes(),
                 self.main)
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                   "fail-mode=standalone")
        for port in range(self.shape.ports):
            self.vsctl("add-port", "br0", f"v{port}", "--", "set", "Interface", f"v{port}",
                       "type=dpdkvhostuserclient", f"options:vhost-server-path={self.socket(port)}",
                       f"mtu_request={max(1500, min(9000, self.shape.frame - 14))}")
        return self

    def megabytes(self):
        return 256 if self.shape.frame <= 1514 else 384

    def wait(self):
        """It dials by itself; the guests serve."""

    def cycles(self):
        control = ["ovs-appctl", "-t", self.where / "vswitchd.ctl"]
        said = self.tool(*control, "dpif-netdev/pmd-stats-show")
        self.tool(*control, "dpif-netdev/pmd-stats-clear")
        found = re.search(r"avg processing cycles per packet: [\d.]+ \((\d+)/(\d+)\)", said)
        return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


class Guests:
    """perf/guest with its ports on a switch."""

    def __init__(self, machine, switch, driver, extra=(), first=0, count=2, name="guest"):
        shape = switch.shape
        server = ",server=1" if switch.dials else ""
        vdevs = []
        for port in range(first, first + count):
            mac = f"02:00:00:00:{port >> 8:02x}:{port & 255:02x}"
            kind, _, more = driver.partition(",")
            vdevs += ["--vdev", f"{kind}{port},path={switch.socket(port)},mac={mac},"
                                f"queues={shape.queues},queue_size={shape.ring}"
                                f"{',' + more if more else ''}{server}"]
        plugin = ["-d", machine.plugin] if driver.startswith("net_virtq") else []
        if plugin and not machine.plugin.exists():
            raise Missing("this build has no pmd/librte_net_virtq.so")
        # As make_pools() of guest_ports.c counts.
        segments = (shape.frame - 1) // shape.room + 1
        chained = segments * (shape.window + 320) if segments > 1 else 0
        pools = 1 if shape.mixed else shape.queues
        mbufs = ((count + 2) * shape.queues * shape.ring + (1 + 2 * pools) * 640
                 + 2 * pools * chained)
        megabytes = mbufs * (shape.room + 384) // (1 << 20) + 64 + 4 * count
        self.process = Process(switch.where, name, [
            machine.build / "perf" / "guest", *eal(name, f"0@{machine.guest_cpu}", megabytes),
            *plugin, *vdevs, "--", "--queues", shape.queues, "--ring", shape.ring, "--window",
            shape.window, "--room", shape.room, "--frame", shape.frame, "--flows", shape.flows,
            "--macs", shape.macs, *(["--tso"] if shape.tso else []),
            *(["--mixed"] if shape.mixed else []), *extra])
        self.hz = None

    def wait(self):
        self.hz = json.loads(self.process.line())["tsc_hz"]
        return self

    def do(self, *words):
        """One command; its answer."""
        self.process.say(" ".join(map(str, words)))
        return json.loads(self.process.line())

    def close(self):
        self.process.close()
