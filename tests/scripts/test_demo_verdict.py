#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The verdict of scripts/demo.py: what it must call wrong, and what it must not."""
import contextlib
import copy
import io
import os
import sys
from types import SimpleNamespace

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'scripts'))
sys.dont_write_bytecode = True
import demo  # noqa: E402  (after the path is set)

SIZE = 60


def reading(packets):
    guest = {'ipackets': packets, 'opackets': packets, 'obytes': packets * SIZE,
             'ierrors': 0, 'oerrors': 0, 'imissed': 0}
    port = {'rx_packets': packets, 'rx_bytes': 0, 'tx_packets': packets, 'tx_bytes': 0,
            'drops': {'no_descriptor': 0}}
    return SimpleNamespace(guest=[dict(guest), dict(guest)],
                           port=[copy.deepcopy(port), copy.deepcopy(port)])


def judge(change):
    args = demo.arguments(['--build', 'b', '--dir', 'd', '--cpus', '0,1', '--seconds', '1',
                           '--size', str(SIZE), '--queues', '1'])
    run = demo.Demo(args)
    run.seconds = 2.0
    run.first, run.last = reading(1000), reading(3000)
    change(run.last)
    return run.result()


def stalls():
    """Seconds of silence after both ports paused and one of them went on."""
    run = demo.Demo(demo.arguments(['--build', 'b', '--dir', 'd', '--cpus', '0,1', '--seconds', '1',
                                    '--size', str(SIZE), '--queues', '1']))
    readings = [reading(0), reading(5), reading(5), reading(5)]
    readings[3].port[0]['rx_packets'] = 9
    with contextlib.redirect_stdout(io.StringIO()):
        for at, r in enumerate(readings):
            r.time = float(at)
        for before, now in zip(readings, readings[1:]):
            run.show(now, before, now.time)
    return run.silent


def lost_without_a_name(last):
    last.guest[1]['ipackets'] -= 1


def lost_under_a_name(last):
    last.guest[1]['ipackets'] -= 7
    last.port[1]['drops']['no_descriptor'] += 7


def lost_in_the_driver(last):
    last.guest[1]['ipackets'] -= 2
    last.guest[1]['ierrors'] += 2


def counted_twice(last):
    last.port[1]['drops']['no_descriptor'] += 1


def duplicated(last):
    last.guest[0]['ipackets'] += 1


def silent(last):
    for g in last.guest:
        g.update(ipackets=1000, opackets=1000, obytes=1000 * SIZE)


def one_way(last):
    last.guest[1]['ipackets'] = last.guest[0]['opackets'] = 1000
    last.guest[0]['obytes'] = 1000 * SIZE


def other_size(last):
    last.guest[0]['obytes'] += 4 * 2000


# name, change of the last reading, words in what is wrong (None: nothing is), lost, drops
CASES = (
    ('everything received is good', lambda last: None, None, 0, {}),
    ('an unexplained loss is wrong', lost_without_a_name, '1 packets are lost', 1, {}),
    ('a named drop is no fault', lost_under_a_name, None, 7, {'no_descriptor': 7}),
    ("the driver's errors are a name", lost_in_the_driver, None, 2, {'driver_ierrors': 2}),
    ('a drop that lost nothing is wrong', counted_twice, '0 packets are lost', 0,
     {'no_descriptor': 1}),
    ('more than was sent is wrong', duplicated, 'more than sent', -1, {}),
    ('no traffic is wrong', silent, 'no traffic', 0, {}),
    ('one way only is wrong', one_way, 'no traffic from left', 0, {}),
    ('packets of another size are wrong', other_size, 'bytes in', 0, {}),
)


def main():
    print(f'1..{len(CASES) + 2}')
    bad = 0
    for nr, (what, change, words, lost, drops) in enumerate(CASES, 1):
        out, wrong = judge(change)
        good = (any(words in w for w in wrong) if words else not wrong)
        good = good and out['lost'] == lost and out['drops'] == drops
        bad += not good
        print(f'{"ok" if good else "not ok"} {nr} - {what}')
        if not good:
            print(f'# expected {words}, lost {lost}, {drops}: got {wrong}, {out}')
    nr = len(CASES) + 1
    out, _ = judge(lambda last: None)
    good = out['forwarded'] == 4000 and out['mpps'] == 0.002
    print(f'{"ok" if good else "not ok"} {nr} - forwarded and rate are those of the run')
    bad += not good
    good = stalls() == [0.0, 2.0]
    print(f'{"ok" if good else "not ok"} {nr + 1} - a port that falls silent is noticed, a pause is not')
    return bad or not good


if __name__ == '__main__':
    sys.exit(1 if main() else 0)
