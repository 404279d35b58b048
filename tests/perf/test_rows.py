#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ratios, medians and verdicts of perf/rows.py and perf/two_report.py; the tables and the JSON they make."""
import json

import cases  # sets the path for the rest
import report
import rows
import two_report
from twocore import COUNTED, OURS, OVS, PMD_PACKED, PMD_SPLIT, PMD_VECTOR


def equal(got, wanted):
    assert got == wanted, f'{got}, not {wanted}'


def median_is_of_the_ratios_not_of_the_sides():
    r = rows.row('a', 60, 'x', [(1, 10), (20, 1), (30, 20)])
    equal((r['ours'], r['peer'], r['ratio'], r['low'], r['high'], r['rounds']), (20, 10, 1.5, 0.1, 20, 3))


def rounds_without_one_side_do_not_count():
    r = rows.row('a', 60, 'x', [(None, 10), (10, None), (10, 0), (30, 10)])
    equal((r['rounds'], r['ratio']), (1, 3))


def a_row_without_rounds_is_not_measured_and_not_reached():
    r = rows.row('a', 60, 'x', [(None, 1)], 0.5)
    equal((r['verdict'], 'ratio' in r), ('not measured', False))
    assert 'not measured' in rows.text([r])


def verdicts_know_which_way_is_better():
    for ratio, sense, verdict in ((0.3, '<=', 'reached'), (0.31, '<=', 'not reached'),
                                  (2.5, '>=', 'reached'), (2.49, '>=', 'not reached')):
        target = 0.3 if sense == '<=' else 2.5
        equal(rows.row('a', 60, 'x', [(ratio, 1)], target, sense)['verdict'], verdict)
    equal(rows.row('a', 60, 'x', [(9, 1)])['verdict'], '')


def result(pps, cycles=None):
    r = {'pps': pps, 'bytes_per_s': 60 * pps}
    if cycles is not None:
        r['switch_cycles'] = cycles
    return {'60': r}


def one_round(ours, split, vector, packed):
    return {OURS: result(ours), PMD_SPLIT: result(split, 200), PMD_VECTOR: result(vector, 100),
            PMD_PACKED: result(packed, 50), COUNTED: result(1, 40)}


def find(found, what):
    return next(r for r in found if r['what'] == what)


def the_best_peer_of_a_round_counts():
    data = {'small': [one_round(30e6, 10e6, 12e6, 15e6), one_round(36e6, 18e6, 9e6, 12e6)]}
    found = list(two_report.rate_rows(data))
    split = find(found, 'guest to guest against testpmd io, split')
    equal((split['low'], split['high'], split['verdict']), (2.0, 2.5, 'not reached'))
    equal(find(found, 'guest to guest against testpmd io, packed')['ratio'], 2.5)
    # Of cycles the least is the best: the packed pair is no split one.
    equal(find(found, 'switch core against testpmd io, split')['ratio'], 0.4)


def a_peer_that_is_missing_is_not_measured():
    data = {'small': [one_round(30e6, 10e6, 12e6, 15e6)]}
    row = find(two_report.rate_rows(data), 'guest to guest against OVS-DPDK')
    equal(row['verdict'], 'not measured')
    data['small'][0][OVS] = result(10e6)
    row = find(two_report.rate_rows(data), 'guest to guest against OVS-DPDK')
    equal((row['ratio'], row['verdict']), (3, 'not reached'))


def a_disturbed_result_does_not_count():
    rounds = [one_round(30e6, 10e6, 10e6, 10e6), one_round(90e6, 10e6, 10e6, 10e6)]
    rounds[0][OURS]['60']['waited'] = 0.01
    rounds[1][OURS]['60']['waited'] = 0.06
    data = {'small': rounds}
    row = find(two_report.rate_rows(data), 'guest to guest against testpmd io, packed')
    equal((row['rounds'], row['ratio']), (1, 3))
    equal(two_report.count(data), (2, 1))
    assert '1 of 2 measurements' in two_report.tables({'rates': data})[0]


def a_difference_is_one():
    r = rows.row('a', 60, 'cycles', [(130, 120), (115, 120), (131, 120)], 10, '<=', 'difference')
    equal((r['ratio'], r['low'], r['high'], r['verdict']), (10, -5, 11, 'reached'))
    assert '+10.0' in rows.text([r])


def latency(us):
    times = {'latency_ns': {'p50': 1000 * us, 'p99': 2000 * us, 'p99.9': 4000 * us}}
    return {'60': {'one': times, '10': times, '80': times, 'same': times, 'maximum': 1e6}}


def latencies_are_held_against_the_faster_peer():
    found = list(two_report.latency_rows([{OURS: latency(2), PMD_SPLIT: latency(4), PMD_PACKED: latency(1)}]))
    equal((found[0]['ours'], found[0]['peer'], found[0]['verdict']), (2, 1, 'not reached'))
    equal(found[0]['load'], '60')
    same = [r for r in found if r['load'] == '60' and "testpmd's load" in r['what']]
    equal([(r['ours'], r['peer'], r['unit']) for r in same], [(2, 1, 'us'), (8, 4, 'us')])
    equal(found[-1]['verdict'], 'not measured')


def floor_run(name, cycles, quiet=3):
    return {'figures': {name: {'min': cycles, 'median': cycles, 'quiet': quiet}}}


def the_floor_across_cores_is_the_best_one_of_its_kind():
    rates = {'small': [{COUNTED: result(1, 60)}]}
    floors = [floor_run('combined_cross_untouched_busy_60', 30),
              floor_run('combined_cross_untouched_prefetch_busy_60', 20),
              floor_run('combined_cross_untouched_busy_60', 5, quiet=0),
              floor_run('combined_cross_touched_busy_60', 1), floor_run('combined_cross_untouched_60', 1)]
    found = list(two_report.floor_rows(rates, floors))
    equal([(r['load'], r['ratio']) for r in found if 'ratio' in r], [('60', 3)])


def a_run_on_two_cores_alone_has_its_table_and_is_json():
    machine = {'cpu': 'c', 'cpus': 2, 'kernel': 'k', 'dpdk': 'd', 'hugepages_2M': '1', 'commit': 'x',
               'flags': [], 'missing_flags': []}
    data = {'machine': machine, 'widths': {}, 'skipped': {'rates: OVS': 'not installed'},
            'rates': {'small': [one_round(30e6, 10e6, 12e6, 15e6)]}}
    text = report.render(data)
    for word in ('guest to guest against testpmd io, packed', '2.00', 'not installed', OURS, '30.000'):
        assert word in text, f'{word} in:\n{text}'
    again = json.loads(json.dumps(data))
    equal(find(again['rows']['512'], 'guest to guest against testpmd io, split')['ratio'], 2.5)
    equal(report.render(again), text)


def every_target_has_a_row_and_what_is_missing_says_why():
    machine = {'cpu': 'c', 'cpus': 2, 'kernel': 'k', 'dpdk': 'd', 'hugepages_2M': '1', 'commit': 'x',
               'flags': [], 'missing_flags': []}
    data = {'machine': machine, 'widths': {}, 'parts': ['rates'], 'skipped': {},
            'rates': {'small': [one_round(30e6, 10e6, 12e6, 15e6)]}}
    text = report.render(data)
    found = [r for r in data['rows']['512'] if r['target'] is not None]
    for what, verdict in (('driver tx + rx against the best split, on net_vhost', 'needs --part cycles'),
                          ('zero-loss rate (RFC 2544) against the maximum', 'needs --part latency'),
                          ('64 ports of which two are busy against 2', 'needs --part scaling'),
                          ('guest to guest, 64 KiB, against the best testpmd io', 'not in this run'),
                          ('one-copy forward against the floor, across cores', 'needs --part cycles'),
                          ('guest to guest against OVS-DPDK', 'not measured'),
                          ('guest to guest against testpmd io, packed', 'reached')):
        equal(find(found, what)['verdict'], verdict)
    assert f'{len(found)} targets: 2 reached, 0 not reached, {len(found) - 2} not measured' in text, text
    assert len(found) >= 25, len(found)


def run_of_checks(switch, unchecked, quiet=3):
    def figure(value):
        return {'min': value, 'median': value, 'quiet': quiet}
    cycles = {'drv.tx': figure(9), 'switch': figure(switch), 'drv.rx': figure(5), 'drv.tx unchecked': figure(8),
              'switch unchecked': figure(unchecked), 'drv.rx unchecked': figure(5), 'drv.tx again': figure(10),
              'switch again': figure(switch + 2), 'drv.rx again': figure(5)}
    return {report.CHECKS: {'60': {'probe': 1, 'cycles_per_packet': cycles}}}


def checks_are_held_against_the_same_legs_without():
    width = {'rounds': [run_of_checks(24, 22), run_of_checks(24, 20), run_of_checks(99, 1, quiet=0), {}]}
    switch, driver, both = report.check_rows(width, 1.2)
    equal((switch['ratio'], switch['low'], switch['high'], switch['rounds'], switch['verdict']),
          (4, 3, 5, 2, 'not reached'))
    equal((driver['ratio'], both['ratio']), (1.5, 5.5))


def searches_for_zero_loss_make_one_row_for_each_load():
    found = list(two_report.zero_loss_rows([{'60': {'rate': 9e6, 'maximum': 10e6}}, {'60': {'rate': 8e6, 'maximum': 8e6}}]))
    equal([(r['load'], r['rounds'], r['verdict']) for r in found], [('60', 2, 'reached'), ('1500', 0, 'not measured')])
    equal(found[0]['ratio'], 0.95)


if __name__ == '__main__':
    cases.run(median_is_of_the_ratios_not_of_the_sides, rounds_without_one_side_do_not_count,
              a_row_without_rounds_is_not_measured_and_not_reached, verdicts_know_which_way_is_better,
              the_best_peer_of_a_round_counts, a_peer_that_is_missing_is_not_measured,
              a_disturbed_result_does_not_count, a_difference_is_one,
              latencies_are_held_against_the_faster_peer, the_floor_across_cores_is_the_best_one_of_its_kind,
              a_run_on_two_cores_alone_has_its_table_and_is_json,
              every_target_has_a_row_and_what_is_missing_says_why, checks_are_held_against_the_same_legs_without,
              searches_for_zero_loss_make_one_row_for_each_load)
