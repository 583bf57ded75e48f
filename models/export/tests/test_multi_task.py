"""Policies of LeRobot that are told their task: what is exported plans as `select_action` does, for each task.

LeRobot has them since 0.5; with an older one these tests are left out (`.ci/lerobot` runs them with 0.6.1).
"""

import json
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")
pytest.importorskip("lerobot.policies.multi_task_dit")

from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.policies.multi_task_dit.configuration_multi_task_dit import MultiTaskDiTConfig
from lerobot.policies.multi_task_dit.modeling_multi_task_dit import MultiTaskDiTPolicy
from lerobot.policies.multi_task_dit.processor_multi_task_dit import make_multi_task_dit_pre_post_processors
from safetensors.torch import load_file, save_file

from export import directory, lerobot
from export.policy import ExportError, Policy
from export.tests import clip
from export.tests.noise import apart, drawing
from export.tests.test_lerobot import ACTION, STATE, edit, flat, statistics_of

TOP, WRIST = "observation.images.top", "observation.images.wrist"
TASKS = {"cube": "pick up the red cube", "open the drawer": "open the drawer"}
STATED = ("cube = pick up the red cube", "open the drawer")
SMALL = {
    **{"horizon": 8, "n_action_steps": 4, "hidden_dim": 16, "num_layers": 2, "num_heads": 2},
    **{"timestep_embed_dim": 8, "num_inference_steps": 10, "image_crop_shape": (clip.IMAGE, clip.IMAGE)},
}
FLOW = {"objective": "flow_matching", "num_integration_steps": 12}
CONFIGS = {
    "defaults": {},
    "all steps": {"num_inference_steps": None, "num_train_timesteps": 30, "beta_schedule": "linear"},
    "ddim, one step, of the sample": {"noise_scheduler_type": "DDIM", "n_obs_steps": 1, "prediction_type": "sample"},
    "flow": FLOW,
    "flow that keeps some noise": FLOW | {"sigma_min": 0.1, "timestep_sampling_strategy": "uniform"},
    "positions are added": {"use_rope": False, "use_positional_encoding": True},
    "both": {"use_positional_encoding": True, "rope_base": 100.0, "num_heads": 4, "n_obs_steps": 3},
    "no camera": {"cameras": ()},
    "two cameras": {"cameras": (TOP, WRIST), "image_resize_shape": (20, 18)},
    "two cameras and encoders": {"cameras": (TOP, WRIST), "use_separate_rgb_encoder_per_camera": True},
    "gelu, not cropped": {"act": "gelu", "image_resize_shape": (16, 16), "image_crop_shape": (17, 16)},
    "trained for a while": {"steps": 5},
}


class Checkpoint:
    """A policy with random weights and statistics, saved by LeRobot."""

    def __init__(
        self,
        folder: Path,
        cameras: tuple[str, ...] = (TOP,),
        act: str = "quick_gelu",
        steps: int = 0,
        **config: object,
    ):
        model = str(clip.small(folder.parent / "clip", act))
        torch.manual_seed(0)
        features = {STATE: PolicyFeature(FeatureType.STATE, (2,))}
        features |= {name: PolicyFeature(FeatureType.VISUAL, (3, 24, 20)) for name in cameras}
        outputs = {ACTION: PolicyFeature(FeatureType.ACTION, (3,))}
        shapes = {name: (*feature.shape[:1], *[1] * (len(feature.shape) - 1)) for name, feature in features.items()}
        statistics = {name: statistics_of(shape) for name, shape in (shapes | {ACTION: (3,)}).items()}
        named = {"vision_encoder_name": model, "text_encoder_name": model, "device": "cpu"}
        self.config = MultiTaskDiTConfig(input_features=features, output_features=outputs, **(SMALL | named | config))
        self.policy = MultiTaskDiTPolicy(self.config).eval()
        with torch.no_grad():
            for weight in self.policy.parameters():
                weight += 0.05 * torch.rand_like(weight)
        self.before, self.after = make_multi_task_dit_pre_post_processors(self.config, statistics)
        self.seen = {name: torch.randn(5, *feature.shape) for name, feature in features.items()}
        self.seen |= {name: torch.randint(256, (5, 3, 24, 20)) / 255 for name in cameras}
        self.train(steps)
        self.folder = folder
        for part in (self.policy, self.before, self.after):
            part.save_pretrained(folder)

    def train(self, steps: int) -> None:
        """As LeRobot does, on random numbers."""
        optimizer = self.config.get_optimizer_preset().build(self.policy.get_optim_params())
        self.policy.train()
        for _ in range(steps):
            now = self.before({name: rows[0] for name, rows in self.seen.items()} | {"task": "wave"})
            batch = {name: now[name][:, None].expand(-1, 2, *now[name].shape[1:]) for name in self.seen}
            batch |= {name: row for name, row in now.items() if "language" in name} | {ACTION: torch.randn(1, 8, 3)}
            loss, _ = self.policy.forward(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self.policy.eval()

    @cached_property
    def exported(self) -> Policy:
        return lerobot.load(self.folder, STATED)

    def options(self, task: str, provider: str = "native") -> list[str]:
        """How it is drawn from, for the program."""
        drawn = self.exported.drawn
        how = ["--solver", drawn.solver, "--steps", str(drawn.steps), "--sampler", "sequential"]
        return [*how, "--provider", provider, "--task", task]

    def inputs(self) -> dict[str, np.ndarray]:
        """The last observations, and noise for a plan."""
        plan, steps = (self.config.horizon, 3), self.exported.drawn.steps
        history = torch.cat([flat(rows[-self.config.n_obs_steps :]) for rows in self.seen.values()], dim=-1)
        noise = {"initial_noise": torch.randn(plan)}
        if self.exported.drawn.solver == "ddpm":
            noise["step_noise"] = torch.randn(steps, *plan)
        return {name: tensor.numpy() for name, tensor in {"observation": history, **noise}.items()}

    def selected(self, inputs: dict[str, np.ndarray], task: str) -> np.ndarray:
        """What `select_action` says at the last observations under this noise, `[n_action_steps, action]`, raw."""
        self.policy.reset()
        initial, actions = torch.from_numpy(inputs["initial_noise"])[None], []
        for step in (0, 1, 2, 3, 4, 4, 4, 4):
            batch = self.before({name: rows[step] for name, rows in self.seen.items()} | {"task": task})
            with ExitStack() as given:
                # Neither the noise that it begins with nor DDPM's can be given.
                given.enter_context(mock.patch.object(torch, "randn", lambda *_, **__: initial))
                if "step_noise" in inputs:
                    given.enter_context(drawing(inputs["step_noise"]))
                action = self.policy.select_action(dict(batch))
            actions.append(self.after(action).numpy()[0])
        return np.array(actions[4:])


@pytest.fixture
def default(tmp_path: Path) -> Checkpoint:
    return Checkpoint(tmp_path / "checkpoint")


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_plans_are_those_of_select_action(config: dict, tmp_path: Path, sample: Callable[..., np.ndarray]) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint", **config)
    directory.write(checkpoint.exported, tmp_path / "out")
    inputs, first = checkpoint.inputs(), checkpoint.config.n_obs_steps - 1
    plans = []
    for name, instruction in TASKS.items():
        theirs = checkpoint.selected(inputs, instruction)
        for provider in ("native", "cpu"):
            ours = sample(tmp_path / "out", *checkpoint.options(name, provider), **inputs)
            assert apart(ours[first : first + 4], theirs) < 1e-4
        plans.append(ours)
    # They differ, or nothing was told.
    assert apart(*plans) > 1e-3


def test_the_manifest_has_the_tasks(default: Checkpoint, tmp_path: Path) -> None:
    directory.write(default.exported, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "policy.json").read_text())
    assert [(task["name"], task["instruction"], len(task["embedding"])) for task in manifest["tasks"]] == [
        (name, text, 16) for name, text in TASKS.items()
    ]
    assert manifest["schema_version"] == 4 and manifest["encoder"]["size"] == 2 + 16 + 16


def test_runge_kutta_is_said(tmp_path: Path) -> None:
    policy = Checkpoint(tmp_path / "checkpoint", **FLOW, integration_method="rk4").exported
    assert policy.drawn is None and "Runge-Kutta method in 12 steps" in policy.notes[0]


WRONG = {
    "objective": ("score", "objective is 'score'"),
    "integration_method": ("heun", "integration_method is 'heun'"),
    "hidden_dim": (18, "hidden_dim|has shape"),
    "num_heads": (3, "hidden_dim is 16, but must be a multiple of num_heads, 3"),
    "rope_base": (0, "rope_base is 0"),
    "timestep_embed_dim": (7, "timestep_embed_dim is 7, but must be even"),
    "image_crop_shape": ([8, 8], r"image_crop_shape leaves \[8, 8\], but the encoder sees \[16, 16\]"),
    "vision_encoder_name": ("clip-that-is-not-there", "vision_encoder_name is clip-that-is-not-there, which"),
    "text_encoder_name": (7, "text_encoder_name is 7, but must be the name"),
    "num_layers": (1, "has no place"),
    "classifier_free": (0.5, "classifier_free is not known"),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_field_is_named(default: Checkpoint, field: str) -> None:
    value, message = WRONG[field]
    flow = FLOW if field == "integration_method" else {}
    edit(default.folder / "config.json", lambda config: config.update({**flow, field: value}))
    with pytest.raises(ExportError, match=message):
        lerobot.load(default.folder, STATED)


def test_tasks_are_stated_once_each(default: Checkpoint) -> None:
    with pytest.raises(ExportError, match="state --task NAME=INSTRUCTION for each"):
        lerobot.load(default.folder)
    with pytest.raises(ExportError, match="the tasks' names are 'a', 'a', but each needs one of its own"):
        lerobot.load(default.folder, ("a=push", "a=pull"))


def test_missing_and_foreign_weights_are_named(default: Checkpoint) -> None:
    path = default.folder / "model.safetensors"
    tensors = load_file(path)
    name = next(name for name in tensors if name.endswith("layers.0.self_attn.k_proj.weight") and "vision" in name)
    kept = {other: tensor for other, tensor in tensors.items() if other != name}
    save_file(kept, path)
    with pytest.raises(ExportError, match=r"has no place|are missing"):
        lerobot.load(default.folder, STATED)
    save_file(tensors | {"observation_encoder.depth": torch.zeros(2)}, path)
    with pytest.raises(ExportError, match=r"observation_encoder\.depth has no place"):
        lerobot.load(default.folder, STATED)


def test_a_mode_of_normalisation_counts(tmp_path: Path, sample: Callable[..., np.ndarray]) -> None:
    modes = {"STATE": NormalizationMode.MEAN_STD, "VISUAL": NormalizationMode.IDENTITY}
    modes["ACTION"] = NormalizationMode.MEAN_STD
    checkpoint = Checkpoint(tmp_path / "checkpoint", normalization_mapping=modes)
    directory.write(checkpoint.exported, tmp_path / "out")
    inputs = checkpoint.inputs()
    theirs = checkpoint.selected(inputs, TASKS["cube"])
    assert apart(sample(tmp_path / "out", *checkpoint.options("cube"), **inputs)[1:5], theirs) < 1e-4
