"""Opens a page of two reports in headless Chromium and holds what it shows against both.

    python comparison.py PAGE A/report.json B/report.json [SCREENSHOTS]

needs selenium, Chromium and its driver. Differences are paired here once more, by their definition.
"""

import json
import re
import sys
from pathlib import Path

from selenium import webdriver

from browser import cells, success, visit


def check(driver: webdriver.Chrome, pairs: list[tuple[dict, dict]]) -> None:
    _, *rows = cells(driver, ".glance")
    assert len(rows) == len(pairs)
    tables = driver.execute_script("return document.querySelectorAll('.seeds').length")
    assert tables == len(pairs)
    for place, (row, (before, after)) in enumerate(zip(rows, pairs, strict=True)):
        name, earnings, difference, seeds, share, latency, work = row
        assert name == before["name"]
        both = (before, after)
        assert earnings == " | ".join(f"{one['reward_mean']:.3f}" for one in both)
        assert share == " | ".join(success(one) for one in both)
        assert latency == " | ".join(f"{one['throughput']['call_latency_ms']['p50']:.1f}" for one in both)
        assert work == " | ".join(f"{one['rounds_mean']:.1f} / {one['evaluations_mean']:.0f}" for one in both)

        earned = {episode["seed"]: episode["reward"] for episode in before["episodes"]}
        paired = [
            (one["seed"], earned[one["seed"]], one["reward"]) for one in after["episodes"] if one["seed"] in earned
        ]
        assert seeds == str(len(paired))
        mean, *ends = (float(number) for number in re.findall(r"[+-]\d\.\d+", difference))
        assert abs(mean - sum(there - here for _, here, there in paired) / len(paired)) < 1e-4
        assert "no interval" in difference if not ends else ends[0] <= mean <= ends[1]
        shown = cells(driver, f"details:nth-of-type({place + 1}) .seeds")[1:]
        assert shown == [[str(s), f"{a:.3f}", f"{b:.3f}", f"{b - a:+.4f}"] for s, a, b in paired]


def main(page: Path, reports: list[Path], screenshots: Path | None) -> None:
    before, after = ({one["name"]: one for one in json.loads(path.read_text())["samplers"]} for path in reports)
    pairs = [(sampler, after[name]) for name, sampler in before.items() if name in after]
    visit(page, screenshots, lambda driver: check(driver, pairs))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(path) for path in sys.argv[2:4]], Path(sys.argv[4]) if len(sys.argv) > 4 else None)
