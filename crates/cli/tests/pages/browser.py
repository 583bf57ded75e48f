"""Pages in headless Chromium: opened in every width and scheme, and held to what holds for each of them."""

import base64
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By

WIDTHS = (1280, 400)
SCHEMES = ("light", "dark")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def browser(profile: str) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in [*FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))


def cells(driver: webdriver.Chrome, table: str) -> list[list[str]]:
    """The texts of a table's rows, the head first."""
    texts = """return [...document.querySelectorAll(arguments[0] + ' tr')].map(
        row => [...row.querySelectorAll('th, td')].map(cell => cell.textContent.trim()))"""
    return driver.execute_script(texts, table)


def check_layout(driver: webdriver.Chrome) -> None:
    wide = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    needed, there = driver.execute_script(wide)
    assert needed <= there, f"{needed} px of page in a window of {there}"
    small = """const size = text => parseFloat(getComputedStyle(text).fontSize) *
        Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b);
        return [...document.querySelectorAll('.plot text')].map(size).filter(size => size < 9.5)"""
    assert not driver.execute_script(small), "text in plots is too small to read"


def check_console(driver: webdriver.Chrome) -> None:
    assert not (messages := driver.get_log("browser")), messages
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    # What the browser's own start page asks for is not the page's doing.
    asked = [one["request"]["url"] for one in sent if one["documentURL"].startswith("file:")]
    assert asked and all(url.startswith(("file:", "data:")) for url in asked), asked


def visit(page: Path, screenshots: Path | None, check: Callable[[webdriver.Chrome], None]) -> None:
    """Opens the page at 1280 and at 400 pixels, in light and in dark: nothing is wider than the window or too small,
    there is no message on the console, nothing is asked of a network, and `check` agrees."""
    assert page.stat().st_size < 2_000_000
    with tempfile.TemporaryDirectory() as profile:
        driver = browser(profile)
        try:
            for width in WIDTHS:
                for scheme in SCHEMES:
                    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
                    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
                    features = [{"name": "prefers-color-scheme", "value": scheme}]
                    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
                    driver.get(page.resolve().as_uri())
                    if screenshots:
                        shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
                        name = f"{page.stem}-{width}-{scheme}.png"
                        (screenshots / name).write_bytes(base64.b64decode(shot["data"]))
                    for summary in driver.find_elements(By.TAG_NAME, "summary"):
                        summary.click()
                    check(driver)
                    check_layout(driver)
                    check_console(driver)
        finally:
            driver.quit()
    print(f"{page}: as the reports say")


def bounds(interval: dict | None) -> str:
    """A 95 % interval as tables show it."""
    return f"{interval['low']:.3f} – {interval['high']:.3f}" if interval else "–"  # noqa: RUF001


def success(sampler: dict) -> str:
    """The share of episodes that succeeded, with its interval, as tables show it."""
    low, high = (100 * sampler["success_interval"][end] for end in ("low", "high"))
    return f"{100 * sampler['success_rate']:.0f} % ({low:.0f} – {high:.0f})"  # noqa: RUF001
