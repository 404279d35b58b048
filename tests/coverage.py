#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Count the requirements that tests which passed have named (COVERS in tests/support/covers.h).

    rm -f FILE; VIRTQ_COVERAGE=FILE meson test -C build --suite fast
    tests/coverage.py REQUIREMENTS.tsv FILE...             one line per group of ids
    tests/coverage.py --missing SR- REQUIREMENTS.tsv FILE...   the ids that begin with SR- and lack a test

REQUIREMENTS.tsv: tab-separated, with a header line; the column "id" names each requirement.
Exit status: 0; 1 when a test names an id that is not in the list; 2 on wrong usage.
"""
import argparse
import csv
import re
import sys


def read_ids(path):
    """id -> text of the requirement, in the order of the file."""
    with open(path, newline='', encoding='utf-8') as f:
        rows = csv.DictReader(f, delimiter='\t', quoting=csv.QUOTE_NONE)
        if not rows.fieldnames or 'id' not in rows.fieldnames:
            sys.exit(f'coverage.py: {path} has no column "id"')
        return {row['id']: row.get('requirement') or '' for row in rows if row['id']}


def read_covered(paths):
    covered = set()
    for path in paths:
        with open(path, encoding='utf-8') as f:
            covered.update(line.strip() for line in f if line.strip())
    return covered


def group(name):
    """SR-DEV-014 -> SR-DEV"""
    return re.sub(r'-[0-9]+$', '', name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--missing', metavar='PREFIX', help='list ids with this prefix that no test covers')
    parser.add_argument('requirements', help='the list, tab-separated')
    parser.add_argument('covered', nargs='+', help='files written under VIRTQ_COVERAGE')
    args = parser.parse_args()
    try:
        ids = read_ids(args.requirements)
        covered = read_covered(args.covered)
    except OSError as e:
        print(f'coverage.py: {e.filename}: {e.strerror}', file=sys.stderr)
        return 2

    if args.missing is not None:
        for name, text in ids.items():
            if name.startswith(args.missing) and name not in covered:
                print(f'{name}\t{text}')
    else:
        groups = {}
        for name in ids:
            done, total = groups.get(group(name), (0, 0))
            groups[group(name)] = (done + (name in covered), total + 1)
        for name, (done, total) in groups.items():
            print(f'{name:12} {done:4} of {total:4}')
        print(f'{"all":12} {len(covered & set(ids)):4} of {len(ids):4}')

    unknown = sorted(covered - set(ids))
    for name in unknown:
        print(f'coverage.py: a test covers {name}, which is not in {args.requirements}', file=sys.stderr)
    return 1 if unknown else 0


if __name__ == '__main__':
    sys.exit(main())
