"""gym-pusht by ``parapolicy.evaluate``, and by ``models/training/evaluate.py`` in PyTorch, on the same noise.

    cargo run --release -p parapolicy-eval --example noise -- noise.npz 100000 50 38 100 32
    python crates/python/tests/rewards.py noise.npz

Prints both rewards and how many episodes are the same to 0.001; fails where the interval of the paired difference does
not hold 0. It needs what `models/training` needs. Minutes.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

import parapolicy
from test_evaluate import MODEL, ROOT, Keypoints

FIRST_SEED, LONGEST = 100_000, 300
HOW = {"solver": "ddpm", "steps": 100}


def by_evaluate(episodes: int, out: Path) -> np.ndarray:
    """The largest reward of each episode."""
    names = {"keypoints": "block.points"}
    given = {"samplers": ["sequential"], "seed": FIRST_SEED, "episodes": episodes, "out": out, **HOW}
    found = parapolicy.evaluate(MODEL, lambda: Keypoints(LONGEST), observations=names, **given)
    return np.array([episode["reward"] for episode in found.report["samplers"][0]["episodes"]])


def by_pytorch(noise: Path, episodes: int) -> np.ndarray:
    """The same, all plans of a control step drawn in one batch."""
    options = [part for name, value in HOW.items() for part in (f"--{name}", str(value))]
    seeds = ["--first-seed", str(FIRST_SEED), "--seeds", str(episodes), "--noise", str(noise.resolve())]
    command = [sys.executable, "-m", "training.evaluate", str(MODEL), *seeds, *options]
    done = subprocess.run(command, cwd=ROOT / "models", check=True, stdout=subprocess.PIPE, text=True)
    return np.array([episode["reward"] for episode in json.loads(done.stdout)["episodes"]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("noise", type=Path, help="of these episodes, 38 plans each")
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path("report-gym-pusht"), help="folder of the report")
    args = parser.parse_args()
    found = by_evaluate(args.episodes, args.out)
    expected = by_pytorch(args.noise, args.episodes)
    differences = found - expected
    draws = np.random.default_rng(0).choice(differences, (10_000, args.episodes)).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    same = int((np.abs(differences) < 1e-3).sum())
    print(
        f"{args.episodes} episodes: reward {found.mean():.4f} by parapolicy.evaluate, {expected.mean():.4f} by PyTorch;"
        f" difference {differences.mean():+.5f} [{low:+.4f}, {high:+.4f}], {same} the same to 0.001"
    )
    assert low <= 1e-3 and high >= -1e-3, "the rewards differ"


if __name__ == "__main__":
    main()
