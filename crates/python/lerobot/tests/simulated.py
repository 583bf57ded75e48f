"""PushT as a robot of LeRobot: where the pusher is, and a camera above."""

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np
import parapolicy  # noqa: F401 (registers the environment)
from lerobot.robots import Robot, RobotConfig

AXES = ("x.pos", "y.pos")


@RobotConfig.register_subclass("simulated")
@dataclass(kw_only=True)
class SimulatedConfig(RobotConfig):
    """How long it is driven."""

    steps: int = 60


class Simulated(Robot):
    """Steps its world by each action that it is sent; ``over`` is set after the last of its steps."""

    config_class = SimulatedConfig
    name = "simulated"

    def __init__(self, config: SimulatedConfig) -> None:
        super().__init__(config)
        self.steps, self.sent, self.best, self.over = config.steps, 0, [0.0], threading.Event()
        self.world = gym.make("parapolicy/PushT-v0", obs_type="pixels_agent_pos")
        self.observation, _ = self.world.reset(seed=100_000)

    @cached_property
    def observation_features(self) -> dict:
        return dict.fromkeys(AXES, float) | {"image": (96, 96, 3)}

    @cached_property
    def action_features(self) -> dict:
        return dict.fromkeys(AXES, float)

    @property
    def is_connected(self) -> bool:
        return True

    @property
    def is_calibrated(self) -> bool:
        return True

    def connect(self, calibrate: bool = True) -> None: ...

    def calibrate(self) -> None: ...

    def configure(self) -> None: ...

    def disconnect(self) -> None: ...

    def get_observation(self) -> dict[str, Any]:
        position = self.observation["agent_pos"]
        return dict(zip(AXES, map(float, position), strict=True)) | {"image": np.asarray(self.observation["pixels"])}

    def send_action(self, action: dict[str, Any]) -> dict[str, Any]:
        if self.over.is_set():
            return action
        row = np.array([action[axis] for axis in AXES])
        self.observation, reward, terminated, truncated, _ = self.world.step(row)
        self.best[-1] = max(self.best[-1], float(reward))
        self.sent += 1
        if self.sent >= self.steps:
            self.over.set()
        elif terminated or truncated:
            self.observation, _ = self.world.reset(seed=100_000 + len(self.best))
            self.best.append(0.0)
        return action
