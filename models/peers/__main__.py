"""Times a plan by Parapolicy and by its peers: `models/peers/run --report DIR`.

All draw from the same weights, on the same threads, and take turns plan by plan, so that whatever else the machine does
falls on all alike. Writes `peers.json`, `peers.svg` and `peers-dark.svg`, and prints the medians as ratios to PyTorch
with `diffusers`.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from pathlib import Path

import numpy as np

from . import lerobot, ours, pytorch
from .plot import draw

REFERENCE = "PyTorch + diffusers, DDPM-100"
# LeRobot's policies of their full size: its default diffusion policy at two horizons, and its multi-task transformer.
LARGE = ("diffusion-16", "diffusion-64", "multi-task-dit")
Plan = Callable[[np.ndarray, int], None]

# The threads of a runtime spin for some tens of milliseconds after a plan, and would disturb the next contestant.
QUIET = 0.15


def contestants(model: Path, threads: int) -> dict[str, Plan]:
    """Who draws a plan for an observation `[n_obs_steps, observation_dim]` in raw units, under a seed."""
    peer = pytorch.Peer(model, threads)
    return {
        REFERENCE: peer.sequential("ddpm", 100),
        "PyTorch + diffusers, DDIM-10": peer.sequential("ddim", 10),
        "LeRobot, DDPM-100": lerobot.sequential(peer, "DDPM", 100),
        "LeRobot, DDIM-10": lerobot.sequential(peer, "DDIM", 10),
        "PyTorch ParaDiGMS, DDPM-100": peer.paradigms(100),
        **ours.contestants(model, threads),
    }


def milliseconds(plans: dict[str, Plan], observations: np.ndarray) -> dict[str, list[float]]:
    """Time of each plan of each contestant, the contestants taking turns; a first turn of all is not counted.

    Whose process ends is left out: the system ends one that takes all memory."""
    times = {name: [] for name in plans}
    for turn, observation in enumerate([observations[0], *observations]):
        for name in list(times):
            time.sleep(QUIET)
            started = time.perf_counter()
            try:
                plans[name](observation, turn)
            except BrokenProcessPool:
                print(f"left out: {name} (its process ended, for want of memory perhaps)")
                del times[name]
                continue
            if turn > 0:
                times[name].append((time.perf_counter() - started) * 1e3)
    return times


def of_full_size(name: str, model: Path, out: Path, plans: int, threads: int) -> tuple[list[dict], list[dict]]:
    """The times of one of LeRobot's policies of full size, and what it takes to load it."""
    from . import large, made

    kind, _, horizon = name.rpartition("-")
    folder = made.diffusion(model, out, int(horizon)) if kind == "diffusion" else made.multi_task(out)
    loading = large.loading(folder, threads)
    times = milliseconds(large.contestants(folder, threads), large.observations(folder, plans))
    return summary(times, large.REFERENCE), loading


def summary(times: dict[str, list[float]], reference: str) -> list[dict]:
    """Median and spread of each contestant, and how many times faster than the reference it was, turn by turn."""
    rows = []
    for name, taken in times.items():
        low, median, high = np.percentile(taken, [10, 50, 90])
        ratios = np.percentile(np.divide(times[reference], taken), [10, 50, 90])
        rows.append({"name": name, "ms": [low, median, high], "faster": list(ratios)})
    return rows


def table(rows: list[dict]) -> str:
    """The rows as text."""
    width = max(len(row["name"]) for row in rows)
    lines = [f"{'median, p10 and p90':{width}}   {'ms a plan':>23}   {'times as fast':>23}"]
    for row in rows:
        (low, median, high), (least, ratio, most) = row["ms"], row["faster"]
        taken, faster = f"{median:.1f} ({low:.1f} to {high:.1f})", f"{ratio:.2f} ({least:.2f} to {most:.2f})"
        lines.append(f"{row['name']:{width}}   {taken:>23}   {faster:>23}")
    return "\n".join(lines)


def loading_table(rows: list[dict]) -> str:
    """What it takes to load, as text."""
    lines = [f"{'to load':24}   seconds   first plan, s   peak memory, MiB"]
    for row in rows:
        lines.append(
            f"{row['name']:24}   {row['loaded_s']:7.2f}   {row['first_plan_s']:13.2f}   {row['peak_mib']:16.0f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="models/peers/run", description="Time plans by Parapolicy and by its peers.")
    parser.add_argument("--model", type=Path, default=Path(__file__).parents[1] / "pusht")
    parser.add_argument("--large", choices=LARGE, help="one of LeRobot's policies of full size, in place of the model")
    parser.add_argument("--plans", type=int, help="plans of each (default: 30; 5 of large ones)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: one a core")
    parser.add_argument("--report", type=Path, required=True, help="folder for peers.json and its two pictures")
    arguments = parser.parse_args()

    count, loading = arguments.plans or (5 if arguments.large else 30), []
    if arguments.large:
        out = arguments.report / arguments.large
        rows, loading = of_full_size(arguments.large, arguments.model, out, count, arguments.threads)
    else:
        shape = ours.observation_shape(arguments.model)
        # The positions of block and agent affect the plan, but not its duration.
        observations = np.random.default_rng(0).uniform(100, 400, (count, *shape))
        rows = summary(milliseconds(contestants(arguments.model, arguments.threads), observations), REFERENCE)

    arguments.report.mkdir(parents=True, exist_ok=True)
    name = arguments.large or "peers"
    today = date.today().isoformat()
    report = {"date": today, "threads": arguments.threads, "plans": count, "contestants": rows, "loading": loading}
    (arguments.report / f"{name}.json").write_text(json.dumps(report, indent=2) + "\n")
    draw(report, arguments.report / name)
    print(table(rows))
    if loading:
        print(loading_table(loading))


if __name__ == "__main__":
    main()
