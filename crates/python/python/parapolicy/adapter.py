"""A gymnasium environment as a policy sees it: observations and actions mapped by name, to flat arrays of numbers.

What does not fit is refused before anything is played, by the names of both sides.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rest = Sequence[float] | str | Callable[[Any], Any]
Success = str | Callable[[float, Mapping[str, Any]], Any]

# Longest side of a picture in the animation, px.
_LONGEST_SIDE = 320


def _find(observation: Any, key: str) -> Any:
    """What is under a key, ``pixels.front`` say; a key that holds dots itself is found, too."""
    if not isinstance(observation, Mapping):
        raise KeyError(key)
    if key in observation:
        return observation[key]
    head, dot, rest = key.partition(".")
    if not dot:
        raise KeyError(key)
    return _find(observation[head], rest)


def _keys(observation: Any, prefix: str = "") -> list[str]:
    """All keys of a nested observation."""
    if not isinstance(observation, Mapping):
        return [prefix.rstrip(".")] if prefix else []
    return [key for name, value in observation.items() for key in _keys(value, f"{prefix}{name}.")]


class Member:
    """One environment, for one policy: what ``evaluate`` plays in."""

    def __init__(
        self,
        env: gym.Env[Any, Any],
        manifest: Mapping[str, Any],
        *,
        observations: Mapping[str, str] | None,
        actions: Mapping[str, str] | None,
        success: Success,
        lowest_reward: float,
        highest_reward: float,
        max_steps: int | None,
        rest: Rest | None,
    ):
        self.env = env
        self._seen = {entry["name"]: tuple(entry["shape"]) for entry in manifest["observations"]}
        self._done = {entry["name"]: tuple(entry["shape"]) for entry in manifest["actions"]}
        self._observations = _mapping("observations", observations, self._seen)
        self._actions = _mapping("actions", actions, self._done)
        self._success, self._max_steps, self._rest = success, max_steps, rest
        self._lowest, self._highest = lowest_reward, highest_reward
        self._steps, self._observation, self._told, self._cut = 0, None, False, False
        self._action_dim = sum(int(np.prod(shape)) for shape in self._done.values())
        self._check_actions()

    def _check_actions(self) -> None:
        space = self.env.action_space
        if isinstance(space, gym.spaces.Dict):
            for name, shape in self._done.items():
                key = self._actions[name]
                taken = space[key].shape if key in space.spaces else None
                if taken is None or int(np.prod(taken)) != int(np.prod(shape)):
                    known = ", ".join(f"{key} {value.shape}" for key, value in space.spaces.items())
                    raise ValueError(
                        f"actions: the policy's {name} {list(shape)} is no {key} of the environment: {known}"
                    )
            if missing := set(space.spaces) - {self._actions[name] for name in self._done}:
                raise ValueError(f"actions: the environment's {sorted(missing)} is given by no action of the policy")
        elif not isinstance(space, gym.spaces.Box):
            raise ValueError(
                f"actions: the environment's are {space}, but a policy's are numbers: a Box, or a Dict of them"
            )
        elif int(np.prod(space.shape)) != self._action_dim:
            problem = f"have {int(np.prod(space.shape))} numbers, the policy's {list(self._done)} {self._action_dim}"
            raise ValueError(f"actions: the environment's {problem}")

    def reset(self, seed: int) -> Floats:
        """Begins the episode of a seed; the first observation."""
        observation, _ = self.env.reset(seed=seed)
        self._steps, self._told = 0, False
        return self._flat(observation)

    def step(self, action: Floats) -> tuple[Floats, float, bool, bool]:
        """A control step: observation, reward from 0 to 1, success, and whether the episode is over."""
        observation, reward, terminated, truncated, info = self.env.step(self._action(action))
        self._steps += 1
        over = bool(terminated or truncated or (self._max_steps is not None and self._steps >= self._max_steps))
        success = self._succeeded(float(reward), info, over)
        return self._flat(observation), self._scaled(float(reward)), success, over

    def _succeeded(self, reward: float, info: Mapping[str, Any], over: bool) -> bool:
        if callable(self._success):
            return bool(self._success(reward, info))
        if self._success in info:
            self._told = True
            return bool(np.all(info[self._success]))
        if over and not self._told:
            problem = f"the environment's info has no {self._success!r}, only {sorted(info)}"
            raise ValueError(
                f"success: {problem}: name what says whether an episode succeeded, or a function of reward and info"
            )
        return False

    def _scaled(self, reward: float) -> float:
        """The reward from 0, the lowest, to 1, the highest; one beyond is cut off, and told of once."""
        if not np.isfinite(reward):
            raise ValueError(f"reward: the environment gives {reward}")
        scaled = (reward - self._lowest) / (self._highest - self._lowest)
        if not 0.0 <= scaled <= 1.0 and not self._cut:
            self._cut = True
            bounds = f"lowest_reward={self._lowest:g} and highest_reward={self._highest:g}"
            warnings.warn(f"the environment gives a reward of {reward:g}, which is cut off at {bounds}", stacklevel=2)
        return float(np.clip(scaled, 0.0, 1.0))

    def resting(self) -> list[float]:
        """The action that leaves the robot as it is, after a reset."""
        if self._rest is None:
            raise ValueError("rest: is not known")
        if isinstance(self._rest, str):
            rest = _find(self._observation, self._rest)
        else:
            rest = self._rest(self._observation) if callable(self._rest) else self._rest
        rest = np.asarray(rest, dtype=np.float64).reshape(-1)
        if rest.shape != (self._action_dim,) or not np.all(np.isfinite(rest)):
            raise ValueError(
                f"rest: is {rest.tolist()}, but the policy's actions have {self._action_dim} finite numbers"
            )
        return rest.tolist()

    def picture(self) -> tuple[int, int, bytes]:
        """The environment as it renders itself: height, width and RGB, made smaller where it is large."""
        pixels = np.asarray(self.env.render())
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise ValueError(
                f"film: the environment renders {pixels.dtype} {pixels.shape}, not uint8 [height, width, 3]"
            )
        step = -(-max(pixels.shape[:2]) // _LONGEST_SIDE)
        pixels = pixels[::step, ::step]
        return pixels.shape[0], pixels.shape[1], pixels.tobytes()

    def _flat(self, observation: Any) -> Floats:
        self._observation = observation
        if not isinstance(observation, Mapping):
            return self._whole(observation)
        parts = []
        for name, shape in self._seen.items():
            key = self._observations[name]
            try:
                part = np.asarray(_find(observation, key), dtype=np.float64)
            except (KeyError, TypeError) as error:
                known = ", ".join(_keys(observation))
                raise ValueError(
                    f"observations: the environment has no {key} for the policy's {name}, only {known}"
                ) from error
            if part.size != int(np.prod(shape)):
                raise ValueError(
                    f"observations: the environment's {key} has shape {list(part.shape)}, "
                    f"the policy's {name} {list(shape)}"
                )
            parts.append(part.reshape(-1))
        return np.concatenate(parts)

    def _whole(self, observation: Any) -> Floats:
        """An observation without names: all entries, in their order."""
        flat = np.asarray(observation, dtype=np.float64).reshape(-1)
        expected = sum(int(np.prod(shape)) for shape in self._seen.values())
        if flat.size != expected:
            raise ValueError(
                f"observations: the environment's has {flat.size} numbers, the policy's {list(self._seen)} {expected}"
            )
        return flat

    def _action(self, action: Floats) -> Any:
        space = self.env.action_space
        if not isinstance(space, gym.spaces.Dict):
            return action.astype(space.dtype).reshape(space.shape)
        parts, start = {}, 0
        for name, shape in self._done.items():
            box = space[self._actions[name]]
            part = action[start : start + int(np.prod(shape))]
            parts[self._actions[name]] = part.astype(box.dtype).reshape(box.shape)
            start += part.size
        return parts


def _mapping(what: str, given: Mapping[str, str] | None, entries: Mapping[str, Any]) -> dict[str, str]:
    """The environment's key of every entry: its own name, where no other is given."""
    given = dict(given or {})
    if unknown := [name for name in given if name not in entries]:
        raise ValueError(f"{what}: the policy has no {unknown[0]}, only {', '.join(entries)}")
    return {name: given.get(name, name) for name in entries}
