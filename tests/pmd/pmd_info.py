#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The plugin as a file: what it says about itself, what it shows, what it needs. TAP."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

PLUGIN = pathlib.Path(sys.argv[1])
ARGUMENTS = {"path", "mac", "queues", "queue_size", "server", "mrg_rxbuf", "in_order", "speed", "wait"}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def info_string_is_what_pmdinfo_reads():
    found = re.findall(rb"PMD_INFO_STRING= ([^\0]*)\0", PLUGIN.read_bytes())
    assert len(found) == 1, f"{len(found)} info strings"
    info = json.loads(found[0])
    assert info["name"] == "net_virtq", info
    assert info["pci_ids"] == [], info
    missing = ARGUMENTS - set(re.findall(r"(\w+)=<", info["params"]))
    assert not missing, f"arguments without a word in params: {missing}"


def dpdk_pmdinfo_prints_it():
    tool = shutil.which("dpdk-pmdinfo.py")
    if tool is None:
        return "no dpdk-pmdinfo.py (package dpdk)"
    # Debian's tool with Debian's Python, whichever runs this file.
    python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
    if subprocess.run([python, "-c", "import elftools"], capture_output=True, check=False).returncode != 0:
        return "dpdk-pmdinfo.py needs package python3-pyelftools"
    printed = json.loads(run(python, tool, str(PLUGIN)))
    assert [p["name"] for p in printed] == ["net_virtq"], printed
    return None


def plugin_shows_nothing_but_its_name():
    symbols = [line.split()[-1] for line in run("nm", "-D", "--defined-only", str(PLUGIN)).splitlines()]
    # RTE_PMD_REGISTER_VDEV makes the name public.
    others = [s for s in symbols if not re.match(r"this_pmd_name\d+$|net_virtq_param_string_export$", s)]
    assert not others, f"visible symbols: {others}"


def plugin_needs_no_library_that_applications_lack():
    dynamic = run("readelf", "-d", str(PLUGIN))
    needed = re.findall(r"NEEDED.*\[(.*)\]", dynamic)
    # The sanitizers' own libraries are there in a build with them.
    needed = [n for n in needed if not re.match(r"lib(a|ub|t)san\.so", n)]
    foreign = [n for n in needed
               if not re.match(r"librte_(eal|ethdev|mempool|mbuf|kvargs|net|log|bus_vdev)\.so|libc\.so|ld-linux", n)]
    assert not foreign, f"needs {foreign}"
    assert not re.search(r"R(UN)?PATH", dynamic), "has a run path"
    assert "SONAME" not in dynamic or "librte_net_virtq.so]" in dynamic, "versioned name"


TESTS = [info_string_is_what_pmdinfo_reads, dpdk_pmdinfo_prints_it, plugin_shows_nothing_but_its_name,
         plugin_needs_no_library_that_applications_lack]
print(f"1..{len(TESTS)}")
for number, test in enumerate(TESTS, 1):
    try:
        reason = test()
        print(f"ok {number} - {test.__name__}" + (f" # SKIP {reason}" if reason else ""))
    except AssertionError as error:
        print(f"not ok {number} - {test.__name__}\n# {error}")
