"""Human demonstrations of PushT, from recordings in any supported format."""

from pathlib import Path

import numpy as np

from training import sources
from training.demos import Demonstrations, Task

UNITS = {"target": "px"}
TASK = Task("pusht-keypoints", {"keypoints": (9, 2), "agent": (2,)}, {"target": (2,)}, UNITS)
IMAGE_TASK = Task("pusht-image", {"image": (96, 96, 3), "agent_pos": (2,)}, {"target": (2,)}, UNITS)


def read(path: Path, names: tuple[str, ...] = ("state", "action", "keypoint")) -> dict[str, np.ndarray]:
    """What was recorded, in pixels, radians and 8-bit channels, and `episode_ends`; all checked.

    `names` are of `state` `[N, 5]`, `agent` `[N, 2]`, `action` `[N, 2]`, `keypoint` `[N, 9, 2]` and `image`
    `[N, height, width, 3]`. Raises `ValueError` that says what `path` does not have.
    """
    return sources.of(path).read(path, names)


def load(path: Path) -> Demonstrations:
    """Demonstrations for a policy of the block's keypoints."""
    arrays = read(path, ("state", "action", "keypoint"))
    state, action, keypoint = (arrays[name].astype(np.float64) for name in ("state", "action", "keypoint"))
    # Nine block keypoints, then the agent.
    observation = np.concatenate((keypoint.reshape(len(state), 18), state[:, :2]), axis=1)
    return Demonstrations(TASK, observation, action, arrays["episode_ends"])


def load_states(path: Path) -> Demonstrations:
    """Demonstrations for a policy that sees images: observations are states `[N, 5]`, from which frames are drawn."""
    arrays = read(path, ("state", "action"))
    state, action = (arrays[name].astype(np.float64) for name in ("state", "action"))
    return Demonstrations(IMAGE_TASK, state, action, arrays["episode_ends"])
