"""The program that runs what is exported, and the exporter as a user calls it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from export.__main__ import main


@pytest.fixture
def sample(tmp_path: Path, program: Path) -> Callable[..., np.ndarray]:
    """`parapolicy sample`: actions `[horizon, action]` in raw units, by an exported policy from the arrays given."""

    def run(folder: Path, *options: str, **arrays: np.ndarray) -> np.ndarray:
        given, drawn = tmp_path / "input.npz", tmp_path / "output.npz"
        np.savez(given, **arrays)
        files = ["--model", folder, "--input", given, "--output", drawn]
        command = [program, "sample", *files, "--threads", "1", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        with np.load(drawn) as output:
            return output["actions"]

    return run


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., str]:
    """What `python -m export` says when it refuses: one line, status 2."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["export", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, said = capsys.readouterr()
        assert ended.value.code == 2 and not out
        assert said.startswith("export: ") and said.count("\n") == 1 and said[:-1].isprintable()
        return said

    return run
