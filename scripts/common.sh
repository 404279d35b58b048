# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What apps/demo.sh and tests/run.sh share; sourced, after "set -eu" and with $TOP = the checkout.
#
#   setup_packages GROUP...     install what is missing of scripts/packages.txt (root or sudo)
#   setup_sdk                   the DPDK driver headers, see pmd/sdk.sh
#   setup_build NAME [OPTION]   configure and build (BUILD_TARGETS, else all); sets BUILD_DIR
#                               (build directory NAME)
#   setup_hugepages MIB         sets HUGEPAGES=yes, or =no after saying why it is --no-huge now
#   setup_cpus                  sets CPU_A and CPU_B, two CPUs that this process may use
#   run_child COMMAND...        run, and stop it when this script is stopped
#   give_back                   end the child, return the hugepages; runs by itself on exit

PROGRAM=$(basename "$0")
# EAL refuses plugins that everybody may write to, so nothing here is created that way.
umask 022
SOMEBODY=no
[ -t 0 ] && SOMEBODY=yes
export PYTHONDONTWRITEBYTECODE=1

say() {
    printf '%s: %s\n' "$PROGRAM" "$*"
}

die() {
    printf '%s: %s\n' "$PROGRAM" "$*" >&2
    exit 1
}

# Run as root: directly, or by sudo (which may ask for a password only when somebody can answer).
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif [ "$SOMEBODY" = yes ]; then
        sudo -- "$@"
    else
        sudo -n -- "$@"
    fi
}

may_be_root() {
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1
}

# --- packages -----------------------------------------------------------------------------------

packages_of() {
    local group
    for group in "$@"; do
        sed 's/#.*//' "$TOP/scripts/packages.txt" | awk -v g="$group" '$2 == g { print $1 }'
    done
}

missing_packages() {
    local name
    for name in $(packages_of "$@"); do
        # shellcheck disable=SC2016  # dpkg-query's syntax
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed ||
            printf '%s ' "$name"
    done
}

setup_packages() {
    local missing
    command -v dpkg-query >/dev/null 2>&1 ||
        die "no Debian here: install what scripts/packages.txt names, and see README.md"
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    may_be_root || die "packages are missing and there is no sudo; as root:
    apt-get install --no-install-recommends $missing"
    say "installing $missing"
    # Packages that a stale index names may be gone from the mirror, so the index comes first.
    # shellcheck disable=SC2086  # one word per package
    if ! { as_root apt-get -q -o DPkg::Lock::Timeout=300 update &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
            install --no-install-recommends $missing; } </dev/null >"$SCRATCH/apt.log" 2>&1; then
        tail -n 20 "$SCRATCH/apt.log" >&2
        die "installing packages failed (end of apt's words above)"
    fi
}

setup_sdk() {
    "$TOP/pmd/sdk.sh" --dir >/dev/null && return 0
    # A DPDK with -Denable_driver_sdk=true needs nothing; the build finds out itself.
    # shellcheck disable=SC2086,SC2046  # flags are words
    if command -v gcc >/dev/null && echo '#include <ethdev_driver.h>' |
        gcc -DALLOW_INTERNAL_API $(pkg-config --cflags libdpdk) -fsyntax-only -x c - 2>/dev/null; then
        return 0
    fi
    "$TOP/pmd/sdk.sh"
}

# --- build --------------------------------------------------------------------------------------

# The first directory on the way to $1 that everybody may write to: EAL loads no plugin below one.
# The sticky bit of /tmp does not help. EAL follows links first, so do we. Fails if there is none.
world_writable() {
    local at
    at=$(realpath -m "$1")
    while :; do
        if [ -n "$(find "$at" -maxdepth 0 -perm -0002 2>/dev/null)" ]; then
            printf '%s\n' "$at"
            return 0
        fi
        [ "$at" != / ] || return 1
        at=$(dirname "$at")
    done
}

# Where to build when the checkout will not do.
BUILD_BASES=("${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}" /var/cache)

# Sets BUILD_DIR for build directory $1 of the checkout, elsewhere if EAL would refuse it there.
choose_build_dir() {
    local bad base
    BUILD_DIR=$TOP/$1
    bad=$(world_writable "$BUILD_DIR") || return 0
    for base in "${BUILD_BASES[@]}"; do
        case $base in /*) ;; *) continue ;; esac
        mkdir -p "$base/virtq" 2>/dev/null || continue
        [ -w "$base/virtq" ] || continue
        world_writable "$base/virtq" >/dev/null && continue
        BUILD_DIR=$base/virtq/$(printf '%s' "$TOP" | sha256sum | cut -c1-12)-$1
        mkdir -p "$BUILD_DIR"
        say "$bad is world-writable: DPDK would refuse to load the driver from below it."
        # EAL follows the link before it looks, so the known paths work in such a checkout, too.
        if [ -L "$TOP/$1" ] || [ ! -e "$TOP/$1" ]; then
            ln -sfn "$BUILD_DIR" "$TOP/$1"
            say "Building in $BUILD_DIR instead ($1 is a link to it)."
        else
            say "Building in $BUILD_DIR instead of $1."
        fi
        return 0
    done
    die "$bad is world-writable, DPDK refuses plugins from there, and no other place was found:
    move the checkout to a directory that only you can write to, or set XDG_CACHE_HOME to one"
}

# Everything that decides what "meson setup" finds: a change means to configure anew.
configuration() {
    printf '%s\n' "$@"
    pkg-config --modversion libdpdk 2>/dev/null || true
    "$TOP/pmd/sdk.sh" --dir || true
    (cd "$TOP" && find . -name meson.build -not -path './build*' -not -path './.cache/*' | sort)
}

setup_build() {
    local name=$1 mode=
    shift
    choose_build_dir "$name"
    # Two scripts at once: one builds, the other waits and finds it done.
    mkdir -p "$TOP/.cache"
    exec 8>"$TOP/.cache/$name.lock"
    flock 8
    configuration "$@" >"$SCRATCH/configuration"
    if [ ! -f "$BUILD_DIR/build.ninja" ]; then
        mode=anew
    elif [ ! -f "$BUILD_DIR/.configuration" ]; then
        mode=keep # somebody ran "meson setup" by hand; the options stay
    elif ! cmp -s "$SCRATCH/configuration" "$BUILD_DIR/.configuration"; then
        mode=anew
    fi
    case $mode in
    anew)
        find "$BUILD_DIR" -mindepth 1 -delete 2>/dev/null || true
        set -- meson setup "$BUILD_DIR" "$TOP" "$@"
        ;;
    keep) set -- meson setup --reconfigure "$BUILD_DIR" "$TOP" ;;
    esac
    if [ -n "$mode" ]; then
        say "configuring $name"
        if ! run_child "$@" >"$SCRATCH/build.log" 2>&1; then
            tail -n 30 "$SCRATCH/build.log" >&2
            die "configuring $name failed (end of meson's words above)"
        fi
        cp "$SCRATCH/configuration" "$BUILD_DIR/.configuration"
    fi
    say "building $name"
    # shellcheck disable=SC2086  # BUILD_TARGETS: ninja's words, nothing for everything
    if ! run_child ninja -C "$BUILD_DIR" ${BUILD_TARGETS:-} >"$SCRATCH/build.log" 2>&1; then
        tail -n 60 "$SCRATCH/build.log" >&2
        die "building $name failed (end of the compiler's words above)"
    fi
    flock -u 8
    exec 8>&-
}

# --- hugepages ----------------------------------------------------------------------------------

PAGES=/sys/kernel/mm/hugepages/hugepages-2048kB
PAGES_ADDED=0

# Do $1 MiB of 2 MiB pages work here, for this user? A free page may still be refused (cgroup).
hugepages_work() {
    python3 - "$1" <<'PROBE' 2>/dev/null
import mmap, os, sys
size = int(sys.argv[1]) << 20
fd = os.memfd_create('virtq-probe', os.MFD_HUGETLB | 21 << 26)
os.ftruncate(fd, size)
os.posix_fallocate(fd, 0, size)
mmap.mmap(fd, size).close()
PROBE
}

# Change the number of reserved pages by $1, relative to now: others may have changed it, too.
change_pages() {
    local now
    now=$(cat "$PAGES/nr_hugepages") || return 1
    now=$((now + $1))
    [ "$now" -ge 0 ] || now=0
    if [ -w "$PAGES/nr_hugepages" ]; then
        echo "$now" >"$PAGES/nr_hugepages"
    else
        echo "$now" | as_root tee "$PAGES/nr_hugepages" >/dev/null
    fi
}

# How many pages may be taken without pushing everybody else out of memory.
spare_pages() {
    awk '/^MemAvailable:/ { n = int($2 / 2048) - 256 } END { print (n > 0 ? n : 0) }' /proc/meminfo
}

# shellcheck disable=SC2034  # HUGEPAGES is for the caller
setup_hugepages() {
    local need free before why
    HUGEPAGES=no
    need=$((($1 + 1) / 2))
    free=$(cat "$PAGES/free_hugepages" 2>/dev/null || echo none)
    if [ "$free" = none ]; then
        why='this kernel has no 2 MiB pages'
    elif [ "$free" -ge "$need" ]; then
        why='they are refused to this user or container'
    elif [ ! -w "$PAGES/nr_hugepages" ] && ! { may_be_root && as_root true 2>/dev/null; }; then
        why="$free of $need are free, and reserving more needs root"
    elif [ $((need - free)) -gt "$(spare_pages)" ]; then
        why="$free of $need are free, and memory is too short for the rest"
    else
        before=$(cat "$PAGES/nr_hugepages")
        PAGES_ADDED=$((need - free)) # first, for a Ctrl-C in between
        change_pages $((need - free)) 2>/dev/null || true
        PAGES_ADDED=$(($(cat "$PAGES/nr_hugepages") - before))
        [ "$PAGES_ADDED" -ge 0 ] || PAGES_ADDED=0
        free=$(cat "$PAGES/free_hugepages")
        why="the kernel could give $free of $need (memory short or fragmented)"
        if [ "$free" -ge "$need" ]; then
            say "reserved $PAGES_ADDED hugepages of 2 MiB for this run"
            why='they are refused to this user or container'
        fi
    fi
    if [ "$free" != none ] && [ "$free" -ge "$need" ] && hugepages_work "$1"; then
        HUGEPAGES=yes
        return 0
    fi
    return_pages
    say "no hugepages: $why; going on with --no-huge, which is slower"
}

return_pages() {
    if [ "$PAGES_ADDED" -gt 0 ]; then
        change_pages "-$PAGES_ADDED" || say "could not give back $PAGES_ADDED hugepages" >&2
        PAGES_ADDED=0
    fi
}

# --- CPUs ---------------------------------------------------------------------------------------

# shellcheck disable=SC2034  # for the caller
setup_cpus() {
    local cpus
    cpus=$(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)))')
    # shellcheck disable=SC2086  # one word per CPU
    set -- $cpus
    CPU_A=$1
    CPU_B=${2:-$1}
    [ $# -gt 1 ] || say "only one CPU: the two ends take turns on it, rates say little"
}

# --- running and cleaning up --------------------------------------------------------------------

CHILD=
SCRATCH=

# In the background, because bash runs a trap only after a foreground command has ended.
run_child() {
    local rc=0
    "$@" </dev/null &
    CHILD=$!
    wait "$CHILD" || rc=$?
    CHILD=
    return "$rc"
}

give_back() {
    local rc=$?
    trap - EXIT
    trap '' INT TERM HUP
    if [ -n "$CHILD" ]; then
        kill -TERM "$CHILD" 2>/dev/null || true
        wait "$CHILD" 2>/dev/null || true
    fi
    return_pages
    [ -z "$SCRATCH" ] || rm -rf "$SCRATCH"
    exit "$rc"
}

trap give_back EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
# A socket path has 108 bytes at most.
tmp=${TMPDIR:-/tmp}
[ ${#tmp} -le 40 ] || tmp=/tmp
SCRATCH=$(mktemp -d "$tmp/virtq.XXXXXX")
