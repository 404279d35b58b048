#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The zero-loss search of perf/search.py ends below where frames are lost, and close to it."""
import cases  # sets the path for the rest
from search import GOOD, LOST, SLOW, judge, search

TOP = 10e6


def at_most(limit, above=LOST):
    """A switch that loses nothing up to a rate."""
    return lambda rate, seconds: GOOD if rate <= limit else above


class Moody:
    """Loses frames in one trial out of every two, whatever the rate, up to its limit."""

    def __init__(self, limit):
        self.limit = limit
        self.trials = 0

    def __call__(self, rate, seconds):
        self.trials += 1
        return GOOD if rate <= self.limit and self.trials % 2 == 0 else LOST


def finds_the_limit():
    for limit in (0.3e6, 4.2e6, 9.99e6):
        rate, _ = search(at_most(limit), TOP)
        assert limit - 0.02 * TOP <= rate <= limit, (limit, rate)


def a_switch_that_loses_nothing_gets_the_maximum():
    rate, trials = search(at_most(TOP), TOP)
    assert rate == TOP and len(trials) == 2, (rate, trials)


def a_switch_that_always_loses_gets_zero():
    rate, _ = search(at_most(-1), TOP)
    assert rate == 0, rate


def a_rate_that_the_sender_cannot_keep_does_not_pass():
    rate, _ = search(at_most(6e6, SLOW), TOP)
    assert 5.8e6 <= rate <= 6e6, rate


def one_bad_trial_of_two_is_forgiven():
    rate, _ = search(Moody(5e6), TOP)
    assert 4.8e6 <= rate <= 5e6, rate


def two_bad_trials_are_not():
    fails = iter([LOST, LOST] + [GOOD] * 1000)
    rate, _ = search(lambda rate, seconds: next(fails), TOP)
    assert rate < TOP, rate


def the_result_is_confirmed_by_a_longer_trial():
    # Short trials pass up to 8 Mpps, long ones up to 7.9 only.
    rate, trials = search(lambda r, s: GOOD if r <= (8e6 if s < 2 else 7.9e6) else LOST, TOP, 1, 5)
    assert 7.6e6 <= rate <= 7.9e6, rate
    assert trials[-1] == {'pps': rate, 'seconds': 5, 'verdict': GOOD}, trials[-1]


def an_unconfirmed_rate_is_not_reported():
    rate, _ = search(lambda r, s: GOOD if s < 2 else LOST, TOP, 1, 5)
    assert rate == 0, rate


def a_loss_in_one_slice_is_a_loss():
    assert judge({'good': 50, 'lost': 1, 'slow': 0, 'paused': 0}) == LOST
    assert judge({'good': 50, 'lost': 0, 'slow': 0, 'paused': 0}) == GOOD


def most_slices_keep_the_rate_and_those_with_a_pause_say_nothing():
    assert judge({'good': 20, 'lost': 0, 'slow': 10, 'paused': 900}) == GOOD
    assert judge({'good': 19, 'lost': 0, 'slow': 10, 'paused': 0}) == SLOW
    assert judge({'good': 9, 'lost': 0, 'slow': 0, 'paused': 190}) == SLOW


if __name__ == '__main__':
    cases.run(finds_the_limit, a_switch_that_loses_nothing_gets_the_maximum,
              a_switch_that_always_loses_gets_zero, a_rate_that_the_sender_cannot_keep_does_not_pass,
              one_bad_trial_of_two_is_forgiven, two_bad_trials_are_not,
              the_result_is_confirmed_by_a_longer_trial, an_unconfirmed_rate_is_not_reported,
              a_loss_in_one_slice_is_a_loss, most_slices_keep_the_rate_and_those_with_a_pause_say_nothing)
