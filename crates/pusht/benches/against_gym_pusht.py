"""Steps per second of gym-pusht and of this simulator: same actions, alternately, on one core.

    pip install gym-pusht==0.1.8 "pymunk<7"
    cargo build --release
    python crates/pusht/benches/against_gym_pusht.py --program "target/release/parapolicy replay --trace"

Both sides compute the state observation and the reward at every control step. `--program` is a command that takes a
trace's path as its last argument and prints JSON with `control_steps_per_second`.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import time
from pathlib import Path

import gym_pusht  # noqa: F401  (registers the environment)
import gymnasium as gym
import numpy as np

TRACES = Path(__file__).parents[3] / "sims" / "traces"


def gym_steps_per_second(trace):
    env = gym.make("gym_pusht/PushT-v0", obs_type="state").unwrapped
    elapsed, steps, start = 0.0, 0, 0
    for end in trace["episode_ends"]:
        env.reset(options={"reset_to_state": trace["state"][start]})
        begin = time.perf_counter()
        for action in trace["action"][start : end - 1]:
            env.step(action)
        elapsed += time.perf_counter() - begin
        steps += end - 1 - start
        start = end
    return steps / elapsed


def our_steps_per_second(program, path):
    output = subprocess.run([*program, str(path)], check=True, capture_output=True, text=True).stdout
    return json.loads(output)["control_steps_per_second"]


def line(name, theirs, ours):
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    print(f"{name:15} gym-pusht {spread(theirs)}   parapolicy {spread(ours)}   ratio {spread(ratios, 1)}")


def spread(values, digits=0):
    return f"{statistics.median(values):8.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="command that replays a trace and prints JSON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("traces", nargs="*", type=Path, default=sorted(TRACES.glob("*.npz")))
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    print(f"control steps per second, median of {arguments.rounds} (least to most)")
    results = []
    for path in arguments.traces:
        with np.load(path) as file:
            trace = {name: file[name] for name in ("state", "action", "episode_ends")}
        theirs, ours = [], []
        for _ in range(arguments.rounds):
            theirs.append(gym_steps_per_second(trace))
            ours.append(our_steps_per_second(shlex.split(arguments.program), path))
        line(path.stem, theirs, ours)
        results.append((theirs, ours))
    # Equal numbers of steps: the harmonic mean is the rate over all of them.
    pooled = [
        [statistics.harmonic_mean(rates) for rates in zip(*side, strict=True)] for side in zip(*results, strict=True)
    ]
    line("all", *pooled)


if __name__ == "__main__":
    main()
