"""What the two PushT environments have in common: spaces, observations, info, starts.

Everything here takes a ``World``, one table, or ``Worlds``, whose arrays have a first axis more.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces

from parapolicy._native import World, Worlds

TABLE_SIZE = 512
GOAL_POSE = np.array([256.0, 256.0, np.pi / 4])
SUCCESS_THRESHOLD = 0.95
MAX_EPISODE_STEPS = 300
OBS_TYPES = ("state", "environment_state_agent_pos", "pixels", "pixels_agent_pos", "keypoints")

# A block put down through a wall reaches so far beyond the table.
KEYPOINT_MARGIN = 128

_RED = (255, 0, 0)

Tables = World | Worlds
Observe = Callable[[Any], Any]


def action_space() -> spaces.Box:
    """A new one for each environment: a space has random numbers of its own."""
    return spaces.Box(low=0, high=TABLE_SIZE, shape=(2,), dtype=np.float32)


def observed(obs_type: str, width: int, height: int) -> tuple[spaces.Space, Observe]:
    """The observation space of one table, and how it is read off a table or several."""
    if obs_type == "state":
        return spaces.Box(low=np.zeros(5), high=np.array([TABLE_SIZE] * 4 + [2 * np.pi]), dtype=np.float64), _state
    if obs_type == "environment_state_agent_pos":
        return spaces.Dict({"environment_state": _box(16), "agent_pos": _box(2)}), _vertices_and_agent
    if obs_type == "keypoints":
        margin = KEYPOINT_MARGIN
        return spaces.Box(low=-margin, high=TABLE_SIZE + margin, shape=(20,), dtype=np.float64), _keypoints
    if obs_type == "pixels":
        return _pixel_box(width, height), partial(_pixels, width=width, height=height)
    if obs_type == "pixels_agent_pos":
        observe = partial(_pixels_and_agent, width=width, height=height)
        return spaces.Dict({"pixels": _pixel_box(width, height), "agent_pos": _box(2)}), observe
    raise ValueError(f"Unknown obs_type {obs_type}. Must be one of [{', '.join(OBS_TYPES)}]")


# Functions of the module, since environments are pickled with theirs.


def _state(tables: Tables) -> np.ndarray:
    return tables.state


def _keypoints(tables: Tables) -> np.ndarray:
    return tables.keypoints


def _vertices_and_agent(tables: Tables) -> dict[str, np.ndarray]:
    return {"environment_state": tables.vertices, "agent_pos": tables.agent_position}


def _pixels(tables: Tables, width: int, height: int) -> np.ndarray:
    return tables.pixels(width, height)


def _pixels_and_agent(tables: Tables, width: int, height: int) -> dict[str, np.ndarray]:
    return {"pixels": tables.pixels(width, height), "agent_pos": tables.agent_position}


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
    options = options or {}
    for key in options:
        if key != "reset_to_state":
            raise ValueError(f"options: `{key}` is not known; use reset_to_state")
    state = options.get("reset_to_state")
    return draw_start(random) if state is None else state


def marked(frame: np.ndarray, action: Any) -> np.ndarray:
    """The frame with a red cross at ``action``, if there is one, as large as gym-pusht's: 8/96 of the frame, its lines
    1/96 wide."""
    if action is None:
        return frame
    height, width, _ = frame.shape
    x, y = (int(position / TABLE_SIZE * side) for position, side in zip(action, (width, height), strict=True))
    half = min(width, height) // 96 // 2 + 1
    arm = min(width, height) // 12 // 2 + half
    for across, along in ((arm, half), (half, arm)):
        rows = slice(max(y - along, 0), max(y + along + 1, 0))
        frame[rows, max(x - across, 0) : max(x + across + 1, 0)] = _RED
    return frame


def expect_keys(what: str, found: Any, expected: tuple[str, ...]) -> None:
    """Refuses a mapping that lacks a key, or has one more, by its name."""
    if not isinstance(found, dict):
        raise TypeError(f"{what} is a {type(found).__name__}, but must be a dictionary, as get_state() gives it")
    for key in expected:
        if key not in found:
            raise ValueError(f"{what} has no `{key}`: give what get_state() gave")
    for key in found:
        if key not in expected:
            raise ValueError(f"{what}: `{key}` is not known; use {', '.join(expected)}")


def refuse_other_physics(block_cog: object, damping: object) -> None:
    """gym-pusht can move the block's centre of gravity and change the damping; this simulator cannot."""
    for name, value in (("block_cog", block_cog), ("damping", damping)):
        if value is not None:
            raise ValueError(f"{name} is {value}, but this simulator only has gym-pusht's default, None")


def _pixel_box(width: int, height: int) -> spaces.Box:
    return spaces.Box(low=0, high=255, shape=(height, width, 3), dtype=np.uint8)


def _box(size: int) -> spaces.Box:
    return spaces.Box(low=np.zeros(size), high=np.full(size, TABLE_SIZE), dtype=np.float64)
