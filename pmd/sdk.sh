#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Bring the seven DPDK driver headers that Debian's libdpdk-dev leaves out.
#
# They are taken from the Debian source package of exactly the installed version, by apt (which
# checks the archive's signature and every checksum), and land below the checkout in
# .cache/driver-sdk/VERSION/, which git ignores. Nothing is installed, no root is needed.
#
#   pmd/sdk.sh            fetch the headers if they are not there; at once when they are
#   pmd/sdk.sh --dir      print the directory if it is there and complete, else fail; no network
#
# A DPDK that was built with -Denable_driver_sdk=true has the headers itself and needs none of this.
set -eu

HEADERS='ethdev_driver.h ethdev_vdev.h ethdev_pci.h bus_vdev_driver.h bus_pci_driver.h
bus_driver.h dev_driver.h'
# Public headers that both the source package and libdpdk-dev have: equal, or it is the wrong source.
WITNESSES='rte_ethdev.h rte_ethdev_core.h rte_bus_pci.h rte_dev.h rte_mbuf_core.h'

top=$(cd "$(dirname "$0")/.." && pwd)
cache=$top/.cache/driver-sdk

die() {
    printf 'sdk.sh: %s\n' "$*" >&2
    exit 1
}

installed_version() {
    # shellcheck disable=SC2016  # ${...} is dpkg-query's syntax, not the shell's
    dpkg-query -W -f '${db:Status-Status} ${source:Version}\n' libdpdk-dev 2>/dev/null |
        sed -n 's/^installed //p'
}

# Complete and unchanged since they were fetched?
present() {
    [ -f "$1/SHA256SUMS" ] && (cd "$1" && sha256sum --quiet --status -c SHA256SUMS)
}

# Debian's own archives among the machine's sources, as deb-src lines: the same mirror, all suites.
# Nothing known yet (no "apt-get update" so far): Debian's common address.
source_list() {
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    signed=
    [ -r $keyring ] && signed=" [signed-by=$keyring]"
    # shellcheck disable=SC2016  # $(...) is apt's syntax
    list=$(apt-get indextargets --format '$(ORIGIN)|$(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' 2>/dev/null | sed -n 's/^Debian|//p' | sort -u)
    if [ -z "$list" ]; then
        # shellcheck disable=SC1091
        code=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
        list="http://deb.debian.org/debian $code main
http://deb.debian.org/debian $code-updates main
http://deb.debian.org/debian-security $code-security main"
    fi
    printf '%s\n' "$list" | sed "s|^|deb-src$signed |"
}

download() {
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/src"
    source_list >"$work/apt/sources.list"
    # Hooks of the machine's apt (cleaning, desktop catalogues) have no business here.
    cat >"$work/apt/apt.conf" <<CONF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::sourcelist "$work/apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$work/apt/lists";
Dir::Cache "$work/apt/cache";
APT::Sandbox::User "$(id -un)";
APT::Get::List-Cleanup "0";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
    log=$work/apt/log
    # A suite that cannot be read is no failure yet: another one may have the version.
    apt-get -c "$work/apt/apt.conf" -q update </dev/null >"$log" 2>&1 || true
    if ! (cd "$work/src" && apt-get -c "$work/apt/apt.conf" -q source --download-only --only-source \
        "dpdk=$1" </dev/null >>"$log" 2>&1); then
        sed 's/^/    /' "$log" >&2
        die "apt found no source package dpdk=$1 (its words above). If the mirror has a newer one:
    apt-get update && apt-get install libdpdk-dev dpdk-dev    and run pmd/sdk.sh again"
    fi
}

# Find $2 (a file name) below directory $1, exactly once.
only() {
    found=$(find "$1" -name "$2" -type f)
    [ -n "$found" ] || die "the source package has no $2"
    [ "$(printf '%s\n' "$found" | wc -l)" -eq 1 ] || die "the source package has several $2"
    printf '%s\n' "$found"
}

unpack() {
    orig=$(find "$work/src" -name '*.orig.tar.*' ! -name '*.asc')
    debian=$(find "$work/src" -name '*.debian.tar.*')
    mkdir "$work/tree" "$work/deb"
    tar -xf "$orig" -C "$work/tree" --strip-components=1 --wildcards '*.h'
    [ -z "$debian" ] || tar -xf "$debian" -C "$work/deb"
    # Debian's patches, as far as they touch headers.
    [ -f "$work/deb/debian/patches/series" ] || return 0
    while read -r name _; do
        case $name in '' | '#'*) continue ;; esac
        patch=$work/deb/debian/patches/$name
        if grep -qE '^\+\+\+ .*\.h([[:space:]]|$)' "$patch"; then
            # What it changes besides headers is not unpacked and is skipped; the check below decides.
            patch -d "$work/tree" -p1 -f -s -r - <"$patch" >/dev/null 2>&1 || true
            for h in $HEADERS; do
                grep -qE "^\+\+\+ .*/$h([[:space:]]|\$)" "$patch" || continue
                patch -d "$work/tree" -p1 -f -s -R --dry-run <"$patch" >/dev/null 2>&1 ||
                    die "Debian's patch $name changes $h and does not apply"
            done
        fi
    done <"$work/deb/debian/patches/series"
}

verify() {
    include=$(pkg-config --variable=includedir libdpdk 2>/dev/null || echo /usr/include)
    [ -d "$include/dpdk" ] && include=$include/dpdk
    for h in $WITNESSES; do
        cmp -s "$(only "$work/tree" "$h")" "$include/$h" ||
            die "$h of source package dpdk $1 differs from the installed $include/$h"
    done
}

mode=${1:-fetch}
case $mode in
fetch | --dir) ;;
-h | --help)
    sed -n '4,12s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
*) die "unknown argument '$mode' (none, --dir or --help)" ;;
esac

version=$(installed_version) || version=
if [ -z "$version" ]; then
    [ "$mode" = --dir ] && exit 1
    die "libdpdk-dev is not installed: apt-get install libdpdk-dev dpdk-dev, then run this again"
fi
dir=$cache/$version
if present "$dir"; then
    [ "$mode" = fetch ] || printf '%s\n' "$dir"
    exit 0
fi
[ "$mode" = fetch ] || exit 1

mkdir -p "$cache" || die "cannot write to $cache"
work=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

echo "sdk.sh: fetching the DPDK driver headers of dpdk $version"
download "$version"
unpack
verify "$version"
mkdir "$work/out"
for h in $HEADERS; do
    cp "$(only "$work/tree" "$h")" "$work/out/$h"
done
# shellcheck disable=SC2086  # one word per header
(cd "$work/out" && sha256sum $HEADERS >SHA256SUMS)
chmod -R u=rwX,go=rX "$work/out"
rm -rf "$dir"
# Two builds at once: the second finds the first one's directory, which is as good.
mv -T "$work/out" "$dir" 2>/dev/null || present "$dir" || die "cannot write to $dir"
echo "sdk.sh: seven headers in .cache/driver-sdk/$version"
