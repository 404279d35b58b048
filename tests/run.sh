#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Set everything up and run the tests: packages, driver headers, hugepages, build, then every suite.
#
#   tests/run.sh                 all suites
#   tests/run.sh --suite NAME    one suite; may be given several times
#   tests/run.sh --list          names of the suites and of their programs
#
# Suites: fast   units and the rules of the tree; no root, no hugepages, below a minute
#         asan   the same under AddressSanitizer and UndefinedBehaviorSanitizer
#         e2e    driver <-> switch, real processes
#         qemu   Linux guests
#         fuzz   libFuzzer at the trust boundaries, half a minute each; no root, no hugepages
#         others that tests/meson.build has: only when asked for by name
#
# The last line counts single cases: "N passed, N failed" or "N passed, N failed, N skipped".
# Exit status: 0 nothing failed, 1 something failed (with CI=true: or was skipped), 2 wrong usage.
set -eu

# What a script starts with "&" is born deaf to SIGINT, and bash cannot trap what was ignored then.
if [ "${VIRTQ_HEARS_INT:-}" != $$ ]; then
    VIRTQ_HEARS_INT=$$ exec env --default-signal=INT "$0" "$@"
fi

TOP=$(cd "$(dirname "$0")/.." && pwd)
usage() {
    sed -n '4,18s/^# \{0,1\}//p' "$0"
}

suites=
list=no
while [ $# -gt 0 ]; do
    case $1 in
    --suite)
        [ $# -ge 2 ] || { echo "run.sh: --suite needs a name, see --help" >&2; exit 2; }
        suites="$suites $2"
        shift
        ;;
    --suite=*) suites="$suites ${1#*=}" ;;
    --list) list=yes ;;
    -h | --help) usage; exit 0 ;;
    *)
        echo "run.sh: unknown argument '$1', see --help" >&2
        exit 2
        ;;
    esac
    shift
done

# shellcheck source=scripts/common.sh
. "$TOP/scripts/common.sh"

# Set-up that fails is a failed case, too: the last line says so in any event.
die() {
    printf '%s: %s\n' "$PROGRAM" "$*" >&2
    echo "$passed passed, $((failed + 1)) failed"
    exit 1
}

# MiB of hugepages that the e2e programs take at most at one time.
E2E_MIB=1024
passed=0 failed=0 skipped=0

# What meson knows: "SUITE NAME" per line.
known_tests() {
    meson introspect --tests "$BUILD_DIR" | python3 -c '
import json, sys
for t in json.load(sys.stdin):
    for s in t["suite"]:
        print(s.split(":")[-1], t["name"])'
}

count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
}

# Run what meson knows as suite $1 from BUILD_DIR and report it as $2.
run_suite() {
    local log="$BUILD_DIR/meson-logs/run-$2.json" summary
    if ! known_tests | grep -q "^$1 "; then
        echo "$2: FAILED: the build has no test in suite $1"
        count 0 1 0
        return 0
    fi
    say "suite $2"
    rm -f "$log"
    # Its verdict is read from the log, which also knows the cases.
    run_child meson test -C "$BUILD_DIR" --no-rebuild --suite "$1" --logbase "run-$2" || true
    if ! summary=$(python3 "$TOP/scripts/tap_summary.py" "$2" "$log"); then
        echo "$2: FAILED: meson test left no readable log, $log"
        count 0 1 0
        return 0
    fi
    printf '%s\n' "$summary" | grep -v '^@count'
    # shellcheck disable=SC2046  # three numbers
    count $(printf '%s\n' "$summary" | sed -n 's/^@count //p')
}

groups=build
: "${suites:=fast asan fuzz e2e qemu}"
case " $suites " in *' qemu '*) groups="$groups qemu" ;; esac
case " $suites " in *' fuzz '*) groups="$groups fuzz" ;; esac
# shellcheck disable=SC2086  # words
setup_packages $groups
setup_sdk
setup_build build
if [ "$list" = yes ]; then
    known_tests
    exit 0
fi
for suite in $suites; do
    known_tests | grep -q "^$suite " && continue
    case $suite in
    fast | asan | fuzz | e2e | qemu) ;; # the project promises these: without a test they fail below
    *) die "no suite '$suite'; there are: asan $(known_tests | cut -d' ' -f1 | sort -u | tr '\n' ' ')" ;;
    esac
done

# Sanitizers stop at the first finding; a finding that only prints would pass.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=1:abort_on_error=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1:abort_on_error=1}"

for suite in $suites; do
    case $suite in
    asan)
        BUILD_TARGETS=meson-test-prereq setup_build build-asan -Dbuildtype=debugoptimized \
            -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fno-sanitize-recover=all
        run_suite fast asan
        choose_build_dir build >/dev/null
        ;;
    fuzz)
        # Everything instrumented: the fuzzers see the branches of what they call.
        CC=clang-14 BUILD_TARGETS=fuzzers setup_build build-fuzz -Dbuildtype=debugoptimized \
            -Db_sanitize=address,undefined -Db_lundef=false \
            '-Dc_args=-fno-sanitize-recover=all -fsanitize=fuzzer-no-link'
        run_suite fuzz fuzz
        choose_build_dir build >/dev/null
        ;;
    fast) run_suite fast fast ;;
    *)
        setup_hugepages "$E2E_MIB"
        # tests/e2e/harness.py: the same cases without hugepages.
        if [ "$HUGEPAGES" = no ]; then
            export E2E_NO_HUGE=1
        fi
        run_suite "$suite" "$suite"
        return_pages
        ;;
    esac
done

line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
rc=0
if [ "$failed" -gt 0 ] || [ "$passed" -eq 0 ]; then
    rc=1
elif [ "$skipped" -gt 0 ] && [ "${CI:-}" = true ]; then
    say "CI=true: a skipped test counts as a failure" >&2
    rc=1
fi
echo "$line"
exit "$rc"
