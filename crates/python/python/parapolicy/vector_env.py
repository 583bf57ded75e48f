"""Many PushT environments at once, stepped on every core."""

from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, iterate

from parapolicy import pusht
from parapolicy._native import Worlds, read_action
from parapolicy.env import PushTEnv
from parapolicy.member import Member

_STATE = ("envs", "elapsed_steps", "over")

# No episode is longer: steps are counted in 64 bits.
_LONGEST_EPISODE = 2**63 - 1


class PushTVectorEnv(VectorEnv):
    """``num_envs`` environments as ``gym.make_vec("parapolicy/PushT-v0", num_envs)`` makes them.

    Each gives what :class:`parapolicy.env.PushTEnv` gives alone, in the form of ``gymnasium.vector.SyncVectorEnv``,
    step for step, in the three modes of ``gymnasium.vector.AutoresetMode``: a finished environment is reset in the step
    after, whose action is not looked at (``NEXT_STEP``); in the same step, with ``final_obs`` and ``final_info``
    (``SAME_STEP``); or by the caller, with ``reset(options={"reset_mask": ...})`` (``DISABLED``).

    ``max_episode_steps`` is gymnasium's: ``-1`` is no limit, ``None`` the limit of 300 steps that is registered.
    """

    def __init__(
        self,
        num_envs: int = 1,
        max_episode_steps: int | None = pusht.MAX_EPISODE_STEPS,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        **kwargs: Any,
    ):
        self.max_episode_steps = _time_limit(max_episode_steps)
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        if not isinstance(num_envs, int) or isinstance(num_envs, bool):
            raise TypeError(f"num_envs must be an integer, but is a {type(num_envs).__name__}")
        if num_envs < 1:
            raise ValueError(f"num_envs is {num_envs}, but must be at least 1")
        self.num_envs = num_envs
        self.metadata = {**PushTEnv.metadata, "autoreset_mode": self.autoreset_mode}
        self.worlds = Worlds(num_envs)
        self.elapsed_steps = np.zeros(num_envs, dtype=np.int64)
        self._over = np.zeros(num_envs, dtype=np.bool_)
        self._begun = False
        self.envs = [Member(self, index, **kwargs) for index in range(num_envs)]
        self.render_mode = self.envs[0].render_mode
        self._observe = self.envs[0]._observe
        self.single_observation_space = self.envs[0].observation_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.single_action_space = self.envs[0].action_space
        self.action_space = batch_space(self.single_action_space, num_envs)

    @property  # type: ignore[misc] # one for each environment, as in SyncVectorEnv
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The random numbers of each environment."""
        return self.get_attr("np_random")

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """What they were seeded with."""
        return self.get_attr("np_random_seed")

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begins an episode everywhere, or where ``options["reset_mask"]`` is true; an integer ``seed`` seeds
        environment ``i`` with ``seed + i``."""
        seeds = self._seeds(seed)
        options = dict(options or {})
        mask = self._mask(options.pop("reset_mask")) if "reset_mask" in options else self._everywhere()
        never = [index for index in np.flatnonzero(~mask).tolist() if not self.envs[index].has_reset]
        if never:
            raise ResetNeeded(f"environments {never} were never reset: reset all of them once, without a reset_mask")
        for index in np.flatnonzero(mask):
            self.envs[index]._begin(seeds[index], options)
        self._over = self._over & ~mask
        self._begun = True
        info = {**self._info(), "is_success": np.zeros(self.num_envs, dtype=np.bool_)}
        return self._observe(self.worlds), _masked(info, mask)

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Steps every environment, ``actions`` being ``[num_envs, 2]``. None moves if one of the actions is refused."""
        finished = self._over
        if self.autoreset_mode is AutoresetMode.DISABLED and finished.any():
            over = np.flatnonzero(finished).tolist()
            raise AssertionError(f"environments {over} are over: reset them, with options={{'reset_mask': ...}}")
        if not self._begun and not all(self.get_attr("has_reset")):
            raise ResetNeeded("Cannot call env.step() before calling env.reset()")
        actions = self._actions(actions, finished)
        rewards, coverages, success = self.worlds.step(actions)
        self.elapsed_steps += 1
        for env, action in zip(self.envs, actions, strict=True):
            env._last_action = action
        for index in np.flatnonzero(finished):
            self.envs[index]._begin(None, None)
        for results in (rewards, coverages, success):
            results[finished] = 0
        truncated = self.out_of_time()
        over = success | truncated
        if self.autoreset_mode is AutoresetMode.SAME_STEP and over.any():
            return self._restarted(rewards, coverages, success, truncated)
        self._over = over
        info = _masked({**self._info(), "is_success": success.copy()}, self._everywhere())
        info |= _masked({"coverage": coverages}, ~finished)
        return self._observe(self.worlds), rewards, success, truncated, info

    def render(self) -> tuple[Any, ...]:
        """A frame of each environment."""
        sizes = {(env.visualization_width, env.visualization_height, env.render_mode) for env in self.envs}
        width, height, mode = next(iter(sizes))
        if len(sizes) > 1 or mode != "rgb_array" or not all(env.has_reset for env in self.envs):
            return self.call("render")
        frames = zip(self.worlds.pixels(width, height), self.envs, strict=True)
        return tuple(pusht.marked(frame, env._last_action) for frame, env in frames)

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """What each environment's method of this name returns; or its attribute, if it is none."""
        found = (env.get_wrapper_attr(name) for env in self.envs)
        return tuple(value(*args, **kwargs) if callable(value) else value for value in found)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Each environment's attribute."""
        return self.call(name)

    def set_attr(self, name: str, values: Any) -> None:
        """Sets an attribute of every environment: to ``values``, or each to one of a list or tuple."""
        if not isinstance(values, list | tuple):
            values = [values] * self.num_envs
        if len(values) != self.num_envs:
            raise ValueError(
                "Values must be a list or tuple with length equal to the number of environments. "
                f"Got `{len(values)}` values for {self.num_envs} environments."
            )
        for env, value in zip(self.envs, values, strict=True):
            env.set_wrapper_attr(name, value)

    def get_state(self) -> dict[str, Any]:
        """All that the environments remember: ``envs``, for each what its ``get_state()`` gives, the steps of their
        episodes, and which of these are over. It can be pickled."""
        return {"envs": self.call("get_state"), "elapsed_steps": self.elapsed_steps.copy(), "over": self._over.copy()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from where :meth:`get_state` was called, bit for bit: here, or in another of as many environments."""
        pusht.expect_keys("state", state, _STATE)
        elapsed_steps = np.array(state["elapsed_steps"], dtype=np.int64)
        over = np.array(state["over"], dtype=np.bool_)
        for what, found in (("envs", len(state["envs"])), ("elapsed_steps", elapsed_steps.size), ("over", over.size)):
            if found != self.num_envs:
                raise ValueError(f"state: `{what}` has {found} values for {self.num_envs} environments")
        for env, of_env in zip(self.envs, state["envs"], strict=True):
            env.set_state(of_env)
        self.elapsed_steps, self._over = elapsed_steps, over

    def close_extras(self, **kwargs: Any) -> None:
        """Closes every environment's window, if there is one."""
        # gymnasium 1.1 closes what could not be made, too.
        for env in getattr(self, "envs", ()):
            env.close()

    def out_of_time(self) -> np.ndarray:
        """Which episodes are as long as they may be."""
        limit = self.max_episode_steps
        return self.elapsed_steps >= (_LONGEST_EPISODE if limit is None else min(limit, _LONGEST_EPISODE))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for index, env in enumerate(self.envs):
            env._world = self.worlds.table(index)

    def _restarted(self, rewards: Any, coverages: Any, success: Any, truncated: Any) -> tuple[Any, ...]:
        """What a step returns when episodes are over, and others begin in the same step."""
        over = success | truncated
        last = self._observe(self.worlds)
        final_obs = np.full(self.num_envs, None, dtype=object)
        for index in np.flatnonzero(over):
            final_obs[index] = _row(last, index)
        final_info = _masked({**self._info(), "is_success": success.copy(), "coverage": coverages.copy()}, over)
        info = {"final_obs": final_obs, "_final_obs": over, "final_info": final_info, "_final_info": over.copy()}
        for index in np.flatnonzero(over):
            self.envs[index]._begin(None, None)
        info |= _masked({**self._info(), "is_success": success & ~over}, self._everywhere())
        info |= _masked({"coverage": coverages}, ~over)
        return self._observe(self.worlds), rewards, success, truncated, info

    def _actions(self, actions: Any, ignored: np.ndarray) -> np.ndarray:
        """``[num_envs, 2]``, with the table's middle where actions are not looked at."""
        shape = (self.num_envs, 2)
        if not isinstance(actions, np.ndarray) or actions.shape != shape or actions.dtype.kind not in "fiu":
            # Read one by one, as the environments would alone.
            rows = list(iterate(self.action_space, actions))
            if len(rows) != self.num_envs:
                raise ValueError(f"{len(rows)} actions for {self.num_envs} environments: give one for each")
            middle = (pusht.TABLE_SIZE / 2,) * 2
            rows = [middle if skip else read_action(row) for row, skip in zip(rows, ignored, strict=True)]
            return np.array(rows, dtype=np.float64).reshape(shape)
        return np.where(ignored[:, np.newaxis], pusht.TABLE_SIZE / 2, actions)

    def _seeds(self, seed: int | list[int | None] | None) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int):
            return [seed + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(
                "If seeds are passed as a list the length must match "
                f"num_envs={self.num_envs} but got length={len(seed)}."
            )
        return list(seed)

    def _mask(self, mask: Any) -> np.ndarray:
        """``reset_mask``, refused where ``SyncVectorEnv`` refuses it."""
        if not isinstance(mask, np.ndarray):
            raise TypeError(f"`options['reset_mask']` must be a numpy array, got {type(mask)}")
        if mask.shape != (self.num_envs,):
            raise ValueError(f"`options['reset_mask']` must have shape `({self.num_envs},)`, got {mask.shape}")
        if mask.dtype != np.bool_:
            raise TypeError(f"`options['reset_mask']` must have `dtype=np.bool_`, got {mask.dtype}")
        if not mask.any():
            raise ValueError(f"`options['reset_mask']` must have at least one True value, got {mask}")
        return mask

    def _info(self) -> dict[str, Any]:
        info = pusht.info(self.worlds)
        return {**info, "goal_pose": np.tile(info["goal_pose"], (self.num_envs, 1))}

    def _everywhere(self) -> np.ndarray:
        return np.ones(self.num_envs, dtype=np.bool_)


def _time_limit(steps: int | None) -> int | None:
    """The longest episode, as ``gym.make`` reads it; None if there is no limit."""
    if steps is None:
        return pusht.MAX_EPISODE_STEPS
    if steps == -1:
        return None
    if not isinstance(steps, int):
        raise TypeError(f"Expect the `max_episode_steps` to be an integer, actually: {type(steps)}")
    if steps <= 0:
        raise ValueError(f"Expect the `max_episode_steps` to be positive, actually: {steps}")
    return steps


def _row(observation: Any, index: np.integer) -> Any:
    if isinstance(observation, dict):
        return {key: value[index].copy() for key, value in observation.items()}
    return observation[index].copy()


def _masked(info: dict[str, np.ndarray], mask: np.ndarray) -> dict[str, np.ndarray]:
    """``info`` of the environments in ``mask`` as gymnasium gives it: zeros elsewhere, and to every key which
    environments it is of; nothing at all if there are none."""
    if not mask.any():
        return {}
    for value in info.values():
        value[~mask] = 0
    return info | {f"_{key}": mask.copy() for key in info}
