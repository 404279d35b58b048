#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Lines of the ring and message code that the corpora reach.

    CC=gcc meson setup build-coverage -Dbuildtype=debug -Db_coverage=true
    ninja -C build-coverage fuzz_replays
    tests/fuzz/coverage.py build-coverage [--missing] [FILE...]

Replays each corpus, without inputs made by chance, and adds up what gcov counted. FILE: sources to
report, relative to the checkout; default: what the targets are for. Exit status: 0 if all of them
together reach 95 % of the lines, else 1.
"""
import argparse
import collections
import gzip
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AIM = 0.95
SOURCES = ['lib/ring/virtq.c', 'lib/ring/virtq.h', 'lib/ring/virtq_device.c',
           'lib/ring/virtq_device.h', 'lib/ring/virtq_driver.c', 'lib/ring/virtq_driver.h',
           'lib/ring/virtq_mem.h', 'lib/ring/virtq_notify.h', 'vswitch/control/message_filter.c',
           'vswitch/control/memory_filter.c', 'lib/net/vnet_packet.c', 'lib/net/vnet_offload.c',
           'lib/net/vnet_segment.c', 'lib/net/vnet_mbuf.c', 'lib/net/vnet_ctrl.c', 'pmd/pmd_args.c']


def data_files(build):
    return sorted(os.path.join(at, name) for at, _, names in os.walk(build) for name in names
                  if name.endswith('.gcda'))


def replay(build):
    """Every target once over its corpus, from zero."""
    for path in data_files(build):
        os.remove(path)
    corpora = os.path.join(TOP, 'tests/fuzz/corpus')
    for name in sorted(os.listdir(corpora)):
        program = os.path.join(build, 'tests/fuzz', f'fuzz_{name}_replay')
        corpus = os.path.join(corpora, name)
        subprocess.run([program, corpus, '0'], check=True, stdout=subprocess.DEVNULL)
        print(f'{name}: {len(os.listdir(corpus))} inputs')


def count_lines(build):
    """file -> line -> times it ran, over all that compiled it."""
    lines = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(['gcov', '--json-format'] + data_files(build), cwd=scratch, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in os.listdir(scratch):
            with gzip.open(os.path.join(scratch, name)) as f:
                report = json.load(f)
            for file in report['files']:
                path = os.path.normpath(os.path.join(report['current_working_directory'],
                                                     file['file']))
                for line in file['lines']:
                    lines[os.path.relpath(path, TOP)][line['line_number']] += line['count']
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[1])
    parser.add_argument('build')
    parser.add_argument('--missing', action='store_true', help='print lines that nothing reached')
    parser.add_argument('sources', nargs='*', default=SOURCES)
    args = parser.parse_intermixed_args()
    build = os.path.abspath(args.build)
    replay(build)
    lines = count_lines(build)
    reached = total = 0

    for source in args.sources:
        counts = lines.get(source)
        if not counts:
            print(f'{source}: no target compiles it')
            return 1
        hit = sum(1 for n in counts.values() if n)
        reached += hit
        total += len(counts)
        print(f'{source}: {hit} of {len(counts)} lines, {100 * hit / len(counts):.1f} %')
        if args.missing:
            with open(os.path.join(TOP, source), encoding='utf-8') as f:
                text = f.read().splitlines()
            for number in sorted(n for n in counts if not counts[n]):
                print(f'    {number}: {text[number - 1].strip()}')
    print(f'together: {reached} of {total} lines, {100 * reached / total:.1f} %')
    return 0 if reached >= AIM * total else 1


if __name__ == '__main__':
    sys.exit(main())
