"""PushT as a gymnasium environment, in gym-pusht's place."""

import copy
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded

from parapolicy import pusht
from parapolicy._native import World

_STATE = ("table", "last_action", "np_random", "np_random_seed")


class PushTEnv(gym.Env):
    """An agent, a disc drawn to the position that is its action, pushes a T-shaped block onto its goal.

    Arguments, spaces, rewards, ``info``, resets and the random numbers behind them are gym-pusht's (0.1.8):
    ``gym.make("parapolicy/PushT-v0")`` stands where ``gym.make("gym_pusht/PushT-v0")`` stood. On top of its observation
    types there is ``keypoints``: nine points of the block and the agent, 20 numbers, what the low-dimensional Diffusion
    Policy of PushT observes.

    ``block_cog`` and ``damping`` must be ``None``.

    It can be copied and pickled while it runs, its wrappers too; the copy goes on bit for bit as the original does.
    """

    metadata = {"render_modes": ["rgb_array", "human"], "render_fps": 10}  # noqa: RUF012 (gymnasium's own type)

    def __init__(
        self,
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
        self.obs_type = obs_type
        self.render_mode = render_mode
        self.visualization_width = visualization_width
        self.visualization_height = visualization_height
        self.success_threshold = pusht.SUCCESS_THRESHOLD
        self.observation_space, self._observe = pusht.observed(obs_type, observation_width, observation_height)
        self.action_space = pusht.action_space()
        self._world = self._new_world()
        self._has_reset = False
        self._last_action: Any = None
        self._window: Any = None
        self._clock: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode: anywhere, or where ``options["reset_to_state"]`` says, in gym-pusht's legacy order, which
        moves the block."""
        self._begin(seed, options)
        return self._observe(self._world), {**pusht.info(self._world), "is_success": False}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Moves the world by 0.1 s with the agent drawn to ``action``, its target position in pixels."""
        if not self._has_reset:
            raise ResetNeeded("Cannot call env.step() before calling env.reset()")
        reward, coverage, success = self._world.step(action)
        self._last_action = action
        info = {**pusht.info(self._world), "is_success": success, "coverage": coverage}
        return self._observe(self._world), reward, success, False, info

    def render(self) -> np.ndarray | None:
        """A frame with the last action marked; or shows one in a window, in mode ``human``."""
        if not self._has_reset:
            raise ResetNeeded("Cannot call `env.render()` before calling `env.reset()`")
        if self.render_mode == "human":
            self._show()
            return None
        if self.render_mode != "rgb_array":
            raise ValueError(self.render_mode)
        frame = self._world.pixels(self.visualization_width, self.visualization_height)
        return pusht.marked(frame, self._last_action)

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            import pygame

            pygame.quit()
            self._window = None

    def get_state(self) -> dict[str, Any]:
        """All that the environment remembers, its agent's velocity and its random numbers too; it can be pickled.

        ``table`` is eight numbers: the agent's x and y, its velocity (px/s), x and y of the block's centre of gravity,
        the block's angle (rad, not wrapped), and whether the block touched something in the last step. What a wrapper
        counts, such as the steps of gymnasium's ``TimeLimit``, is the wrapper's: to keep that as well, copy or pickle
        the whole.
        """
        return {
            "table": self._world.snapshot(),
            "last_action": copy.copy(self._last_action),
            "np_random": copy.deepcopy(self.np_random),
            "np_random_seed": self.np_random_seed,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from where :meth:`get_state` was called, bit for bit: in this environment, or in another.

        Under gymnasium's wrappers the environment must have been reset once before.
        """
        pusht.expect_keys("state", state, _STATE)
        if not isinstance(state["np_random"], np.random.Generator):
            raise TypeError(f"state: `np_random` is a {type(state['np_random']).__name__}, but must be a Generator")
        self._world.restore(state["table"])
        self._last_action = copy.copy(state["last_action"])
        self._np_random = copy.deepcopy(state["np_random"])
        self._np_random_seed = state["np_random_seed"]
        self._has_reset = True

    def __getstate__(self) -> dict[str, Any]:
        # A window is not copied: the copy opens its own.
        return {**self.__dict__, "_window": None, "_clock": None}

    def _new_world(self) -> World:
        return World()

    def _begin(self, seed: int | None, options: dict[str, Any] | None) -> None:
        """What :meth:`reset` does, but for observing."""
        super().reset(seed=seed)
        self._world.reset(pusht.start(options, self.np_random))
        self._last_action = None
        self._has_reset = True
        if self.render_mode == "human":
            self.render()

    def _show(self) -> None:
        try:
            import pygame
        except ImportError as error:
            raise gym.error.DependencyNotInstalled("render_mode `human` needs pygame: pip install pygame") from error

        if self._window is None:
            pygame.init()
            self._window = pygame.display.set_mode((pusht.TABLE_SIZE, pusht.TABLE_SIZE))
            self._clock = pygame.time.Clock()
        frame = self._world.pixels(pusht.TABLE_SIZE, pusht.TABLE_SIZE)
        self._window.blit(pygame.surfarray.make_surface(frame.swapaxes(0, 1)), (0, 0))
        pygame.event.pump()
        self._clock.tick(self.metadata["render_fps"])
        pygame.display.update()
