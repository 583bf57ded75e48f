"""Trains the keypoint encoder: it finds the block in frames of the simulator, which labels every frame exactly.

Training with states that only the simulator knows makes the image policy easier to learn (Chen et al. 2019, arXiv
1912.12294).
"""

import math
import time
from dataclasses import asdict, dataclass

import numpy as np
import torch
from diffusers.optimization import get_cosine_schedule_with_warmup
from torch import Tensor
from torch.nn.functional import smooth_l1_loss
from tqdm import tqdm

from export.encoder import WHITE
from export.rigid import OFFSET, SCALE, RigidKeypoints, closest
from training.block import KEYPOINTS, place
from training.demos import Demonstrations, MinMax, steps_of
from training.frames import SIDE, TABLE, frames, imagined
from training.train import parted

# Stride through the held-out steps for validation: neighbouring steps look alike.
EVERY = 4


@dataclass(frozen=True)
class Recipe:
    """What a run is trained with; a checkpoint of another recipe is not resumed."""

    epochs: int = 24
    batches: int = 128
    batch: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-6
    warmup_steps: int = 200
    validation_episodes: int = 4
    seed: int = 0
    widths: tuple[int, int, int] = (16, 32, 64)


def network(ranges: MinMax, widths: tuple[int, int, int]) -> RigidKeypoints:
    """The network: frames to normalised keypoints of the block."""
    body, low, high = (torch.tensor(values, dtype=torch.float32) for values in (KEYPOINTS, ranges.low, ranges.high))
    net = RigidKeypoints((SIDE, SIDE), (TABLE, TABLE), body, low, high, widths)
    # Convolutions are a third faster in this memory format on a CPU.
    return net.to(memory_format=torch.channels_last)


def pixels(states: np.ndarray) -> Tensor:
    """Frames in the network's range, -1..1: `[n, 3, 96, 96]`."""
    drawn = torch.from_numpy(frames(states)).permute(0, 3, 1, 2)
    return (drawn.float() * (SCALE / WHITE) + OFFSET).contiguous(memory_format=torch.channels_last)


class KeypointTraining:
    """A run in progress: everything that a checkpoint holds. Observations are states, `[steps, 5]`."""

    kept = "sight"

    def __init__(self, demos: Demonstrations, ranges: MinMax, recipe: Recipe):
        torch.manual_seed(recipe.seed)
        self.recipe, self.demos = recipe, demos.digest()
        parts = parted(demos, recipe.validation_episodes, recipe.seed)
        self.states, held_out = (demos.observation[steps_of(demos.episode_ends, part)] for part in parts)
        self.held_out = held_out[::EVERY]
        self.net = network(ranges, recipe.widths)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.schedule = get_cosine_schedule_with_warmup(
            self.optimiser, recipe.warmup_steps, recipe.epochs * recipe.batches
        )
        self.epoch = 0
        self.seconds = 0.0

    def train_epoch(self) -> float:
        """Trains on new frames; returns the mean loss, which is about the mean error along an axis in px."""
        started = time.monotonic()
        # New states in every epoch, and the same ones when it is repeated.
        random = np.random.default_rng((self.recipe.seed, self.epoch))
        losses = []
        title = f"sight {self.epoch + 1}/{self.recipe.epochs}"
        for _ in tqdm(range(self.recipe.batches), title, leave=False, disable=None):
            states = imagined(self.states, self.recipe.batch, random)
            wanted = torch.from_numpy(place(states[:, 2:], KEYPOINTS)).float()
            loss = smooth_l1_loss(self.net.expected(pixels(states)), wanted)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            self.schedule.step()
            losses.append(loss.item())
        self.epoch += 1
        self.seconds += time.monotonic() - started
        return float(np.mean(losses))

    def validation_loss(self) -> float:
        """Mean distance of the keypoints seen from where they are, px, in demonstrations never trained on."""
        return float(errors(self.net, self.held_out).mean())

    def state(self) -> dict:
        return {
            "recipe": asdict(self.recipe),
            "demos": self.demos,
            "epoch": self.epoch,
            "seconds": self.seconds,
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    def restore(self, state: dict) -> None:
        self.epoch, self.seconds = state["epoch"], state["seconds"]
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])

    def weights(self) -> dict:
        """The encoder, and what it was trained with."""
        return self.net.described() | {"recipe": asdict(self.recipe), "training_seconds": self.seconds}


@torch.no_grad()
def errors(net: RigidKeypoints, states: np.ndarray, batch: int = 256) -> np.ndarray:
    """Distances of the keypoints seen from where they are, px: `[n, 9]`."""
    parts = np.array_split(states, math.ceil(len(states) / batch))
    seen = torch.cat([closest(net.body, net.expected(pixels(part))) for part in parts]).numpy()
    return np.linalg.norm(seen - place(states[:, 2:], KEYPOINTS), axis=-1)
