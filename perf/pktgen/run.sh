#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Pktgen-DPDK 23.06 with two net_virtq ports on virtq-switch. That release is the last one which
# builds with DPDK 22.11; it needs Lua (meson setup -Denable_lua=true).
#
#   perf/pktgen/run.sh [SCRIPT...]     throughput, rfc2544, latency, range; default: throughput
#   perf/pktgen/run.sh --build DIR     use this build directory as it is, set nothing up
#   perf/pktgen/run.sh --seconds N     length of a trial; default 3
#   perf/pktgen/run.sh --driver NAME   another driver, e.g. net_virtio_user
#
# Without pktgen on the PATH it says so and ends well.
# Exit status: 0 done or nothing to do, 1 something failed, 2 wrong usage.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
build=
driver=net_virtq
seconds=3
scripts=()
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help)
        sed -n '4,14s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    --build | --seconds | --driver)
        [ $# -ge 2 ] || { echo "run.sh: $1 needs a value, see --help" >&2; exit 2; }
        printf -v "${1#--}" %s "$2"
        shift
        ;;
    throughput | rfc2544 | latency | range) scripts+=("$1") ;;
    *)
        echo "run.sh: unknown argument '$1', see --help" >&2
        exit 2
        ;;
    esac
    shift
done
[ "${#scripts[@]}" -gt 0 ] || scripts=(throughput)

if ! command -v pktgen >/dev/null 2>&1; then
    echo "run.sh: skipped: no pktgen on the PATH"
    exit 0
fi

# shellcheck source=scripts/common.sh
. "$TOP/scripts/common.sh"

MIB=900
if [ -n "$build" ]; then
    BUILD_DIR=$build
else
    setup_packages build
    setup_sdk
    # shellcheck disable=SC2034  # for setup_build
    BUILD_TARGETS="pmd/librte_net_virtq.so apps/virtq-switch"
    setup_build build
fi
setup_hugepages "$MIB"
[ "$HUGEPAGES" = yes ] || die "pktgen needs $MIB MiB of hugepages (root)"
setup_cpus

export VIRTQ_MAC0=02:00:00:00:00:01 VIRTQ_MAC1=02:00:00:00:00:02 VIRTQ_SPEED=40000
export VIRTQ_SECONDS=$seconds VIRTQ_OUT=$SCRATCH/said
export LUA_PATH="$TOP/perf/pktgen/?.lua;;"

eal=(--in-memory --single-file-segments --no-pci --no-telemetry --force-max-simd-bitwidth=512)

port() {
    printf '%s%s,path=%s/s%s,mac=%s,queue_size=1024,speed=%s' "$driver" "$1" "$SCRATCH" "$1" "$2" \
        "$VIRTQ_SPEED"
}

plugin=()
[ "$driver" != net_virtq ] || plugin=(-d "$BUILD_DIR/pmd/librte_net_virtq.so")
[ "${#plugin[@]}" -eq 0 ] || [ -e "${plugin[1]}" ] || die "no ${plugin[1]}: build first"

# The switch polls the second CPU; pktgen's ports and its display share the first one.
"$BUILD_DIR/apps/virtq-switch" --lcores "0@$CPU_A,1@$CPU_B" "${eal[@]}" --file-prefix=pg-switch \
    -m 128 -- --port "a,path=$SCRATCH/s0" --port "b,path=$SCRATCH/s1" >"$SCRATCH/switch.log" 2>&1 &
SWITCH=$!
for _ in $(seq 100); do
    [ -S "$SCRATCH/s1" ] && break
    kill -0 "$SWITCH" 2>/dev/null || die "virtq-switch ended: $(tail -n 3 "$SCRATCH/switch.log")"
    sleep 0.1
done

# shellcheck disable=SC2317  # called by the trap
cleanup() {
    if [ -n "$CHILD" ]; then
        kill -TERM "$CHILD" 2>/dev/null || true
        wait "$CHILD" 2>/dev/null || true
        CHILD=
    fi
    kill -INT "$SWITCH" 2>/dev/null || true
    wait "$SWITCH" 2>/dev/null || true
    give_back
}
trap cleanup EXIT

# A trial has its length and 3 seconds; the longest script is a search of about 40 trials.
limit=$((300 + 100 * ${seconds%.*}))
failed=0
for name in "${scripts[@]}"; do
    : >"$VIRTQ_OUT"
    run_child env TERM=xterm python3 "$TOP/perf/pktgen/on_terminal.py" "$limit" \
        pktgen --lcores "0@$CPU_A,1@$CPU_A" -n 1 "${eal[@]}" --file-prefix=pg -m 512 "${plugin[@]}" \
        --vdev "$(port 0 "$VIRTQ_MAC0")" --vdev "$(port 1 "$VIRTQ_MAC1")" \
        -- -P -m '1.[0-1]' -f "$TOP/perf/pktgen/$name.lua" >"$SCRATCH/pktgen.log" 2>&1 || failed=1
    if [ ! -s "$VIRTQ_OUT" ] || grep -q '^failed' "$VIRTQ_OUT"; then
        failed=1
        tail -c 2000 "$SCRATCH/pktgen.log" >&2
    fi
    cat "$VIRTQ_OUT"
done
exit "$failed"
