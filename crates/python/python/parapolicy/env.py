"""PushT as a gymnasium environment, in gym-pusht's place."""

from typing import Any

import gymnasium as gym
import numpy as np

from parapolicy import pusht
from parapolicy._native import World

_RED = (255, 0, 0)


class PushTEnv(gym.Env):
    """An agent, a disc drawn to the position that is its action, pushes a T-shaped block onto its goal.

    Arguments, spaces, rewards, ``info``, resets and the random numbers behind them are gym-pusht's (0.1.8):
    ``gym.make("parapolicy/PushT-v0")`` stands where ``gym.make("gym_pusht/PushT-v0")`` stood. On top of its observation
    types there is ``keypoints``: nine points of the block and the agent, 20 numbers, what the low-dimensional Diffusion
    Policy of PushT observes.

    ``block_cog`` and ``damping`` must be ``None``.
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
        self.action_space = pusht.ACTION_SPACE
        self._world = World()
        self._last_action = None
        self._window: Any = None
        self._clock: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode: anywhere, or where ``options["reset_to_state"]`` says, in gym-pusht's legacy order, which
        moves the block."""
        super().reset(seed=seed)
        self._world.reset(pusht.start(options, self.np_random))
        self._last_action = None
        if self.render_mode == "human":
            self.render()
        return self._observe(self._world), {**pusht.info(self._world), "is_success": False}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Moves the world by 0.1 s with the agent drawn to ``action``, its target position in pixels."""
        reward, coverage, success = self._world.step(action)
        self._last_action = action
        info = {**pusht.info(self._world), "is_success": success, "coverage": coverage}
        return self._observe(self._world), reward, success, False, info

    def render(self) -> np.ndarray | None:
        """A frame with the last action marked; or shows one in a window, in mode ``human``."""
        if self.render_mode == "human":
            self._show()
            return None
        if self.render_mode != "rgb_array":
            raise ValueError(self.render_mode)
        frame = self._world.pixels(self.visualization_width, self.visualization_height)
        if self._last_action is not None:
            _mark(frame, self._last_action)
        return frame

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            import pygame

            pygame.quit()
            self._window = None

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


def _mark(frame: np.ndarray, action: Any) -> None:
    """Draws a red cross at ``action``, as large as gym-pusht's: 8/96 of the frame, its lines 1/96 wide."""
    height, width, _ = frame.shape
    x, y = (int(position / pusht.TABLE_SIZE * side) for position, side in zip(action, (width, height), strict=True))
    half = min(width, height) // 96 // 2 + 1
    arm = min(width, height) // 12 // 2 + half
    for across, along in ((arm, half), (half, arm)):
        rows = slice(max(y - along, 0), max(y + along + 1, 0))
        frame[rows, max(x - across, 0) : max(x + across + 1, 0)] = _RED
