#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Do covers.c and coverage.py count what passed and nothing else? TAP; arguments: covers_example, coverage.py."""
import os
import subprocess
import sys
import tempfile

EXAMPLE, COVERAGE = sys.argv[1:3]
LIST = 'id\tside\trequirement\nEX-001\tboth\tone\nEX-002\tboth\ttwo "quoted\nEX-003\tboth\tthree\n' \
       'EX-004\tboth\tfour\nEX-A-005\tboth\tfive\nEX-A-006\tboth\tsix\n'
results = []


def check(what, good, seen=''):
    results.append((what, good, seen))


def coverage(*args):
    p = subprocess.run([sys.executable, COVERAGE, *args], capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


def example(path):
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT='TAP')
    env.pop('VIRTQ_COVERAGE', None)
    if path:
        env['VIRTQ_COVERAGE'] = path
    return subprocess.run([EXAMPLE], env=env, capture_output=True, text=True)


with tempfile.TemporaryDirectory() as tmp:
    requirements = os.path.join(tmp, 'list.tsv')
    covered = os.path.join(tmp, 'covered')
    with open(requirements, 'w', encoding='utf-8') as f:
        f.write(LIST)

    p = example(covered)
    check('the example fails one test', p.returncode == 1, p.stdout)
    with open(covered, encoding='utf-8') as f:
        lines = f.read().split()
    check('ids of passed tests are written, once each', lines == ['EX-001', 'EX-002', 'EX-A-005'], lines)
    example(covered)
    with open(covered, encoding='utf-8') as f:
        check('a second program appends', f.read().split() == lines * 2)
    example(None)
    check('nothing is written unless asked for', sorted(os.listdir(tmp)) == ['covered', 'list.tsv'])
    p = example(os.path.join(tmp, 'no', 'such'))
    check('a file that cannot be written is an error', p.returncode != 0 and 'VIRTQ_COVERAGE' in p.stderr, p.stderr)

    rc, out, err = coverage(requirements, covered)
    check('groups and the sum are counted', rc == 0 and [line.split() for line in out.splitlines()] == [
        ['EX', '2', 'of', '4'], ['EX-A', '1', 'of', '2'], ['all', '3', 'of', '6']], out + err)
    rc, out, err = coverage('--missing', 'EX-0', requirements, covered)
    check('what is missing is listed by prefix', rc == 0 and out == 'EX-003\tthree\nEX-004\tfour\n', out + err)
    with open(covered, 'a', encoding='utf-8') as f:
        f.write('EX-999\n')
    rc, out, err = coverage(requirements, covered)
    check('an id that is not in the list is an error', rc == 1 and 'EX-999' in err, err)
    rc, out, err = coverage(os.path.join(tmp, 'none.tsv'), covered)
    check('a missing list is an error that names it', rc == 2 and 'none.tsv' in err, err)

print(f'1..{len(results)}')
for nr, (what, good, seen) in enumerate(results, 1):
    print(f'{"ok" if good else "not ok"} {nr} - {what}')
    if not good:
        print('# ' + str(seen).replace('\n', '\n# '))
sys.exit(0 if all(r[1] for r in results) else 1)
