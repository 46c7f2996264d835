"""A bar chart of ratios to the host, as SVG: one group of bars a row, on a logarithmic scale."""
import math
from xml.sax.saxutils import escape

COLORS = ["#8a8f98", "#c77b30", "#2f7d6d", "#5b6ec4"]
LABEL, WIDTH, BAR, GAP, TOP = 200, 560, 9, 8, 48
LOW, HIGH = 0.25, 256.0


def position(ratio):
    ratio = min(max(ratio, LOW), HIGH)
    return LABEL + WIDTH * math.log(ratio / LOW) / math.log(HIGH / LOW)


def text(x, y, words, anchor="start", size=11):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="{size}" fill="#222" '
            f'text-anchor="{anchor}">{escape(words)}</text>')


def write(path, results, rows):
    who = [name for name in results if name != "host"]
    rows = [row for row in rows if results["host"].get(row)]
    step = max(len(who), 1) * BAR + GAP
    height = TOP + len(rows) * step + 30
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + WIDTH + 70}" height="{height}">',
           f'<rect width="100%" height="{height}" fill="#fff"/>',
           text(10, 18, "time, as a multiple of the host's (logarithmic; shorter is better)", size=13)]
    for i, name in enumerate(who):
        x = LABEL + i * 130
        out += [f'<rect x="{x}" y="26" width="10" height="10" fill="{COLORS[i % len(COLORS)]}"/>',
                text(x + 15, 35, name)]
    ratio = LOW
    while ratio <= HIGH:
        x = position(ratio)
        out += [f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{height - 24}" '
                f'stroke="{"#444" if ratio == 1 else "#ddd"}"/>', text(x, height - 10, f"{ratio:g}", "middle", 10)]
        ratio *= 4
    for r, row in enumerate(rows):
        y = TOP + r * step
        out.append(text(LABEL - 8, y + step / 2, row, "end"))
        for i, name in enumerate(who):
            value = results[name].get(row)
            if value is None:
                continue
            ratio = value / results["host"][row]
            x0, x1 = sorted((position(1), position(ratio)))
            out += [f'<rect x="{x0:.1f}" y="{y + i * BAR}" width="{max(x1 - x0, 1):.1f}" height="{BAR - 1}" '
                    f'fill="{COLORS[i % len(COLORS)]}"/>', text(x1 + 3, y + i * BAR + 8, f"{ratio:.2f}", size=8)]
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")
