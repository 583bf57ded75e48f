"""Demonstrations of any gymnasium environment, recorded as a dataset of LeRobot, version 3."""

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from parapolicy import _native

# What LeRobot calls the parts of its own environments' observations.
_NAMES = {
    "agent_pos": "observation.state",
    "environment_state": "observation.environment_state",
    "pixels": "observation.image",
}


def feature(key: str) -> str:
    """What LeRobot calls an observation: ``agent_pos`` is the state, ``pixels.front`` an image; others keep their
    name."""
    if key.startswith("pixels."):
        return f"observation.images.{key.removeprefix('pixels.')}"
    return _NAMES.get(key, f"observation.{key}" if key else "observation.state")


def _parts(observation: Any, prefix: str = "") -> dict[str, np.ndarray[Any, Any]]:
    if not isinstance(observation, Mapping):
        return {prefix: np.asarray(observation)}
    parts: dict[str, np.ndarray[Any, Any]] = {}
    for key, value in observation.items():
        parts |= _parts(value, f"{prefix}.{key}" if prefix else str(key))
    return parts


class Recorder(gym.Wrapper[Any, Any, Any, Any]):
    """Records whatever is played through it, by a person or a program: every episode that has at least a step.

    An episode ends with the next `reset`, or with `save`; `discard` forgets the one that goes on, a failure say. Where
    what is executed is not what is to be learned, noise added so that recovery is seen, say, `step` is told by
    ``label``."""

    def __init__(
        self, env: gym.Env[Any, Any], *, task: str, fps: int, robot: str = "unknown", success: str = "is_success"
    ):
        super().__init__(env)
        if fps < 1:
            raise ValueError(f"fps is {fps}, but must be at least 1")
        self._task, self._fps, self._robot, self._success = task, fps, robot, success
        self._episodes: list[tuple[int | None, list[tuple[str, np.ndarray[Any, Any]]]]] = []
        self._seed: int | None = None
        self._seen: Any = None
        self._frames: list[dict[str, np.ndarray[Any, Any]]] = []

    @property
    def episodes(self) -> int:
        """Episodes so far, that which goes on left out."""
        return len(self._episodes)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self._end()
        observation, info = self.env.reset(seed=seed, options=options)
        self._seed, self._seen = seed, _copied(observation)
        return observation, info

    def step(self, action: Any, label: Any = None) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """A control step; ``label`` is what is recorded as the action, ``action`` without it."""
        if self._seen is None:
            raise ValueError("step: reset the environment first")
        frame: dict[str, Any] = {feature(key): _cell(key, part) for key, part in _parts(self._seen).items()}
        for key, part in _parts(action if label is None else label).items():
            frame["action" if not key else f"action.{key}"] = _cell(key, part)
        observation, reward, terminated, truncated, info = self.env.step(action)
        frame["next.reward"] = np.float32(reward)
        frame["next.done"] = np.bool_(terminated or truncated)
        if self._success in info:
            frame["next.success"] = np.bool_(np.all(info[self._success]))
        self._frames.append(frame)
        self._seen = _copied(observation)
        return observation, reward, bool(terminated), bool(truncated), info

    def discard(self) -> None:
        """Forgets the episode that goes on."""
        self._frames = []

    def save(self, folder: str | PathLike[str]) -> int:
        """Writes all episodes to a folder that is not there yet; returns how many frames they have."""
        self._end()
        return _native.write_dataset(Path(folder), self._episodes, robot=self._robot, task=self._task, fps=self._fps)

    def _end(self) -> None:
        frames, self._frames = self._frames, []
        if not frames:
            return
        if any(frame.keys() != frames[0].keys() for frame in frames):
            raise ValueError(f"info has {self._success!r} at some steps and not at others: name another as success")
        columns = [(name, np.stack([frame[name] for frame in frames])) for name in frames[0]]
        self._episodes.append((self._seed, columns))


def _copied(observation: Any) -> Any:
    """Environments may write their next observation into the same arrays."""
    if isinstance(observation, Mapping):
        return {key: _copied(value) for key, value in observation.items()}
    return np.array(observation)


def _cell(key: str, part: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """As it is stored: pictures as they are, numbers flat and in single precision, as LeRobot has them."""
    if not re.fullmatch(r"[\w.]*", key):
        raise ValueError(f"{key!r} is no name of a feature: letters, digits, _ and dots are")
    if part.dtype == np.uint8 and part.ndim == 3 and part.shape[-1] == 3:
        return part
    if part.dtype.kind not in "fiub":
        raise ValueError(f"{key or 'an observation'} is {part.dtype}, but numbers are recorded, and pictures of uint8")
    return part.astype(np.float32).reshape(-1)
