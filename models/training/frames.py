"""PushT's frames, drawn by Parapolicy's simulator, and the states to draw."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from parapolicy._native import World
from torch import Tensor

from export.policy import Shape
from training.demos import Demonstrations, MinMax, windows

SIDE = 96
# What a frame shows, px.
TABLE = 512
# gym-pusht's walls and the agent keep the agent's centre, and the block's origin, about so far from the table's edge.
AGENT_MARGIN, BLOCK_MARGIN = 10, 40

# Demonstrated states are moved by so much (standard deviations): px, px, px, px, rad.
SPREAD = np.array([5, 5, 5, 5, 0.1])


def frames(states: np.ndarray) -> np.ndarray:
    """The table in every state `[n, 5]` (agent x, y, block x, y, angle; px, rad): uint8 `[n, 96, 96, 3]`."""
    world, drawn = World(), np.empty((len(states), SIDE, SIDE, 3), np.uint8)
    for state, frame in zip(states, drawn, strict=True):
        world.put(state)
        frame[:] = world.pixels(SIDE, SIDE)
    return drawn


def imagined(demonstrated: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """States to train the keypoint encoder on, `[count, 5]`: a third anywhere, the others near demonstrated ones."""
    anywhere = count // 3
    low = np.array([AGENT_MARGIN, AGENT_MARGIN, BLOCK_MARGIN, BLOCK_MARGIN, 0])
    high = np.array([*(TABLE - low[:4]), 2 * np.pi])
    chosen = demonstrated[random.integers(len(demonstrated), size=count - anywhere)]
    moved = chosen + SPREAD * random.normal(size=chosen.shape)
    return np.concatenate((random.uniform(low, high, (anywhere, 5)), moved))


@dataclass(frozen=True)
class FrameBatches:
    """Windows as `Batches` has them, whose frames are drawn on access: all of them together would take gigabytes.

    `states` is `[windows, n_obs_steps, 5]`, `agent` `[windows, n_obs_steps, 2]`, `action` `[windows, horizon, 2]`, the
    last two normalised. What is observed is a frame's pixels, 0 to 255, then the agent's place.
    """

    states: np.ndarray
    agent: Tensor
    action: Tensor

    @staticmethod
    def of(demos: Demonstrations, episodes: np.ndarray, shape: Shape, agent: MinMax, action: MinMax) -> "FrameBatches":
        rows = windows(demos.episode_ends, episodes, shape)
        states = demos.observation[rows[:, : shape.n_obs_steps]]
        normalised = agent.normalise(states[..., :2]), action.normalise(demos.action)[rows]
        return FrameBatches(states, *(torch.from_numpy(part).float() for part in normalised))

    def __len__(self) -> int:
        return len(self.action)

    def epoch(self, size: int, order: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches in the given order; the last one is whatever is left."""
        for rows in order.split(size):
            states = self.states[rows.numpy()]
            drawn = torch.from_numpy(frames(states.reshape(-1, 5))).reshape(*states.shape[:2], -1).float()
            yield torch.cat((drawn, self.agent[rows]), dim=-1), self.action[rows]
