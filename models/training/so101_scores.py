"""Scores SO-101's policy: `python -m training.so101_scores ../models/so101` plays it and the script that it learned
from, on the same seeds, in lockstep and with plans that arrive late, and prints a table.

It runs where `so101_demos` does, with the package `parapolicy`; with `--served URL` what `parapolicy serve` serves
plays as well, asked by `parapolicy_client` (`crates/serve/python`).
"""

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import mujoco
import numpy as np

from training.so101_demos import make, play

OBSERVATIONS = ("agent_pos", "environment_state", "near")
# Steps of nothing, the gripper open: what is sent until there is a plan.
REST = (0.0, 0.0, 0.0, 1.0)
HEAD = "| what plays | delay, ms | successes, 95 % | s to success, p50 | jerk |\n|---|---|---|---|---|"


class Filmed(gym.Wrapper):
    """The environment, seen from beside the arm."""

    def __init__(self, env: gym.Env):
        super().__init__(env)
        model = env.unwrapped._model
        model.vis.global_.offwidth, model.vis.global_.offheight = 320, 240
        self.renderer, self.camera = mujoco.Renderer(model, 240, 320), mujoco.MjvCamera()
        self.camera.lookat[:] = (0.2, 0.0, 0.05)
        self.camera.distance, self.camera.azimuth, self.camera.elevation = 0.75, 125, -25

    def render(self) -> np.ndarray:
        self.renderer.update_scene(self.unwrapped._data, self.camera)
        return self.renderer.render()


def wilson(successes: int, episodes: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, doi.org/10.1080/01621459.1927.10502953)."""
    z, share = 1.959964, successes / episodes
    middle = share + z * z / (2 * episodes)
    half = z * math.sqrt(share * (1 - share) / episodes + z * z / (4 * episodes * episodes))
    return tuple(max((middle + side * half) / (1 + z * z / episodes), 0.0) for side in (-1, 1))


def script(seeds: range) -> list[dict]:
    """The script without noise: its episodes."""
    env, episodes = make(), []
    for seed in seeds:
        steps = 0

        def step(executed, _):
            nonlocal steps
            steps += 1
            return env.step(executed)

        episodes.append({"success": play(env, seed, 0.0, step), "control_steps": steps})
    env.close()
    return episodes


def served(url: str, seeds: range) -> list[dict]:
    """The policy that is served at `url`, asked with the two last observations: its episodes."""
    from parapolicy_client import Client

    env, episodes = make(), []
    for seed in seeds:
        seen, _ = env.reset(seed=seed)
        history, left, steps, over = [seen, seen], [], 0, False
        with Client(url, seed=seed) as client:
            while not over:
                if not left:
                    asked = {name: np.stack([one[name] for one in history]) for name in OBSERVATIONS}
                    left = list(client.infer(asked).actions)
                seen, _, terminated, truncated, info = env.step(left.pop(0).astype(np.float32))
                history, steps, over = [history[1], seen], steps + 1, terminated or truncated
        episodes.append({"success": bool(info["succeed"]), "control_steps": steps})
    env.close()
    return episodes


def row(name: str, delay: str, episodes: list[dict], jerk: str = "") -> str:
    """A line of the table."""
    won = [episode for episode in episodes if episode["success"]]
    low, high = wilson(len(won), len(episodes))
    steps = sorted(episode["control_steps"] for episode in won)
    took = f"{steps[len(steps) // 2] / 10:.1f}" if steps else ""
    share = f"{len(won)} of {len(episodes)}, {100 * low:.0f} to {100 * high:.0f} %"
    return f"| {name} | {delay} | {share} | {took} | {jerk} |"


def evaluated(policy: Path, seeds: range, out: Path, how: dict[str, Any]) -> list[tuple[str, list[dict], str]]:
    """The samplers of `how` in closed loop: name, episodes and jerk of each."""
    import parapolicy

    given = {"seed": seeds.start, "episodes": len(seeds), "success": "succeed", "out": out, "threads": 1, **how}
    found = parapolicy.evaluate(policy, (lambda: Filmed(make())) if how.get("film") else make, **given)

    def jerk(sampler: dict) -> str:
        smoothness = (sampler.get("timing") or {}).get("smoothness")
        return f"{smoothness['jerk_rms']:.0f}" if smoothness else ""

    return [(sampler["name"], sampler["episodes"], jerk(sampler)) for sampler in found.report["samplers"]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.so101_scores", description="Score SO-101's policy.")
    parser.add_argument("policy", type=Path, help="its folder")
    parser.add_argument("--samplers", default="sequential,picard")
    parser.add_argument("--solver", default="ddim")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--tuned", metavar="TIME", help="in place of these: what `parapolicy tune` found for 5ms, say")
    parser.add_argument("--delays", default="", help="ms of simulated time that a plan takes besides, 0,200,400 say")
    parser.add_argument("--continuity", help="how a late plan continues the one before, exponential say")
    parser.add_argument("--limits", help="velocity, acceleration and jerk of commands: 20,200,4000 say")
    parser.add_argument("--served", metavar="URL", help="ws://127.0.0.1:8000/NAME")
    parser.add_argument("--film", action="store_true", help="episode.gif in the reports, which takes longer")
    parser.add_argument("--script", action="store_true", help="the script plays as well")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=100_000, help="demonstrations begin at 1,000,000")
    parser.add_argument("--out", type=Path, default=Path("run-so101/scores"), help="folder of the reports")
    args = parser.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.episodes)
    if args.episodes < 1 or seeds.stop > 1_000_000:
        parser.error("choose at least one seed, below 1,000,000, the first that was trained on")
    drawn = {"samplers": args.samplers.split(","), "solver": args.solver, "steps": args.steps}
    how = {**({"tuned": args.tuned, "threads": 0} if args.tuned else drawn), "film": args.film}
    print(HEAD, flush=True)
    if args.script:
        print(row("the script", "", script(seeds)), flush=True)
    if args.served:
        print(row("served", "", served(args.served, seeds)), flush=True)
    loop = {"continuity": args.continuity} if args.continuity else {}
    if args.limits:
        numbers = [[float(limit)] * len(REST) for limit in args.limits.split(",")]
        loop |= dict(zip(("velocity", "acceleration", "jerk"), numbers, strict=True))
    try:
        if not args.delays:
            for name, episodes, jerk in evaluated(args.policy, seeds, args.out / "lockstep", how):
                print(row(name, "lockstep", episodes, jerk), flush=True)
        for delay in filter(None, args.delays.split(",")):
            late = {"clock": "virtual", "latency": int(delay) / 1000, "rest": REST, **loop, **how}
            for name, episodes, jerk in evaluated(args.policy, seeds, args.out / delay, late):
                print(row(name, delay, episodes, jerk), flush=True)
    except (OSError, ValueError) as error:
        sys.exit(f"so101_scores: {error}")


if __name__ == "__main__":
    main()
