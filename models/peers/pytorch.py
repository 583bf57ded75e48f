"""The peers: the same network in PyTorch, sampled with `diffusers`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from diffusers import DDPMParallelScheduler
from onnx import numpy_helper
from torch import Tensor

from export.unet import ConditionalUnet
from training.policy import ranges
from training.schedule import scheduler

WINDOW, TOLERANCE = 20, 0.1


def weights(graph: Path) -> dict[str, Tensor]:
    """The weights that an exported graph holds, under their names in `unet.py`."""
    tensors = onnx.load(graph).graph.initializer
    return {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in tensors}


def network(graph: Path, manifest: dict) -> ConditionalUnet:
    """The network whose weights the graph holds; its widths are those of the first convolution of each level."""
    held = weights(graph)
    levels = sorted({name.split(".")[1] for name in held if name.startswith("down.")})
    net = ConditionalUnet(
        action=held["down.0.0.first.0.weight"].shape[1],
        condition=manifest["n_obs_steps"] * sum(int(np.prod(entry["shape"])) for entry in manifest["observations"]),
        widths=tuple(held[f"down.{level}.0.first.0.weight"].shape[0] for level in levels),
    )
    net.load_state_dict({name: held[name] for name in net.state_dict()})
    return net.eval()


class Peer:
    """PyTorch with `diffusers`, plan by plan."""

    def __init__(self, model: Path, threads: int):
        torch.set_num_threads(threads)
        self.manifest = json.loads((model / "policy.json").read_text())
        self.net = network(model / self.manifest["denoiser"]["file"], self.manifest)
        self.ranges = ranges(self.manifest["observations"])
        self.shape = (self.manifest["horizon"], self.net.action)

    def normalised(self, observation: np.ndarray) -> Tensor:
        return torch.from_numpy(self.ranges.normalise(observation[None]).astype(np.float32))

    def sequential(self, solver: str, steps: int) -> Callable[[np.ndarray, int], Tensor]:
        """One evaluation a step."""
        steps_of = scheduler(solver, self.manifest["scheduler"])
        steps_of.set_timesteps(steps)

        @torch.inference_mode()
        def plan(observation: np.ndarray, seed: int) -> Tensor:
            generator = torch.Generator().manual_seed(seed)
            condition = self.normalised(observation)
            sample = torch.randn((1, *self.shape), generator=generator)
            for timestep in steps_of.timesteps:
                prediction = self.net(sample, timestep[None], condition)
                sample = steps_of.step(prediction, timestep, sample, generator=generator).prev_sample
            return sample[0]

        return plan

    def paradigms(self, steps: int) -> Callable[[np.ndarray, int], Tensor]:
        """ParaDiGMS (Shih et al. 2023, arXiv 2305.16317, algorithm 1) on the scheduler that its authors wrote."""
        known = DDPMParallelScheduler(num_train_timesteps=1).config
        steps_of = DDPMParallelScheduler(**{k: v for k, v in self.manifest["scheduler"].items() if k in known})
        steps_of.set_timesteps(steps)
        timesteps = steps_of.timesteps
        variances = torch.stack([steps_of._get_variance(timestep) for timestep in timesteps])
        # The last step adds no noise.
        deviations = torch.cat((variances[:-1].sqrt(), torch.zeros(1)))
        # A state is judged by the noise of the step that leaves it, the sample by that of the step that made it.
        limits = TOLERANCE**2 * torch.cat((variances[1:], variances[-1:]))

        @torch.inference_mode()
        def plan(observation: np.ndarray, seed: int) -> Tensor:
            generator = torch.Generator().manual_seed(seed)
            condition = self.normalised(observation)
            path = torch.randn((1, *self.shape), generator=generator).repeat(steps + 1, 1, 1)
            noise = torch.randn((steps, *self.shape), generator=generator) * deviations[:, None, None]
            left, right = 0, min(WINDOW, steps)
            while left < steps:
                states, window = path[left:right], timesteps[left:right]
                prediction = self.net(states, window, condition.expand(len(window), -1, -1))
                moved = steps_of.batch_step_no_noise(prediction, window, states) + noise[left:right] - states
                new = path[left] + moved.cumsum(0)
                change = (new - path[left + 1 : right + 1]).square().mean((1, 2))
                settled = (change <= limits[left:right]).long().cumprod(0).sum()
                path[left + 1 : right + 1] = new
                left += min(int(settled) + 1, right - left)
                reached, right = right, min(left + WINDOW, steps)
                path[reached + 1 : right + 1] = path[reached]
            return path[-1]

        return plan
