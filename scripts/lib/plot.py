# SPDX-License-Identifier: Apache-2.0
"""Figures as SVG, for the reports in docs/: lines over a number of things, lines over parts of a whole, and bars."""
import math
import pathlib

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 380, 70, 150, 40, 50
BAR, NAME_WIDTH = 22, 240


def between_marks(path, text, name="figures"):
    """Puts the text between the two marks of a Markdown file."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    path = pathlib.Path(path)
    head, rest = path.read_text().split(begin)
    path.write_text(head + begin + text + "\n" + end + rest.split(end)[1])


def head(title, height=HEIGHT):
    return [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
            f'font-size="12"><rect width="{WIDTH}" height="{height}" fill="white"/>',
            f'<text x="{LEFT}" y="22" font-size="15">{title}</text>']


def steps(top):
    """Round numbers from 0 to at least top, at most nine."""
    top = max(top, 1e-9) * 1.1
    step = 10 ** math.floor(math.log10(top))
    step *= next(f for f in (0.2, 0.5, 1, 2) if top / (step * f) <= 8)
    return [i * step for i in range(math.ceil(top / step) + 1)]


class Plot:
    """Lines. x is logarithmic to the base 2, or linear with `x_log=False`; y from zero (to `top`), or logarithmic."""

    def __init__(self, title, unit, log=False, x_title="nodes", x_log=True, top=None):
        self.title, self.unit, self.log, self.x_title, self.x_log, self.top = title, unit, log, x_title, x_log, top
        self.series = []

    def line(self, name, colour, points, dashed=False):
        self.series.append((name, colour, sorted(points), dashed))

    def _y(self, value, low, high):
        if self.log:
            value, low, high = math.log10(max(value, 10 ** low)), low, high
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low))

    def _ticks(self):
        values = [y for _, _, points, _ in self.series for _, y in points]
        if self.log:
            low = math.floor(math.log10(min(v for v in values if v > 0)))
            high = max(math.ceil(math.log10(max(values))), low + 1)
            return low, high, [10 ** e for e in range(low, high + 1)]
        ticks = steps(max(values)) if self.top is None else [i * self.top / 5 for i in range(6)]
        return 0, ticks[-1], ticks

    def _across(self, xs):
        scale = math.log2 if self.x_log else float
        first, last = scale(min(xs)), scale(max(xs))
        return lambda x: LEFT + (WIDTH - LEFT - RIGHT) * (scale(x) - first) / max(last - first, 1e-9)

    def _x_ticks(self, xs):
        if not self.x_log:
            step = steps(max(xs) - min(xs))[1]
            return [i * step for i in range(math.ceil(min(xs) / step), math.floor(max(xs) / step) + 1)]
        exponents = range(math.ceil(math.log2(min(xs))), math.floor(math.log2(max(xs))) + 1)
        return [2 ** e for e in exponents if len(exponents) <= 8 or e % 2 == 0]

    def svg(self):
        xs = [x for _, _, points, _ in self.series for x, _ in points]
        low, high, ticks = self._ticks()
        across = self._across(xs)
        out = head(self.title)
        for tick in ticks:
            y = self._y(tick, low, high)
            out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d8dee4"/>'
                       f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
        for x in self._x_ticks(xs):
            out.append(f'<text x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:g}</text>')
        out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{self.x_title}</text>'
                   f'<text x="14" y="{HEIGHT / 2}" transform="rotate(-90 14 {HEIGHT / 2})" text-anchor="middle">{self.unit}</text>')
        for i, (name, colour, points, dashed) in enumerate(self.series):
            path = " ".join(f"{across(x):.1f},{self._y(y, low, high):.1f}" for x, y in points)
            dash = ' stroke-dasharray="5 4"' if dashed else ""
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
            if not dashed and len(points) <= 32:
                out += [f'<circle cx="{across(x):.1f}" cy="{self._y(y, low, high):.1f}" r="3" fill="{colour}"/>'
                        for x, y in points]
            y = TOP + 18 * i
            out.append(f'<path d="M{WIDTH - RIGHT + 10} {y}h18" stroke="{colour}" stroke-width="2"{dash}/>'
                       f'<text x="{WIDTH - RIGHT + 34}" y="{y + 4}">{name}</text>')
        return "\n".join([*out, "</svg>\n"])


def bars(title, rows, colour):
    """rows: name, value, least, most, text behind the bar."""
    height = TOP + BAR * len(rows) + 12
    longest = max(most for _, _, _, most, _ in rows)
    across = lambda value: NAME_WIDTH + (WIDTH - NAME_WIDTH - 110) * value / longest
    out = head(title, height)
    for i, (name, value, least, most, text) in enumerate(rows):
        y = TOP + BAR * i
        middle = y + BAR / 2 - 2
        out.append(f'<text x="{NAME_WIDTH - 8}" y="{y + 14}" text-anchor="end">{name}</text>'
                   f'<rect x="{NAME_WIDTH}" y="{y}" width="{across(value) - NAME_WIDTH:.1f}" height="{BAR - 5}" fill="{colour}"/>'
                   f'<path d="M{across(least):.1f} {middle}H{across(most):.1f}" stroke="#24292f"/>'
                   f'<text x="{across(most) + 8:.1f}" y="{y + 14}">{text}</text>')
    return "\n".join([*out, "</svg>\n"])
