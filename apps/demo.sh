#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Set everything up and show virtq at work: virtq-switch with two ports, two net_virtq ports of the
# stock dpdk-testpmd attached to it, traffic both ways, live rates, and a verdict.
#
#   apps/demo.sh [--seconds N] [--size BYTES] [--queues N] [--json FILE]
#
#   --seconds N     how long to send, 1 to 86400; default 10
#   --size BYTES    packet size from Ethernet header to payload, without checksum (FCS), 60 to
#                   9000; default 60
#   --queues N      queue pairs of each port, 1 to 16; default 1
#   --json FILE     also write the figures to FILE
#   --help          this text
#
# Exit status: 0 all is well, 1 something is wrong (no traffic, a loss that no drop counter
# explains, a crash, a failed set-up), 2 wrong usage.
set -eu

# What a script starts with "&" is born deaf to SIGINT, and bash cannot trap what was ignored then.
if [ "${VIRTQ_HEARS_INT:-}" != $$ ]; then
    VIRTQ_HEARS_INT=$$ exec env --default-signal=INT "$0" "$@"
fi

TOP=$(cd "$(dirname "$0")/.." && pwd)
usage() {
    sed -n '4,17s/^# \{0,1\}//p' "$0"
}

usage_error() {
    echo "demo.sh: $*, see --help" >&2
    exit 2
}

# whole NAME VALUE LOW HIGH
whole() {
    case $2 in
    '' | *[!0-9]*) usage_error "$1 needs a whole number from $3 to $4, not '$2'" ;;
    esac
    if [ "${#2}" -gt 9 ] || [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
        usage_error "$1 must be from $3 to $4, not $2"
    fi
}

seconds=10 size=60 queues=1 json=
while [ $# -gt 0 ]; do
    option=$1
    case $option in
    -h | --help)
        usage
        exit 0
        ;;
    --seconds=* | --size=* | --queues=* | --json=*)
        value=${option#*=}
        option=${option%%=*}
        ;;
    --seconds | --size | --queues | --json)
        [ $# -ge 2 ] || usage_error "$option needs a value"
        value=$2
        shift
        ;;
    *) usage_error "unknown argument '$option'" ;;
    esac
    case $option in
    --seconds) whole "$option" "$value" 1 86400; seconds=$((10#$value)) ;;
    --size) whole "$option" "$value" 60 9000; size=$((10#$value)) ;;
    --queues) whole "$option" "$value" 1 16; queues=$((10#$value)) ;;
    --json)
        [ -n "$value" ] || usage_error "--json needs a file name"
        json=$value
        # Now, not after the run. Appending nothing leaves an existing file as it is.
        { : >>"$json"; } 2>/dev/null || usage_error "cannot write to '$json'"
        ;;
    esac
    shift
done

# shellcheck source=scripts/common.sh
. "$TOP/scripts/common.sh"

setup_packages build
setup_sdk
made="apps/virtq-switch pmd/librte_net_virtq.so"
BUILD_TARGETS=$made setup_build build
for file in $made; do
    [ -f "$BUILD_DIR/$file" ] || die "the build made no $file"
done
setup_cpus

set -- python3 "$TOP/scripts/demo.py" --build "$BUILD_DIR" --dir "$SCRATCH" \
    --cpus "$CPU_A,$CPU_B" --seconds "$seconds" --size "$size" --queues "$queues"
setup_hugepages "$("$@" --memory)"
run_child "$@" --hugepages "$HUGEPAGES" ${json:+--json "$json"}
