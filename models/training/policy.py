"""An exported policy: `policy.json` and its graphs, sampled step by step with `diffusers`."""

import hashlib
import json
from collections.abc import Iterator
from math import prod
from pathlib import Path
from unittest import mock

import numpy as np
import onnxruntime
import torch
from diffusers.schedulers import scheduling_ddpm

from export.policy import Shape
from training.demos import MinMax
from training.schedule import scheduler


def bounds(entry: dict, bound: str) -> list[float]:
    """A bound of every number of an entry; one that is left as it is has what is normalised already."""
    left = {"min": -1.0, "max": 1.0}[bound]
    normalization = entry["normalization"]
    return [left] * prod(entry["shape"]) if normalization["mode"] == "identity" else normalization[bound]


def ranges(entries: list[dict]) -> MinMax:
    """The ranges of all entries, concatenated in their order."""
    low, high = ([value for entry in entries for value in bounds(entry, bound)] for bound in ("min", "max"))
    return MinMax(np.array(low), np.array(high))


def session(folder: Path, described: dict, threads: int) -> onnxruntime.InferenceSession:
    """A graph that the manifest describes."""
    path = folder / described["file"]
    graph = path.read_bytes()
    if hashlib.sha256(graph).hexdigest() != described["sha256"]:
        raise ValueError(f"{path}: not the graph that policy.json belongs to; export again")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


class Policy:
    """A policy drawn from with `steps` steps of `solver`, many episodes in one batch."""

    def __init__(self, folder: Path, solver: str, steps: int, threads: int):
        manifest = json.loads((folder / "policy.json").read_text())
        self.shape = Shape(**{name: manifest[name] for name in ("n_obs_steps", "horizon", "n_action_steps")})
        self.observation, self.action = ranges(manifest["observations"]), ranges(manifest["actions"])
        self.scheduler = scheduler(solver, manifest["scheduler"])
        self.scheduler.set_timesteps(steps)
        self.seen = {entry["name"]: prod(entry["shape"]) for entry in manifest["observations"]}
        self.names = manifest["denoiser"]
        self.sha256 = self.names["sha256"]
        self.session = session(folder, self.names, threads)
        self.encoder = session(folder, manifest["encoder"], threads) if "encoder" in manifest else None

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
        if self.encoder:
            [normalised] = self.encoder.run(None, {self.encoder.get_inputs()[0].name: normalised})
        sample = draw()
        # DDPM's step draws its noise itself: this is the one place where it can be given another.
        with mock.patch.object(scheduling_ddpm, "randn_tensor", draw):
            for timestep in self.scheduler.timesteps:
                prediction = self.predict(sample, timestep, normalised)
                sample = self.scheduler.step(prediction, timestep, sample).prev_sample
        first = self.shape.n_obs_steps - 1
        executed = sample[:, first : first + self.shape.n_action_steps].numpy()
        return self.action.denormalise(executed.astype(np.float64))
