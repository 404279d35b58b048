#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Plots of perf/plot.py: well-formed, every series in the legend, points where their values are."""
import re
import xml.etree.ElementTree

import cases  # sets the path for the rest
import plot
from twocore import COUNTED


def rate(gbits):
    return {'bytes_per_s': gbits * 1e9 / 8}


def figures():
    def quick(value):
        return {'min': value, 'median': value, 'quiet': 9}
    cycles = {'60': {'probe': 1, 'cycles_per_packet': {'drv.tx': quick(30), 'switch': quick(60), 'total': quick(90)}}}
    curve = [[0.5, 1000], [0.9, 10000], [0.99, 100000]]
    return {
        'widths': {'512': {'rounds': [{'one & <two>': cycles}]}},
        'rates': {'small': [{'a': {'60': rate(1)}, 'b': {'60': rate(4), '1500': rate(2)}},
                            {'a': {'60': rate(3)}, 'b': {}, COUNTED: {'60': rate(9)}}]},
        'latency': [{'a': {'60': {'one': {'latency_ns': {'curve': curve}}}}}],
    }


def texts(svg):
    return [t.text for t in xml.etree.ElementTree.fromstring(svg).iter('{http://www.w3.org/2000/svg}text')]


def circles(svg):
    return [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)]


def rates_name_axes_and_series():
    said = texts(plot.rates(figures()))
    for word in ('a', 'b', '60', '1500', 'frame, bytes (imix: 358 at the mean)',
                 'Gbit/s of frames, both directions'):
        assert word in said, f'{word} in {said}'
    assert COUNTED not in said, said
    assert len(said) == len(set(said)), said


def a_higher_rate_is_drawn_higher_by_its_logarithm():
    at = circles(plot.rates(figures()))     # a 2 Gbit/s (median of 1 and 3), b 4 and 2
    assert at[0][0] == at[1][0] < at[2][0], at
    assert at[1][1] < at[0][1] and abs(at[0][1] - at[2][1]) < 0.2, at
    # The range is 1 to 5.
    height = plot.HEIGHT - plot.BOTTOM - plot.TOP
    assert abs((at[0][1] - at[1][1]) / height - 0.4307) < 0.002, at


def stages_are_as_wide_as_their_cycles():
    svg = plot.stages(figures(), 60)
    widths = [float(w) for w in re.findall(r'width="([\d.]+)" height="24"', svg)]
    assert len(widths) == 2 and abs(widths[1] / widths[0] - 2) < 0.01, widths
    assert '90' in texts(svg) and 'one & <two>' in texts(svg), texts(svg)


def each_nine_of_a_latency_is_as_high_as_the_one_before():
    svg = plot.latency(figures(), '60', 'one')
    points = re.search(r'points="([^"]+)"', svg).group(1).split()
    y = [float(p.split(',')[1]) for p in points]
    assert abs((y[1] - y[2]) - (plot.HEIGHT - plot.BOTTOM - plot.TOP) / 4) < 0.2, y


def nothing_measured_is_no_plot():
    empty = {'widths': {}, 'rates': {}, 'latency': []}
    assert plot.rates(empty) is None and plot.stages(empty, 60) is None and plot.latency(empty, '60', '80') is None


if __name__ == '__main__':
    cases.run(rates_name_axes_and_series, a_higher_rate_is_drawn_higher_by_its_logarithm,
              stages_are_as_wide_as_their_cycles, each_nine_of_a_latency_is_as_high_as_the_one_before,
              nothing_measured_is_no_plot)
