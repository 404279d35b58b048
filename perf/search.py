# SPDX-License-Identifier: BSD-3-Clause
"""Zero-loss rate after RFC 2544, 26.1: the highest rate at which a trial loses nothing.

The trial is a function, so the logic is tested without a machine. It says of a rate
  "good"   nothing was lost,
  "lost"   frames were lost,
  "slow"   the sender could not keep the rate up, so the switch (or the sender) is at its end.
A host that takes the processor away for a moment is no property of the switch. So a trial is many
slices of 2 ms, and those in which the guests or the switch stood still say nothing. A trial that is
not good is repeated once. What the search ends at is confirmed by a longer trial; where that
fails, the next lower step is tried.
"""

GOOD, LOST, SLOW = "good", "lost", "slow"
RETRIES = 1
SLICES = 10  # at least, or the trial says nothing
RESOLUTION = 0.01
CONFIRM_STEP = 0.98
CONFIRM_TRIES = 8


def judge(result):
    """What a trial of perf/guest says: a loss in one slice is a loss; most have to keep the rate."""
    if result["lost"] > 0:
        return LOST
    return GOOD if result["good"] >= max(SLICES, 2 * result["slow"]) else SLOW


def passes(trial, rate, seconds, log):
    """Whether one of the tries at this rate is good."""
    for _ in range(1 + RETRIES):
        verdict = trial(rate, seconds)
        log.append({"pps": rate, "seconds": seconds, "verdict": verdict})
        if verdict == GOOD:
            return True
    return False


def search(trial, maximum, seconds=1.0, confirm_seconds=5.0, resolution=RESOLUTION):
    """The zero-loss rate and all trials.

    @param trial    function of (rate, seconds) that returns a verdict
    @param maximum  rate to begin at, frames per second: what a window lets through
    @return (rate, trials); rate 0 when nothing passes at all
    """
    log = []
    low, high = 0.0, maximum
    if passes(trial, maximum, seconds, log):
        low = maximum
    while high - low > resolution * maximum:
        middle = (low + high) / 2
        if passes(trial, middle, seconds, log):
            low = middle
        else:
            high = middle
    rate = low
    for _ in range(CONFIRM_TRIES):
        if rate <= 0 or passes(trial, rate, confirm_seconds, log):
            return rate, log
        rate *= CONFIRM_STEP
    return 0.0, log
