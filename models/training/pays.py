"""From which network on parallel sampling pays, and on which link: `python -m training.pays PROGRAM ZOO OUT.svg`.

PROGRAM is `parapolicy`, ZOO the folder that `python -m training.zoo` wrote (`wide-4`, `wide-8`). Every network is timed
with one thread and with two; with `--link PYTHON LINK`, the shipped one also on a server so many milliseconds away, by
`crates/remote/tests/servers`: PYTHON has what `triton.py` needs.

Draws how many times as fast as `sequential` `picard` is, against what a batch of 16 rows costs, in single rows; prints
the same as a table in Markdown. The curves are what to expect of the rounds and rows that the shipped policy takes,
where a batch of p rows costs c(1) + (c(16) - c(1)) (p - 1) / 15:

    times as fast = steps c(1) / (rounds c(rows / rounds))
"""

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot as plt

MODELS = Path(__file__).parent.parent
SERVERS = MODELS.parent / "crates/remote/tests/servers"
SAMPLINGS = {"DDPM-100": ("ddpm", 100, "#2f6fb0"), "DDIM-10": ("ddim", 10, "#c7622b")}
# One a place, in their order: networks by shape, two threads filled, then links.
MARKERS = ["o", "o", "s", "s", "D", "D", "^", "v", "<", ">"]
COLUMNS = "network | where | c(16) / c(1) | plan | sequential ms | picard ms | times as fast | rounds | rows"


@dataclass
class Place:
    """A network, and what runs it."""

    network: str
    where: str
    options: list[str]
    observations: int


@dataclass
class Point:
    """What was measured of one sampling."""

    place: Place
    sampling: str
    ratio: float
    sequential_ms: float
    picard_ms: float
    rounds: float
    rows: float

    @property
    def faster(self) -> float:
        return self.sequential_ms / self.picard_ms

    def row(self) -> str:
        place = self.place
        figures = [f"{self.ratio:.1f}", self.sampling, f"{self.sequential_ms:.1f}", f"{self.picard_ms:.1f}"]
        figures += [f"{self.faster:.1f}", f"{self.rounds:.1f}", f"{self.rows:.0f}"]
        return "| " + " | ".join([place.network, place.where, *figures]) + " |"


def places(zoo: Path, observations: int) -> Iterator[Place]:
    networks = {"4.6 M": MODELS / "pusht", "64 M": zoo / "wide-4", "249 M": zoo / "wide-8"}
    for network, folder in networks.items():
        for threads in (2, 1):
            where = f"{threads} thread{'s' if threads > 1 else ''}"
            yield Place(network, where, ["--model", str(folder), "--threads", str(threads)], observations)


@contextlib.contextmanager
def link(python: str, program: str, delay: float) -> Iterator[str]:
    """The address of the shipped network on a server so many milliseconds away, until the end of the block."""
    check = [sys.executable, SERVERS / "check.py", python, SERVERS / "triton.py", program, MODELS / "pusht"]
    held = subprocess.Popen([*check, "--hold", "--delay", str(delay)], stdout=subprocess.PIPE, text=True)
    try:
        assert held.stdout is not None
        yield held.stdout.readline().strip() or sys.exit("pays: the server has not started")
    finally:
        held.terminate()
        held.wait()


def told(command: list[str]) -> dict:
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def measured(program: str, place: Place) -> Iterator[Point]:
    batches = told([program, "calibrate", "--json", "--force", *place.options])["batches"]
    cost = {batch["rows"]: batch["median_ms"] for batch in batches}
    for sampling, (solver, steps, _) in SAMPLINGS.items():
        how = ["--solver", solver, "--steps", str(steps), "--observations", str(place.observations)]
        rows = told([program, "bench", "--json", "--sampler", "picard", *how, *place.options])["rows"]
        by_name = {row["sampler"]: row for row in rows}
        sequential, picard = by_name["sequential"], by_name["picard"]
        yield Point(
            place,
            sampling,
            cost[16] / cost[1],
            sequential["latency_ms"]["p50"],
            picard["latency_ms"]["p50"],
            picard["rounds_mean"],
            picard["evaluations_mean"],
        )


def expected(point: Point, ratio: np.ndarray) -> np.ndarray:
    batch = 1 + (ratio - 1) * (point.rows / point.rounds - 1) / 15
    return SAMPLINGS[point.sampling][1] / (point.rounds * batch)


def filled(point: Point) -> str:
    return "none" if point.place.where == "1 thread" else "full"


def draw(points: list[Point], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 5.2), layout="constrained")
    ratio = np.geomspace(1, 16, 100)
    for name, (_, _, colour) in SAMPLINGS.items():
        here = [point for point in points if point.sampling == name]
        axes.plot(ratio, expected(here[0], ratio), color=colour, linewidth=1.5, label=name)
        for point, marker in zip(here, MARKERS, strict=False):
            axes.plot(point.ratio, point.faster, marker, color=colour, fillstyle=filled(point), markersize=8)
    for point, marker in zip(here, MARKERS, strict=False):
        label = f"{point.place.network}, {point.place.where}"
        axes.plot([], [], marker, color="#404040", fillstyle=filled(point), label=label)
    axes.axhline(1, color="#404040", linewidth=1, linestyle="--")
    axes.set(xscale="log", yscale="log", xlim=(1, 16), xlabel="what 16 rows cost, in single rows: c(16) / c(1)")
    axes.set(ylabel="times as fast as sequential: picard", xticks=[1, 2, 4, 8, 16], yticks=[0.5, 1, 2, 5, 10, 20])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
        axis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.pays", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("program")
    parser.add_argument("zoo", type=Path)
    parser.add_argument("out", type=Path, metavar="OUT.svg")
    parser.add_argument("--observations", type=int, default=20, help="plans of each (20)")
    parser.add_argument("--link", nargs=2, metavar=("PYTHON", "LINK"), help="LINK is the example `link` of `remote`")
    parser.add_argument("--delay", type=float, nargs="*", default=[1, 10], help="milliseconds each way (1 10)")
    args = parser.parse_args()
    print(f"| {COLUMNS} |\n|{'---|' * (COLUMNS.count('|') + 1)}", flush=True)
    points: list[Point] = []

    def measure(place: Place) -> None:
        for point in measured(args.program, place):
            points.append(point)
            print(point.row(), flush=True)

    for place in places(args.zoo, args.observations):
        measure(place)
    for delay in args.delay if args.link else []:
        with link(*args.link, delay) as url:
            options = ["--model", str(MODELS / "pusht"), "--endpoint", url]
            measure(Place("4.6 M", f"{delay:g} ms away", options, args.observations))
    draw(points, args.out)


if __name__ == "__main__":
    main()
