#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Measure ours beside the peers and the floor of this machine, interleaved, and print one table.
#
#   perf/run.sh                  everything, 5 to 15 rounds; below 30 minutes
#   perf/run.sh --quick          one core, and rates of two; below 2 minutes
#   perf/run.sh --out DIR        where figures.json, with the machine's description, and the plots
#                                (SVG) go; perf-results in the build directory
#   perf/run.sh --json FILE      write the figures there, too
#   perf/run.sh --rounds N       other number of rounds
#   perf/run.sh --part NAME      only cycles (one core), rates, latency, footprint, scaling or idle
#                                (two cores); may be repeated. idle, what sleep of a worker saves
#                                and costs, is only measured when asked for
#   perf/run.sh --only TEXT      only configurations on one core whose name contains TEXT
#   perf/run.sh --build DIR      use this build directory as it is, set nothing up
#
# As root or with sudo: it installs packages, brings the driver headers, builds and reserves
# hugepages like tests/run.sh. Nothing else should run on the machine meanwhile.
# Exit status: 0 measured (targets reached or not), 1 something failed, 2 wrong usage.
set -eu

TOP=$(cd "$(dirname "$0")/.." && pwd)
build=
out=
rest=()
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        sed -n '4,20s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    --quick) rest+=("$1") ;;
    --build | --json | --out | --rounds | --only | --part)
        [ $# -ge 2 ] || { echo "run.sh: $1 needs a value, see --help" >&2; exit 2; }
        case $1 in
        --build) build=$2 ;;
        --out) out=$2 ;;
        *) rest+=("$1" "$2") ;;
        esac
        shift
        ;;
    *)
        echo "run.sh: unknown argument '$1', see --help" >&2
        exit 2
        ;;
    esac
    shift
done

# shellcheck source=scripts/common.sh
. "$TOP/scripts/common.sh"

# MiB of hugepages: MEMORY_MIB of measure.py for each configuration on one core; on two cores, all
# switches and their guests with buffers for large frames, which a quick run leaves out.
PERF_MIB=2200
for arg in "${rest[@]}"; do
    [ "$arg" != --quick ] || PERF_MIB=1300
done

if [ -n "$build" ]; then
    BUILD_DIR=$build
else
    setup_packages build
    setup_sdk
    # shellcheck disable=SC2034  # for setup_build
    BUILD_TARGETS="perf/floor perf/ring_cycles perf/ethdev_cycles pmd/librte_net_virtq.so"
    BUILD_TARGETS="$BUILD_TARGETS perf/guest perf/busy_switch perf/steer_cycles perf/checks_cycles"
    BUILD_TARGETS="$BUILD_TARGETS apps/virtq-switch"
    setup_build build
fi
setup_hugepages "$PERF_MIB"
[ "$HUGEPAGES" = yes ] || die "figures without hugepages say nothing: reserve $PERF_MIB MiB (root)"
setup_cpus
run_child python3 "$TOP/perf/measure.py" --build "$BUILD_DIR" --cpus "$CPU_A" "$CPU_B" \
    --scratch "$SCRATCH" --out "${out:-$BUILD_DIR/perf-results}" "${rest[@]}"
