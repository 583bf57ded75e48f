"""LeRobot's policies of their full size, as its own program loads and draws from them, beside their export."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from lerobot.policies.factory import get_policy_class, make_pre_post_processors
from torch import Tensor, nn

from training.schedule import scheduler

from . import ours
from .made import CAMERA, SIDE, TASK

DRAWN = {"DDPM-100": ("ddpm", 100), "DDIM-10": ("ddim", 10)}
EAGER, COMPILED = "LeRobot", "LeRobot, compiled"
REFERENCE = f"{EAGER}, DDPM-100"


class Peer:
    """A checkpoint in LeRobot."""

    def __init__(self, checkpoint: Path, threads: int):
        torch.set_num_threads(threads)
        kind = json.loads((checkpoint / "config.json").read_text())["type"]
        self.policy = get_policy_class(kind).from_pretrained(checkpoint, local_files_only=True).eval()
        self.before, _ = make_pre_post_processors(self.policy.config, pretrained_path=str(checkpoint))
        # What draws, and the network in it.
        diffuses = kind == "diffusion"
        self.drawer = self.policy.diffusion if diffuses else self.policy.objective
        self.holder, self.name = (self.drawer, "unet") if diffuses else (self.policy, "noise_predictor")
        self.schedule = dict(self.drawer.noise_scheduler.config)

    @property
    def network(self) -> nn.Module:
        return getattr(self.holder, self.name)

    def drawing(self, network: nn.Module, solver: str, steps: int) -> Callable[[np.ndarray, int], Tensor]:
        """Plans by a network in place of the policy's, from observations as Parapolicy takes them."""
        steps_of = scheduler(solver, self.schedule)

        @torch.inference_mode()
        def plan(observation: np.ndarray, seed: int) -> Tensor:
            torch.manual_seed(seed)
            setattr(self.holder, self.name, network)
            self.drawer.noise_scheduler, self.drawer.num_inference_steps = steps_of, steps
            self.policy.reset()
            # An episode's first observation stands for those before it, too, and asks for a plan.
            return self.policy.select_action(self.before(self.features(observation[-1])))

        return plan

    def features(self, row: np.ndarray) -> dict[str, object]:
        """An observation as LeRobot takes it: the state, the image, what is left."""
        features = self.policy.config.input_features
        state, pixels = features["observation.state"].shape[0], 3 * SIDE * SIDE
        image = torch.from_numpy(row[state : state + pixels].reshape(SIDE, SIDE, 3) / 255).float().permute(2, 0, 1)
        found = {"observation.state": torch.from_numpy(row[:state]).float(), CAMERA: image, "task": TASK}
        if "observation.environment_state" in features:
            found["observation.environment_state"] = torch.from_numpy(row[state + pixels :]).float()
        return found


def contestants(folder: Path, threads: int) -> dict[str, Callable[[np.ndarray, int], object]]:
    """LeRobot, compiled and not, and Parapolicy."""
    peer = Peer(folder / "checkpoint", threads)
    eager = peer.network
    networks = {EAGER: eager, COMPILED: torch.compile(eager)}
    theirs = {
        f"{name}, {drawn}": peer.drawing(network, *how)
        for name, network in networks.items()
        for drawn, how in DRAWN.items()
    }
    return theirs | ours.contestants(folder / "exported", threads)


def observations(folder: Path, count: int) -> np.ndarray:
    """`[count, n_obs_steps, observation_dim]`, the first ones of which are seen for every plan."""
    shape = ours.observation_shape(folder / "exported")
    return np.random.default_rng(0).integers(0, 256, (count, *shape)).astype(float)


def loading(folder: Path, threads: int) -> list[dict]:
    """Seconds until it is loaded and until a first plan is there, and the most memory, each in a process of its own."""
    rows = []
    for who in ("lerobot", *ours.RUNS):
        command = [sys.executable, "-m", "peers.loading", who, str(folder), str(threads)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            rows.append({"name": who} | json.loads(done.stdout.splitlines()[-1]))
        else:
            print(f"left out: loading by {who} ({done.stderr.splitlines()[-1]})")
    return rows
