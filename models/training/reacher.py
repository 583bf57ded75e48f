"""Gymnasium's two-link arm `Reacher-v5`: `python -m training.reacher` trains its policy from a script.

The shortest way from an environment that somebody else wrote to a policy that plays it: demonstrations by a script, a
`Recipe`, and `python -m training.reacher --scores FOLDER`, which plays what `export` made of it by
`parapolicy.evaluate`. It needs `gymnasium[mujoco]` beside what training does.
"""

import argparse
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np

from training.demos import Demonstrations, Task
from training.train import CHECKPOINT, Recipe, Training, resumed, run

ENV_ID = "Reacher-v5"
TASK = Task("reacher", observations={"observation": (10,)}, actions={"torque": (2,)})
RECIPE = Recipe(epochs=20, batch=128, warmup_steps=200, validation_episodes=20, widths=(32, 64))
# Of the environment: its links in m, control steps of an episode.
LINKS = (0.1, 0.11)
STEPS = 50
# The script: stiffness and damping, torque over its largest per rad and per rad/s; the noise of its execution.
STIFFNESS, DAMPING, NOISE = 0.7, 0.12, 0.1
# Within which the tip has reached its target, m; the first seed that is not demonstrated.
REACHED, FIRST_SEED = 0.01, 100_000


def joints(seen: np.ndarray) -> np.ndarray:
    """The angles of both joints, from their cosines and sines."""
    return np.arctan2(seen[2:4], seen[0:2])


def goal(seen: np.ndarray) -> np.ndarray:
    """The angles that reach the target, or come nearest, with the elbow where it is now: the law of cosines."""
    distance, bearing = np.hypot(*seen[4:6]), np.arctan2(seen[5], seen[4])
    cosine = (distance**2 - LINKS[0] ** 2 - LINKS[1] ** 2) / (2 * LINKS[0] * LINKS[1])
    elbow = np.arccos(np.clip(cosine, -1, 1)) * (1 if joints(seen)[1] >= 0 else -1)
    return np.array([bearing - np.arctan2(LINKS[1] * np.sin(elbow), LINKS[0] + LINKS[1] * np.cos(elbow)), elbow])


def demonstrate(episodes: int, seed: int) -> Demonstrations:
    """Moves the tip to the target of every seed, as a spring with a damper does."""
    env, random = gym.make(ENV_ID), np.random.default_rng(seed)
    observations, actions = [], []
    for episode in range(episodes):
        seen, _ = env.reset(seed=seed + episode)
        wanted = goal(seen)
        for _ in range(STEPS):
            way = (wanted - joints(seen) + np.pi) % (2 * np.pi) - np.pi
            action = np.clip(STIFFNESS * way - DAMPING * seen[6:8], -1, 1)
            observations.append(seen)
            actions.append(action)
            # Executed with noise, so that the policy sees how to come back (Laskey et al. 2017, arXiv 1703.09327).
            seen, *_ = env.step(np.clip(action + random.normal(0, NOISE, 2), -1, 1))
    env.close()
    return Demonstrations(TASK, np.array(observations), np.array(actions), STEPS * np.arange(1, episodes + 1))


def scores(policy: Path, episodes: int, out: Path) -> None:
    """Plays the policy on seeds that were not demonstrated, and prints the table."""
    import parapolicy

    found = parapolicy.evaluate(
        policy,
        ENV_ID,
        episodes=episodes,
        seed=FIRST_SEED,
        success=lambda _, info: info["reward_dist"] > -REACHED,
        # Less than half a metre away, minus the squares of both torques.
        lowest_reward=-2.5,
        highest_reward=0.0,
        solver="ddim",
        steps=10,
        film=True,
        out=out,
    )
    print(found)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.reacher", description="Train Reacher's policy.")
    parser.add_argument("--out", type=Path, default=Path("run-reacher"), help="folder for checkpoints, or the report")
    parser.add_argument("--episodes", type=int, default=400, help="scripted demonstrations, or episodes to play")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scores", metavar="FOLDER", type=Path, help="play this exported policy")
    args = parser.parse_args()
    if args.seed + args.episodes > FIRST_SEED:
        parser.error(f"seeds from {FIRST_SEED} on are for the scores")
    try:
        if args.scores:
            scores(args.scores, args.episodes, args.out)
            return
        args.out.mkdir(parents=True, exist_ok=True)
        recipe = Recipe(**{**vars(RECIPE), "epochs": args.epochs, "seed": args.seed})
        training = resumed(Training(demonstrate(args.episodes, args.seed), recipe), args.out / CHECKPOINT)
    except (OSError, ValueError) as error:
        sys.exit(f"reacher: {error}")
    run(training, args.out, keep_every=10)


if __name__ == "__main__":
    main()
