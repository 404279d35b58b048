# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of perf's scripts have in common: where the scripts are, and their cases as TAP."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'perf'))
sys.dont_write_bytecode = True


def run(*cases):
    """Run the functions, say what became of them, and exit: 1 if an assertion failed."""
    print(f'1..{len(cases)}')
    bad = 0
    for nr, case in enumerate(cases, 1):
        why = None
        try:
            case()
        except AssertionError as error:
            why = str(error)
            bad += 1
        print(f'{"ok" if why is None else "not ok"} {nr} - {case.__name__}')
        for line in (why or '').splitlines():
            print(f'# {line}')
    sys.exit(bad > 0)
