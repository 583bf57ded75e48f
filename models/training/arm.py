"""A planar two-link arm that reaches for points: `python -m training.arm` trains its policy from a script.

The arm stands at the origin; its second joint has a stop on either side, its first has none. It is driven by joint
velocities, which its servos follow with a lag. Most points can be reached with the elbow on either side: the script
chooses by chance, the shorter way more often, so at the same observation there is more than one right plan.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from training.demos import Demonstrations, Task
from training.train import CHECKPOINT, Recipe, Training, resumed, run

TASK = Task(name="arm-reach", observations={"elbow": (2,), "target": (2,)}, actions={"velocity": (2,)})

# The arm: lengths in m, the second joint's stop in rad, the speed limit in rad/s, times in s.
LINKS = (0.5, 0.4)
STOP = 2.6
SPEED = 2.0
PERIOD = 0.05
LAG = 0.05

# Distances of the targets from the origin: with the elbow on either side, away from the stops.
TARGETS = (0.3, 0.8)

# The script: gain in 1/s, the noise of its execution in rad/s, and how much longer a way is still taken often, in rad.
GAIN = 4.0
NOISE = 0.3
INDIFFERENCE = 0.5

STEPS = 60
RECIPE = Recipe(epochs=8, batch=128, warmup_steps=200, validation_episodes=50, widths=(32, 64))


def tip(joints: np.ndarray) -> np.ndarray:
    """Where the end of the second link is, `[..., 2]`."""
    first, both = joints[..., 0], joints.sum(axis=-1)
    return np.stack(
        [LINKS[0] * np.cos(first) + LINKS[1] * np.cos(both), LINKS[0] * np.sin(first) + LINKS[1] * np.sin(both)], -1
    )


def solutions(target: np.ndarray) -> np.ndarray:
    """Joint angles that reach `target` `[n, 2]` with the elbow on either side, `[n, 2, 2]`, by the law of cosines."""
    cosine = ((target**2).sum(axis=-1) - LINKS[0] ** 2 - LINKS[1] ** 2) / (2 * LINKS[0] * LINKS[1])
    second = np.arccos(np.clip(cosine, -1, 1))[:, None] * np.array([1.0, -1.0])
    shoulder = np.arctan2(LINKS[1] * np.sin(second), LINKS[0] + LINKS[1] * np.cos(second))
    first = np.arctan2(target[:, 1], target[:, 0])[:, None] - shoulder
    return np.stack([first, second], axis=-1)


def way(joints: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """From `joints` to `goal`: the first joint takes the shorter way round, the second one has stops."""
    difference = goal - joints
    difference[..., 0] = (difference[..., 0] + np.pi) % (2 * np.pi) - np.pi
    return difference


def choose(joints: np.ndarray, target: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One of the two solutions for each arm, `[n, 2]`, with probability `exp(-length / INDIFFERENCE)` to a factor."""
    both = solutions(target)
    lengths = np.abs(way(joints[:, None], both)).max(axis=-1)
    first = 1 / (1 + np.exp((lengths[:, 0] - lengths[:, 1]) / INDIFFERENCE))
    return both[np.arange(len(both)), (random.random(len(both)) >= first).astype(int)]


def step(joints: np.ndarray, speeds: np.ndarray, command: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One control period: each speed approaches its command exponentially, the second joint halts at its stop."""
    kept = np.exp(-PERIOD / LAG)
    joints = joints + command * PERIOD + (speeds - command) * LAG * (1 - kept)
    speeds = command + (speeds - command) * kept
    stopped = np.clip(joints[:, 1], -STOP, STOP)
    speeds[:, 1] = np.where(stopped == joints[:, 1], speeds[:, 1], 0.0)
    joints[:, 1] = stopped
    return joints, speeds


def observe(joints: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Cosine and sine of the second joint, then the target as the first link sees it: `[n, 4]`.

    Angles wrap, their cosines and sines do not. The first link has no stop, so where it points to does not matter.
    """
    cosine, sine = np.cos(joints), np.sin(joints)
    along = cosine[:, 0] * target[:, 0] + sine[:, 0] * target[:, 1]
    across = cosine[:, 0] * target[:, 1] - sine[:, 0] * target[:, 0]
    return np.stack([cosine[:, 1], sine[:, 1], along, across], axis=-1)


def demonstrate(episodes: int, seed: int) -> Demonstrations:
    """Reaches for a point at random in every episode, from joint angles at random, and stays there."""
    random = np.random.default_rng(seed)
    joints = random.uniform([-np.pi, -STOP], [np.pi, STOP], (episodes, 2))
    bearing, distance = random.uniform(-np.pi, np.pi, episodes), random.uniform(*TARGETS, episodes)
    target = distance[:, None] * np.stack([np.cos(bearing), np.sin(bearing)], axis=-1)
    goal, speeds = choose(joints, target, random), np.zeros((episodes, 2))
    observations, actions = [], []
    for _ in range(STEPS):
        wanted = GAIN * way(joints, goal)
        action = wanted / np.maximum(np.abs(wanted).max(axis=-1, keepdims=True) / SPEED, 1)
        observations.append(observe(joints, target))
        actions.append(action)
        # Executed with noise, so that the policy sees how to come back to the way (Laskey et al. 2017,
        # arXiv 1703.09327).
        joints, speeds = step(joints, speeds, action + random.normal(0, NOISE, action.shape))
    observation, action = (np.stack(rows, axis=1).reshape(episodes * STEPS, -1) for rows in (observations, actions))
    return Demonstrations(TASK, observation, action, STEPS * np.arange(1, episodes + 1))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.arm", description="Train the two-link arm's policy.")
    parser.add_argument(
        "--out", type=Path, default=Path("run-arm"), help="folder for checkpoint.pt and policy-EPOCH.pt"
    )
    parser.add_argument("--episodes", type=int, default=1000, help="scripted demonstrations")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    try:
        demos = demonstrate(args.episodes, args.seed)
        recipe = Recipe(**{**vars(RECIPE), "epochs": args.epochs, "seed": args.seed})
        training = resumed(Training(demos, recipe), args.out / CHECKPOINT)
    except (OSError, ValueError) as error:
        sys.exit(f"arm: {error}")
    run(training, args.out, keep_every=10)


if __name__ == "__main__":
    main()
