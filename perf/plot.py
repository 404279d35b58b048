# SPDX-License-Identifier: BSD-3-Clause
"""Plots of a run as SVG, written by hand: rate by frame size, cycles per stage, latency.

Each function returns the text of an SVG file, or None when there is nothing to show.
"""
import math
import os
import statistics
from xml.sax.saxutils import escape

import report
import rows
import two_report
from twocore import COUNTED

WIDTH, HEIGHT = 960, 480
LEFT, TOP, BOTTOM = 80, 50, 60
LEGEND = 330
RIGHT = WIDTH - LEGEND
# Told apart by people who see no difference between red and green, and in print.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#999999", "#000000")
BYTES = {"60": 60, "imix": 358, "1500": 1500, "9000": 9000, "tso": 65214}
STAGES = ("drv.tx", "dev.rx", "dev.tx", "switch", "drv.rx")


def svg(title, parts, height=HEIGHT):
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">\n'
            f'<title>{escape(title)}</title>\n'
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n')
    return head + label(LEFT, 28, title, size=16) + "".join(parts) + "</svg>\n"


def label(x, y, text, anchor="start", size=13, turn=None):
    more = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{more}>'
            f'{escape(text)}</text>\n')


def line(x1, y1, x2, y2, colour="#dddddd", width=1):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>\n')


class Axes:
    """Maps values to the drawing; scales are functions that rise."""

    def __init__(self, x, y, x_range, y_range):
        self.fx, self.fy = x, y
        self.x_range = [x(v) for v in x_range]
        self.y_range = [y(v) for v in y_range]

    def x(self, value):
        low, high = self.x_range
        return LEFT + (self.fx(value) - low) / (high - low) * (RIGHT - LEFT)

    def y(self, value):
        low, high = self.y_range
        return HEIGHT - BOTTOM - (self.fy(value) - low) / (high - low) * (HEIGHT - BOTTOM - TOP)

    def frame(self, x_ticks, y_ticks, x_name, y_name):
        out = []
        for value, text in x_ticks:
            out.append(line(self.x(value), TOP, self.x(value), HEIGHT - BOTTOM))
            out.append(label(self.x(value), HEIGHT - BOTTOM + 18, text, "middle"))
        for value, text in y_ticks:
            out.append(line(LEFT, self.y(value), RIGHT, self.y(value)))
            out.append(label(LEFT - 8, self.y(value) + 4, text, "end"))
        out.append(line(LEFT, TOP, LEFT, HEIGHT - BOTTOM, "#000000"))
        out.append(line(LEFT, HEIGHT - BOTTOM, RIGHT, HEIGHT - BOTTOM, "#000000"))
        out.append(label((LEFT + RIGHT) / 2, HEIGHT - 16, x_name, "middle"))
        out.append(label(20, (TOP + HEIGHT - BOTTOM) / 2, y_name, "middle", turn=-90))
        return out

    def curve(self, points, colour, marks=True):
        """points: (x, y, low, high); low and high may be None."""
        at = [(self.x(p[0]), self.y(p[1])) for p in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        out = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>\n']
        for (x, y), p in zip(at, points):
            if p[2] is not None and p[3] is not None:
                out.append(line(x, self.y(p[2]), x, self.y(p[3]), colour, 2))
            if marks:
                out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>\n')
        return out


def legend(names, colours):
    out = []
    for i, name in enumerate(names):
        y = TOP + 14 + 22 * i
        out.append(f'<rect x="{RIGHT + 16}" y="{y - 9}" width="14" height="10" '
                   f'fill="{colours[i % len(colours)]}"/>\n')
        out.append(label(RIGHT + 36, y, name, size=12))
    return out


def decades(low, high):
    """Ticks that enclose both, and the range they make: powers of ten, or 1, 2, 5 on a short way."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 3 else (1,)
    ticks = [f * 10.0 ** e for e in range(first, last + 1) for f in steps]
    below = max(t for t in ticks if t <= low)
    above = min((t for t in ticks if t >= high and t > below), default=10.0 ** (last + 1))
    return [(t, f"{t:g}") for t in dict.fromkeys(ticks + [above]) if below <= t <= above], (below, above)


def rates(data):
    """Bits by frame size, both scales logarithmic; bars from the lowest round to the highest."""
    series = {}
    for rounds in two_report.undisturbed(data.get("rates", {})).values():
        for name in dict.fromkeys(n for r in rounds for n in r if n != COUNTED):
            for load, size in BYTES.items():
                values = [r[name][load]["bytes_per_s"] * 8e-9 for r in rounds
                          if r.get(name, {}).get(load, {}).get("bytes_per_s")]
                if values:
                    middle, low, high = rows.spread(values)
                    series.setdefault(name, []).append((size, middle, low, high))
    if not series:
        return None
    every = [v for points in series.values() for p in points for v in p[2:]]
    ticks, y_range = decades(min(every), max(every))
    sizes = sorted({p[0] for points in series.values() for p in points})
    names = {v: k for k, v in BYTES.items()}
    axes = Axes(math.log10, math.log10, (sizes[0] * 0.8, sizes[-1] * 1.25), y_range)
    parts = axes.frame([(s, names[s] if names[s] != "tso" else "64 KiB") for s in sizes], ticks,
                       "frame, bytes (imix: 358 at the mean)", "Gbit/s of frames, both directions")
    for i, points in enumerate(series.values()):
        parts += axes.curve(sorted(points), COLOURS[i % len(COLOURS)])
    return svg("Guest to guest on two cores: rate by frame size",
               parts + legend(list(series), COLOURS))


def stages(data, size):
    """Cycles per packet of each stage on one core, stacked, median over the rounds."""
    width = next((w for w in data["widths"].values() if w["rounds"]), None)
    if width is None:
        return None
    limit = report.QUIET * report.best_probe(data)
    bars = []
    # Of the program that goes both ways, with checks and without, the latter would be missing.
    for name in dict.fromkeys(n for r in width["rounds"] for n in r if n != report.CHECKS):
        cycles = {}
        for stage in STAGES:
            values = [report.run_figure(r[name], size, (stage,), limit)
                      for r in width["rounds"] if name in r]
            values = [v for v in values if v is not None]
            if values:
                cycles[stage] = statistics.median(values)
        if cycles:
            bars.append((name, cycles))
    if not bars:
        return None
    return stacked(f"One core: cycles per packet and stage, {size} bytes; the device is net_vhost "
                   "where none is named", bars)


def stacked(title, bars):
    left, step = 300, 34
    height = TOP + step * len(bars) + BOTTOM
    top = max(sum(c.values()) for _, c in bars)
    unit = 10 ** math.floor(math.log10(top))
    tick = next(unit * f for f in (0.2, 0.5, 1, 2) if top / (unit * f) <= 8)
    right = WIDTH - 120
    scale = (right - left) / (tick * math.ceil(top / tick))
    parts = []
    for i in range(math.ceil(top / tick) + 1):
        x = left + i * tick * scale
        parts.append(line(x, TOP, x, height - BOTTOM))
        parts.append(label(x, height - BOTTOM + 18, f"{i * tick:g}", "middle"))
    for i, (name, cycles) in enumerate(bars):
        x, y = left, TOP + step * i + 8
        parts.append(label(left - 8, y + 17, name, "end"))
        for stage, value in cycles.items():
            colour = COLOURS[STAGES.index(stage)]
            parts.append(f'<rect x="{x:.1f}" y="{y}" width="{value * scale:.1f}" height="24" '
                         f'fill="{colour}"><title>{stage} {value:.1f}</title></rect>\n')
            x += value * scale
        parts.append(label(x + 6, y + 17, f"{sum(cycles.values()):.0f}"))
    parts.append(line(left, TOP, left, height - BOTTOM, "#000000"))
    parts.append(label((left + right) / 2, height - 16, "TSC cycles per packet", "middle"))
    for i, stage in enumerate(STAGES):
        y = TOP + 20 + 22 * i
        parts.append(f'<rect x="{right + 50}" y="{y - 10}" width="14" height="10" '
                     f'fill="{COLOURS[i]}"/>\n')
        parts.append(label(right + 70, y, stage, size=12))
    return svg(title, parts, height)


def nines(share):
    return -math.log10(1 - share)


def latency(data, load, mode):
    """Share of the frames that came within a time; the share's scale is in nines."""
    series = {}
    for r in two_report.undisturbed(data.get("latency", [])):
        for name, loads in r.items():
            curve = loads.get(load, {}).get(mode, {}).get("latency_ns", {}).get("curve")
            for share, ns in curve or []:
                series.setdefault(name, {}).setdefault(share, []).append(max(ns, 1) / 1000)
    if not series:
        return None
    curves = {n: [(statistics.median(v), share, None, None) for share, v in sorted(c.items())]
              for n, c in series.items()}
    every = [p[0] for c in curves.values() for p in c]
    ticks, x_range = decades(min(every), max(every))
    axes = Axes(math.log10, nines, x_range, (0, 0.9999))
    shares = [(0, "0"), (0.5, "50"), (0.9, "90"), (0.99, "99"), (0.999, "99.9"), (0.9999, "99.99")]
    parts = axes.frame(ticks, shares, "latency, microseconds", "frames within it, percent")
    for i, points in enumerate(curves.values()):
        parts += axes.curve(points, COLOURS[i % len(COLOURS)], marks=False)
    what = "one frame at a time" if mode == "one" else f"{mode} % of each one's maximum rate"
    return svg(f"Latency, {load} bytes, {what}", parts + legend(list(curves), COLOURS))


def write_all(data, directory):
    """Every plot that there is something for; their file names."""
    plots = {"rates.svg": rates(data)}
    for size in (60, 1500):
        plots[f"cycles-{size}.svg"] = stages(data, size)
        for mode in ("one", "10", "80"):
            plots[f"latency-{size}-{mode}.svg"] = latency(data, str(size), mode)
    written = []
    for name, text in plots.items():
        if text is not None:
            with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                file.write(text)
            written.append(name)
    return written
