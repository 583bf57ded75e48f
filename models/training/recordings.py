"""PushT as people demonstrated it: recordings in an `.npz` file."""

import zipfile
from pathlib import Path

import numpy as np

from training.demos import Demonstrations, Task

TASK = Task(name="pusht-keypoints", observations={"keypoints": (9, 2), "agent": (2,)}, actions={"target": (2,)})

# Arrays of a demonstrations file, and the shape of a row of each.
ROWS = {"state": (5,), "action": (2,), "keypoint": (9, 2), "episode_ends": ()}


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a demonstrations file, each of the right kind of number and shape of row."""
    try:
        with zipfile.ZipFile(path), np.load(path) as file:
            arrays = {name: file[name] for name in ROWS if name in file.files}
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise ValueError(f"{path}: not a whole .npz file ({error})") from error
    for name, row in ROWS.items():
        if name not in arrays:
            raise ValueError(f"{path}: no array named {name}")
        array = arrays[name]
        if array.dtype.kind not in "fiu" or array.ndim < 1 or array.shape[1:] != row:
            wanted = ", ".join(map(str, ("steps", *row)))
            raise ValueError(f"{path}: {name} is {array.dtype} {list(array.shape)}, expected numbers [{wanted}]")
        if not np.isfinite(array).all():
            raise ValueError(f"{path}: {name} holds values that are not finite")
    return arrays


def load(path: Path) -> Demonstrations:
    """Reads `state` `[N, 5]`, `action` `[N, 2]`, `keypoint` `[N, 9, 2]` and `episode_ends`; all in pixels."""
    arrays = read(path)
    state, action, keypoint = (arrays[name].astype(np.float64) for name in ("state", "action", "keypoint"))
    ends, steps = arrays["episode_ends"], len(state)
    if not len(action) == len(keypoint) == steps:
        raise ValueError(f"{path}: state has {steps} steps, action {len(action)}, keypoint {len(keypoint)}")
    if ends.dtype.kind not in "iu" or not len(ends) or ends[-1] != steps or np.any(np.diff(ends, prepend=0) <= 0):
        raise ValueError(f"{path}: episode_ends must be integers that rise from above 0 to {steps}")
    # Nine block keypoints, then the agent.
    observation = np.concatenate((keypoint.reshape(steps, 18), state[:, :2]), axis=1)
    return Demonstrations(TASK, observation, action, ends.astype(np.int64))
