"""Opens a report page in headless Chromium and holds what it shows against the report.

    python report.py FOLDER [SCREENSHOTS]

needs selenium, Chromium and its driver. Every figure must be that of `report.json`, and the episode must play.
"""

import json
import re
import sys
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from browser import bounds, cells, success, visit


def check_glance(driver: webdriver.Chrome, report: dict) -> None:
    head, *rows = cells(driver, ".glance")
    assert len(rows) == len(report["samplers"])
    for row, sampler in zip(rows, report["samplers"], strict=True):
        shown = dict(zip(head, row, strict=True))
        expected = {
            "sampler": sampler["name"],
            "reward": f"{sampler['reward_mean']:.3f}",
            "95 % interval": bounds(sampler["reward_interval"]),
            "success (95 %)": success(sampler),
            "rounds / evaluations": f"{sampler['rounds_mean']:.1f} / {sampler['evaluations_mean']:.0f}",
        }
        if (plan := sampler["sampling_latency_ms"]) and not report["in_time"]:
            expected |= {"plan p50 ms": f"{plan['p50']:.1f}", "plan p99 ms": f"{plan['p99']:.1f}"}
            expected["action p50 ms"] = f"{sampler['per_action_latency_ms']['p50']:.2f}"
            speedup = sampler["speedup"]
            expected["speed-up"] = "–" if speedup is None else f"{speedup:.2f}×"  # noqa: RUF001
        if timing := sampler["timing"]:
            age = timing["observation_age_ms"]
            expected["age p50 / p99 ms"] = f"{age['p50']:.0f} / {age['p99']:.0f}"
        assert expected.items() <= shown.items(), f"{expected} is not in {shown}"


def check_tables(driver: webdriver.Chrome, report: dict) -> None:
    samplers = report["samplers"]
    latencies = [(sampler["name"], sampler["throughput"]["call_latency_ms"]) for sampler in samplers]
    assert cells(driver, "#percentiles")[1:] == [
        [name, *(f"{latency[at]:.1f}" for at in ("p50", "p90", "p99", "max"))] for name, latency in latencies
    ]
    work = [[s["name"], f"{s['rounds_mean']:.1f}", f"{s['evaluations_mean']:.0f}"] for s in samplers]
    assert cells(driver, "#rounds")[1:] == work
    notes = [note.text for note in driver.find_elements(By.CSS_SELECTOR, ".notes li")]
    for sampler in samplers[1:]:
        mean, interval = sampler["reward_difference"]["mean"], sampler["reward_difference"]["interval"]
        line = f"reward of {sampler['name']} minus {samplers[0]['name']}'s, paired by seed: {mean:+.4f} ("
        if interval:
            line += f"95 % interval {interval['low']:+.4f} to {interval['high']:+.4f}: "
        assert any(note.startswith(line) for note in notes), notes
    head, *rows = cells(driver, "#episodes")
    assert head[1:] == [sampler["name"] for sampler in samplers]
    expected = zip(*(sampler["episodes"] for sampler in samplers), strict=True)
    for row, episodes in zip(rows, expected, strict=True):
        earned = [("✓ " if episode["success"] else "") + f"{episode['reward']:.3f}" for episode in episodes]
        assert row == [str(episodes[0]["seed"]), *earned]


def check_rest(driver: webdriver.Chrome, report: dict) -> None:
    text = driver.find_element(By.TAG_NAME, "main").text
    for told in [report["scenario"], report["model"]["sha256"], report["machine"]["cpu"], report["machine"]["os"]]:
        assert told in text, f"{told} is not told"
    command = driver.find_element(By.ID, "command").text
    assert report["command"][1] in command and report["command"][-1] in command
    verdict = [sentence.text for sentence in driver.find_elements(By.CSS_SELECTOR, ".verdict li")]
    fastest = max(report["samplers"], key=lambda sampler: sampler["throughput"]["plans_per_second"])
    assert len(verdict) >= 2 and fastest["name"] in verdict[0], verdict
    worst = min((e for s in report["samplers"] for e in s["episodes"]), key=lambda e: (e["reward"], e["seed"]))
    watch = driver.find_element(By.CSS_SELECTOR, ".watch").text
    assert f"earned {worst['reward']:.3f} on seed {worst['seed']}" in watch, watch
    words = driver.find_element(By.ID, "words").text
    assert "reward" in words and "succeeds" in words and "95 %" in words, words
    seeds = [episode["seed"] for episode in report["samplers"][0]["episodes"]]
    assert driver.find_element(By.ID, "seeds").text.startswith(f"{min(seeds)} to {max(seeds)}")
    assert report["made"]["date"] in driver.find_element(By.ID, "made").text
    assert report["machine"]["precision"] in text
    circles = driver.find_elements(By.CSS_SELECTOR, "[aria-labelledby=reward] circle")
    assert len(circles) == sum(len(sampler["episodes"]) + 1 for sampler in report["samplers"])
    if deviation := report["deviation"]:
        assert f"{deviation['precision']} beside f32" in text, "what its precision costs is not told"
    if realtime := (report["in_time"] or {}).get("realtime"):
        assert all(refusal in text for refusal in realtime["refused"])


def check_episodes(driver: webdriver.Chrome, report: dict) -> None:
    worst = min((e for s in report["samplers"] for e in s["episodes"]), key=lambda e: (e["reward"], e["seed"]))
    first = report["samplers"][0]["episodes"][0]["seed"]
    sections = driver.find_elements(By.CSS_SELECTOR, ".episode")
    ids = [section.get_attribute("id") for section in sections]
    assert ids == (["first"] if worst["seed"] == first else ["first", "worst"]), ids
    driver.find_element(By.ID, "watch-worst").click()
    shown = driver.find_element(By.CSS_SELECTOR, ":target")
    assert f"Seed {worst['seed']}," in shown.text, shown.text
    for section in sections:
        check_episode(driver, report, section)


def check_episode(driver: webdriver.Chrome, report: dict, section: WebElement) -> None:
    names = [who.text for who in section.find_elements(By.CSS_SELECTOR, ".who b")]
    assert names == [sampler["name"] for sampler in report["samplers"]], names
    seed = int(re.search(r"Seed (\d+),", section.text)[1])
    played = [next(e for e in sampler["episodes"] if e["seed"] == seed) for sampler in report["samplers"]]
    slider = section.find_element(By.CSS_SELECTOR, "input")
    last = int(slider.get_attribute("max"))
    assert last >= max(episode["control_steps"] for episode in played)
    for number in ("100 %", "50 %", "0 %", "over 95 %", "0 s"):
        assert number in section.find_element(By.CSS_SELECTOR, ".chart").text
    blocks = section.find_elements(By.CSS_SELECTOR, ".block")
    before = [block.get_attribute("transform") for block in blocks]
    move = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
    driver.execute_script(move, slider, last)
    ends = [clock.text for clock in section.find_elements(By.CSS_SELECTOR, ".clock")]
    for end, episode in zip(ends, played, strict=True):
        assert end.startswith("done " if episode["success"] else "over "), ends
    assert all(block.get_attribute("transform") != place for block, place in zip(blocks, before, strict=True))
    button = section.find_element(By.CSS_SELECTOR, "button")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    time.sleep(1.2)
    button.click()
    assert 2 <= int(slider.get_property("value")) < last, "it does not play"


def main(folder: Path, screenshots: Path | None) -> None:
    report = json.loads((folder / "report.json").read_text())

    def check(driver: webdriver.Chrome) -> None:
        for part in (check_glance, check_tables, check_rest, check_episodes):
            part(driver, report)

    visit(folder / "report.html", screenshots, check)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
