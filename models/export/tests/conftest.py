"""The program that runs what is exported."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


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
