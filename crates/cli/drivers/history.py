"""The project's own benchmarks, and what they came to before: `python history.py PROGRAM --history FILE.jsonl`.

One command measures, appends a line to the history, draws all lines beside it (`FILE.svg`), and names what became
worse.

Every figure is measured `--repeats` times, each time by the program anew. It became worse if its median is beyond the
worst of all repeats of the last five lines of the same machine by more than their spread (worst less best). So a figure
without noise, rounds or a reward, may not become worse at all, and one that scatters by 3 % may do so by 3 % beyond its
worst. Fewer than three lines do not tell what scatters, and nothing is called worse. Where the repeats of most times
differ by more than a quarter, the machine did something else besides, and nothing is appended."""

import argparse
import datetime
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# With how many lines of the same machine a new one is compared, at least and at most.
FEWEST, BEFORE = 3, 5
# The worst of the repeats of a time, over the best, from which on the machine was busy.
BUSY = 1.25


@dataclass(frozen=True)
class Figure:
    """What is measured: its unit, and whether more of it is worse."""

    unit: str
    more_is_worse: bool = True

    def worst(self, values: list[float]) -> float:
        return max(values) if self.more_is_worse else min(values)

    def beyond(self, value: float, limit: float) -> float:
        """How far `value` is on the bad side of `limit`."""
        return value - limit if self.more_is_worse else limit - value


FIGURES = {
    "pusht sequential": Figure("ms a plan"),
    "pusht picard": Figure("ms a plan"),
    "pusht picard, rounds": Figure("a plan"),
    "pusht ddim-10": Figure("ms a plan"),
    "arm sequential": Figure("ms a plan"),
    "arm picard": Figure("ms a plan"),
    "arm picard, rounds": Figure("a plan"),
    "pusht ddim-10, episode": Figure("ms"),
    "pusht ddim-10, reward": Figure("of 1", more_is_worse=False),
    "start": Figure("ms"),
}


def asked(program: str, *options: str) -> tuple[str, float]:
    """What the program prints, and how many milliseconds it took."""
    began = time.monotonic()
    done = subprocess.run([program, *options], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(options)}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout, (time.monotonic() - began) * 1000


def measured(program: str, plans: int, episodes: int, scratch: Path) -> tuple[dict[str, float], str]:
    """Every figure once, and the machine."""
    ddim = ["--solver", "ddim", "--steps", "10"]
    found: dict[str, float] = {}

    def bench(model: str, *options: str) -> dict[str, dict]:
        known = ["--model", f"models/{model}", "--observations", str(plans), "--threads", "1", "--json"]
        text, _ = asked(program, "bench", "--sampler", "picard", *known, *options)
        return {row["sampler"]: row for row in json.loads(text)["rows"]}

    for model in ("pusht", "arm"):
        rows = bench(model)
        for sampler in ("sequential", "picard"):
            found[f"{model} {sampler}"] = rows[sampler]["latency_ms"]["p50"]
        found[f"{model} picard, rounds"] = rows["picard"]["rounds_mean"]
    found["pusht ddim-10"] = bench("pusht", *ddim)["sequential"]["latency_ms"]["p50"]
    run = ["run", *ddim, "--sampler", "sequential", "--threads", "1", "--episodes", str(episodes)]
    text, took = asked(program, *run, "--only", "report.json", "--out", str(scratch), "--json")
    report = json.loads(text)
    found["pusht ddim-10, episode"] = took / episodes
    found["pusht ddim-10, reward"] = report["samplers"][0]["reward_mean"]
    _, found["start"] = asked(program, "inspect", "models/pusht")
    machine = report["machine"]
    return {name: found[name] for name in FIGURES}, f"{machine['cpu']}, {machine['cores']} cores"


def became_worse(lines: list[dict], line: dict) -> list[str]:
    """Sentences about the figures of `line` that are beyond the noise of those before it."""
    before = [old for old in lines if old["machine"] == line["machine"]][-BEFORE:]
    said = []
    for name, values in line["figures"].items():
        figure, known = FIGURES[name], [old["figures"][name] for old in before if name in old["figures"]]
        if len(known) < FEWEST:
            continue
        earlier = [value for repeats in known for value in repeats]
        worst, spread, median = figure.worst(earlier), max(earlier) - min(earlier), statistics.median(values)
        if figure.beyond(median, worst) > spread:
            scatter = f"{min(earlier):.4g} to {max(earlier):.4g} in the last {len(known)}"
            said.append(f"{name}: {median:.4g} {figure.unit}, {scatter}")
    return said


def busy(line: dict) -> bool:
    """Whether most times scatter as those of a busy machine."""
    times = [values for name, values in line["figures"].items() if FIGURES[name].unit.startswith("ms")]
    return 2 * sum(max(values) > BUSY * min(values) for values in times) > len(times)


def read(path: Path) -> list[dict]:
    if not path.exists():
        return []
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            line = json.loads(text)
            lines.append({key: line[key] for key in ("date", "commit", "machine", "figures")})
        except (ValueError, KeyError, TypeError) as error:
            raise RuntimeError(f"{path}: line {number} is no line of a history ({error!r})") from error
    return lines


def drawn(lines: list[dict]) -> str:
    """All lines as an SVG: a panel a figure; medians, and bars over their repeats; a colour a machine."""
    wide, tall, pad, columns = 300, 130, 42, 3
    colours = ["#2563eb", "#d97706", "#059669", "#db2777"]
    machines = list(dict.fromkeys(line["machine"] for line in lines))
    rows = -(-len(FIGURES) // columns)
    height = rows * tall + 18 * len(machines) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide * columns} {height}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for place, (name, figure) in enumerate(FIGURES.items()):
        left, top = place % columns * wide, place // columns * tall
        shown = [(i, line, line["figures"][name]) for i, line in enumerate(lines) if name in line["figures"]]
        everything = [value for _, _, values in shown for value in values] or [0.0]
        low, high = min(everything), max(everything)
        margin = (high - low) / 10 or abs(high) / 10 or 1.0
        low, high = low - margin, high + margin

        def at(value: float, low=low, high=high, top=top) -> float:
            return top + tall - 16 - (value - low) / (high - low) * (tall - 44)

        parts.append(f'<text x="{left + pad}" y="{top + 18}" fill="#111">{escape(name)}, {escape(figure.unit)}</text>')
        axes = f"M{left + pad} {top + 24}V{top + tall - 16}H{left + wide - 8}"
        parts.append(f'<path d="{axes}" stroke="#999" fill="none"/>')
        for value in (min(everything), max(everything)):
            parts.append(f'<text x="{left + pad - 3}" y="{at(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>')
        for i, line, values in shown:
            x = left + pad + (i + 0.5) / len(lines) * (wide - pad - 8)
            colour = colours[machines.index(line["machine"]) % len(colours)]
            y = at(statistics.median(values))
            told = f"{line['date']} {line['commit']}: {statistics.median(values):.4g}"
            parts.append(f'<path d="M{x:.1f} {at(min(values)):.1f}V{at(max(values)):.1f}" stroke="{colour}"/>')
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"><title>{told}</title></circle>')
    for index, machine in enumerate(machines):
        colour, y = colours[index % len(colours)], rows * tall + 14 + 18 * index
        parts.append(f'<circle cx="{pad}" cy="{y}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{pad + 10}" y="{y + 4}">{escape(machine)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def commit() -> str:
    """Of the tree; a plus says that it was changed since."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"], capture_output=True, text=True, cwd=ROOT
    )
    return done.stdout.strip() or "unknown"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the project's own benchmarks, and compare with before.")
    parser.add_argument("program", help="parapolicy, a release build")
    parser.add_argument("--history", type=Path, required=True, metavar="FILE.jsonl", help="what was measured before")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--plans", type=int, default=20, help="plans of a figure")
    parser.add_argument("--episodes", type=int, default=10)
    args = parser.parse_args()
    if min(args.repeats, args.plans, args.episodes) < 1:
        parser.error("--repeats, --plans and --episodes must be at least 1")
    try:
        lines = read(args.history)
        scratch = args.history.with_suffix(".scratch")
        repeats = [measured(args.program, args.plans, args.episodes, scratch) for _ in range(args.repeats)]
        (scratch / "report.json").unlink(missing_ok=True)
        scratch.rmdir()
    except (OSError, RuntimeError) as error:
        sys.exit(f"history: {error}")
    line = {
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "machine": repeats[0][1],
        "figures": {name: [float(f"{found[name]:.5g}") for found, _ in repeats] for name in FIGURES},
    }
    if busy(line):
        sys.exit("history: the repeats of most times differ by more than a quarter; measure when the machine is idle")
    with args.history.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    args.history.with_suffix(".svg").write_text(drawn([*lines, line]), encoding="utf-8")
    for name, values in line["figures"].items():
        print(f"{name}: {statistics.median(values):.4g} {FIGURES[name].unit} ({min(values):.4g} to {max(values):.4g})")
    worse = became_worse(lines, line)
    for sentence in worse:
        print(f"worse: {sentence}")
    sys.exit(1 if worse else 0)


if __name__ == "__main__":
    main()
