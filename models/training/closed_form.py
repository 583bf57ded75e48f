"""The exact denoiser of digits, without training: `closed_form.write(FOLDER)`, for tests.

The data is taken to be a mixture of normal distributions of deviation s, one around each of scikit-learn's 1,797 digits
d_i. Then of a noisy sample x = a x0 + b e the expected x0 is known:

    v = a^2 s^2 + b^2,   w_i = softmax(-|x - a d_i|^2 / 2 v),   x0 = sum_i w_i (d_i + a s^2 / v (x - a d_i))

and the noise that a perfect network predicts is e = (x - a x0) / b.
"""

import hashlib
import json
from pathlib import Path

import torch
from diffusers import DDPMScheduler
from torch import Tensor, nn

from export import graph_file
from export.graph_file import Network
from training.digits import SCHEDULER, SHAPE, digits

DEVIATION = 0.1


class ClosedForm(nn.Module):
    """Predicts the noise in `sample` `[batch, 1, 8, 8]` at `timestep` `[batch]`."""

    def __init__(self) -> None:
        super().__init__()
        kept = DDPMScheduler.from_config(SCHEDULER).alphas_cumprod
        alpha, noise = kept.sqrt(), (1 - kept).sqrt()
        means = torch.from_numpy(digits()[0]).flatten(1)
        self.register_buffer("levels", torch.stack((alpha, noise), dim=1))
        self.register_buffer("means", means)
        self.register_buffer("squares", means.square().sum(dim=1))

    def forward(self, sample: Tensor, timestep: Tensor) -> Tensor:
        alpha, noise = self.levels[timestep].split(1, dim=1)
        variance = alpha.square() * DEVIATION**2 + noise.square()
        x = sample.flatten(1)
        # Without |x|^2, which is the same for all digits.
        logits = (alpha * (x @ self.means.T) - alpha.square() * self.squares / 2) / variance
        mean = torch.softmax(logits, dim=1) @ self.means
        clean = mean + alpha * DEVIATION**2 / variance * (x - alpha * mean)
        return ((x - alpha * clean) / noise).reshape(sample.shape)


def write(out: Path) -> None:
    """Writes `denoiser.onnx` and `denoiser.json` into `out`."""

    def inputs(batch: int) -> dict[str, Tensor]:
        return {
            "sample": torch.randn(batch, *SHAPE),
            "timestep": torch.randint(SCHEDULER["num_train_timesteps"], (batch,)),
        }

    out.mkdir(parents=True, exist_ok=True)
    graph = out / "denoiser.onnx"
    graph_file.write(Network(ClosedForm(), inputs, "prediction", batches=(1,)), graph)
    tensors = {name: name for name in ("sample", "timestep", "prediction")}
    manifest = {
        "schema_version": 1,
        "name": "closed-form digits",
        "sample": {"shape": list(SHAPE), "range": [-1.0, 1.0]},
        "scheduler": SCHEDULER,
        "denoiser": {"file": graph.name, "sha256": hashlib.sha256(graph.read_bytes()).hexdigest(), **tensors},
    }
    (out / "denoiser.json").write_text(json.dumps(manifest, indent=2) + "\n")
