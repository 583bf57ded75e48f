"""Scores SO-101's policy: `python -m training.so101_scores --served URL` plays what `parapolicy serve` serves, and the
script that it learned from, on the same seeds, and prints a table.

It runs where `so101_demos` does, with `parapolicy_client` (`crates/serve/python`).
"""

import argparse
import math

import numpy as np

from training.so101_demos import make, play

OBSERVATIONS = ("agent_pos", "environment_state", "near")


def wilson(successes: int, episodes: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, doi.org/10.1080/01621459.1927.10502953)."""
    z, share = 1.959964, successes / episodes
    middle = share + z * z / (2 * episodes)
    half = z * math.sqrt(share * (1 - share) / episodes + z * z / (4 * episodes * episodes))
    return tuple(max((middle + side * half) / (1 + z * z / episodes), 0.0) for side in (-1, 1))


def script(seeds: range) -> dict:
    """The script without noise: its episodes."""
    env, episodes = make(), []
    for seed in seeds:
        steps = 0

        def step(executed, _):
            nonlocal steps
            steps += 1
            return env.step(executed)

        episodes.append({"seed": seed, "success": play(env, seed, 0.0, step), "control_steps": steps})
    env.close()
    return {"name": "script", "episodes": episodes}


def served(url: str, seeds: range, executed: int) -> dict:
    """The policy that is served at `url`, asked with the two last observations, as `script` has it."""
    from parapolicy_client import Client

    env, episodes = make(), []
    for seed in seeds:
        seen, _ = env.reset(seed=seed)
        history, left, steps, over = [seen, seen], [], 0, False
        with Client(url, seed=seed) as client:
            while not over:
                if not left:
                    asked = {name: np.stack([one[name] for one in history]) for name in OBSERVATIONS}
                    left = list(client.infer(asked).actions[:executed])
                seen, _, terminated, truncated, info = env.step(left.pop(0).astype(np.float32))
                history, steps, over = [history[1], seen], steps + 1, terminated or truncated
        episodes.append({"seed": seed, "success": bool(info["succeed"]), "control_steps": steps})
    env.close()
    return {"name": "served", "episodes": episodes}


def row(player: dict) -> str:
    """A line of the table."""
    episodes = player["episodes"]
    won = [episode for episode in episodes if episode["success"]]
    low, high = wilson(len(won), len(episodes))
    steps = sorted(episode["control_steps"] for episode in won)
    took = f"{steps[len(steps) // 2] / 10:.1f}" if steps else "–"  # noqa: RUF001
    share = f"{len(won)} of {len(episodes)}, {100 * low:.0f} to {100 * high:.0f} %"
    return f"| {player['name']} | {share} | {took} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.so101_scores", description="Score SO-101's policy.")
    parser.add_argument("--served", metavar="URL", help="ws://127.0.0.1:8000/NAME; without it the script alone plays")
    parser.add_argument("--executed", type=int, default=8, help="actions that are executed of a plan")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=100_000, help="demonstrations begin at 1,000,000")
    args = parser.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.episodes)
    if min(args.episodes, args.executed) < 1 or seeds.stop > 1_000_000:
        parser.error("choose at least one seed, below 1,000,000, the first that was trained on, and one action")
    print("| what plays | successes, 95 % | s to success, p50 |")
    print("|---|---|---|", flush=True)
    print(row(script(seeds)), flush=True)
    if args.served:
        print(row(served(args.served, seeds, args.executed)))


if __name__ == "__main__":
    main()
