"""Draws how something grows: a line for each series, written as SVG without a library."""

import math

COLOURS = {"bitacora": "#0b5fa5", "mosquitto": "#b5541c", "nats": "#3c8c3c"}
OTHERS = ["#0b5fa5", "#b5541c", "#3c8c3c", "#7a3b9a"]


def svg(quantity, series, title, unit=""):
    """A line for each series of (value, measured) points over a logarithmic axis, as an SVG document."""
    width, height, left, top, right, bottom = 820, 420, 80, 50, 210, 60
    values = sorted({value for points in series.values() for value, _ in points})
    low, high = math.log(values[0]), math.log(max(values[-1], values[0] * 1.01))
    peak = max(rate for points in series.values() for _, rate in points) * 1.1
    x = lambda value: left + (math.log(value) - low) / (high - low) * (width - left - right)
    y = lambda rate: height - bottom - rate / peak * (height - top - bottom)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
             f'font-size="12"><rect width="100%" height="100%" fill="white"/><text x="{left}" y="24" font-size="15">{title}</text>']
    for step in range(6):
        rate = peak * step / 5
        label = f"{rate:.3f} {unit}" if unit == "s" else f"{rate:,.0f}"
        parts.append(f'<line x1="{left}" x2="{width - right}" y1="{y(rate):.1f}" y2="{y(rate):.1f}" stroke="#ddd"/>'
                     f'<text x="{left - 8}" y="{y(rate) + 4:.1f}" text-anchor="end">{label}</text>')
    labelled = -math.inf
    for value in values:
        if x(value) - labelled < 46:  # no room for its number
            continue
        labelled = x(value)
        parts.append(f'<text x="{x(value):.1f}" y="{height - bottom + 18}" text-anchor="middle">{value:,.0f}</text>')
    parts.append(f'<text x="{(left + width - right) / 2}" y="{height - 14}" text-anchor="middle">{quantity}</text>')
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS.get(name, OTHERS[number % len(OTHERS)])
        path = " ".join(f"{x(value):.1f},{y(rate):.1f}" for value, rate in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(value):.1f}" cy="{y(rate):.1f}" r="3" fill="{colour}"><title>{name}: {rate:,.4g} at {value:,.0f}'
                  f'</title></circle>' for value, rate in points]
        parts.append(f'<text x="{width - right + 12}" y="{top + 20 * number + 10}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])
