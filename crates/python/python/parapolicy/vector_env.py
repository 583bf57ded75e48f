"""Many PushT environments at once, stepped on every core."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from parapolicy import pusht
from parapolicy._native import Worlds


class PushTVectorEnv(VectorEnv):
    """``num_envs`` environments as ``gym.make_vec("parapolicy/PushT-v0", num_envs)`` makes them.

    Each gives what :class:`parapolicy.env.PushTEnv` gives alone, in the form of ``gymnasium.vector.SyncVectorEnv``: a
    finished environment is reset in the step after, whose action is not looked at.
    """

    metadata = {  # noqa: RUF012 (gymnasium's own type)
        "render_modes": ["rgb_array"],
        "render_fps": 10,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        max_episode_steps: int = 300,
        obs_type: str = "state",
        render_mode: str | None = "rgb_array",
        block_cog: None = None,
        damping: None = None,
        observation_width: int = 96,
        observation_height: int = 96,
        visualization_width: int = 680,
        visualization_height: int = 680,
    ):
        pusht.refuse_other_physics(block_cog, damping)
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.visualization_width = visualization_width
        self.visualization_height = visualization_height
        self.max_episode_steps = max_episode_steps
        self.single_observation_space, self._observe = pusht.observed(obs_type, observation_width, observation_height)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.single_action_space = pusht.ACTION_SPACE
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._worlds = Worlds(num_envs)
        self._randoms = [np_random(None) for _ in range(num_envs)]
        self._steps = np.zeros(num_envs, dtype=np.int64)
        self._over = np.zeros(num_envs, dtype=np.bool_)

    @property  # type: ignore[misc] # one for each environment, as in SyncVectorEnv
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The random numbers of each environment."""
        return tuple(random for random, _ in self._randoms)

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """What they were seeded with."""
        return tuple(seed for _, seed in self._randoms)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begins an episode everywhere, or where ``options["reset_mask"]`` is true; an integer ``seed`` seeds
        environment ``i`` with ``seed + i``."""
        seeds = self._seeds(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"seed has {len(seeds)} values for {self.num_envs} environments: give one for each")
        mask = np.asarray((options or {}).get("reset_mask", np.ones(self.num_envs, dtype=np.bool_)))
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_:
            raise ValueError(f"reset_mask must be an array of {self.num_envs} booleans")
        for index in np.flatnonzero(mask):
            if seeds[index] is not None:
                self._randoms[index] = np_random(seeds[index])
        self._restart(mask, options)
        success = np.zeros(self.num_envs, dtype=np.bool_)
        return self._observe(self._worlds), self._masked({**self._info(), "is_success": success}, mask)

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Steps every environment, ``actions`` being ``[num_envs, 2]``, and resets those that were finished."""
        restarted = self._over
        if restarted.any():
            actions = np.where(restarted[:, np.newaxis], pusht.TABLE_SIZE / 2, actions)
        rewards, coverages, success = self._worlds.step(actions)
        self._steps += 1
        if restarted.any():
            self._restart(restarted, None)
            for results in (rewards, coverages, success):
                results[restarted] = 0
        truncated = self._steps >= self.max_episode_steps
        self._over = success | truncated
        everywhere = np.ones(self.num_envs, dtype=np.bool_)
        info = self._masked({**self._info(), "is_success": success.copy()}, everywhere)
        if not restarted.all():
            info |= self._masked({"coverage": coverages}, ~restarted)
        return self._observe(self._worlds), rewards, success, truncated, info

    def render(self) -> tuple[np.ndarray, ...]:
        """A frame of each environment."""
        if self.render_mode != "rgb_array":
            raise ValueError(self.render_mode)
        return tuple(self._worlds.pixels(self.visualization_width, self.visualization_height))

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int | np.integer):
            return [int(seed) + i for i in range(self.num_envs)]
        return list(seed)

    def _restart(self, mask: np.ndarray, options: dict[str, Any] | None) -> None:
        for index in np.flatnonzero(mask):
            self._worlds.reset(int(index), pusht.start(options, self._randoms[index][0]))
        self._steps[mask] = 0
        self._over = self._over & ~mask

    def _info(self) -> dict[str, Any]:
        info = pusht.info(self._worlds)
        return {**info, "goal_pose": np.tile(info["goal_pose"], (self.num_envs, 1))}

    @staticmethod
    def _masked(info: dict[str, np.ndarray], mask: np.ndarray) -> dict[str, np.ndarray]:
        """Adds to every key, as gymnasium does, which environments it is of."""
        return info | {f"_{key}": mask.copy() for key in info}
