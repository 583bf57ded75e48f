"""Every kind of policy that is exported, drawn from in every way there is: most must end where `sequential` does."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from export import diffusion_policy, directory, lerobot
from export.tests import test_diffusion_policy as projects
from export.tests import test_lerobot as lerobots

# `speculative` draws another plan of the same distribution.
ALIKE = ("paradigms", "picard", "anderson", "blocks", "parareal")


@dataclass(frozen=True)
class Exported:
    folder: Path
    inputs: dict[str, np.ndarray]
    solver: str = "ddpm"


def of_lerobot(folder: Path, **config: object) -> Exported:
    checkpoint = lerobots.Checkpoint(folder / "checkpoint", **config)
    directory.write(lerobot.load(checkpoint.folder), folder / "out")
    return Exported(folder / "out", {"observation": checkpoint.inputs()["observation"]})


def of_the_project(folder: Path, net: torch.nn.Module) -> Exported:
    checkpoint = projects.Checkpoint(folder / "latest.ckpt", net)
    directory.write(diffusion_policy.load(checkpoint.path), folder / "out")
    return Exported(folder / "out", {"observation": checkpoint.inputs()["observation"]})


def flow(folder: Path) -> Exported:
    """What the network says, taken for a velocity."""
    exported = of_lerobot(folder)
    manifest = json.loads((exported.folder / "policy.json").read_text())
    convention = {"time": "train_timesteps", "noise_at": 1, "velocity": "noise_minus_data"}
    of_flows = {"prediction_type": "flow_prediction", "timestep_spacing": "trailing", "flow": convention}
    manifest["scheduler"] = {"num_train_timesteps": 100, "clip_sample": False} | of_flows
    (exported.folder / "policy.json").write_text(json.dumps(manifest))
    return Exported(exported.folder, exported.inputs, "euler")


KINDS = {
    "state": of_lerobot,
    "images": lambda folder: of_lerobot(folder, **lerobots.IMAGES["one camera, cropped"]),
    "transformer": lambda folder: of_the_project(folder, projects.Transformer()),
    "inpainted": lambda folder: of_the_project(folder, projects.Unet(inpainted=True)),
    "flow": flow,
}


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return request.param(tmp_path_factory.mktemp("exported"))


def test_every_strategy_draws_from_every_kind(exported: Exported, sample: Callable[..., np.ndarray]) -> None:
    def drawn(sampler: str, *options: str) -> np.ndarray:
        how = ("--provider", "cpu", "--solver", exported.solver, "--steps", "10", "--sampler", sampler, *options)
        return sample(exported.folder, *how, **exported.inputs)

    sequential = drawn("sequential")
    largest = np.abs(sequential).max()
    for sampler in ALIKE:
        difference = np.abs(drawn(sampler, "--tolerance", "1e-6") - sequential).max()
        assert difference < 1e-3 * largest, sampler
    if exported.solver == "euler":
        with pytest.raises(AssertionError, match="speculative needs noise to accept by"):
            drawn("speculative")
        return
    other = drawn("speculative")
    assert other.shape == sequential.shape and np.isfinite(other).all()
    assert np.abs(other - sequential).max() > 1e-3 * largest
