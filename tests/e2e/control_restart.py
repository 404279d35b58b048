#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A switch that is killed or ended and started again has the control state that its guest wants, whatever it was.

E2E_RESTARTS=N: how often; E2E_SEED=N: another seed.
"""

import os

import control_model
import harness

SEED = int(os.environ.get("E2E_SEED", 1))
RESTARTS = int(os.environ.get("E2E_RESTARTS", 1000 if harness.FULL else 20))


def restarts(case):
    told = control_model.Told(case, SEED)
    longest = total = 0
    for n in range(RESTARTS):
        for _ in range(told.rng.randrange(5, 20)):
            told.random_call()
        told.switch_ends(kill=told.rng.random() < 0.8)
        # A guest does not stop wanting things while nobody is there.
        for _ in range(told.rng.randrange(3)):
            told.random_call()
        seconds = told.switch_starts()
        total, longest = total + seconds, max(longest, seconds)
        told.both_agree()
        if n % 10 == 9:
            told.traffic_agrees()
    told.steer.end()
    print(f"# {RESTARTS} restarts, {total / RESTARTS * 1000:.0f} ms each until links were up, "
          f"at most {longest * 1000:.0f} ms")


if __name__ == "__main__":
    harness.run(("each restart of the switch restores what the guest wants", restarts))
