#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Count single test cases from meson's test log.

    tap_summary.py SUITE TESTLOG.json    one line per program, what failed in full, and at the end
                                         "@count PASSED FAILED SKIPPED" for the caller

A program is more than its cases: one that crashes, times out, exits with an error though no case
failed, prints no plan, or prints another number of cases than planned is one failed case more.
"""
import json
import re
import sys

CASE = re.compile(r'^(not )?ok\b\s*(\d+)?\s*-?\s*(.*?)\s*(?:#\s*(skip\S*|todo)\b\s*(.*))?$', re.I)
PLAN = re.compile(r'^1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?$', re.I)
TAIL = 80


class Program:
    def __init__(self, record):
        self.name = record['name'].split(' / ')[-1]
        self.record = record
        self.passed = 0
        self.failed = []        # what went wrong, one entry per case
        self.skipped = []       # (case, reason)
        self.read_tap()
        self.judge()

    def read_tap(self):
        self.plan = None
        for line in (self.record.get('stdout') or '').splitlines():
            if line.startswith('Bail out!'):
                self.failed.append(line)
                continue
            plan = PLAN.match(line)
            if plan:
                # cmocka prints one plan per group: they add up.
                self.plan = (self.plan or 0) + int(plan.group(1))
                if plan.group(1) == '0':
                    self.skipped.append((self.name, plan.group(2) or 'no reason given'))
                continue
            case = CASE.match(line)
            if case:
                self.count(*case.groups())

    def count(self, bad, number, text, directive, why):
        directive = (directive or '').lower()
        if directive.startswith('skip') and not text:
            # cmocka: "not ok 3 # SKIP name"; its skip() takes no reason.
            text, why = why, 'skip() in the test says why'
        text = text or f'case {number or "?"}'
        if directive.startswith('skip'):
            self.skipped.append((text, why or 'no reason given'))
        elif bad:
            self.failed.append(text)
        else:
            self.passed += 1

    def judge(self):
        seen = self.passed + len(self.failed) + len(self.skipped)
        result = self.record.get('result', '')
        rc = self.record.get('returncode')
        if result == 'TIMEOUT':
            self.failed.append('timed out')
        elif result == 'INTERRUPT':
            self.failed.append('interrupted')
        elif isinstance(rc, int) and rc < 0:
            self.failed.append(f'killed by signal {-rc}')
        elif self.plan is None:
            self.failed.append(f'printed no plan (exit status {rc})')
        elif self.plan != seen and self.plan != 0:
            self.failed.append(f'planned {self.plan} cases and ran {seen} (exit status {rc})')
        elif rc and not self.failed:
            self.failed.append(f'exit status {rc} though no case failed')
        elif result not in ('OK', 'SKIP') and not self.failed and (rc or not self.skipped):
            # With cmocka's form of a skip meson says FAIL; the cases above are the truth.
            self.failed.append(f'meson says {result} (exit status {rc})')

    def show(self, suite):
        head = f'{suite}/{self.name}: {self.passed} passed'
        head += f', {len(self.failed)} failed' if self.failed else ''
        head += f', {len(self.skipped)} skipped' if self.skipped else ''
        print(f'{head} ({self.record.get("duration", 0):.1f} s)')
        for case, why in self.skipped:
            print(f'    skipped: {case}: {why}')
        for case in self.failed:
            print(f'    FAILED: {case}')
        if self.failed:
            for stream in ('stdout', 'stderr'):
                lines = [line for line in (self.record.get(stream) or '').splitlines()
                         if not re.match(r'ok\b', line)]
                if len(lines) > TAIL:
                    print(f'    | ... {len(lines) - TAIL} lines of {stream} before these')
                for line in lines[-TAIL:]:
                    print('    | ' + line)


def main():
    suite, log = sys.argv[1:]
    programs = []
    with open(log, encoding='utf-8', errors='replace') as f:
        for line in f:
            if line.strip():
                programs.append(Program(json.loads(line)))
    for p in programs:
        p.show(suite)
    print('@count', sum(p.passed for p in programs), sum(len(p.failed) for p in programs),
          sum(len(p.skipped) for p in programs))


if __name__ == '__main__':
    main()
