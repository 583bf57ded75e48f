"""Trains the PushT keypoint policy: `python -m training.train --demos PATH`.

The recipe is Diffusion Policy's (Chi et al. 2023): epsilon prediction on the 100-step squared-cosine schedule, AdamW,
a cosine learning rate with warm-up, an exponential moving average of the weights. A run that is killed goes on from
its last checkpoint when started again with the same `--out`.
"""

import argparse
import copy
import math
import pickle
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers.optimization import get_cosine_schedule_with_warmup
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from tqdm import tqdm

from export.policy import Shape
from export.unet import ConditionalUnet
from training import recordings
from training.demos import Batches, Demonstrations, MinMax
from training.schedule import SCHEDULE, scheduler

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Recipe:
    """Settings of a run; a checkpoint of another recipe is not resumed."""

    epochs: int
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-6
    betas: tuple[float, float] = (0.95, 0.999)
    warmup_steps: int = 500
    ema_power: float = 0.75
    validation_episodes: int = 4
    seed: int = 0
    widths: tuple[int, ...] = (64, 128, 256)


def save(state: dict, path: Path) -> None:
    """Writes to a temporary file and renames it, so that a kill leaves the old checkpoint intact."""
    aside = path.with_suffix(".part")
    torch.save(state, aside)
    aside.replace(path)


def parted(demos: Demonstrations, held_out: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Episodes to train on, and those held out, drawn by the seed."""
    if len(demos.episode_ends) <= held_out:
        raise ValueError(f"more than {held_out} episodes are needed: some are held out")
    episodes = np.random.default_rng(seed).permutation(len(demos.episode_ends))
    return np.sort(episodes[held_out:]), np.sort(episodes[:held_out])


class Training:
    """A run in progress: everything that a checkpoint holds."""

    kept = "policy"

    def __init__(self, demos: Demonstrations, recipe: Recipe):
        torch.manual_seed(recipe.seed)
        self.recipe, self.shape, self.task, self.demos = recipe, Shape(), demos.task, demos.digest()
        self.observation, self.action = MinMax.seen(demos.observation), MinMax.of(demos.action)
        parts = parted(demos, recipe.validation_episodes, recipe.seed)
        self.training, self.validation = (self.batches(demos, part) for part in parts)
        self.net = self.network()
        self.ema = EMAModel(
            self.net.parameters(), decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=recipe.ema_power
        )
        self.averaged = copy.deepcopy(self.net)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), recipe.learning_rate, betas=recipe.betas, weight_decay=recipe.weight_decay
        )
        self.steps_per_epoch = math.ceil(len(self.training) / recipe.batch)
        self.schedule = get_cosine_schedule_with_warmup(
            self.optimiser, recipe.warmup_steps, recipe.epochs * self.steps_per_epoch
        )
        self.noising = scheduler("ddpm", SCHEDULE)
        self.epoch = 0
        self.seconds = 0.0

    def batches(self, demos: Demonstrations, episodes: np.ndarray) -> Batches:
        """The network's observations and actions in these episodes."""
        return Batches.of(demos, episodes, self.shape, self.observation, self.action)

    def network(self) -> nn.Module:
        """The network, before training."""
        condition = self.shape.n_obs_steps * len(self.observation.low)
        return ConditionalUnet(len(self.action.low), condition, self.recipe.widths)

    def loss(self, net: nn.Module, observation: Tensor, action: Tensor) -> Tensor:
        """Mean squared error of the predicted noise at random timesteps (Ho et al. 2020, arXiv 2006.11239, eq. 14)."""
        noise = torch.randn_like(action)
        timestep = torch.randint(self.noising.config.num_train_timesteps, (len(action),))
        return mse_loss(net(self.noising.add_noise(action, noise, timestep), timestep, observation), noise)

    def train_epoch(self) -> float:
        """One pass over the training windows; returns the mean loss."""
        started = time.monotonic()
        self.net.train()
        losses = []
        batches = self.training.epoch(self.recipe.batch, torch.randperm(len(self.training)))
        title = f"epoch {self.epoch + 1}/{self.recipe.epochs}"
        for observation, action in tqdm(batches, title, self.steps_per_epoch, leave=False, disable=None):
            loss = self.loss(self.net, observation, action)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            self.schedule.step()
            self.ema.step(self.net.parameters())
            losses.append(loss.item())
        self.epoch += 1
        self.seconds += time.monotonic() - started
        return float(np.mean(losses))

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Loss of the averaged weights on episodes never trained on, under noise that is the same every time."""
        self.ema.copy_to(self.averaged.parameters())
        self.averaged.eval()
        with torch.random.fork_rng():
            torch.manual_seed(self.recipe.seed)
            batches = self.validation.epoch(self.recipe.batch, torch.arange(len(self.validation)))
            losses = [self.loss(self.averaged, o, a).item() * len(a) for o, a in batches]
        return sum(losses) / len(self.validation)

    def state(self) -> dict:
        return {
            "recipe": asdict(self.recipe),
            "demos": self.demos,
            "epoch": self.epoch,
            "seconds": self.seconds,
            "net": self.net.state_dict(),
            "ema": self.ema.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": torch.get_rng_state(),
        }

    def restore(self, state: dict) -> None:
        self.epoch, self.seconds = state["epoch"], state["seconds"]
        self.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["random"])

    def weights(self) -> dict:
        """What `export` needs: the averaged weights, the task, the policy's shape, its normalisation and its recipe."""
        self.ema.copy_to(self.averaged.parameters())
        return {
            "weights": self.averaged.state_dict(),
            "widths": list(self.recipe.widths),
            "task": asdict(self.task),
            "shape": asdict(self.shape),
            "scheduler": SCHEDULE,
            "observation": {"min": self.observation.low.tolist(), "max": self.observation.high.tolist()},
            "action": {"min": self.action.low.tolist(), "max": self.action.high.tolist()},
            "recipe": asdict(self.recipe),
            "epoch": self.epoch,
            "training_seconds": self.seconds,
        }


def resumed(training: Training, checkpoint: Path) -> Training:
    """The run as the checkpoint left it, or as it is where there is none."""
    if not checkpoint.exists():
        return training
    try:
        state, recipe = torch.load(checkpoint, weights_only=True), asdict(training.recipe)
        if state["recipe"] != recipe:
            raise ValueError(f"trained with {state['recipe']}, not {recipe}")
        if state["demos"] != training.demos:
            raise ValueError("trained on other demonstrations")
        training.restore(state)
    except (RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise ValueError(f"{checkpoint}: cannot go on from it, choose another --out ({error})") from error
    print(f"resuming after epoch {training.epoch}")
    return training


def run(training: Training, out: Path, keep_every: int) -> None:
    """Trains to the last epoch, with a checkpoint after every one."""
    while training.epoch < training.recipe.epochs:
        loss, validation = training.train_epoch(), training.validation_loss()
        print(f"epoch {training.epoch}: training loss {loss:.5f}, validation loss {validation:.5f}", flush=True)
        save(training.state(), out / CHECKPOINT)
        if training.epoch % keep_every == 0 or training.epoch == training.recipe.epochs:
            save(training.weights(), out / f"{training.kept}-{training.epoch}.pt")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.train", description="Train the PushT keypoint policy.")
    formats = "an .npz file, a folder of them, a .zarr folder, or a folder that LeRobot wrote"
    parser.add_argument("--demos", type=Path, required=True, metavar="PATH", help=f"demonstrations: {formats}")
    parser.add_argument("--out", type=Path, default=Path("run"), help="folder for checkpoint.pt and policy-EPOCH.pt")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--keep-every", type=int, default=10, help="epochs between the weights that are kept")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    try:
        demos = recordings.load(args.demos)
        training = resumed(Training(demos, Recipe(epochs=args.epochs, seed=args.seed)), args.out / CHECKPOINT)
    except (OSError, ValueError) as error:
        sys.exit(f"train: {error}")
    run(training, args.out, args.keep_every)


if __name__ == "__main__":
    main()
