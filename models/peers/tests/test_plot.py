"""The picture of the peers is of what was measured, and of what the book says."""

import json
import re
from pathlib import Path

import pytest

from peers.plot import DARK, LIGHT, groups, svg

MODELS = Path(__file__).parents[2]
BOOK = MODELS.parent / "docs/src"
REPORT = json.loads((MODELS / "peers/peers.json").read_text())


@pytest.mark.parametrize(("name", "colours"), [("peers", LIGHT), ("peers-dark", DARK)])
def test_the_book_shows_what_was_measured(name, colours):
    assert (BOOK / f"pictures/{name}.svg").read_text() == svg(REPORT, colours)


def test_the_table_of_the_book_is_the_measurement():
    table = (BOOK / "measurements/peers.md").read_text()
    for row in REPORT["contestants"]:
        found = re.search(rf"^\| {re.escape(row['name'])} \| (\S+) \((\S+) to (\S+)\) \| (\S+)", table, re.MULTILINE)
        median, low, high, faster = map(float, found.groups())
        assert ([low, median, high], faster) == (row["ms"], row["faster"][1])


def test_the_slowest_come_first():
    found = groups(REPORT["contestants"])
    assert sum(len(rows) for _, rows in found) == len(REPORT["contestants"])
    fastest = [min(row["ms"][1] for row in rows) for _, rows in found]
    assert fastest == sorted(fastest, reverse=True)
    for _, rows in found:
        medians = [row["ms"][1] for row in rows]
        assert medians == sorted(medians, reverse=True)
