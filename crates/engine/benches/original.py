"""Writes a policy of the sizes that Diffusion Policy has (Chi et al. 2023, arXiv 2303.04137), with random weights.

    python crates/engine/benches/original.py OUT [unet | transformer]

needs what models/export/requirements.txt lists. `cargo bench -p parapolicy-ort --bench providers` times it.
"""

import math
import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[3] / "models"))

from export import directory
from export.policy import Entry, Policy, Shape, identity, min_max
from export.transformer import DiffusionTransformer
from export.unet import ConditionalUnet
from training.schedule import SCHEDULE

OBSERVATION, ACTION = 20, 2


def unet(shape: Shape) -> nn.Module:
    return ConditionalUnet(ACTION, shape.n_obs_steps * OBSERVATION, widths=(256, 512, 1024), step_embedding=256)


def transformer(shape: Shape) -> nn.Module:
    size, more = 256, {"heads": 4, "layers": 8, "condition_layers": 0, "causal": True}
    net = DiffusionTransformer(ACTION, OBSERVATION, shape.n_obs_steps, shape.horizon, size, **more)
    for name, parameter in net.named_parameters():
        if "norm" not in name and "ln_f" not in name:  # all zero to begin with
            nn.init.normal_(parameter, 0, 1 / math.sqrt(size))
    return net


def main() -> None:
    torch.manual_seed(0)
    shape, network = Shape(), sys.argv[2] if len(sys.argv) > 2 else "unet"
    policy = Policy(
        name=f"original-{network}",
        shape=shape,
        observations=[Entry("state", (OBSERVATION,), min_max([0.0] * OBSERVATION, [512.0] * OBSERVATION))],
        actions=[Entry("target", (ACTION,), identity())],
        scheduler=SCHEDULE,
        denoiser={"unet": unet, "transformer": transformer}[network](shape).eval(),
    )
    worst = directory.write(policy, Path(sys.argv[1]))
    print(f"wrote {sys.argv[1]}; ONNX Runtime and PyTorch agree to {worst:.1e}")


if __name__ == "__main__":
    main()
