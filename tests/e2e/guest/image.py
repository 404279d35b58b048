# SPDX-License-Identifier: BSD-3-Clause
"""A Linux guest for QEMU: Debian's cloud kernel, busybox and the virtio modules in an initramfs.

The kernel package is downloaded once by apt-get and what is needed of it kept below .cache/.
"""

import pathlib
import re
import shutil
import stat
import subprocess
import tempfile

CACHE = pathlib.Path(__file__).resolve().parents[3] / ".cache" / "guest"
MODULES = ["virtio_pci", "virtio_net", "8021q"]
BUSYBOX = pathlib.Path("/usr/bin/busybox")
ETHTOOL = pathlib.Path("/usr/sbin/ethtool")

INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
ip link set lo up
waited=0
while [ ! -e /sys/class/net/eth0 ] && [ $waited -lt 100 ]; do sleep 0.05; waited=$((waited + 1)); done
sh /test.sh
echo "GUEST: test.sh ended with $?"
sync
reboot -f
"""


class Missing(Exception):
    """The image cannot be built here; the text says what is missing."""


def _run(*argv, cwd=None):
    done = subprocess.run(argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Missing(f"{' '.join(argv)} failed: {done.stdout.strip()[-300:]}")
    return done.stdout


def _newest_kernel_package():
    names = _run("apt-cache", "pkgnames", "linux-image-6.1.0-").split()
    versions = [(int(m.group(1)), n) for n in names
                if (m := re.fullmatch(r"linux-image-6\.1\.0-(\d+)-cloud-amd64", n))]
    if not versions:
        raise Missing("apt knows no linux-image-6.1.0-*-cloud-amd64; run apt-get update")
    return max(versions)[1]


def _dependencies(tree, name, done):
    """Files of a module and of what it depends on, in loading order; built-in ones have no file."""
    found = list(tree.rglob(f"{name}.ko")) + list(tree.rglob(f"{name.replace('_', '-')}.ko"))
    if not found or found[0] in done:
        return
    depends = re.search(rb"\0depends=([^\0]*)\0", b"\0" + found[0].read_bytes())
    for other in (depends.group(1).decode().split(",") if depends else []):
        if other:
            _dependencies(tree, other, done)
    done.append(found[0])


def _fetch_kernel():
    """Download the kernel package, keep vmlinuz and the modules in the cache."""
    with tempfile.TemporaryDirectory(prefix="guest-") as name:
        work = pathlib.Path(name)
        _run("apt-get", "download", "-q", _newest_kernel_package(), cwd=work)
        _run("dpkg-deb", "-x", str(next(work.glob("*.deb"))), str(work / "tree"))
        modules = []
        for module in MODULES:
            _dependencies(work / "tree" / "lib", module, modules)
        fresh = CACHE.with_name("guest.new")
        shutil.rmtree(fresh, ignore_errors=True)
        (fresh / "modules").mkdir(parents=True)
        shutil.copy(next((work / "tree" / "boot").glob("vmlinuz-*")), fresh / "vmlinuz")
        for module in modules:
            shutil.copy(module, fresh / "modules")
        (fresh / "modules" / "order").write_text("\n".join(m.name for m in modules) + "\n")
        (fresh / "wanted").write_text(" ".join(MODULES))
        shutil.rmtree(CACHE, ignore_errors=True)
        fresh.rename(CACHE)


def cpio(entries):
    """A "newc" archive of [(name, mode, content)]."""
    out = bytearray()
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        fields = [number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + "".join(f"{f:08X}" for f in fields).encode() + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + content
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def _cached():
    """Whether the cache holds what MODULES asks for now."""
    wanted = CACHE / "wanted"
    return wanted.exists() and wanted.read_text() == " ".join(MODULES)


def _with_libraries(program):
    """{path in the image: content} of a program and of the shared libraries it needs."""
    files = {str(program).lstrip("/"): program.read_bytes()}
    for library in re.findall(r"(/\S+) \(0x", _run("ldd", str(program))):
        files[library.lstrip("/")] = pathlib.Path(library).read_bytes()
    return files


def build(initrd, test, programs=(), files=()):
    """Write an initramfs that runs the shell text `test`; @return the kernel to boot it with.

    programs: executables of this machine, at the same path in the guest, with their libraries.
    files: {path: bytes} more; what is below bin/ can be run.
    """
    if not BUSYBOX.exists():
        raise Missing("the package busybox-static is not installed")
    if not _cached():
        CACHE.parent.mkdir(exist_ok=True)
        _fetch_kernel()
    content = {"bin/busybox": BUSYBOX.read_bytes(), "init": INIT.encode(), "test.sh": test.encode()}
    for program in programs:
        if not program.exists():
            raise Missing(f"{program} is not installed")
        content.update(_with_libraries(program))
    content.update({f"modules/{f.name}": f.read_bytes() for f in (CACHE / "modules").iterdir()})
    content.update(files)
    directories = {"bin", "sbin", "proc", "sys", "dev", "tmp"}
    directories |= {str(d) for name in content for d in pathlib.PurePath(name).parents if str(d) != "."}
    directory, program, link = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o755, stat.S_IFLNK | 0o777
    entries = [(d, directory, b"") for d in sorted(directories)]
    entries += [(name, program, data) for name, data in content.items()]
    applets = subprocess.run([BUSYBOX, "--list"], stdout=subprocess.PIPE, text=True, check=True)
    entries += [(f"bin/{a}", link, b"busybox") for a in applets.stdout.split()
                if f"bin/{a}" not in content]
    initrd.write_bytes(cpio(entries))
    return CACHE / "vmlinuz"
