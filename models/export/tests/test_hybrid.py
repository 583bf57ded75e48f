"""Hybrid policies of the Diffusion Policy project: robomimic itself encodes what the plans are held to."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from robomimic.config import config_factory
from robomimic.models.obs_nets import ObservationEncoder, obs_encoder_factory
from robomimic.utils import obs_utils
from torch import Tensor, nn
from torchvision.transforms import functional

from export import diffusion_policy, directory
from export.policy import ExportError
from export.tests.noise import apart
from export.tests.test_diffusion_policy import ACTION, DDIM, STEPS, Checkpoint, ImageUnet, Transformer, Unet

CAMERAS, SIZE = ("camera_1", "camera_0"), ImageUnet.size
# In the order in which they are encoded, which is no alphabet's.
SEEN = {"robot_eef_pose": 4, "camera_1": 1, "camera_0": 1, "gripper": 2}
SHAPES = {name: [3, *SIZE] if name in CAMERAS else [length] for name, length in SEEN.items()}
FEATURES = 2 * 64 + 6


class CenterCrop(nn.Module):
    """The project's crop, where it is fixed."""

    def __init__(self, size: list[int]):
        super().__init__()
        self.size = size

    def forward_in(self, images: Tensor) -> Tensor:
        return functional.center_crop(images, self.size)

    def forward_out(self, features: Tensor) -> Tensor:
        return features


def robomimics(crop: list[int] | None, grouped: bool) -> ObservationEncoder:
    """robomimic's encoder, as the project changes it."""
    kinds = {"rgb": list(CAMERAS), "low_dim": [name for name in SEEN if name not in CAMERAS]}
    obs_utils.initialize_obs_modality_mapping_from_dict(kinds)
    settings = config_factory("bc").observation.encoder
    with settings.unlocked():
        if crop:
            settings.rgb.obs_randomizer_class = "CropRandomizer"
            settings.rgb.obs_randomizer_kwargs.crop_height, settings.rgb.obs_randomizer_kwargs.crop_width = crop
    encoder = obs_encoder_factory(SHAPES, encoder_kwargs=settings)
    for layer in list(encoder.modules()) if grouped else []:
        for name, norm in list(layer.named_children()):
            if isinstance(norm, nn.BatchNorm2d):
                setattr(layer, name, nn.GroupNorm(norm.num_features // 16, norm.num_features))
    for name in CAMERAS if crop else []:
        encoder.obs_randomizers[name] = CenterCrop(crop)
    return encoder


class Hybrid:
    """What either network has before it."""

    seen = SEEN

    def set_up(self, crop: list[int] | None, grouped: bool) -> None:
        self.eyes = robomimics(crop, grouped)
        kinds = {
            name: {"shape": shape} | ({"type": "rgb"} if name in CAMERAS else {}) for name, shape in SHAPES.items()
        }
        self.described = {"shape_meta": {"obs": kinds, "action": {"shape": [ACTION]}}, "crop_shape": crop}
        self.described |= {"obs_encoder_group_norm": grouped, "eval_fixed_crop": True}

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        lengths = [3 * SIZE[0] * SIZE[1] if name in CAMERAS else length for name, length in SEEN.items()]
        parts = dict(zip(SEEN, observation[0].split(lengths, dim=-1), strict=True))
        for name in CAMERAS:
            parts[name] = parts[name].reshape(STEPS, *SIZE, 3).permute(0, 3, 1, 2)
        return super().forward(sample, timestep, self.eyes(parts)[None])

    def fields(self) -> dict[str, object]:
        return self.described | {name: self.config[name] for name in self.names}


class HybridUnet(Hybrid, Unet):
    policy = "diffusion_policy.policy.diffusion_unet_hybrid_image_policy.DiffusionUnetHybridImagePolicy"
    names = ("diffusion_step_embed_dim", "down_dims", "kernel_size", "n_groups", "cond_predict_scale")

    def __init__(self, crop: list[int] | None, grouped: bool):
        super().__init__(features=FEATURES)
        self.set_up(crop, grouped)

    def state(self) -> dict[str, Tensor]:
        return super().state() | {f"obs_encoder.{name}": weight for name, weight in self.eyes.state_dict().items()}


class HybridTransformer(Hybrid, Transformer):
    policy = "diffusion_policy.policy.diffusion_transformer_hybrid_image_policy.DiffusionTransformerHybridImagePolicy"
    names = ("n_layer", "n_cond_layers", "n_head", "n_emb", "p_drop_emb", "p_drop_attn", "causal_attn", "time_as_cond")

    def __init__(self, crop: list[int] | None, grouped: bool):
        super().__init__(features=FEATURES)
        self.set_up(crop, grouped)

    def state(self) -> dict[str, Tensor]:
        named = {("" if name.startswith("eyes.") else "model.") + name: w for name, w in self.state_dict().items()}
        return {name.replace("eyes.", "obs_encoder."): weight for name, weight in named.items()}


KINDS = {
    "u-net, cropped": lambda: HybridUnet([40, 37], True),
    "u-net, whole images": lambda: HybridUnet(None, False),
    "transformer": lambda: HybridTransformer([40, 37], True),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_plans_are_those_of_the_projects_loop(
    make: Callable[[], nn.Module], tmp_path: Path, sample: Callable[..., np.ndarray]
) -> None:
    checkpoint = Checkpoint(tmp_path / "latest.ckpt", make(), DDIM, 10)
    directory.write(diffusion_policy.load(checkpoint.path), tmp_path / "out")
    inputs = checkpoint.inputs()
    options = ("--solver", "ddim", "--steps", "10", "--sampler", "sequential", "--provider", "cpu")
    assert apart(sample(tmp_path / "out", *options, **inputs), checkpoint.planned(inputs)) < 1e-4


def test_crops_at_random_and_scattered_images_are_refused(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "latest.ckpt", HybridUnet([40, 37], True), DDIM, 10)
    policy = checkpoint.config["policy"]
    policy["eval_fixed_crop"] = False
    checkpoint.save()
    with pytest.raises(ExportError, match="eval_fixed_crop is False: images would be cropped at random"):
        diffusion_policy.load(checkpoint.path)
    policy["eval_fixed_crop"] = True
    obs = policy["shape_meta"]["obs"]
    policy["shape_meta"]["obs"] = {name: obs[name] for name in ("camera_1", "gripper", "camera_0", "robot_eef_pose")}
    checkpoint.save()
    with pytest.raises(ExportError, match="images must follow each other"):
        diffusion_policy.load(checkpoint.path)


def test_missing_keypoints_are_named(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "latest.ckpt", HybridUnet([40, 37], True), DDIM, 10)
    state = {name: weight for name, weight in checkpoint.state().items() if not name.endswith("nets.1.pos_x")}
    checkpoint.save(state_dicts={"ema_model": state})
    with pytest.raises(ExportError, match=r"camera_1\.nets\.1\.pos_x is missing"):
        diffusion_policy.load(checkpoint.path)
