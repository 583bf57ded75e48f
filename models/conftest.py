"""The program, and synthetic demonstrations: the block rests, the agent wanders. Enough to train on, not to learn."""

import os
from pathlib import Path

import numpy as np
import pytest

LENGTHS = (20, 25, 18)
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parents[1] / "target"))


@pytest.fixture(scope="session")
def program() -> Path:
    """`parapolicy`, as it was built for tests."""
    path = TARGET / "debug" / "parapolicy"
    if not path.exists():
        pytest.skip("no program: cargo build")
    return path


@pytest.fixture(scope="session")
def arrays() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    steps = sum(LENGTHS)
    return {
        "state": random.uniform(50, 450, (steps, 5)),
        "action": random.uniform(50, 450, (steps, 2)),
        "keypoint": random.uniform(50, 450, (steps, 9, 2)),
        "episode_ends": np.cumsum(LENGTHS),
    }


@pytest.fixture
def demos_file(tmp_path: Path, arrays: dict[str, np.ndarray]) -> Path:
    path = tmp_path / "demos.npz"
    np.savez(path, **arrays)
    return path
