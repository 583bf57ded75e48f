"""Demonstrations of Fetch: `python -m training.fetch_demos DATASET` records a script that picks and places, as a
dataset of LeRobot.

`FetchPickAndPlace-v4` is gymnasium-robotics' (Plappert et al. 2018, arXiv 1802.09464): an arm of seven joints takes a
cube to a point on the table or above it, in 50 steps at 25 Hz. What is executed is what the script says and noise that
lasts, so that recovery is seen (Laskey et al. 2017, arXiv 1703.09327); what is recorded is what the script says.
Episodes that fail are left out.

It runs with the package `parapolicy`, and what is in `fetch_requirements.txt`.
"""

import argparse
import sys
from pathlib import Path

import gymnasium as gym
import gymnasium_robotics
import numpy as np

TASK = "Take the cube to its goal."
# An action of 1 is a step of 5 cm; the script goes so many times the way that is left.
STEP, GAIN = 0.05, 0.5
ABOVE, OVER, GRASPED, HELD = 0.05, 0.01, 0.006, 0.027
OPEN, CLOSE = 1.0, -1.0
# The noise, in units of the action: its part that is new, what is kept of it from step to step, and its share where the
# script goes slowly.
NOISE, KEPT, SLOWLY = 0.15, 0.7, 0.25
SLOW = 0.3


def make() -> gym.Env:
    """The environment as it is registered."""
    gym.register_envs(gymnasium_robotics)
    return gym.make("FetchPickAndPlace-v4")


def script(seen: dict[str, np.ndarray]) -> np.ndarray:
    """What to do where this is seen, `[4]`: over the cube, down, close, to the goal."""
    to_cube, fingers = seen["observation"][6:9], seen["observation"][9:11]
    at_cube = np.linalg.norm(to_cube) < GRASPED + OVER
    if at_cube and fingers.max() < HELD:
        return motion(seen["desired_goal"] - seen["achieved_goal"], CLOSE)
    if at_cube and abs(to_cube[2]) < GRASPED:
        return motion(to_cube, CLOSE)
    if np.linalg.norm(to_cube[:2]) < OVER:
        return motion(to_cube, OPEN)
    return motion(to_cube + np.array((0, 0, ABOVE)), OPEN)


def motion(way: np.ndarray, gripper: float) -> np.ndarray:
    """A step of the gripper along `way`, in metres."""
    return np.append(np.clip(GAIN * way / STEP, -1, 1), gripper).astype(np.float32)


def play(env: gym.Env, seed: int, noise: float) -> bool:
    """An episode by the script, executed with noise; whether it succeeded at its end."""
    random, drift, over = np.random.default_rng([seed, 1]), np.zeros(3), False
    seen, _ = env.reset(seed=seed)
    while not over:
        action = script(seen)
        drift = KEPT * drift + random.normal(0, NOISE, 3)
        share = SLOWLY if np.abs(action[:3]).max() < SLOW else 1.0
        executed = np.clip(action + np.append(noise * share * drift, 0), -1, 1).astype(np.float32)
        seen, _, terminated, truncated, info = env.step(executed, action)
        over = terminated or truncated
    return bool(info["is_success"])


def main() -> None:
    import parapolicy

    parser = argparse.ArgumentParser(prog="python -m training.fetch_demos", description="Record Fetch's script.")
    parser.add_argument("out", type=Path, help="folder of the dataset, which must not be there yet")
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--first-seed", type=int, default=1_000_000)
    args = parser.parse_args()
    if args.out.exists():
        sys.exit(f"fetch_demos: {args.out} is there already")
    env = parapolicy.Recorder(make(), task=TASK, fps=25, robot="fetch")
    for seed in range(args.first_seed, args.first_seed + args.episodes):
        if not play(env, seed, 1.0):
            env.discard()
    frames = env.save(args.out)
    print(f"{env.episodes} of {args.episodes} episodes succeeded, {frames} frames")


if __name__ == "__main__":
    main()
