#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Run one libFuzzer target for a while and say as TAP what came out.

    fuzz.py TARGET CORPUS FOUND                    30 s by the clock, as suite fuzz does
    fuzz.py TARGET CORPUS FOUND --cpu-seconds 3600  one hour of CPU time, however busy the machine is

CORPUS is read, FOUND receives inputs that reach something new, and what crashed (crash-*, leak-*,
timeout-*). A slice that ends is followed by another, with another seed, until the time is used up.
"""
import argparse
import os
import re
import resource
import subprocess
import sys
import time

# As one input must not hold up the rest for long, even on a busy machine under a sanitizer.
TIMEOUT_S = 30


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Run:
    def __init__(self, args):
        self.args = args
        self.start = time.monotonic()
        self.executions = 0
        self.edges = 0
        self.nb = 0
        self.log = None

    def seconds_left(self):
        if self.args.cpu_seconds:
            return self.args.cpu_seconds - cpu_seconds()
        return self.args.seconds - (time.monotonic() - self.start)

    def slice(self, seconds):
        """One run of the fuzzer; True if it found nothing."""
        os.makedirs(self.args.found, exist_ok=True)
        self.nb += 1
        command = [self.args.target, f'-max_total_time={seconds}', f'-max_len={self.args.max_len}',
                   f'-timeout={TIMEOUT_S}', '-print_final_stats=1', f'-use_value_profile={self.nb % 2}',
                   f'-artifact_prefix={self.args.found}/', self.args.found, self.args.corpus]
        self.log = self.args.found.rstrip('/') + '.log'
        with open(self.log, 'w', encoding='utf-8') as out:
            rc = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                check=False).returncode
        with open(self.log, encoding='utf-8', errors='replace') as f:
            text = f.read()
        self.executions += int((re.findall(r'number_of_executed_units:\s*(\d+)', text) or [0])[-1])
        self.edges = max([self.edges] + [int(n) for n in re.findall(r'\bcov: (\d+)', text)])
        return rc == 0

    def summary(self):
        cpu = cpu_seconds()
        return (f'{self.executions} executions in {time.monotonic() - self.start:.0f} s, '
                f'{cpu:.0f} s of CPU ({self.executions / max(cpu, 1):.0f}/s), {self.edges} edges')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[1])
    parser.add_argument('target')
    parser.add_argument('corpus')
    parser.add_argument('found')
    parser.add_argument('--seconds', type=int, default=30)
    parser.add_argument('--cpu-seconds', type=int)
    parser.add_argument('--slice', type=int, default=600, help='seconds by the clock')
    parser.add_argument('--max-len', type=int, default=600)
    args = parser.parse_args()
    run = Run(args)
    name = os.path.basename(args.target)
    good = True

    print('1..1', flush=True)
    while good and run.seconds_left() >= 1:
        good = run.slice(min(int(run.seconds_left()), args.slice))
        print(f'# {run.summary()}', flush=True)
    print(f'{"ok" if good else "not ok"} 1 - {name}: nothing found by {run.executions} executions')
    if not good:
        with open(run.log, encoding='utf-8', errors='replace') as f:
            for line in f.read().splitlines()[-60:]:
                print(f'# {line}')
        print(f'# run {args.target} with the file of {args.found} that is named above')
    # Without an execution nothing was tried.
    return 0 if good and run.executions else 1


if __name__ == '__main__':
    sys.exit(main())
