"""What the two PushT environments have in common: spaces, observations, info, starts.

Everything here takes a ``World``, one table, or ``Worlds``, whose arrays have a first axis more.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces

from parapolicy._native import World, Worlds

TABLE_SIZE = 512
GOAL_POSE = np.array([256.0, 256.0, np.pi / 4])
SUCCESS_THRESHOLD = 0.95
ACTION_SPACE = spaces.Box(low=0, high=TABLE_SIZE, shape=(2,), dtype=np.float32)

# A block put down through a wall reaches so far beyond the table.
KEYPOINT_MARGIN = 128

Tables = World | Worlds
Observe = Callable[[Any], Any]


def observed(obs_type: str, width: int, height: int) -> tuple[spaces.Space, Observe]:
    """The observation space of one table, and how it is read off a table or several."""
    agent_pos = _box(2)
    pixels = spaces.Box(low=0, high=255, shape=(height, width, 3), dtype=np.uint8)

    def observe_pixels(tables: Tables) -> np.ndarray:
        return tables.pixels(width, height)

    kinds: dict[str, tuple[spaces.Space, Observe]] = {
        "state": (
            spaces.Box(low=np.zeros(5), high=np.array([TABLE_SIZE] * 4 + [2 * np.pi]), dtype=np.float64),
            lambda tables: tables.state,
        ),
        "environment_state_agent_pos": (
            spaces.Dict({"environment_state": _box(16), "agent_pos": agent_pos}),
            lambda tables: {"environment_state": tables.vertices, "agent_pos": tables.agent_position},
        ),
        "pixels": (pixels, observe_pixels),
        "pixels_agent_pos": (
            spaces.Dict({"pixels": pixels, "agent_pos": agent_pos}),
            lambda tables: {"pixels": observe_pixels(tables), "agent_pos": tables.agent_position},
        ),
        "keypoints": (
            spaces.Box(low=-KEYPOINT_MARGIN, high=TABLE_SIZE + KEYPOINT_MARGIN, shape=(20,), dtype=np.float64),
            lambda tables: tables.keypoints,
        ),
    }
    if obs_type not in kinds:
        raise ValueError(f"Unknown obs_type {obs_type}. Must be one of [{', '.join(kinds)}]")
    return kinds[obs_type]


def info(tables: Tables) -> dict[str, Any]:
    """gym-pusht's ``info``, but for what a step adds."""
    return {
        "pos_agent": tables.agent_position,
        "vel_agent": tables.agent_velocity,
        "block_pose": tables.block_pose,
        "goal_pose": GOAL_POSE.copy(),
        "n_contacts": tables.contacts,
    }


def draw_start(random: np.random.Generator) -> list[float]:
    """Where an episode begins, drawn as gym-pusht draws it."""
    agent = [float(random.integers(50, 450)) for _ in range(2)]
    block = [float(random.integers(100, 400)) for _ in range(2)]
    return [*agent, *block, random.uniform(-np.pi, np.pi)]


def start(options: dict[str, Any] | None, random: np.random.Generator) -> Any:
    """Where an episode begins: ``options["reset_to_state"]``, or anywhere."""
    state = (options or {}).get("reset_to_state")
    return draw_start(random) if state is None else state


def refuse_other_physics(block_cog: object, damping: object) -> None:
    """gym-pusht can move the block's centre of gravity and change the damping; this simulator cannot."""
    for name, value in (("block_cog", block_cog), ("damping", damping)):
        if value is not None:
            raise ValueError(f"{name} is {value}, but this simulator only has gym-pusht's default, None")


def _box(size: int) -> spaces.Box:
    return spaces.Box(low=np.zeros(size), high=np.full(size, TABLE_SIZE), dtype=np.float64)
