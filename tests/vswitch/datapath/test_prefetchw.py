#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The data path asks for lines that it will write to as lines to write to.

test_prefetchw.py LIBRARY...: the hot file, once for each instruction set that has the instruction.
A prefetch that the compiler leaves out or makes one for reading changes no result, so nothing else
would tell: between two cores it took two thirds of the rate once.
"""
import re
import subprocess
import sys

# Of the burst itself: frames and headers, rests of long frames, used entries; loops may be unrolled.
LEAST = 4


def prefetches(library):
    """Instructions prefetchw by function."""
    text = subprocess.run(['objdump', '-d', library], check=True, capture_output=True, text=True).stdout
    found, function = {}, None
    for line in text.splitlines():
        head = re.match(r'[0-9a-f]+ <(.*)>:', line)
        if head:
            function = head.group(1)
        elif 'prefetchw' in line:
            found[function] = found.get(function, 0) + 1
    return found


def main():
    bad = 0
    print(f'1..{len(sys.argv) - 1}')
    for nr, library in enumerate(sys.argv[1:], 1):
        found = prefetches(library)
        burst = sum(n for name, n in found.items() if name.startswith('forward_burst_'))
        good = burst >= LEAST and 'copy_rest_fetch_next' in found
        print(f'{"ok" if good else "not ok"} {nr} - bursts fetch lines for writing: {library}')
        if not good:
            print(f'# prefetchw by function: {found}')
            bad += 1
    sys.exit(bad > 0)


if __name__ == '__main__':
    main()
