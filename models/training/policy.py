"""An exported policy: `policy.json` and its graph, sampled step by step with `diffusers`."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import onnxruntime
import torch
from diffusers.schedulers import scheduling_ddpm

from export.policy import Shape
from training.demos import MinMax
from training.schedule import scheduler


def ranges(entries: list[dict]) -> MinMax:
    """The ranges of all entries, concatenated in their order."""
    low, high = ([v for entry in entries for v in entry["normalization"][bound]] for bound in ("min", "max"))
    return MinMax(np.array(low), np.array(high))


class Policy:
    """A policy drawn from with `steps` steps of `solver`, many episodes in one batch."""

    def __init__(self, folder: Path, solver: str, steps: int, threads: int):
        manifest = json.loads((folder / "policy.json").read_text())
        self.shape = Shape(**{name: manifest[name] for name in ("n_obs_steps", "horizon", "n_action_steps")})
        self.observation, self.action = ranges(manifest["observations"]), ranges(manifest["actions"])
        self.scheduler = scheduler(solver, manifest["scheduler"])
        self.scheduler.set_timesteps(steps)
        self.names = manifest["denoiser"]
        graph = (folder / self.names["file"]).read_bytes()
        self.sha256 = hashlib.sha256(graph).hexdigest()
        if self.sha256 != self.names["sha256"]:
            raise ValueError(f"{folder / self.names['file']}: not the graph that policy.json belongs to; export again")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def predict(self, sample: torch.Tensor, timestep: torch.Tensor, observation: np.ndarray) -> torch.Tensor:
        feed = {
            self.names["sample"]: sample.numpy(),
            self.names["timestep"]: np.full(len(sample), timestep, np.int64),
            self.names["observation"]: observation,
        }
        return torch.from_numpy(self.session.run([self.names["prediction"]], feed)[0])

    def generated(self, seed: int) -> Iterator[torch.Tensor]:
        """Normal noise for one episode, `[horizon, action]` at a time, from a generator of its own."""
        generator = torch.Generator().manual_seed(seed)
        while True:
            yield torch.randn((self.shape.horizon, len(self.action.low)), generator=generator)

    def recorded(self, initial: np.ndarray, steps: np.ndarray) -> Iterator[torch.Tensor]:
        """The noise of another program for one episode: `initial` is `[plans, D]`, `steps` `[plans, N, D]`.

        DDPM adds noise after every step but the last, so the last row of every plan is left out.
        """
        shape = (self.shape.horizon, len(self.action.low))
        for first, following in zip(initial, steps, strict=True):
            for row in (first, *following[:-1]):
                yield torch.from_numpy(row.reshape(shape))

    def plan(self, observations: np.ndarray, noise: list[Iterator[torch.Tensor]]) -> np.ndarray:
        """The actions to execute, `[batch, n_action_steps, action]`, in raw units.

        `observations` is `[batch, n_obs_steps, observation]`, in raw units too. Each row has its own noise, so that an
        episode's does not depend on its company.
        """

        def draw(*_: object, **__: object) -> torch.Tensor:
            return torch.stack([next(source) for source in noise])

        normalised = self.observation.normalise(observations).astype(np.float32)
        sample = draw()
        # DDPM's step draws its noise itself: this is the one place where it can be given another.
        with mock.patch.object(scheduling_ddpm, "randn_tensor", draw):
            for timestep in self.scheduler.timesteps:
                prediction = self.predict(sample, timestep, normalised)
                sample = self.scheduler.step(prediction, timestep, sample).prev_sample
        first = self.shape.n_obs_steps - 1
        executed = sample[:, first : first + self.shape.n_action_steps].numpy()
        return self.action.denormalise(executed.astype(np.float64))
