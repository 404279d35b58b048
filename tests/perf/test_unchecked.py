#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""No program that is installed has a part made without the checks of what peers write.

test_unchecked.py PROGRAM-OF-PERF INSTALLED...; the first one has such parts.
"""
import pathlib
import sys

import cases  # sets the path for the rest

# virtq_unchecked[] of lib/ring/virtq.h, and names of perf's own instances.
MARKS = (b'virtq: made without checks', b'_unchecked')


def marks_in(path):
    data = pathlib.Path(path).read_bytes()
    return [mark.decode() for mark in MARKS if mark in data]


def the_program_that_measures_checks_is_told_by_its_marks():
    assert len(marks_in(sys.argv[1])) == len(MARKS), f'{sys.argv[1]} has {marks_in(sys.argv[1])}'


def installed_programs_have_all_checks():
    assert len(sys.argv) > 2, 'nothing to look at'
    for path in sys.argv[2:]:
        assert not marks_in(path), f'{path} has {marks_in(path)}'


if __name__ == '__main__':
    cases.run(the_program_that_measures_checks_is_told_by_its_marks, installed_programs_have_all_checks)
