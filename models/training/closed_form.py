"""The exact denoiser of digits, without training, of noise (`write`) and as a flow (`write_flow`), for tests.

The data is taken to be a mixture of normal distributions of deviation s, one around each of scikit-learn's 1,797 digits
d_i. Then of a noisy sample x = a x0 + b e the expected x0 is known:

    v = a^2 s^2 + b^2,   w_i = softmax(-|x - a d_i|^2 / 2 v),   x0 = sum_i w_i (d_i + a s^2 / v (x - a d_i))

and the noise that a perfect network predicts is e = (x - a x0) / b. A flow's samples are x = (1 - t) x0 + t e, and what
it predicts is e - x0 (Lipman et al. 2023, arXiv 2210.02747).
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import DDPMScheduler
from torch import Tensor, nn

from export import graph_file
from export.graph_file import Network
from training.digits import SCHEDULER, SHAPE, digits

DEVIATION = 0.1


FLOW = {
    "num_train_timesteps": 1000,
    "prediction_type": "flow_prediction",
    "timestep_spacing": "linspace",
    "flow": {"time": "unit", "noise_at": 1, "velocity": "noise_minus_data"},
}


class Mixture(nn.Module):
    """What is expected of the data."""

    def __init__(self) -> None:
        super().__init__()
        means = torch.from_numpy(digits()[0]).flatten(1)
        self.register_buffer("means", means)
        self.register_buffer("squares", means.square().sum(dim=1))

    def parts(self, x: Tensor, alpha: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """x0 and e of `x` `[batch, 64]`, at levels `[batch, 1]`."""
        variance = alpha.square() * DEVIATION**2 + noise.square()
        # Without |x|^2, which is the same for all digits.
        logits = (alpha * (x @ self.means.T) - alpha.square() * self.squares / 2) / variance
        mean = torch.softmax(logits, dim=1) @ self.means
        clean = mean + alpha * DEVIATION**2 / variance * (x - alpha * mean)
        return clean, (x - alpha * clean) / noise


class ClosedForm(Mixture):
    """Predicts the noise in `sample` `[batch, 1, 8, 8]` at `timestep` `[batch]`."""

    def __init__(self) -> None:
        super().__init__()
        kept = DDPMScheduler.from_config(SCHEDULER).alphas_cumprod
        self.register_buffer("levels", torch.stack((kept.sqrt(), (1 - kept).sqrt()), dim=1))

    def forward(self, sample: Tensor, timestep: Tensor) -> Tensor:
        alpha, noise = self.levels[timestep].split(1, dim=1)
        return self.parts(sample.flatten(1), alpha, noise)[1].reshape(sample.shape)


class ClosedFormFlow(Mixture):
    """Predicts the velocity of `sample` `[batch, 1, 8, 8]` at `timestep` `[batch]`, its share of noise."""

    def forward(self, sample: Tensor, timestep: Tensor) -> Tensor:
        noise = timestep.unsqueeze(1)
        clean, added = self.parts(sample.flatten(1), 1 - noise, noise)
        return (added - clean).reshape(sample.shape)


def write(out: Path) -> None:
    """Writes `denoiser.onnx` and `denoiser.json` into `out`, of noise at 1000 training timesteps."""
    steps = SCHEDULER["num_train_timesteps"]
    written(ClosedForm(), lambda batch: torch.randint(steps, (batch,)), "closed-form digits", SCHEDULER, out)


def write_flow(out: Path) -> None:
    """The same of a flow, whose time is from 0, the data, to 1."""
    written(ClosedFormFlow(), lambda batch: 0.01 + 0.99 * torch.rand(batch), "closed-form flow", FLOW, out)


def written(network: Mixture, times: Callable[[int], Tensor], name: str, scheduler: dict, out: Path) -> None:
    def inputs(batch: int) -> dict[str, Tensor]:
        return {"sample": torch.randn(batch, *SHAPE), "timestep": times(batch)}

    out.mkdir(parents=True, exist_ok=True)
    graph = out / "denoiser.onnx"
    graph_file.write(Network(network, inputs, "prediction", batches=(1,)), graph)
    tensors = {name: name for name in ("sample", "timestep", "prediction")}
    manifest = {
        "schema_version": 1,
        "name": name,
        "sample": {"shape": list(SHAPE), "range": [-1.0, 1.0]},
        "scheduler": scheduler,
        "denoiser": {"file": graph.name, "sha256": hashlib.sha256(graph.read_bytes()).hexdigest(), **tensors},
    }
    (out / "denoiser.json").write_text(json.dumps(manifest, indent=2) + "\n")
