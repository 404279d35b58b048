#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Wrong arguments of switch and driver: a non-zero exit and a text that names what is wrong."""

import re

import harness

LONG = "/tmp/" + "x" * 120

# Arguments of the switch behind "--", and what its output has to mention.
SWITCH = [
    ([], "--port"),
    (["--port"], "port"),
    (["--port", "a"], "path"),
    (["--port", "a,path="], "path"),
    (["--port", ",path={tmp}/a"], "name"),
    (["--port", "a,path={tmp}/a", "--port", "a,path={tmp}/b"], r"\ba\b"),
    (["--port", "a,path={tmp}/a", "--port", "b,path={tmp}/a"], "path|in use|socket"),
    (["--port", "a,path={tmp}/a,colour=red"], "colour"),
    (["--port", "a,path={tmp}/a,queues=0"], "queues"),
    (["--port", "a,path={tmp}/a,queues=128"], "queues"),
    (["--port", "a,path={tmp}/a,queues=two"], "queues"),
    (["--port", "a,path={tmp}/a,client=2"], "client"),
    (["--port", "a,path={tmp}/a,mac=12:34"], "mac"),
    (["--port", "a,path={tmp}/a,mac=01:00:5e:00:00:01"], "mac"),
    (["--port", "a,path={tmp}/a,mac=0:0:0:0:0:0"], "mac"),
    (["--port", "a,path={tmp}/a,mac=2:0:0:0:0:1x"], "mac"),
    (["--port", "a,path={tmp}/a,mtu=67"], "mtu"),
    (["--port", "a,path={tmp}/a,mtu=65536"], "mtu"),
    (["--port", "a,path={tmp}/a,speed=0"], "speed"),
    (["--port", "a,path={tmp}/a,hash=1"], "hash"),
    (["--port", "a,path={tmp}/a,config=maybe"], "config"),
    (["--port", "a" * 40 + ",path={tmp}/a"], "name"),
    (["--port", f"a,path={LONG}"], "path|long"),
    (["--port", "a,path={tmp}/nowhere/a"], "nowhere"),
    (["--port", "a,path={tmp}/file"], "file"),
    (["--port", "a,path={tmp}/a", "--show", "x"], "show"),
    (["--port", "a,path={tmp}/a", "--mac-age", "-1"], "mac-age"),
    (["--port", "a,path={tmp}/a", "--idle-sleep", "1000001"], "idle-sleep"),
    (["--port", "a,path={tmp}/a", "--idle-sleep=soon"], "idle-sleep"),
    (["--port", "a,path={tmp}/a", "--no-such-option"], "no-such-option"),
    (["--port", "a,path={tmp}/a", "stray"], "stray"),
]

# Device arguments of net_virtq.
DRIVER = [
    ("", "path"),
    ("path=", "path"),
    (f"path={LONG}", "path|long"),
    ("path=/dev/null", "/dev/null|character"),
    ("path={tmp}/s,queues=0", "queues"),
    ("path={tmp}/s,queues=129", "queues"),
    ("path={tmp}/s,queues=x", "queues"),
    ("path={tmp}/s,queue_size=3", "queue_size"),
    ("path={tmp}/s,queue_size=65536", "queue_size"),
    ("path={tmp}/s,queue_size=0", "queue_size"),
    ("path={tmp}/s,mac=12:34", "mac"),
    ("path={tmp}/s,mac=01:00:5e:00:00:01", "mac"),
    ("path={tmp}/s,server=2", "server"),
    ("path={tmp}/s,mrg_rxbuf=yes", "mrg_rxbuf"),
    ("path={tmp}/s,in_order=-1", "in_order"),
    ("path={tmp}/s,speed=fast", "speed"),
    ("path={tmp}/s,wait=x", "wait"),
    ("path={tmp}/s,packed_vq=1", "packed_vq"),
    ("path={tmp}/s,iface=tap0", "iface"),
    ("path={tmp}/s,colour=red", "colour"),
]


def refused(case, process, pattern, own_lines):
    code = process.wait(20)
    case.expect(code > 0, f"a non-zero exit code and no signal, not {code}")
    # The command line is no message: look only at what the program itself says.
    said = [line for line in process.text().splitlines() if re.search(own_lines, line)]
    case.expect(re.search(pattern, "\n".join(said)), f"a message that matches /{pattern}/, not {said}")


def switch_case(arguments, pattern):
    def check(case):
        case.path("file").write_text("not a socket\n")
        _, eal = case.eal("bad", f"0@{harness.CPUS[0]},1@{harness.CPUS[-1]}", 64, huge=False, telemetry=False)
        given = [a.replace("{tmp}", str(case.tmp)) for a in arguments]
        refused(case, case.start("switch", [harness.SWITCH, *eal, "--", *given]), pattern, "(?i)^(?!EAL: )")
        case.expect(case.path("file").read_text() == "not a socket\n", "a file in the way to stay")
    return f"switch {' '.join(arguments)[:60]}", check


def driver_case(arguments, pattern):
    def check(case):
        given = arguments.replace("{tmp}", str(case.tmp))
        process = case.seqcheck_start([f"net_virtq0,{given}".rstrip(",")], ["--link-timeout", 0], huge=False)
        refused(case, process, pattern, "(?i)virtq")
        case.expect(" 0 ports" in process.text(), "no device")
    return f"net_virtq {arguments[:60]}", check


def memory_in_many_files_is_refused(case):
    """2 MiB pages without --single-file-segments: more regions than backends take; names the option."""
    if not harness.HUGE:
        raise harness.Skip("needs 768 MiB of free hugepages")
    _, eal = case.eal("bad", f"0@{harness.CPUS[0]}", 64)
    eal.remove("--single-file-segments")
    process = case.start("seqcheck", [harness.SEQCHECK, *case.driver_options(["net_virtq"]), *eal, "--vdev",
                                      f"net_virtq0,path={case.path('s')}", "--", "--link-timeout", "0"])
    refused(case, process, "single-file-segments", "(?i)virtq")


if __name__ == "__main__":
    harness.run(*[switch_case(*c) for c in SWITCH], *[driver_case(*c) for c in DRIVER],
                memory_in_many_files_is_refused, polls=False)
