import os
from pathlib import Path

import numpy as np
import pytest

# Windows are opened, but nobody sees them.
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

ROOT = Path(__file__).parents[3]
MODEL = ROOT / "models" / "pusht"
TRACES = ROOT / "sims" / "traces"


@pytest.fixture(scope="session")
def policy():
    import parapolicy

    return parapolicy.Policy(MODEL, threads=1)


@pytest.fixture
def observation():
    """Two observations of PushT, `[2, 20]`, as the policy meets them."""
    import gymnasium as gym

    env = gym.make("parapolicy/PushT-v0", obs_type="keypoints")
    first, _ = env.reset(seed=11)
    second, *_ = env.step(first[-2:] + np.array([20.0, -10.0]))
    return np.stack([first, second])
