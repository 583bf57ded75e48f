"""Writes a policy of the widths that Diffusion Policy has (Chi et al. 2023, arXiv 2303.04137), with random weights.

    python crates/engine/benches/original.py OUT

needs what models/export/requirements.txt lists. `cargo bench -p parapolicy-runner --bench providers` times it.
"""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[3] / "models"))

from export import directory
from export.policy import Entry, Policy, Shape, identity
from export.unet import ConditionalUnet
from training.schedule import SCHEDULE

OBSERVATION, ACTION = 20, 2


def main() -> None:
    torch.manual_seed(0)
    shape = Shape()
    condition = shape.n_obs_steps * OBSERVATION
    policy = Policy(
        name="original-widths",
        shape=shape,
        observations=[Entry("state", (OBSERVATION,), identity())],
        actions=[Entry("target", (ACTION,), identity())],
        scheduler=SCHEDULE,
        denoiser=ConditionalUnet(ACTION, condition, widths=(256, 512, 1024), step_embedding=256).eval(),
    )
    worst = directory.write(policy, Path(sys.argv[1]))
    print(f"wrote {sys.argv[1]}; ONNX Runtime and PyTorch agree to {worst:.1e}")


if __name__ == "__main__":
    main()
