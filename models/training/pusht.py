"""PushT in gym-pusht, as Diffusion Policy evaluates on it: its resets and what its policies observe."""

from collections.abc import Callable, Iterable

import gymnasium
import numpy as np
from gym_pusht.envs import PushTEnv

from training.block import KEYPOINTS

MAX_STEPS = 300
DEMONSTRATED_SEEDS = range(206)

# What can be observed: pixels of the table, of the frame from 0 to 255.
OBSERVATIONS: dict[str, Callable[[PushTEnv], np.ndarray]] = {
    "keypoints": lambda world: np.concatenate([world.block.local_to_world(point) for point in KEYPOINTS]),
    "agent": lambda world: np.array(world.agent.position),
    "agent_pos": lambda world: np.array(world.agent.position),
    # Its 96 x 96 frame, whatever else it is asked to observe.
    "image": lambda world: world._render().reshape(-1),
}


def reset_state(seed: int) -> list[float]:
    """Diffusion Policy's draw: agent x, y, block x, y, angle. gym-pusht sets the angle last, as the original does."""
    random = np.random.RandomState(seed)
    agent = [random.randint(50, 450), random.randint(50, 450)]
    block = [random.randint(100, 400), random.randint(100, 400)]
    return [*agent, *block, random.randn() * 2 * np.pi - np.pi]


class Episode:
    """One episode in gym-pusht, whose own step, reward and limit count."""

    def __init__(self, seed: int):
        self.seed, self.reward, self.success, self.control_steps, self.done = seed, 0.0, False, 0, False
        self.env = gymnasium.make("gym_pusht/PushT-v0", max_episode_steps=MAX_STEPS, disable_env_checker=True)
        self.env.reset(options={"reset_to_state": reset_state(seed)})

    def observation(self, names: Iterable[str] = ("keypoints", "agent")) -> np.ndarray:
        """What has these names, one after the other."""
        return np.concatenate([OBSERVATIONS[name](self.env.unwrapped) for name in names])

    def step(self, action: np.ndarray) -> None:
        """One control step towards `action` `[2]`, in pixels; the largest reward is kept."""
        _, reward, terminated, truncated, info = self.env.step(action)
        self.reward = max(self.reward, float(reward))
        self.success |= bool(info["is_success"])
        self.control_steps += 1
        self.done = terminated or truncated
