"""The program that runs what is exported."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parents[3] / "target"))
PROGRAM = TARGET / "debug" / "parapolicy"


@pytest.fixture
def sample(tmp_path: Path) -> Callable[..., np.ndarray]:
    """`parapolicy sample`: actions `[horizon, action]` in raw units, by an exported policy from the arrays given."""
    if not PROGRAM.exists():
        pytest.skip("no program: cargo build")

    def run(folder: Path, *options: str, **arrays: np.ndarray) -> np.ndarray:
        given, drawn = tmp_path / "input.npz", tmp_path / "output.npz"
        np.savez(given, **arrays)
        files = ["--model", folder, "--input", given, "--output", drawn]
        command = [PROGRAM, "sample", *files, "--threads", "1", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        with np.load(drawn) as output:
            return output["actions"]

    return run
