"""Clusters of many points, beside mixturs and scikit-learn: `python mixtures.py FOLDER`.

    pip install numpy scikit-learn
    cargo build --release -p parapolicy-modes --example speed
    cargo build --release --manifest-path crates/modes/beside/mixturs/Cargo.toml
    python crates/modes/beside/mixtures.py FOLDER

The points are those of the example `speed`, which writes them to FOLDER. All begin without knowing the clusters, and
are judged by the normalised mutual information of their labels and the clusters that the points were drawn from, beside
that of the Bayes labels: the most probable under the true parameters. Times are processor seconds of all threads.
mixturs is left out where it is not built.
"""

import argparse
import os
import subprocess
from pathlib import Path

import numpy as np
from sklearn.metrics import normalized_mutual_info_score
from sklearn.mixture import BayesianGaussianMixture

SETS = ("1000000_2_6", "1000000_2_20", "100000_32_32")
ITERATIONS = 100


def report(data: str, name: str, seconds: float, clusters: int, labels: np.ndarray, truth: np.ndarray) -> None:
    nmi = normalized_mutual_info_score(truth, labels)
    print(f"{data:<14} {name:<34} {seconds:8.1f} processor s  {clusters:3d} clusters  NMI {nmi:.4f}", flush=True)


def processor_seconds() -> float:
    return sum(os.times()[:2])


def with_mixturs(program: Path, folder: Path, data: str, truth: np.ndarray) -> None:
    command = [program, folder / f"points_{data}.npy", folder / "labels.npy", str(ITERATIONS), "2"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        print(f"{data:<14} mixturs fails: {run.stderr.strip().splitlines()[0]}", flush=True)
        return
    seconds, clusters = run.stdout.split()
    report(data, f"mixturs, {ITERATIONS}", float(seconds), int(clusters), np.load(folder / "labels.npy"), truth)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--speed", type=Path, default=Path("target/release/examples/speed"))
    parser.add_argument(
        "--mixturs", type=Path, default=Path("crates/modes/beside/mixturs/target/release/beside-mixturs")
    )
    parser.add_argument("--only", default="", help="sets of points whose name begins so")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    for data in SETS:
        if not data.startswith(arguments.only):
            continue
        line = subprocess.run([arguments.speed, data, folder], check=True, capture_output=True, text=True).stdout
        seconds, clusters = line.splitlines()[-1].split()
        points, truth = np.load(folder / f"points_{data}.npy"), np.load(folder / f"truth_{data}.npy")
        report(data, "Bayes labels", 0, truth.max() + 1, np.load(folder / f"bayes_{data}.npy"), truth)
        report(
            data,
            "parapolicy, 20 of climb, 80 exact",
            float(seconds),
            int(clusters),
            np.load(folder / f"labels_{data}.npy"),
            truth,
        )

        if arguments.mixturs.exists():
            with_mixturs(arguments.mixturs, folder, data, truth)

        # Variational, with as many components at most as there are clusters, and the prior that it has by itself.
        known = int(truth.max()) + 1
        before = processor_seconds()
        model = BayesianGaussianMixture(
            n_components=known, max_iter=ITERATIONS, init_params="k-means++", random_state=1
        ).fit(points)
        seconds = processor_seconds() - before
        report(data, f"scikit-learn, {model.n_iter_}, told K", seconds, known, model.predict(points), truth)


if __name__ == "__main__":
    main()
