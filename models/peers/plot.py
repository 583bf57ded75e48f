"""The medians as dots on a logarithmic axis, the slowest first; a picture for light readers, and one for dark ones.

python -m peers.plot REPORT.json PICTURE        # from `models`: PICTURE.svg and PICTURE-dark.svg
"""

import json
import math
import sys
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, EDGE, ROW, HEAD = 640, 16, 23, 30
# Where the axis begins and ends, and where the figures' columns end.
LEFT, RIGHT, TIME, RATIO = 200, 450, 540, WIDTH - EDGE
LIGHT = {
    **{"card": "#ffffff", "rule": "#e5e2dc", "ink": "#21242a", "faint": "#5d6470"},
    **{"one by one": "#5a5a5a", "many at once": "#4169e1", "few": "#9451a8"},
}
DARK = {
    **{"card": "#1c1f25", "rule": "#343943", "ink": "#e7e5e0", "faint": "#a3a9b4"},
    **{"one by one": "#b4b4b4", "many at once": "#8aa4f5", "few": "#c490d6"},
}
PARALLEL = ("picard", "paradigms")


def who_and_how(name: str) -> tuple[str, str]:
    """`Parapolicy on its engine, picard, DDPM-100` is Parapolicy on its engine, by picard, DDPM-100."""
    *parts, method = name.split(", ")
    if parts[0].startswith("Parapolicy"):
        return parts[0], ", ".join([*parts[1:], method])
    return ", ".join(parts), method


def steps(name: str) -> int:
    return int(name.rpartition("-")[2])


def kind(name: str, most: int) -> str:
    """What a row's colour says."""
    if steps(name) < most:
        return "few"
    return "many at once" if any(sampler in name.lower() for sampler in PARALLEL) else "one by one"


def groups(rows: list[dict]) -> list[tuple[str, list[dict]]]:
    """The rows of each contestant, the slowest first; of contestants, whose fastest row is the slowest."""

    def who(row: dict) -> str:
        return who_and_how(row["name"])[0]

    found = [(name, list(of)) for name, of in groupby(sorted(rows, key=who), key=who)]
    ordered = [(name, sorted(of, key=lambda row: -row["ms"][1])) for name, of in found]
    return sorted(ordered, key=lambda group: -group[1][-1]["ms"][1])


def short(value: float) -> str:
    """To a tenth; from a hundred on, to one."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def svg(report: dict, colours: dict[str, str]) -> str:
    """The picture of a report; whiskers reach from the 10th to the 90th percentile."""
    rows = report["contestants"]
    most = max(steps(row["name"]) for row in rows)
    low = 10 ** math.floor(math.log10(min(row["ms"][0] for row in rows)))
    high = 10 ** math.ceil(math.log10(max(row["ms"][2] for row in rows)))
    body, top = [], 96

    def x(ms: float) -> float:
        return LEFT + (RIGHT - LEFT) * math.log(ms / low) / math.log(high / low)

    def text(at: float, y: float, words: str, colour: str = "ink", anchor: str = "start", weight: int = 400) -> None:
        shape = f'fill="{colours[colour]}" text-anchor="{anchor}" font-weight="{weight}"'
        body.append(f'<text x="{at:.1f}" y="{y:.1f}" {shape}>{escape(words)}</text>')

    for name, of in groups(rows):
        text(EDGE, top + HEAD - 9, name, weight=600)
        top += HEAD
        for row in of:
            (least, median, longest), ratio = row["ms"], row["faster"][1]
            colour, y = kind(row["name"], most), top + ROW / 2
            text(EDGE + 12, y + 5, who_and_how(row["name"])[1])
            ends = f'x1="{x(least):.1f}" x2="{x(longest):.1f}" y1="{y}" y2="{y}"'
            body.append(f'<line {ends} stroke="{colours[colour]}" stroke-width="3" opacity="0.45"/>')
            body.append(f'<circle cx="{x(median):.1f}" cy="{y}" r="5.5" fill="{colours[colour]}"/>')
            text(TIME, y + 5, f"{short(median)} ms", anchor="end")
            text(RATIO, y + 5, f"{short(ratio)} ×", anchor="end", weight=600)  # noqa: RUF001
            top += ROW
    bottom = top + 6
    grid = []
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        at = x(10**power)
        grid.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="92" y2="{bottom}" stroke="{colours["rule"]}"/>')
        text(at, bottom + 18, f"{10**power:g}", "faint", "middle")
    text((LEFT + RIGHT) / 2, bottom + 38, "ms a plan: median, 10th to 90th percentile", "faint", "middle")

    reference = next(row["name"] for row in rows if row["faster"][1] == 1)
    text(EDGE, 26, "A plan of the same policy on the same threads", weight=600)
    names = {how: f"{most} steps, {how}" for how in ("one by one", "many at once")} | {"few": "few steps"}
    at = EDGE
    for colour, words in names.items():
        if any(kind(row["name"], most) == colour for row in rows):
            body.append(f'<circle cx="{at + 6}" cy="47" r="5.5" fill="{colours[colour]}"/>')
            text(at + 18, 52, words, "faint")
            at += 44 + round(7.2 * len(words))
    text(TIME, 84, "median", "faint", "end")
    text(RATIO, 84, "faster", "faint", "end")
    where = [report.get("machine"), f"{report['threads']} threads", f"{report['plans']} plans each", report.get("date")]
    text(EDGE, bottom + 66, f"Faster: than {reference}.", "faint")
    text(EDGE, bottom + 86, ", ".join(part for part in where if part), "faint")

    height = bottom + 102
    shape = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    style = "font-family=\"system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif\" font-size=\"14\""
    ground = f'<rect width="{WIDTH}" height="{height}" rx="12" fill="{colours["card"]}"/>'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {shape} {style} role="img">', ground, *grid, *body, "</svg>"]
    return "\n".join(lines) + "\n"


def draw(report: dict, picture: Path) -> None:
    """Writes `picture`.svg and `picture`-dark.svg."""
    for ending, colours in (("", LIGHT), ("-dark", DARK)):
        picture.with_name(f"{picture.name}{ending}.svg").write_text(svg(report, colours), encoding="utf-8")


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
