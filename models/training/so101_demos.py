"""Demonstrations of SO-101: `python -m training.so101_demos DATASET` records its scripted controller, as a dataset of
LeRobot.

What is executed is what the controller says and noise that lasts, so that recovery is seen (Laskey et al. 2017, arXiv
1703.09327); what is recorded is what the controller says. In some episodes the gripper opens on the way, and the cube
is lost: the controller begins again, as it does where it has missed it. Episodes that fail are left out.

It runs where `lerobot-env-so101` and `mujoco` below 4 are, with the package `parapolicy`: `so101_requirements.txt`.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import numpy as np
from lerobot_env_so101 import SO101PickPlaceGymEnv
from lerobot_env_so101.policy import DEFAULT_ACTION_SCALE, PICK_PLACE_ENV_ID
from lerobot_env_so101.scripted import PickPlaceController
from lerobot_env_so101.scripted.pick_place import Phase

TASK = "Put the cube on its goal."
# The noise, in units of the action: its part that is new, what is kept of it from step to step, and its share beside
# the cube.
NOISE, KEPT, BESIDE = 0.2, 0.7, 0.25
# Share of the episodes in which the gripper opens for three steps, and between which steps that begins.
SLIPS, BETWEEN = 0.15, (18, 34)
LOST = 0.035
CAREFUL = 0.41
LONGEST = 200
NEARBY = 0.02


def near(world: SO101PickPlaceGymEnv) -> np.ndarray:
    """How far the cube is from the point that the arm grasps with, and the goal from the cube, `[6]`: of metres over
    `NEARBY` the tanh, so that the last millimetres are seen."""
    cube = world._data.sensor("block_pos").data
    return np.tanh(np.concatenate((cube - world.ik_point_pos, world.goal_pos - cube)) / NEARBY).astype(np.float32)


class Near(gym.ObservationWrapper):
    """The environment, with what is near."""

    def __init__(self, env: gym.Env):
        super().__init__(env)
        spaces = {**env.observation_space.spaces, "near": gym.spaces.Box(-1, 1, (6,), np.float32)}
        self.observation_space = gym.spaces.Dict(spaces)

    def observation(self, observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {**observation, "near": near(self.unwrapped)}


def make() -> gym.Env:
    """The environment as the policy is to know it: cube and goal anywhere, an action of 1 a step of 25 mm, and seen
    besides what is near."""
    return Near(gym.make(PICK_PLACE_ENV_ID, random_block_position=True, action_scale=DEFAULT_ACTION_SCALE))


class Script:
    """The scripted controller, which begins again where the cube is lost."""

    def __init__(self, env: gym.Env):
        self.world, self.controller = env.unwrapped, PickPlaceController(DEFAULT_ACTION_SCALE)

    def act(self) -> np.ndarray:
        grasp, block = self.world.ik_point_pos, np.array(self.world._data.sensor("block_pos").data)
        lost = np.linalg.norm(grasp - block) > LOST
        if lost and self.controller.phase in (Phase.TRAVERSE, Phase.LOWER):
            self.controller.reset()
        action = self.controller.act(grasp, block, self.world.goal_pos)
        if self.controller.done:
            self.controller.reset()
            action = self.controller.act(grasp, block, self.world.goal_pos)
        return action


def play(env: gym.Env, seed: int, noise: float, step: Callable) -> bool:
    """An episode by the script, executed with noise, each step taken by `step`; whether it succeeded."""
    random = np.random.default_rng([seed, 1])
    env.reset(seed=seed)
    script, drift = Script(env), np.zeros(3)
    slips, at = random.random() < SLIPS, random.integers(*BETWEEN)
    for count in range(LONGEST):
        action = script.act()
        drift = KEPT * drift + random.normal(0, NOISE, 3)
        executed = action.copy()
        executed[:3] += noise * drift * (BESIDE if np.abs(action[:3]).max() <= CAREFUL else 1)
        if noise and slips and at <= count < at + 3:
            executed[3] = 1.0
        executed = np.clip(executed, env.action_space.low, env.action_space.high).astype(np.float32)
        _, _, terminated, truncated, info = step(executed, action)
        if terminated or truncated:
            return bool(info["succeed"])
    return False


def main() -> None:
    import parapolicy

    parser = argparse.ArgumentParser(prog="python -m training.so101_demos", description="Record SO-101's script.")
    parser.add_argument("out", type=Path, help="folder of the dataset, which must not be there yet")
    parser.add_argument("--episodes", type=int, default=600)
    parser.add_argument("--first-seed", type=int, default=1_000_000)
    args = parser.parse_args()
    if args.out.exists():
        sys.exit(f"so101_demos: {args.out} is there already")
    env = parapolicy.Recorder(make(), task=TASK, fps=10, robot="so101", success="succeed")
    for seed in range(args.first_seed, args.first_seed + args.episodes):
        if not play(env, seed, 1.0, env.step):
            env.discard()
    frames = env.save(args.out)
    print(f"{env.episodes} of {args.episodes} episodes succeeded, {frames} frames")


if __name__ == "__main__":
    main()
