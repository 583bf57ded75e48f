"""The table of deviations says what the program measured."""

import json
import stat

import pytest

from training import deviations

MEASURED = {
    "solver": "ddpm",
    "steps": 100,
    "sampler": "picard",
    "window": 20,
    "rounds_mean": 6.04,
    "evaluations_mean": 83.2,
    "deviation": {"p50": 0.0017, "p90": 0.0036, "max": 0.0288},
    "outside_tolerance": 0.01,
    "estimated": {"p50": 0.049, "p90": 0.06, "max": 0.068},
}
REFUSED = {"solver": "ddim", "steps": 100, "sampler": "speculative", "why": "is not for it"}


def test_a_row_is_what_was_measured_or_that_it_was_refused(tmp_path):
    program = tmp_path / "program"
    report = {"rows": [{"sampler": "sequential"}, MEASURED, REFUSED]}
    program.write_text(f"#!/bin/sh\ncat <<'E'\n{json.dumps(report)}\nE\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    measured, refused = deviations.rows(str(program), "arm", tmp_path, ("picard",), [], 1)
    expected = "ddpm-100 | picard, window 20 | 6.0 | 83 | 0.0017 | 0.0036 | 0.0288 | 1.0 % | 0.049 | 0.068"
    assert measured == f"| arm | {expected} |"
    assert measured.count("|") == deviations.COLUMNS.count("|") + 2
    assert refused == "| arm | ddim-100 | speculative | refused |"


def test_a_program_that_fails_is_told(tmp_path):
    assert deviations.rows("/bin/false", "arm", tmp_path, ("picard",), [], 1) == ["| arm | `bench` failed |"]


def test_names_that_are_none_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["deviations", "parapolicy", str(tmp_path), "nothing"])
    with pytest.raises(SystemExit, match="deviations: nothing: not among pusht"):
        deviations.main()
