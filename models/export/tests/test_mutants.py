"""Checkpoints come from strangers: whatever is in them, they are read or refused, in bounded memory and time.

`MUTANTS=1000000 FIRST=0 python -m pytest export/tests/test_mutants.py` for more than the few of every change.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from export.diffusion_policy import payload
from export.tests import test_diffusion_policy as projects
from export.tests import test_relative as lerobots
from training import recordings
from training.train import Recipe, Training

MUTANTS, FIRST = int(os.environ.get("MUTANTS", "2000")), int(os.environ.get("FIRST", "0"))
# Of one process: CPython's unpickler keeps some kilobytes of a pickle that it gives up.
AT_ONCE = 10_000
MODELS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, np.ndarray]) -> Path:
    """A small checkpoint of each kind."""
    folder = tmp_path_factory.mktemp("seeds")
    lerobots.Relative(folder / "lerobot", down_dims=(8,), diffusion_step_embed_dim=4)
    (folder / "lerobot" / "README.md").unlink(missing_ok=True)
    projects.Checkpoint(folder / "latest.ckpt", projects.Unet(down_dims=[8], diffusion_step_embed_dim=4))
    plain(folder / "latest.ckpt")
    np.savez(folder / "demos.npz", **arrays)
    recipe = Recipe(epochs=1, validation_episodes=1, widths=(8,))
    torch.save(Training(recordings.load(folder / "demos.npz"), recipe).weights(), folder / "policy-1.pt")
    (folder / "demos.npz").unlink()
    return folder


def plain(path: Path) -> None:
    """Its configuration as plain data, as `mutants` changes it."""
    config, states = payload.read(path, trusted=False)
    torch.save({"cfg": config, "state_dicts": {"ema_model": states["ema_model"]}}, path)


@pytest.mark.parametrize("part", ["checkpoints", "files"])
def test_mutants_are_read_or_refused_in_one_line(part: str, seeds: Path) -> None:
    for first in range(FIRST, FIRST + MUTANTS, AT_ONCE):
        count = min(AT_ONCE, FIRST + MUTANTS - first)
        command = [sys.executable, "-m", "export.tests.mutants", part, seeds, str(count), str(first)]
        done = subprocess.run(command, cwd=MODELS, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        read, refused = (int(word) for word in done.stdout.split()[2::2])
        # Both, or the mutants do not try what they are meant to.
        assert read + refused == count and read > count // 100 and refused > count // 4
