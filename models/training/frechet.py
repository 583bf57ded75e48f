"""Compares the distributions of two samplers' images: `python -m training.frechet A.npz B.npz`.

Both files are from `parapolicy sample --output`, drawn from the same seeds for the same labels, so that image i of one
belongs to image i of the other. A small classifier, trained here on the digits, makes features of images; the Frechet
distance between normal distributions fitted to the features of two sets of images (Heusel et al. 2017,
arXiv 1706.08500) is

    |m - n|^2 + tr(C + D - 2 (C D)^(1/2))

Each sampler's is taken to the digits themselves. The interval of their difference is a paired bootstrap: the same
images are drawn again for both (Efron 1979, doi.org/10.1214/aos/1176344552).
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from training.digits import CLASSES, digits

FEATURES = 32
EPOCHS = 60


def classifier(seed: int = 0) -> nn.Sequential:
    """Trained on all digits, shifted by up to a pixel; the last layer but one has the features."""
    torch.manual_seed(seed)
    images, labels = (torch.from_numpy(part) for part in digits())
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(16 * 4 * 4, 64), nn.ReLU(), nn.Linear(64, FEATURES), nn.ReLU(), nn.Linear(FEATURES, CLASSES),
    )  # fmt: skip
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(128):
            shift = torch.randint(-1, 2, (2,)).tolist()
            noisy = images[batch].roll(shift, (2, 3)) + 0.1 * torch.randn(len(batch), *images.shape[1:])
            loss = cross_entropy(net(noisy), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return net.eval()


@torch.no_grad()
def seen(net: nn.Sequential, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features `[n, FEATURES]` and classes `[n]` of images."""
    features = net[:-1](torch.from_numpy(images.astype(np.float32)))
    return features.double().numpy(), net[-1](features).argmax(dim=1).numpy()


def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance."""
    return features.mean(axis=0), np.cov(features, rowvar=False)


def frechet(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> float:
    """Of two means and covariances. The trace of the root of `C D` is that of the root of `C^(1/2) D C^(1/2)`."""
    (mean, cov), (other_mean, other_cov) = one, other
    values, vectors = np.linalg.eigh(cov)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ other_cov @ root), 0, None)).sum()
    return float(((mean - other_mean) ** 2).sum() + np.trace(cov) + np.trace(other_cov) - 2 * shared)


def compare(a: np.ndarray, b: np.ndarray, resamples: int = 1000) -> dict:
    """Frechet distances of both to the digits, the 95 % interval of their difference, and how many classes change."""
    net = classifier()
    real = moments(seen(net, digits()[0])[0])
    (features_a, classes_a), (features_b, classes_b) = seen(net, a), seen(net, b)
    random = np.random.default_rng(0)
    differences = []
    for _ in range(resamples):
        rows = random.integers(len(a), size=len(a))
        of_a, of_b = (frechet(moments(features[rows]), real) for features in (features_a, features_b))
        differences.append(of_b - of_a)
    distances = [frechet(moments(features), real) for features in (features_a, features_b)]
    moved = np.abs(a - b).reshape(len(a), -1).max(axis=1)
    return {
        "images": len(a),
        "frechet_a": distances[0],
        "frechet_b": distances[1],
        "difference": distances[1] - distances[0],
        "difference_interval": np.quantile(differences, (0.025, 0.975)).tolist(),
        "classes_changed": float(np.mean(classes_a != classes_b)),
        "deviation": dict(zip(("p50", "p90", "max"), np.quantile(moved, (0.5, 0.9, 1)).tolist(), strict=True)),
    }


def load(a: Path, b: Path) -> tuple[np.ndarray, np.ndarray]:
    """The images of both files, which must be drawn for the same labels."""
    with np.load(a) as first, np.load(b) as second:
        one, other = first["sample"], second["sample"]
        same = ("label" in first) == ("label" in second)
        if not same or ("label" in first and not np.array_equal(first["label"], second["label"])):
            raise ValueError(f"{b}: `label` is not that of {a}: draw both for the same labels")
    if one.shape != other.shape:
        raise ValueError(f"{b}: `sample` has shape {other.shape}, but {one.shape} in {a}: draw as many of both")
    return one, other


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.frechet", description="Compare two samplers' images.")
    parser.add_argument("a", type=Path, help="the reference: .npz of `parapolicy sample --sampler sequential`")
    parser.add_argument("b", type=Path, help="another sampler's, from the same seeds for the same labels")
    args = parser.parse_args()
    try:
        images = load(args.a, args.b)
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"frechet: {error}")
    json.dump(compare(*images), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
