"""Demonstrations as training data: windows of observations and actions, normalised to [-1, 1]."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from export.policy import Shape


@dataclass(frozen=True)
class Task:
    """A task: its name, and the shapes of observations and actions, concatenated in their order. Some have a unit."""

    name: str
    observations: dict[str, tuple[int, ...]]
    actions: dict[str, tuple[int, ...]]
    units: dict[str, str] = field(default_factory=dict)


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

    @staticmethod
    def seen(rows: np.ndarray) -> "MinMax":
        """As `of`, for what is observed: a dimension that never changes is taken to be within 1 of what it is."""
        still = rows.min(axis=0) == rows.max(axis=0)
        return MinMax.of(np.concatenate((rows - still, rows + still)))

    def normalise(self, rows: np.ndarray) -> np.ndarray:
        return 2 * (rows - self.low) / (self.high - self.low) - 1

    def denormalise(self, rows: np.ndarray) -> np.ndarray:
        return (rows + 1) / 2 * (self.high - self.low) + self.low


@dataclass(frozen=True)
class Demonstrations:
    """Whole episodes of a task at the control rate, in raw units.

    `observation` is `[steps, observation_dim]`, `action` `[steps, action_dim]`; `episode_ends` holds one past each
    episode's last step.
    """

    task: Task
    observation: np.ndarray
    action: np.ndarray
    episode_ends: np.ndarray

    def digest(self) -> str:
        """SHA-256 of all training data."""
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


def steps_of(ends: np.ndarray, episodes: np.ndarray) -> np.ndarray:
    """Indices of every step of the chosen episodes."""
    starts = np.concatenate(([0], ends[:-1]))
    return np.concatenate([np.arange(starts[episode], ends[episode]) for episode in episodes])


@dataclass(frozen=True)
class Batches:
    """Normalised windows in memory: `observation` `[windows, n_obs_steps, O]`, `action` `[windows, horizon, A]`."""

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
