#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How perf/switches.py tells that something else had a CPU, and what it says of a program that fails."""
import tempfile

import cases  # sets the path for the rest
import switches


def the_thread_that_ran_most_is_the_one_that_polls():
    before = {'1': (0, 0), '2': (1000, 500)}
    # The first one slept and waited for a CPU; the second one ran 900 and waited 100.
    got = switches.waited(before, {'1': (10, 5000), '2': (1900, 600), '3': (99999, 99999)})
    assert abs(got - 0.1) < 1e-9, got


def nothing_known_is_not_disturbed():
    assert switches.waited({}, {}) == 0
    assert switches.waited({'1': (5, 5)}, {'1': (5, 5)}) == 0


def answers_come_line_by_line():
    with tempfile.TemporaryDirectory() as where:
        process = switches.Process(where, 'echo', ['sh', '-c', 'while read x; do echo "$x"; done'])
        process.say('one')
        process.say('two')
        got = (process.line(), process.line())
        process.close()
        assert got == ('one', 'two'), got


def the_end_of_a_program_is_told_with_its_last_words():
    with tempfile.TemporaryDirectory() as where:
        process = switches.Process(where, 'bad', ['sh', '-c', 'echo no socket >&2; exit 3'])
        try:
            process.line()
            raise AssertionError('no failure')
        except switches.Failed as why:
            assert 'ended with 3' in str(why) and 'no socket' in str(why), why
        finally:
            process.close()


if __name__ == '__main__':
    cases.run(the_thread_that_ran_most_is_the_one_that_polls, nothing_known_is_not_disturbed,
              answers_come_line_by_line, the_end_of_a_program_is_told_with_its_last_words)
