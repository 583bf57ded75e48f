"""Demonstrations as training data: windows of observations and actions, normalised to [-1, 1]."""

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

# What the policy sees and does, in the order in which the entries are concatenated.
OBSERVATIONS = {"keypoints": (9, 2), "agent": (2,)}
ACTIONS = {"target": (2,)}

# Arrays of a demonstrations file, and the shape of a row of each.
ROWS = {"state": (5,), "action": (2,), "keypoint": (9, 2), "episode_ends": ()}


@dataclass(frozen=True)
class Shape:
    """How a policy cuts time: it sees `n_obs_steps`, predicts `horizon` actions, executes `n_action_steps` of them."""

    n_obs_steps: int = 2
    horizon: int = 16
    n_action_steps: int = 8


@dataclass(frozen=True)
class MinMax:
    """Per-dimension range of the data, mapped to [-1, 1]."""

    low: np.ndarray
    high: np.ndarray

    @staticmethod
    def of(rows: np.ndarray) -> "MinMax":
        low, high = rows.min(axis=0), rows.max(axis=0)
        if not np.all(high > low):
            raise ValueError(f"dimensions {np.flatnonzero(high <= low).tolist()} never change: nothing to normalise by")
        return MinMax(low, high)

    def normalise(self, rows: np.ndarray) -> np.ndarray:
        return 2 * (rows - self.low) / (self.high - self.low) - 1

    def denormalise(self, rows: np.ndarray) -> np.ndarray:
        return (rows + 1) / 2 * (self.high - self.low) + self.low


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


@dataclass(frozen=True)
class Demonstrations:
    """Whole episodes at the control rate, in pixels.

    `keypoints` is `[steps, 18]`, `agent` `[steps, 2]`, `action` `[steps, 2]`; `episode_ends` holds one past each
    episode's last step.
    """

    keypoints: np.ndarray
    agent: np.ndarray
    action: np.ndarray
    episode_ends: np.ndarray

    @staticmethod
    def load(path: Path) -> "Demonstrations":
        """Reads an `.npz` with `state` `[N, 5]`, `action` `[N, 2]`, `keypoint` `[N, 9, 2]` and `episode_ends`."""
        arrays = read(path)
        state, action, keypoint = (arrays[name].astype(np.float64) for name in ("state", "action", "keypoint"))
        ends, steps = arrays["episode_ends"], len(state)
        if not len(action) == len(keypoint) == steps:
            raise ValueError(f"{path}: state has {steps} steps, action {len(action)}, keypoint {len(keypoint)}")
        if ends.dtype.kind not in "iu" or not len(ends) or ends[-1] != steps or np.any(np.diff(ends, prepend=0) <= 0):
            raise ValueError(f"{path}: episode_ends must be integers that rise from above 0 to {steps}")
        return Demonstrations(keypoint.reshape(steps, 18), state[:, :2], action, ends.astype(np.int64))

    @property
    def observation(self) -> np.ndarray:
        """Nine block keypoints, then the agent: `[steps, 20]`."""
        return np.concatenate((self.keypoints, self.agent), axis=1)

    def digest(self) -> str:
        """SHA-256 of all that a policy is trained on."""
        return hashlib.sha256(
            b"".join(a.tobytes() for a in (self.observation, self.action, self.episode_ends))
        ).hexdigest()


def windows(ends: np.ndarray, episodes: np.ndarray, shape: Shape) -> np.ndarray:
    """Step indices `[windows, horizon]` of every window of the chosen episodes.

    Windows reach over both ends of an episode, as in Diffusion Policy: far enough back that the first step is also
    seen as a repeated first observation, far enough forward that the last is also executed first. What lies outside
    repeats the edge.
    """
    starts = np.concatenate(([0], ends[:-1]))
    chosen = []
    for episode in episodes:
        first, last = starts[episode], ends[episode] - 1
        begin = first - (shape.n_obs_steps - 1)
        end = last - shape.horizon + shape.n_action_steps
        rows = np.arange(begin, max(begin, end) + 1)[:, None] + np.arange(shape.horizon)
        chosen.append(rows.clip(first, last))
    return np.concatenate(chosen)


@dataclass(frozen=True)
class Batches:
    """Normalised windows in memory: `observation` `[windows, n_obs_steps, 20]`, `action` `[windows, horizon, 2]`."""

    observation: Tensor
    action: Tensor

    @staticmethod
    def of(demos: Demonstrations, episodes: np.ndarray, shape: Shape, observation: MinMax, action: MinMax) -> "Batches":
        rows = windows(demos.episode_ends, episodes, shape)
        observations = observation.normalise(demos.observation)[rows[:, : shape.n_obs_steps]]
        actions = action.normalise(demos.action)[rows]
        return Batches(torch.from_numpy(observations).float(), torch.from_numpy(actions).float())

    def __len__(self) -> int:
        return len(self.action)

    def epoch(self, size: int, order: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches in the given order; the last one is whatever is left."""
        for rows in order.split(size):
            yield self.observation[rows], self.action[rows]
