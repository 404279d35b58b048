#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/tap_summary.py counts cases, and a program that does not keep to TAP is a failure."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'scripts'))
sys.dont_write_bytecode = True
from tap_summary import Program  # noqa: E402  (after the path is set)

# name, (stdout, result, returncode), (passed, failed, skipped)
CASES = (
    ('passed and failed cases are counted one by one',
     ('1..3\nok 1 - a\nnot ok 2 - b\nok 3 - c\n', 'FAIL', 1), (2, 1, 0)),
    ('a plan at the end counts', ('ok 1 - a\n1..1\n', 'OK', 0), (1, 0, 0)),
    ('plans of several cmocka groups add up',
     ('1..1\nok 1 - a\n1..2\nok 1 - b\nok 2 - c\n', 'OK', 0), (3, 0, 0)),
    ('a skipped case is neither passed nor failed',
     ('1..2\nok 1 - a # SKIP no hugepages\nok 2 - b\n', 'OK', 0), (1, 0, 1)),
    ("cmocka's form of a skip is a skip",
     ('1..2\nnot ok 1 # SKIP a\nok 2 - b\n', 'FAIL', 0), (1, 0, 1)),
    ('a program that skips itself is one skip', ('1..0 # SKIP no qemu\n', 'SKIP', 0), (0, 0, 1)),
    ('a crash is a failure', ('1..2\nok 1 - a\n', 'ERROR', -11), (1, 1, 0)),
    ('a crash after the last case is a failure', ('1..1\nok 1 - a\n', 'ERROR', -6), (1, 1, 0)),
    ('a timeout is a failure', ('1..1\nok 1 - a\n', 'TIMEOUT', -15), (1, 1, 0)),
    ('no plan is a failure', ('hello\n', 'OK', 0), (0, 1, 0)),
    ('no output is a failure', (None, 'SKIP', 0), (0, 1, 0)),
    ('fewer cases than planned is a failure', ('1..3\nok 1 - a\n', 'OK', 0), (1, 1, 0)),
    ('more cases than planned is a failure', ('1..1\nok 1\nok 2\n', 'OK', 0), (2, 1, 0)),
    ('a bad exit after good cases is a failure', ('1..1\nok 1 - a\n', 'ERROR', 3), (1, 1, 0)),
    ('a bail-out is a failure', ('1..2\nok 1 - a\nBail out! no socket\n', 'ERROR', 1), (1, 1, 0)),
    ("what meson calls an error is one", ('1..1\nok 1 - a\n', 'ERROR', 0), (1, 1, 0)),
    ('words that begin like a case are none', ('1..1\nokay\nok 1 - a\n', 'OK', 0), (1, 0, 0)),
)


def main():
    print(f'1..{len(CASES) + 1}')
    bad = 0
    for nr, (what, (stdout, result, rc), want) in enumerate(CASES, 1):
        p = Program({'name': 'virtq:fast / x', 'stdout': stdout, 'result': result,
                     'returncode': rc})
        got = (p.passed, len(p.failed), len(p.skipped))
        bad += got != want
        print(f'{"ok" if got == want else "not ok"} {nr} - {what}')
        if got != want:
            print(f'# expected passed, failed, skipped = {want}, got {got}')
    p = Program({'name': 'x', 'stdout': '1..1\nok 1 - a # SKIP no hugepages here\n', 'result': 'OK',
                 'returncode': 0})
    good = p.skipped == [('a', 'no hugepages here')]
    print(f'{"ok" if good else "not ok"} {len(CASES) + 1} - the reason of a skip is kept')
    return bad or not good


if __name__ == '__main__':
    sys.exit(1 if main() else 0)
