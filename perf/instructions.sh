#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Count instructions per packet of each leg with callgrind: exact, so the smallest change shows,
# on any machine, without hugepages. The width is 256 bits, as valgrind knows no wider registers.
#
#   perf/instructions.sh                 every configuration of perf/run.sh that runs at 256 bits
#   perf/instructions.sh --only TEXT     only those whose name contains TEXT; may be repeated
#   perf/instructions.sh --top N         the N functions that take most of each, too
#   perf/instructions.sh --size BYTES    other frame size (60)
#   perf/instructions.sh --build DIR     use this build directory as it is, set nothing up
set -eu

TOP=$(cd "$(dirname "$0")/.." && pwd)
build=
rest=()
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        sed -n '4,11s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    --build | --only | --top | --size)
        [ $# -ge 2 ] || { echo "instructions.sh: $1 needs a value, see --help" >&2; exit 2; }
        if [ "$1" = --build ]; then build=$2; else rest+=("$1" "$2"); fi
        shift
        ;;
    *)
        echo "instructions.sh: unknown argument '$1', see --help" >&2
        exit 2
        ;;
    esac
    shift
done

# shellcheck source=scripts/common.sh
. "$TOP/scripts/common.sh"

command -v valgrind >/dev/null || die "valgrind is missing: apt-get install valgrind"
if [ -n "$build" ]; then
    BUILD_DIR=$build
else
    setup_packages build
    setup_sdk
    # shellcheck disable=SC2034  # for setup_build
    BUILD_TARGETS="perf/ethdev_cycles pmd/librte_net_virtq.so"
    setup_build build
fi
run_child python3 "$TOP/perf/instructions.py" --build "$BUILD_DIR" --scratch "$SCRATCH" "${rest[@]}"
