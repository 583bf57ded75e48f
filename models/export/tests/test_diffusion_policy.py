"""Checkpoints as the Diffusion Policy project saves them: what is exported plans as its sampling loop does.

The project cannot be installed as a package. Its U-Net is LeRobot's, which took it over, under other names; its
transformer is made of PyTorch's layers; its loop is a `diffusers` scheduler, step by step.
"""

import logging
import math
import os
import re
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import diffusers
import dill
import numpy as np
import pytest
import torch
import torchvision
from lerobot.policies.diffusion.modeling_diffusion import DiffusionConditionalUnet1d
from omegaconf import OmegaConf
from torch import Tensor, nn
from torchvision import transforms

from export import diffusion_policy, directory
from export.encoder import Resize
from export.policy import ExportError
from export.tests.noise import apart, drawing

OBSERVATION, ACTION, HORIZON, STEPS = 5, 3, 8, 2
# What is seen beside images.
NUMBERS = 4
SCHEDULER = {
    "_target_": "diffusers.schedulers.scheduling_ddpm.DDPMScheduler",
    "num_train_timesteps": 50,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "squaredcos_cap_v2",
    "variance_type": "fixed_small",
    "clip_sample": True,
    "prediction_type": "epsilon",
}
DDIM = {
    "_target_": "diffusers.schedulers.scheduling_ddim.DDIMScheduler",
    "num_train_timesteps": 50,
    "beta_schedule": "linear",
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "prediction_type": "sample",
}


class Unet(nn.Module):
    """LeRobot's U-Net, on observations as a whole."""

    target = "diffusion_policy.model.diffusion.conditional_unet1d.ConditionalUnet1D"
    policy = "diffusion_policy.policy.diffusion_unet_lowdim_policy.DiffusionUnetLowdimPolicy"
    conditioning = "obs_as_global_cond"

    def __init__(self, inpainted: bool = False, features: int = 0, **config: object):
        super().__init__()
        self.conditioned, features = not inpainted, features or OBSERVATION
        self.config = {"down_dims": [16, 32], "kernel_size": 5, "n_groups": 8, "cond_predict_scale": True, **config}
        plan, condition = (ACTION + features, 0) if inpainted else (ACTION, STEPS * features)
        self.config |= {"diffusion_step_embed_dim": 16, "input_dim": plan, "local_cond_dim": None}
        self.config["global_cond_dim"] = condition or None
        named = {"use_film_scale_modulation": self.config["cond_predict_scale"], "action_feature": Shaped((plan,))}
        self.net = DiffusionConditionalUnet1d(Namespace(**self.config, **named), condition)

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        return self.net(sample, timestep, observation.flatten(1) if self.conditioned else None)

    def fields(self) -> dict[str, object]:
        """What the policy's configuration says of it."""
        sizes = {"obs_dim": OBSERVATION, "action_dim": ACTION}
        convention = {"obs_as_local_cond": False, "oa_step_convention": True, "pred_action_steps_only": False}
        return {"model": {"_target_": self.target, **self.config}, **sizes, **convention}

    def state(self) -> dict[str, Tensor]:
        """Under the project's names."""
        names = (
            (r"conv([12])\.block", lambda found: f"blocks.{int(found[1]) - 1}.block"),
            (r"\.2\.(weight|bias)$", r".2.conv.\1"),
        )
        state = {}
        for name, weight in self.net.state_dict().items():
            for pattern, theirs in names:
                name = re.sub(pattern, theirs, name) if "modules" in name else name
            state[f"model.{name}"] = weight
        return state


class Transformer(nn.Module):
    """PyTorch's layers, under the project's names."""

    target = "diffusion_policy.model.diffusion.transformer_for_diffusion.TransformerForDiffusion"
    policy = "diffusion_policy.policy.diffusion_transformer_lowdim_policy.DiffusionTransformerLowdimPolicy"
    conditioning = "obs_as_cond"

    def __init__(
        self,
        n_cond_layers: int = 0,
        causal_attn: bool = True,
        inpainted: bool = False,
        time_as_cond: bool = True,
        features: int = 0,
    ):
        super().__init__()
        size, heads, layers, self.conditioned = 16, 4, 2, not inpainted
        features = features or OBSERVATION
        plan, seen = (ACTION + features, 0) if inpainted else (ACTION, STEPS)
        self.config = {"input_dim": plan, "output_dim": plan, "horizon": HORIZON, "n_obs_steps": STEPS}
        self.config |= {"cond_dim": 0 if inpainted else features, "obs_as_cond": not inpainted}
        self.config |= {"n_layer": layers, "n_head": heads, "n_emb": size, "p_drop_emb": 0.0, "p_drop_attn": 0.1}
        self.config |= {"causal_attn": causal_attn, "time_as_cond": time_as_cond, "n_cond_layers": n_cond_layers}
        kind = {"d_model": size, "nhead": heads, "dim_feedforward": 4 * size, "dropout": 0.0, "activation": "gelu"}
        kind |= {"batch_first": True, "norm_first": True}

        def encoder(layers: int) -> nn.Module:
            return nn.TransformerEncoder(nn.TransformerEncoderLayer(**kind), layers, enable_nested_tensor=False)

        self.input_emb, self.ln_f, self.head = nn.Linear(plan, size), nn.LayerNorm(size), nn.Linear(size, plan)
        self.tokens = HORIZON + (not time_as_cond)
        self.pos_emb = nn.Parameter(torch.randn(1, self.tokens, size))
        if seen:
            self.cond_obs_emb = nn.Linear(features, size)
        if time_as_cond:
            self.cond_pos_emb = nn.Parameter(torch.randn(1, 1 + seen, size))
            perceptron = nn.Sequential(nn.Linear(size, 4 * size), nn.Mish(), nn.Linear(4 * size, size))
            self.encoder = encoder(n_cond_layers) if n_cond_layers else perceptron
            self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**kind), layers)
        else:
            self.encoder = encoder(layers)
        # An action sees those before it, the timestep, and the observations up to it.
        shown = torch.ones(HORIZON, 1 + STEPS, dtype=torch.bool)
        shown[0, 2:] = False
        memory_mask = torch.zeros(shown.shape).masked_fill(~shown, float("-inf"))
        masks = nn.Transformer.generate_square_subsequent_mask(self.tokens), memory_mask if seen else None
        for name, mask in zip(("mask", "memory_mask"), masks, strict=True):
            self.register_buffer(name, mask if causal_attn else None)

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        rates = torch.exp(torch.arange(8) * -(np.log(10000) / 7)).float()
        angles = timestep[:, None] * rates
        condition, tokens = torch.cat((angles.sin(), angles.cos()), dim=-1)[:, None], self.input_emb(sample)
        if not self.config["time_as_cond"]:
            tokens = torch.cat((condition, tokens), dim=1)
            return self.head(self.ln_f(self.encoder(tokens + self.pos_emb, self.mask)[:, 1:]))
        if self.conditioned:
            condition = torch.cat((condition, self.cond_obs_emb(observation)), dim=1)
        memory = self.encoder(condition + self.cond_pos_emb)
        return self.head(self.ln_f(self.decoder(tokens + self.pos_emb, memory, self.mask, self.memory_mask)))

    def state(self) -> dict[str, Tensor]:
        state = {**self.state_dict(), "_dummy_variable": torch.zeros(0)}
        return {f"model.{name}": weight for name, weight in state.items()}

    def fields(self) -> dict[str, object]:
        """What the policy's configuration says of it."""
        return {"model": {"_target_": self.target, **self.config}, "obs_dim": OBSERVATION, "action_dim": ACTION}


class ImageUnet(Unet):
    """The U-Net on what torchvision's ResNets, and its transforms, make of two images."""

    policy = "diffusion_policy.policy.diffusion_unet_image_policy.DiffusionUnetImagePolicy"
    size = (44, 40)
    seen: ClassVar = {"camera_0": 1, "camera_1": 1, "robot_eef_pose": NUMBERS}

    def __init__(self, shared: bool, antialias: bool | None = None, **encoder: object):
        features, self.antialias = 2 * 512 + NUMBERS, antialias
        super().__init__(features=features)
        names = ("rgb",) if shared else ("camera_0", "camera_1")
        self.eyes = nn.ModuleDict({name: torchvision.models.resnet18() for name in names})
        for eye in self.eyes.values():
            eye.fc = nn.Identity()
            for layer in list(eye.modules()) if encoder.get("use_group_norm") else []:
                for name, norm in list(layer.named_children()):
                    if isinstance(norm, nn.BatchNorm2d):
                        setattr(layer, name, nn.GroupNorm(norm.num_features // 16, norm.num_features))
        steps = [transforms.Resize(encoder["resize_shape"], antialias=antialias)] if "resize_shape" in encoder else []
        steps += [transforms.CenterCrop(encoder["crop_shape"])] if "crop_shape" in encoder else []
        if encoder.get("imagenet_norm"):
            steps.append(transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]))
        self.look = transforms.Compose(steps)
        obs = {name: {"shape": [3, *self.size], "type": "rgb"} for name in ("camera_1", "camera_0")}
        meta = {"obs": {"robot_eef_pose": {"shape": [NUMBERS]}, **obs}, "action": {"shape": [ACTION]}}
        resnet = {
            "_target_": "diffusion_policy.model.vision.model_getter.get_resnet",
            "name": "resnet18",
            "weights": None,
        }
        target = "diffusion_policy.model.vision.multi_image_obs_encoder.MultiImageObsEncoder"
        encoder |= {"_target_": target, "shape_meta": meta, "rgb_model": resnet, "share_rgb_model": shared}
        self.described = {"shape_meta": meta, "obs_encoder": encoder}
        names = ("diffusion_step_embed_dim", "down_dims", "kernel_size", "n_groups", "cond_predict_scale")
        self.described |= {name: self.config[name] for name in names}

    def fields(self) -> dict[str, object]:
        return self.described

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        """`observation` has its images first, normalised, by name, then what is no image."""
        images, numbers = observation[0, :, :-NUMBERS], observation[0, :, -NUMBERS:]
        images = images.reshape(STEPS, 2, *self.size, 3).permute(1, 0, 4, 2, 3)
        eyes = list(self.eyes.values()) * (2 // len(self.eyes))
        features = [eye(self.look(camera)) for eye, camera in zip(eyes, images, strict=True)]
        return self.net(sample, timestep, torch.cat((*features, numbers), dim=-1).flatten()[None])

    def state(self) -> dict[str, Tensor]:
        return super().state() | {
            f"obs_encoder.key_model_map.{name}": weight for name, weight in self.eyes.state_dict().items()
        }


class Namespace:
    """Fields by their names."""

    def __init__(self, **fields: object):
        self.__dict__.update(fields)


class Shaped(Namespace):
    """Something of a shape."""

    def __init__(self, shape: tuple[int, ...]):
        super().__init__(shape=shape)


class Checkpoint:
    """A policy with random weights and statistics, saved as the project saves its own."""

    def __init__(self, path: Path, net: nn.Module, scheduler: dict = SCHEDULER, num_inference_steps: int | None = None):
        torch.manual_seed(0)
        self.path, self.net, self.schedule = path, net.eval(), scheduler
        with torch.no_grad():
            for weight in (net.net if isinstance(net, Unet) else net).parameters():
                weight += 0.1 * torch.randn_like(weight)
        self.seen = getattr(net, "seen", {"obs": OBSERVATION})
        self.statistics = {
            f"{name}.{statistic}": torch.rand(length) + 0.5
            for name, length in (self.seen | {"action": ACTION}).items()
            for statistic in ("scale", "offset", "input_stats.min", "input_stats.max")
        }
        self.steps = num_inference_steps or scheduler["num_train_timesteps"]
        policy = {"_target_": net.policy, "noise_scheduler": scheduler, "horizon": HORIZON, "n_action_steps": 4}
        policy |= {"n_obs_steps": STEPS, "num_inference_steps": num_inference_steps, net.conditioning: net.conditioned}
        policy |= net.fields()
        self.config = {
            "name": "train_diffusion",
            "policy": policy,
            "training": {"use_ema": True},
            "task": {"name": "t"},
        }
        self.save()

    def state(self) -> dict[str, Tensor]:
        return self.net.state() | {f"normalizer.params_dict.{name}": value for name, value in self.statistics.items()}

    def save(self, **more: object) -> None:
        config = OmegaConf.create(self.config)
        OmegaConf.resolve(config)
        state = self.state()
        other = {name: torch.zeros_like(weight) for name, weight in state.items()}
        optimizer = torch.optim.AdamW(self.net.parameters()).state_dict()
        payload = {
            "cfg": config,
            "state_dicts": {"model": other, "ema_model": state, "optimizer": optimizer},
            "pickles": {"global_step": dill.dumps(7), "_output_dir": dill.dumps("data/outputs")},
        }
        torch.save(payload | more, self.path, pickle_module=dill)

    def inputs(self) -> dict[str, np.ndarray]:
        plan = (HORIZON, self.net.config["input_dim"])
        noise = {"initial_noise": torch.randn(plan), "step_noise": torch.randn(self.steps, *plan)}
        observation = torch.cat([self.raw(name, length) for name, length in self.seen.items()], dim=-1)
        return {name: tensor.numpy() for name, tensor in {"observation": observation, **noise}.items()}

    def raw(self, name: str, length: int) -> torch.Tensor:
        """A part of an observation: numbers, or pixels."""
        if not name.startswith("camera"):
            return torch.randn(STEPS, length)
        height, width = ImageUnet.size
        return torch.randint(256, (STEPS, height * width * 3)).float()

    def normalised(self, observation: torch.Tensor) -> torch.Tensor:
        """As the network sees it; pixels in 0..1 at first."""
        sizes = [math.prod(ImageUnet.size) * 3 if name.startswith("camera") else n for name, n in self.seen.items()]
        parts = []
        for name, part in zip(self.seen, observation.split(sizes, dim=-1), strict=True):
            scale, offset = (self.statistics[f"{name}.{statistic}"] for statistic in ("scale", "offset"))
            parts.append((part / 255 if name.startswith("camera") else part) * scale + offset)
        return torch.cat(parts, dim=-1)

    @torch.no_grad()
    def planned(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """What the project's loop ends at, `[horizon, action]`, raw."""
        kind = self.schedule["_target_"].rpartition(".")[2]
        scheduler = getattr(diffusers, kind)(
            **{name: value for name, value in self.schedule.items() if name != "_target_"}
        )
        scheduler.set_timesteps(self.steps)
        observation = self.normalised(torch.from_numpy(inputs["observation"]))
        plan = torch.from_numpy(inputs["initial_noise"])[None]
        with drawing(inputs["step_noise"]):
            for timestep in scheduler.timesteps:
                if not self.net.conditioned:
                    plan[:, :STEPS, ACTION:] = observation
                prediction = self.net(plan, timestep[None], observation[None])
                plan = scheduler.step(prediction, timestep, plan).prev_sample
        return ((plan[0, :, :ACTION] - self.statistics["action.offset"]) / self.statistics["action.scale"]).numpy()


SHRUNK = {"use_group_norm": True, "resize_shape": [22, 42], "crop_shape": [20, 37]}
CHECKPOINTS = {
    "u-net": lambda path: Checkpoint(path, Unet()),
    "u-net, biases alone, ddim": lambda path: Checkpoint(
        path, Unet(cond_predict_scale=False, kernel_size=3, n_groups=4, down_dims=[16, 24, 32]), DDIM, 10
    ),
    "transformer": lambda path: Checkpoint(path, Transformer()),
    "transformer with encoder, not causal": lambda path: Checkpoint(
        path, Transformer(2, False), num_inference_steps=25
    ),
    "images, a network each": lambda path: Checkpoint(path, ImageUnet(False, antialias=False, **SHRUNK), DDIM, 10),
    "images, filtered against aliasing": lambda path: Checkpoint(path, ImageUnet(False, True, **SHRUNK), DDIM, 10),
    "images, one network": lambda path: Checkpoint(path, ImageUnet(True, imagenet_norm=True), DDIM, 10),
    "u-net, inpainted": lambda path: Checkpoint(path, Unet(inpainted=True)),
    "u-net, inpainted, ddim": lambda path: Checkpoint(path, Unet(inpainted=True), DDIM, 10),
    "transformer, inpainted": lambda path: Checkpoint(path, Transformer(inpainted=True)),
    "transformer, inpainted, time a token": lambda path: Checkpoint(
        path, Transformer(inpainted=True, time_as_cond=False)
    ),
}


@pytest.fixture
def unet(tmp_path: Path) -> Checkpoint:
    return CHECKPOINTS["u-net"](tmp_path / "latest.ckpt")


@pytest.mark.parametrize("make", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_plans_are_those_of_the_projects_loop(
    make: Callable[[Path], Checkpoint], tmp_path: Path, sample: Callable[..., np.ndarray]
) -> None:
    checkpoint = make(tmp_path / "latest.ckpt")
    policy = diffusion_policy.load(checkpoint.path, antialias=getattr(checkpoint.net, "antialias", None))
    directory.write(policy, tmp_path / "out")
    inputs = checkpoint.inputs()
    theirs = checkpoint.planned(inputs)
    options = ["--solver", policy.drawn.solver, "--steps", str(policy.drawn.steps), "--sampler", "sequential"]
    for provider in ("cpu",) if policy.inpainted else ("native", "cpu"):
        assert apart(sample(tmp_path / "out", "--provider", provider, *options, **inputs), theirs) < 1e-4


def test_an_action_sees_no_later_one(tmp_path: Path) -> None:
    net = diffusion_policy.load(CHECKPOINTS["transformer"](tmp_path / "latest.ckpt").path).denoiser
    plan, observation = torch.randn(1, HORIZON, ACTION), torch.randn(1, STEPS, OBSERVATION)
    later = plan.clone()
    later[:, 5:] += 1
    before, after = (net(x, torch.tensor([3]), observation)[0] for x in (plan, later))
    torch.testing.assert_close(before[:5], after[:5])
    assert (before[5:] - after[5:]).abs().min() > 0


def test_the_weights_that_are_not_averaged_are_taken_where_none_are(unet: Checkpoint) -> None:
    unet.config["training"]["use_ema"] = False
    state = unet.state()
    unet.save(state_dicts={"model": state})
    weights = diffusion_policy.load(unet.path).denoiser.state_dict()
    torch.testing.assert_close(weights["step.1.bias"], state["model.diffusion_step_encoder.1.bias"])


def test_pushts_observations_have_the_names_of_its_simulator(unet: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "OBSERVATION", 20)
    monkeypatch.setattr(sys.modules[__name__], "ACTION", 2)
    pusht = Checkpoint(unet.path, Unet())
    pusht.config["task"]["name"] = "pusht_lowdim"
    pusht.save()
    policy = diffusion_policy.load(unet.path)
    assert [(entry.name, entry.shape) for entry in policy.observations] == [("keypoints", (9, 2)), ("agent", (2,))]


class Executes:
    """Unpickled, it makes a folder."""

    def __init__(self, made: Path):
        self.made = made

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.made),)


@pytest.mark.parametrize("where", ["cfg", "pickles", "state_dicts"])
def test_a_pickle_that_executes_is_refused_by_name(
    unet: Checkpoint, tmp_path: Path, refused: Callable[..., str], where: str
) -> None:
    made, out = tmp_path / "made", tmp_path / "out"
    unet.save(**{where: {"policy": Executes(made)}})
    said = refused("diffusion-policy", unet.path, out)
    assert "refers to posix.mkdir, which could execute code; nothing was executed" in said
    assert not made.exists() and not out.exists()
    # It would have, and does where the file is trusted.
    with suppress(ExportError):
        diffusion_policy.load(unet.path, trusted=True)
    assert made.exists()


def test_a_trusted_checkpoint_is_the_same_policy(unet: Checkpoint) -> None:
    safe, trusted = (diffusion_policy.load(unet.path, trusted) for trusted in (False, True))
    assert (safe.observations, safe.scheduler, safe.drawn) == (trusted.observations, trusted.scheduler, trusted.drawn)


WRONG = {
    "_target_": ("x.DiffusionUnetVideoPolicy", "_target_ is 'DiffusionUnetVideoPolicy', which is not supported"),
    "horizon": (7, "horizon is 7, but must be halved"),
    "n_action_steps": (8, "n_action_steps is 8, which reaches beyond the plan"),
    "action_dim": (4, "normalizer.params_dict.action has 3 numbers, not 4"),
    "oa_step_convention": (False, "oa_step_convention is False"),
    "obs_as_local_cond": (True, "obs_as_local_cond is True"),
    "pred_action_steps_only": (True, "pred_action_steps_only is True"),
    "eta": (0.5, "eta is not known"),
    "n_obs_steps": ("${n_obs_steps}", "n_obs_steps is .*, but must be a whole number"),
    "num_inference_steps": (51, "num_inference_steps is 51, .* at most 50"),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_field_is_named(unet: Checkpoint, field: str) -> None:
    value, message = WRONG[field]
    unet.config["policy"][field] = value
    unet.config["n_obs_steps"] = "two"
    unet.save()
    with pytest.raises(ExportError, match=message):
        diffusion_policy.load(unet.path)


def test_an_unknown_scheduler_is_named(unet: Checkpoint) -> None:
    unet.config["policy"]["noise_scheduler"] = SCHEDULER | {"_target_": "diffusers.EulerDiscreteScheduler"}
    unet.save()
    with pytest.raises(ExportError, match="noise_scheduler: _target_ is 'EulerDiscreteScheduler'"):
        diffusion_policy.load(unet.path)


def test_missing_statistics_and_weights_are_named(unet: Checkpoint) -> None:
    scale = unet.statistics.pop("obs.scale")
    unet.save()
    with pytest.raises(ExportError, match=r"normalizer\.params_dict\.obs\.scale is missing: no statistics of obs"):
        diffusion_policy.load(unet.path)
    unet.statistics["obs.scale"] = scale
    state = {name: weight for name, weight in unet.state().items() if "final_conv" not in name}
    unet.save(state_dicts={"ema_model": state})
    with pytest.raises(ExportError, match=r"6 of \d+ weights are missing"):
        diffusion_policy.load(unet.path)
    unet.save(state_dicts={"model": state})
    with pytest.raises(ExportError, match=r"state_dicts\.ema_model is missing"):
        diffusion_policy.load(unet.path)


@pytest.mark.parametrize("kept", [0, 5, 1000, -1])
def test_a_truncated_checkpoint_leaves_nothing(
    unet: Checkpoint, tmp_path: Path, refused: Callable[..., str], kept: int
) -> None:
    unet.path.write_bytes(unet.path.read_bytes()[:kept])
    assert "latest.ckpt: cannot be read as a checkpoint" in refused("diffusion-policy", unet.path, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["latest.ckpt"]


# What the configuration of a whole run says, by where it says it.
RUNS = {
    "an unknown field": ({"eta": 0.5}, r"cfg: eta is not known"),
    "latency that the runner skips": ({"n_latency_steps": 2}, r"cfg: n_latency_steps is 2, which is not supported"),
    "past actions": ({"past_action_visible": True}, r"cfg: past_action_visible is True"),
    "actions relative to each other": (
        {"task": {"dataset": {"delta_action": True}}},
        r"cfg: task\.dataset\.delta_action is True",
    ),
    "no word on averaging": ({"training": {}}, r"cfg\.training: use_ema is missing"),
}


@pytest.mark.parametrize("change", RUNS)
def test_a_run_that_asks_more_of_the_robot_is_refused(unet: Checkpoint, change: str) -> None:
    values, message = RUNS[change]
    unet.config |= values
    unet.save()
    with pytest.raises(ExportError, match=message):
        diffusion_policy.load(unet.path)


def test_fields_of_a_run_that_the_policy_has_again_are_known(unet: Checkpoint) -> None:
    unet.config |= {"horizon": 3, "n_latency_steps": 0, "dataloader": {"batch_size": 256}, "exp_name": "default"}
    unet.config["task"] |= {"abs_action": True}
    unet.save()
    assert any("task.abs_action is True" in note for note in diffusion_policy.load(unet.path).notes)


SCHEDULES = {
    "thresholding": (True, "thresholding is True, which is not supported"),
    "trained_betas": ([0.1, 0.2], "trained_betas is"),
    "rescale_betas_zero_snr": (True, "rescale_betas_zero_snr is True"),
    "variance_type": ("learned", "variance_type is 'learned'"),
    "set_alpha_to_one": (False, "set_alpha_to_one is not known"),
    "beta_schedule": ("sigmoid", "beta_schedule is 'sigmoid'"),
    "num_train_timestep": (50, "num_train_timestep is not known"),
}


@pytest.mark.parametrize("field", SCHEDULES)
def test_a_schedule_that_is_not_honoured_is_named(unet: Checkpoint, field: str) -> None:
    value, message = SCHEDULES[field]
    unet.config["policy"]["noise_scheduler"] = SCHEDULER | {field: value}
    unet.save()
    with pytest.raises(ExportError, match=message):
        diffusion_policy.load(unet.path)


def test_the_manifest_has_the_fields_that_mean_something(tmp_path: Path) -> None:
    schedules = {
        name: diffusion_policy.load(CHECKPOINTS[name](tmp_path / f"{number}.ckpt").path).scheduler
        for number, name in enumerate(("u-net", "u-net, biases alone, ddim"))
    }
    shared = {"_class_name", "num_train_timesteps", "beta_schedule", "prediction_type", "timestep_spacing"}
    shared |= {"steps_offset", "clip_sample", "clip_sample_range"}
    assert schedules["u-net"].keys() == shared | {"variance_type"}
    assert schedules["u-net, biases alone, ddim"].keys() == shared | {"set_alpha_to_one", "beta_start", "beta_end"}


def test_a_class_of_another_project_is_refused(unet: Checkpoint) -> None:
    unet.config["policy"]["_target_"] = "my_project.policy.DiffusionUnetLowdimPolicy"
    unet.save()
    with pytest.raises(
        ExportError, match=r"_target_ is 'my_project\.policy\.DiffusionUnetLowdimPolicy', but must be of"
    ):
        diffusion_policy.load(unet.path)


def test_weights_that_have_no_place_are_named(unet: Checkpoint) -> None:
    unet.save(state_dicts={"ema_model": unet.state() | {"adapter.scale": torch.ones(3)}})
    with pytest.raises(ExportError, match=r"adapter\.scale has no place"):
        diffusion_policy.load(unet.path)
    bias = "model.final_conv.1.bias"
    unet.save(state_dicts={"ema_model": unet.state() | {bias: torch.full((ACTION,), float("nan"))}})
    with pytest.raises(ExportError, match=r"final_conv\.1\.bias has numbers that are not finite"):
        diffusion_policy.load(unet.path)


def test_a_mask_that_hides_other_tokens_is_refused(tmp_path: Path) -> None:
    checkpoint = CHECKPOINTS["transformer"](tmp_path / "latest.ckpt")
    state = checkpoint.state()
    checkpoint.save(state_dicts={"ema_model": state | {"model.mask": torch.zeros(HORIZON, HORIZON)}})
    with pytest.raises(ExportError, match=r"model\.mask hides other tokens"):
        diffusion_policy.load(checkpoint.path)


@pytest.fixture
def seeing(tmp_path: Path) -> Checkpoint:
    return CHECKPOINTS["images, a network each"](tmp_path / "latest.ckpt")


def test_how_images_were_shrunk_must_be_said(seeing: Checkpoint, tmp_path: Path, refused: Callable[..., str]) -> None:
    said = refused("diffusion-policy", seeing.path, tmp_path / "out")
    assert "resize_shape is [22, 42], smaller than the images, [44, 40]" in said
    assert "Say --no-antialias if" in said and "or --antialias if" in said


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("resized", [(22, 42), (13, 17), (88, 80)])
def test_images_are_resized_as_torchvision_does(antialias: bool, resized: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *ImageUnet.size)
    ours = Resize(ImageUnet.size, resized, antialias)(images)
    torch.testing.assert_close(ours, transforms.functional.resize(images, list(resized), antialias=antialias))


IMAGE_FIELDS = {
    "random_crop": (("obs_encoder", "random_crop"), False, "random_crop is False"),
    "another shape_meta": (("obs_encoder", "shape_meta"), {}, "shape_meta is not the policy's own"),
    "an unknown field of an image": (
        ("shape_meta", "obs", "camera_0", "down_sample_steps"),
        3,
        r"shape_meta\.obs\.camera_0: down_sample_steps is not known",
    ),
    "rotations": (("shape_meta", "action", "rotation_rep"), "rotation_6d", "rotation_rep is not known"),
}


@pytest.mark.parametrize("change", IMAGE_FIELDS)
def test_a_wrong_field_of_images_is_named(seeing: Checkpoint, change: str) -> None:
    (*path, last), value, message = IMAGE_FIELDS[change]
    part = seeing.config["policy"]
    for name in path:
        part = part[name]
    part[last] = value
    seeing.save()
    with pytest.raises(ExportError, match=message):
        diffusion_policy.load(seeing.path, antialias=False)


def test_a_scale_for_each_channel_is_refused(seeing: Checkpoint) -> None:
    for statistic in ("scale", "offset"):
        seeing.statistics[f"camera_0.{statistic}"] = torch.rand(3)
    seeing.save()
    with pytest.raises(ExportError, match=r"normalizer\.params_dict\.camera_0 has 3 numbers, not 1"):
        diffusion_policy.load(seeing.path, antialias=False)


def test_names_from_a_checkpoint_cannot_obey(unet: Checkpoint, tmp_path: Path, refused: Callable[..., str]) -> None:
    unet.config["policy"]["\x1b]0;owned\x07\u202e"] = 1
    unet.save()
    said = refused("diffusion-policy", unet.path, tmp_path / "out")
    assert r"\x1b]0;owned\x07\u202e is not known" in said


def test_a_failure_of_pytorchs_exporter_is_one_line(
    unet: Checkpoint, tmp_path: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        logging.getLogger("torch.onnx").error("a page of it")
        try:
            raise IndexError("a guard\nof \x1b[31mmany lines")
        except IndexError as error:
            raise RuntimeError("step 1/3") from error

    monkeypatch.setattr(torch.onnx, "export", fails)
    said = refused("diffusion-policy", unet.path, tmp_path / "out")
    assert f"PyTorch {torch.__version__} cannot write denoiser.onnx as ONNX: IndexError: a guard of" in said
    assert not list((tmp_path / "out").iterdir())


CLAIMS = {
    "compressed": lambda path: repacked(path, {"compression": zipfile.ZIP_DEFLATED}),
    "an operation of other pickles": lambda path: repacked(
        path, {}, lambda content: b"\x80\x04" + content[2:-1] + b"\x96\x01" + bytes(7) + b"a."
    ),
    "a class of a later pickle": lambda path: repacked(
        path, {}, lambda content: content[:2] + b"c__builtin__\nbytearray\n0" + content[2:]
    ),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_an_archive_that_torch_does_not_write_is_refused(unet: Checkpoint, claim: str) -> None:
    CLAIMS[claim](unet.path)
    with pytest.raises(ExportError, match=r"compressed|which torch\.save does not write|builtin__\.bytearray"):
        diffusion_policy.load(unet.path)


def repacked(path: Path, options: dict, change: Callable[[bytes], bytes] = bytes) -> None:
    """The archive anew, its pickle changed."""
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: archive.read(member) for member in archive.infolist()}
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, change(content) if name.endswith("data.pkl") else content)
