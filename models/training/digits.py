"""Trains a denoiser of handwritten digits: `python -m training.digits`.

The digits are scikit-learn's, 1,797 of 8 x 8 pixels (`sklearn.datasets.load_digits`); nothing is downloaded. The recipe
is DDPM's (Ho et al. 2020, arXiv 2006.11239): the noise is predicted, on 1000 linear betas; AdamW, an exponential moving
average of the weights. A run that is killed, or asked for more epochs, goes on from its last checkpoint when started
again with the same `--out`.
"""

import argparse
import copy
import hashlib
import json
import pickle
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler
from diffusers.optimization import get_constant_schedule_with_warmup
from diffusers.training_utils import EMAModel
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import mse_loss
from tqdm import tqdm

from export import directory
from export.graph_file import Network
from training.image_unet import ImageUnet
from training.train import CHECKPOINT, save

CLASSES = 10
SHAPE = (1, 8, 8)

# What the denoiser was trained with, under the names that diffusers gives it.
SCHEDULER = {
    "num_train_timesteps": 1000,
    "beta_schedule": "linear",
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "prediction_type": "epsilon",
    "variance_type": "fixed_small",
    "clip_sample": True,
    "clip_sample_range": 1.0,
    "timestep_spacing": "leading",
    "steps_offset": 0,
    "set_alpha_to_one": True,
}
EPOCHS = 300
KEEP = 10


@dataclass(frozen=True)
class Recipe:
    """Settings of a run; a checkpoint of another recipe is not resumed."""

    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warmup_steps: int = 200
    widths: tuple[int, ...] = (32, 64)
    seed: int = 0


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images `[1797, 1, 8, 8]` from -1 (paper) to 1 (ink), and their labels `[1797]`."""
    found = load_digits()
    return (found.images[:, None] / 8 - 1).astype(np.float32), found.target.astype(np.int64)


class Training:
    """A run in progress: everything that a checkpoint holds."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, recipe: Recipe):
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.data = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
        self.images, self.labels = torch.from_numpy(images), torch.from_numpy(labels)
        self.net = ImageUnet(CLASSES, recipe.widths)
        self.ema = EMAModel(self.net.parameters(), decay=0.999, use_ema_warmup=True, inv_gamma=1.0, power=0.75)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.schedule = get_constant_schedule_with_warmup(self.optimiser, recipe.warmup_steps)
        self.noising = DDPMScheduler.from_config(SCHEDULER)
        self.epoch = 0
        self.seconds = 0.0

    def train_epoch(self) -> float:
        """One pass over the images; returns the mean loss (eq. 14 of the paper)."""
        started, losses = time.monotonic(), []
        batches = torch.randperm(len(self.images)).split(self.recipe.batch)
        for batch in tqdm(batches, f"epoch {self.epoch + 1}", leave=False, disable=None):
            image, noise = self.images[batch], torch.randn((len(batch), *self.images.shape[1:]))
            timestep = torch.randint(SCHEDULER["num_train_timesteps"], (len(batch),))
            noisy = self.noising.add_noise(image, noise, timestep)
            loss = mse_loss(self.net(noisy, timestep, self.labels[batch]), noise)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            self.schedule.step()
            self.ema.step(self.net.parameters())
            losses.append(loss.item())
        self.epoch += 1
        self.seconds += time.monotonic() - started
        return float(np.mean(losses))

    def averaged(self) -> ImageUnet:
        """The network with the averaged weights."""
        net = copy.deepcopy(self.net)
        self.ema.copy_to(net.parameters())
        return net.eval()

    def state(self) -> dict:
        return {
            "recipe": asdict(self.recipe),
            "data": self.data,
            "epoch": self.epoch,
            "seconds": self.seconds,
            "net": self.net.state_dict(),
            "ema": self.ema.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": torch.get_rng_state(),
        }

    def restore(self, state: dict) -> None:
        if (state["recipe"], state["data"]) != (asdict(self.recipe), self.data):
            raise ValueError("of another recipe or other images")
        self.epoch, self.seconds = state["epoch"], state["seconds"]
        self.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["random"])


def resumed(training: Training, checkpoint: Path) -> Training:
    """The run as the checkpoint left it, or as it is where there is none."""
    if not checkpoint.exists():
        return training
    try:
        training.restore(torch.load(checkpoint, weights_only=True))
    except (RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise ValueError(f"{checkpoint}: cannot go on from it, choose another --out ({error})") from error
    print(f"resuming after epoch {training.epoch}")
    return training


def run(training: Training, epochs: int, out: Path) -> None:
    """Trains to the last epoch, with a checkpoint every ten."""
    while training.epoch < epochs:
        loss = training.train_epoch()
        if training.epoch % KEEP == 0 or training.epoch == epochs:
            print(f"epoch {training.epoch}: loss {loss:.5f}, {training.seconds:.0f} s", flush=True)
            save(training.state(), out / CHECKPOINT)


def described(net: ImageUnet) -> Network:
    """The network, for the exporter."""

    def inputs(batch: int) -> dict[str, torch.Tensor]:
        timestep = torch.randint(SCHEDULER["num_train_timesteps"], (batch,))
        return {"sample": torch.randn(batch, *SHAPE), "timestep": timestep, "label": torch.randint(CLASSES, (batch,))}

    return Network(net, inputs, "prediction", batches=(1, 7, 32))


def write(net: nn.Module, name: str, out: Path) -> None:
    """Writes `denoiser.onnx` and `denoiser.json` into `out`, once ONNX Runtime and PyTorch agree."""
    out.mkdir(parents=True, exist_ok=True)
    network, graph = described(net), out / "denoiser.onnx"
    worst = directory.written(network, graph)
    tensors = {name: name for name in ("sample", "timestep", "prediction")}
    manifest = {
        "schema_version": 1,
        "name": name,
        "sample": {"shape": list(SHAPE), "range": [-1.0, 1.0]},
        "condition": {"input": "label", "classes": CLASSES},
        "scheduler": SCHEDULER,
        "denoiser": {"file": graph.name, "sha256": hashlib.sha256(graph.read_bytes()).hexdigest(), **tensors},
    }
    (out / "denoiser.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"wrote {out}; ONNX Runtime and PyTorch agree to {worst:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.digits", description="Train the denoiser of digits.")
    parser.add_argument("--out", type=Path, default=Path("run-digits"), help="folder for checkpoint.pt")
    parser.add_argument("--model", type=Path, default=Path("digits"), help="folder for the graph and its manifest")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        recipe = Recipe(seed=args.seed)
        training = resumed(Training(*digits(), recipe), args.out / CHECKPOINT)
    except (OSError, ValueError) as error:
        sys.exit(f"digits: {error}")
    run(training, args.epochs, args.out)
    write(training.averaged(), "digits", args.model)


if __name__ == "__main__":
    main()
