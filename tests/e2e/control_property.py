#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Random calls of ethdev: after each, driver and switch are in the state that the calls add up to.

E2E_SEED=N begins with another seed; a failure names its seed and the calls that led there.
"""

import os

import control_model
import harness

SEED = int(os.environ.get("E2E_SEED", 1))
SEQUENCES = 50 if harness.FULL else 4
CALLS = 60


def sequences(case):
    for seed in range(SEED, SEED + SEQUENCES):
        told = control_model.Told(case, seed)
        told.both_agree()
        for n in range(CALLS):
            told.random_call()
            told.both_agree()
            if n % 20 == 19:
                told.traffic_agrees()
        told.switch_ends(kill=False)
        told.steer.end()
    print(f"# {SEQUENCES} sequences of {CALLS} calls, from seed {SEED} on")


if __name__ == "__main__":
    harness.run(("driver, switch and traffic agree with the calls made", sequences))
