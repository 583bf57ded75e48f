"""Opens a page of a latency study in headless Chromium and holds what it shows against the study.

    python study.py FOLDER [SCREENSHOTS]

needs selenium, Chromium and its driver.
"""

import json
import math
import sys
from itertools import groupby
from pathlib import Path

from selenium import webdriver

from browser import bounds, cells, success, visit


def expected(group: dict, row: dict) -> list[str]:
    result, none = row["result"], "–"  # noqa: RUF001
    less = none
    if difference := result["reward_difference"]:
        interval = difference["interval"]
        told = f"{interval['low']:+.3f} to {interval['high']:+.3f}" if interval else "no interval"
        less = f"{difference['mean']:+.3f} ({told})"
    varied = {"latency": f"{row['latency_ms'] or 0:.0f}", "replan": str(row["replan"]), "sampler": result["name"]}
    plan, timing = result["sampling_latency_ms"], result["timing"]
    return [
        group["scenario"],
        group["rule"],
        varied[group["varied"]],
        f"{result['reward_mean']:.3f}",
        bounds(result["reward_interval"]),
        less,
        success(result),
        f"{plan['p50']:.1f}",
        f"{timing['observation_age_ms']['p50']:.0f} / {timing['observation_age_ms']['p99']:.0f}",
        f"{100 * timing['late_rate']:.1f} / {100 * timing['safe_rate']:.1f} %",
        significant(timing["smoothness"]["jump_rms"]),
        significant(timing["smoothness"]["jerk_rms"]),
    ]


def significant(value: float) -> str:
    """Three digits, and all before the point."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def check(driver: webdriver.Chrome, study: dict) -> None:
    rows = [row for row in cells(driver, ".glance") if row[0] != "scenario"]
    assert rows == [expected(group, row) for group in study["groups"] for row in group["rows"]]
    sections = driver.execute_script("return document.querySelectorAll('.glance').length")
    assert sections == len(list(groupby(study["groups"], key=lambda group: group["varied"])))


def main(folder: Path, screenshots: Path | None) -> None:
    study = json.loads((folder / "study.json").read_text())
    visit(folder / "study.html", screenshots, lambda driver: check(driver, study))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
