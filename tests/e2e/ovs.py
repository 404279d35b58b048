# SPDX-License-Identifier: BSD-3-Clause
"""OVS-DPDK of Debian's openvswitch-switch-dpdk with a bridge of vhost-user ports, all below one directory."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys

import harness

DAEMON = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
ANSWER_SECONDS = 60  # its threads share the processors with two that poll


def enter_network_namespace():
    """Run this script again where the taps that OVS makes, and leaves, disappear with it."""
    if os.environ.get("OVS_NETNS") == "1" or os.geteuid() != 0 or shutil.which("unshare") is None:
        return
    os.environ["OVS_NETNS"] = "1"
    os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])


class Ovs:
    """ports: {name: "client" or "server"}, the role of OVS; other: words of other_config."""

    def __init__(self, case, ports, mtu=1500, other=()):
        if os.geteuid() != 0:
            raise harness.Skip("OVS needs root")
        if not pathlib.Path(DAEMON).exists():
            raise harness.Skip("the package openvswitch-switch-dpdk is not installed")
        self.case, self.ports, self.mtu = case, ports, mtu
        self.other = [f"other_config:{word}" for word in (
            "dpdk-init=true", "dpdk-socket-mem=256", f"pmd-cpu-mask={1 << harness.CPUS[-1]:#x}",
            "per-port-memory=false",
            "dpdk-extra=--in-memory --no-pci --no-telemetry", *other)]
        self.daemon = None
        # A server's socket is in this directory, whatever it is given.
        os.environ.update(OVS_RUNDIR=str(case.tmp), OVS_LOGDIR=str(case.tmp), OVS_DBDIR=str(case.tmp))
        self.database = f"unix:{case.path('db')}"
        subprocess.run(["ovsdb-tool", "create", case.path("conf.db"), SCHEMA], check=True)
        case.start("ovsdb-server", ["ovsdb-server", case.path("conf.db"), f"--remote=p{self.database}",
                                    f"--unixctl={case.path('ovsdb.ctl')}"])
        harness.poll("ovsdb-server", lambda: harness.is_listening(case.path("db")), ANSWER_SECONDS)
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", *self.other)
        self.start()
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail-mode=standalone")
        for name, role in ports.items():
            kind = ["type=dpdkvhostuserclient", f"options:vhost-server-path={self.path(name)}"]
            self.vsctl("add-port", "br0", name, "--", "set", "Interface", name, f"mtu_request={mtu}",
                       *(kind if role == "client" else ["type=dpdkvhostuser"]))

    def start(self):
        """ovs-vswitchd; a bridge that the database knows comes back by itself."""
        self.daemon = self.case.start("ovs-vswitchd", [DAEMON, self.database,
                                                       f"--unixctl={self.case.path('vswitchd.ctl')}"])
        self.daemon.expect_line("DPDK Enabled - initialized", ANSWER_SECONDS)

    def path(self, name):
        return self.case.path(name)

    def vsctl(self, *words):
        done = subprocess.run(["ovs-vsctl", f"--db={self.database}", f"--timeout={ANSWER_SECONDS}", *map(str, words)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise harness.Failed(f"ovs-vsctl {' '.join(map(str, words))}: {done.stdout.strip()}")
        return done.stdout.strip()

    def status(self, name, key):
        """A word of what OVS says about the guest of a port; "" when it does not say."""
        with contextlib.suppress(harness.Failed):
            return self.vsctl("get", "Interface", name, f"status:{key}").strip('"')
        return ""

    def features(self, name):
        return int(harness.poll(f"features of OVS port {name}", lambda: self.status(name, "features"),
                                ANSWER_SECONDS), 16)
