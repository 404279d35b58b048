#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/common.sh and the arguments of the two commands, as far as they need no root and change
# nothing outside a temporary directory.
set -u

TOP=$(cd "$(dirname "$0")/../.." && pwd)
export TOP
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nr=0
failed=0

# check WHAT COMMAND...: the command succeeds
check() {
    local what=$1 said
    shift
    nr=$((nr + 1))
    if said=$("$@" 2>&1); then
        echo "ok $nr - $what"
    else
        echo "not ok $nr - $what"
        printf '%s\n' "$said" | sed 's/^/# /'
        failed=1
    fi
}

# In a process of its own, since sourcing common.sh sets traps.
common() {
    bash -eu -c '. "$TOP/scripts/common.sh"; eval "$1"' common "$1"
}

# shellcheck disable=SC2317  # called by check
# refuses STATUS WORDS COMMAND...: ends with the status and says the words
refuses() {
    local status=$1 words=$2 said rc=0
    shift 2
    said=$("$@" 2>&1 </dev/null) || rc=$?
    [ "$rc" -eq "$status" ] && case $said in *"$words"*) return 0 ;; esac
    echo "expected status $status and '$words', got status $rc and: $said"
    return 1
}

# shellcheck disable=SC2317
is() {
    [ "$1" = "$2" ] || { echo "expected '$2', got '$1'"; return 1; }
}

mkdir -p "$work/open/safe"
chmod 1777 "$work/open"
check 'a sticky world-writable directory above is found' \
    is "$(common "world_writable $work/open/safe/build")" "$work/open"
ln -s "$work/open/safe" "$work/link"
check 'links are followed before looking, as EAL does' \
    is "$(common "world_writable $work/link/x")" "$work/open"
check 'a safe path is safe' refuses 1 '' common 'world_writable /usr/lib/x'

# The temporary directory is below /tmp: for these, only $work/open is the world's.
stub="world_writable() { case \$1 in $work/open*) echo $work/open ;; *) return 1 ;; esac; }"
check 'an unsafe checkout is built elsewhere, behind a link' is "$(
    common "$stub; TOP=$work/open/safe BUILD_BASES=($work/cache); choose_build_dir build >$work/said
        cd -P \$TOP/build && pwd -P | sed 's|/[^/]*\$||'")" "$work/cache/virtq"
check 'and that is said' grep -q "^[a-z]*: $work/open is world-writable" "$work/said"
check 'no safe place at all is an error' refuses 1 'no other place was found' \
    common "$stub; TOP=$work/open/safe BUILD_BASES=($work/open/c); choose_build_dir build-b"

mkdir -p "$work/t/scripts"
cat >"$work/t/scripts/packages.txt" <<'LIST'
# comment
one   build
two   qemu   # why
three build
LIST
check 'packages come by group' \
    is "$(common "TOP=$work/t; packages_of build" | tr '\n' ' ')" 'one three '

common "echo \$\$ >$work/pid; run_child sh -c 'echo \$\$ >$work/child; exec sleep 600'" &
until [ -s "$work/child" ]; do :; done
kill -TERM "$(cat "$work/pid")"
rc=0
wait $! || rc=$?
check 'a script that is stopped says so' is "$rc" 143
check 'its child is stopped with it' refuses 1 '' kill -0 "$(cat "$work/child")"

for bad in '--seconds 0' '--seconds 1x' '--size 59' '--size 9001' '--queues 17' '--queues -1'; do
    # shellcheck disable=SC2086  # option and value
    check "demo.sh refuses $bad" refuses 2 "${bad% *}" "$TOP/apps/demo.sh" $bad
done
check 'demo.sh refuses an option without a value' refuses 2 'needs a value' "$TOP/apps/demo.sh" --size
check 'demo.sh refuses a file it cannot write' \
    refuses 2 'cannot write' "$TOP/apps/demo.sh" --json "$work/no/such/file"
check 'demo.sh refuses unknown words' refuses 2 "'--sise'" "$TOP/apps/demo.sh" --sise 60
check 'run.sh refuses unknown words' refuses 2 "'--suit'" "$TOP/tests/run.sh" --suit fast
check 'sdk.sh refuses unknown words' refuses 1 "'--dri'" "$TOP/pmd/sdk.sh" --dri
for command in apps/demo.sh tests/run.sh pmd/sdk.sh; do
    check "$command explains itself" refuses 0 "$command" "$TOP/$command" --help
done
echo "1..$nr"
exit "$failed"
