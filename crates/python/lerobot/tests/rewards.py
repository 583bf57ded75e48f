"""Episodes of gym-pusht by ``lerobot-eval`` with the plugin, and by ``parapolicy.Policy`` itself, paired by seed.

Usage: python rewards.py [--episodes 50]

Both draw plans with the same noise, so that an episode differs by rounding alone. Prints both rewards, and the paired
difference with its 95 % interval; fails where that does not contain 0. Minutes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import gym_pusht  # noqa: F401 (registers the environment)
import gymnasium as gym
import numpy as np
import parapolicy

FOLDER = Path(__file__).parents[4] / "models" / "pusht-image"
FIRST_SEED = 100_000
LONGEST = 300
HOW = {"solver": "ddim", "steps": 10}


def by_lerobot(episodes: int) -> np.ndarray:
    """The largest reward of each episode, all of them in one batch."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [Path(sys.executable).with_name("lerobot-eval"), "--policy.type=parapolicy", "--policy.device=cpu"]
        policy = [f"--policy.folder={FOLDER}", "--policy.image_maximum=255"]
        policy += [f"--policy.{name}={value}" for name, value in HOW.items()]
        play = ["--env.type=pusht", f"--eval.n_episodes={episodes}", f"--eval.batch_size={episodes}"]
        play += ["--eval.use_async_envs=false", f"--seed={FIRST_SEED}", f"--output_dir={out}"]
        subprocess.run([*command, *policy, *play], check=True, capture_output=True)
        return np.array(json.loads((out / "eval_info.json").read_text())["per_task"][0]["metrics"]["max_rewards"])


def by_itself(episodes: int) -> np.ndarray:
    """The same, without LeRobot."""
    policy = parapolicy.Policy(FOLDER)
    images = [len(entry["shape"]) > 1 for entry in policy.manifest["observations"]]

    def row(seen: dict[str, np.ndarray]) -> np.ndarray:
        return np.concatenate([np.ravel(seen["pixels" if image else "agent_pos"]) for image in images]).astype(float)

    kinds = {"obs_type": "pixels_agent_pos", "max_episode_steps": LONGEST, "disable_env_checker": True}
    worlds = [gym.make("gym_pusht/PushT-v0", **kinds) for _ in range(episodes)]
    histories = [[row(world.reset(seed=FIRST_SEED + index)[0])] * 2 for index, world in enumerate(worlds)]
    best, playing, seed = np.zeros(episodes), set(range(episodes)), 0
    while playing:
        turn = sorted(playing)
        # Seeds as the plugin counts them: one for every environment of the batch.
        seeds = [seed + index for index in turn]
        plans = policy.sample_many(np.stack([histories[index] for index in turn]), seeds=seeds, **HOW)
        seed += episodes
        for index, plan in zip(turn, plans, strict=True):
            for action in plan.executed:
                seen, reward, terminated, truncated, _ = worlds[index].step(action)
                best[index] = max(best[index], reward)
                histories[index] = [histories[index][1], row(seen)]
                if terminated or truncated:
                    playing.discard(index)
                    break
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=50)
    episodes = parser.parse_args().episodes
    found, expected = by_lerobot(episodes), by_itself(episodes)
    differences = found - expected
    draws = np.random.default_rng(0).choice(differences, (10_000, episodes)).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    same = int((np.abs(differences) < 1e-3).sum())
    print(
        f"{episodes} episodes: reward {found.mean():.4f} by lerobot-eval, {expected.mean():.4f} by itself; difference"
        f" {differences.mean():+.5f} [{low:+.4f}, {high:+.4f}], {same} the same to 0.001"
    )
    assert low <= 1e-3 and high >= -1e-3, "the rewards differ"


if __name__ == "__main__":
    main()
