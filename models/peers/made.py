"""LeRobot's policies of their full size, saved as it saves them, and exported: what the peers are timed on.

No trained one is here. Its diffusion policy gets the U-Net of this project's, widened to LeRobot's size without another
answer (`training.widen`), so that rounds are those of a trained network; its camera is looked at, but not heeded. Its
multi-task transformer has random weights, and so has the CLIP that it sees and reads by.
"""

from pathlib import Path

import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
from lerobot.policies.diffusion.processor_diffusion import make_diffusion_pre_post_processors
from lerobot.policies.multi_task_dit.configuration_multi_task_dit import MultiTaskDiTConfig
from lerobot.policies.multi_task_dit.modeling_multi_task_dit import MultiTaskDiTPolicy
from lerobot.policies.multi_task_dit.processor_multi_task_dit import make_multi_task_dit_pre_post_processors
from lerobot.utils.constants import ACTION, OBS_ENV_STATE, OBS_STATE
from torch import Tensor, nn

from export import directory, lerobot
from export.progress import shown
from export.published_unet import NAMES
from export.tests import clip
from export.weights import renamed
from training.widen import widen

from .lerobot import sizes
from .pytorch import Peer

CAMERA, TASK = "observation.image", "push the block onto the target"
SIDE, FACTOR = 96, 8


def diffusion(model: Path, folder: Path, horizon: int) -> Path:
    """LeRobot's default with a camera, of the U-Net in `model`; where it lies, its export beside it."""
    checkpoint, exported = folder / "checkpoint", folder / "exported"
    if (exported / "policy.json").exists():
        return folder
    widen(model, FACTOR, folder / "wide")
    peer = Peer(folder / "wide", 1)
    first, rest = sizes(peer)
    config = DiffusionConfig(
        input_features={
            OBS_STATE: PolicyFeature(FeatureType.STATE, (first,)),
            CAMERA: PolicyFeature(FeatureType.VISUAL, (3, SIDE, SIDE)),
            OBS_ENV_STATE: PolicyFeature(FeatureType.ENV, (rest,)),
        },
        output_features={ACTION: PolicyFeature(FeatureType.ACTION, (peer.net.action,))},
        normalization_mapping={kind: NormalizationMode.MIN_MAX for kind in ("STATE", "ENV", "ACTION")},
        pretrained_backbone_weights=None,
        horizon=horizon,
        n_action_steps=8,
        device="cpu",
    )
    torch.manual_seed(0)
    policy = DiffusionPolicy(config).eval()
    policy.diffusion.unet.load_state_dict(unseeing(peer, policy, first, rest))
    save(policy, make_diffusion_pre_post_processors(config, statistics(peer, first)), checkpoint)
    directory.write(lerobot.load(checkpoint), exported, shown())
    return folder


def unseeing(peer: Peer, policy: DiffusionPolicy, first: int, rest: int) -> dict[str, Tensor]:
    """The weights of the peer's U-Net, under LeRobot's names, 0 where they read the camera's features."""
    held, found = peer.net.state_dict(), {}
    seen = policy.diffusion.rgb_encoder[0].feature_dim
    embedding = policy.config.diffusion_step_embed_dim
    columns = list(range(embedding))
    for step in range(policy.config.n_obs_steps):
        start = embedding + step * (first + seen + rest)
        columns += [*range(start, start + first), *range(start + first + seen, start + first + seen + rest)]
    for name, weight in policy.diffusion.unet.state_dict().items():
        ours = held[renamed(name, NAMES)]
        if ".cond_encoder." in name and weight.dim() == 2:
            found[name] = torch.zeros_like(weight)
            found[name][:, columns] = ours
        else:
            found[name] = ours.reshape(weight.shape)
    return found


def statistics(peer: Peer, first: int) -> dict[str, dict[str, Tensor]]:
    """The ranges that the model's manifest has."""
    low, high = (torch.from_numpy(numbers).float() for numbers in (peer.ranges.low, peer.ranges.high))
    done = [entry["normalization"] for entry in peer.manifest["actions"]]
    action = {bound: torch.tensor([value for entry in done for value in entry[bound]]) for bound in ("min", "max")}
    seen = {
        OBS_STATE: {"min": low[:first], "max": high[:first]},
        OBS_ENV_STATE: {"min": low[first:], "max": high[first:]},
    }
    return seen | {ACTION: action}


def multi_task(folder: Path) -> Path:
    """LeRobot's multi-task transformer of its default size with a camera; where it lies, its export beside it."""
    checkpoint, exported = folder / "checkpoint", folder / "exported"
    if (exported / "policy.json").exists():
        return folder
    model = str(clip.of_full_size(folder / "clip"))
    config = MultiTaskDiTConfig(
        input_features={
            OBS_STATE: PolicyFeature(FeatureType.STATE, (2,)),
            CAMERA: PolicyFeature(FeatureType.VISUAL, (3, SIDE, SIDE)),
        },
        output_features={ACTION: PolicyFeature(FeatureType.ACTION, (2,))},
        image_resize_shape=(224, 224),
        vision_encoder_name=model,
        text_encoder_name=model,
        device="cpu",
    )
    torch.manual_seed(0)
    policy = MultiTaskDiTPolicy(config).eval()
    # Gates of 0, as they are before training, would leave nothing to compute.
    for block in policy.noise_predictor.transformer_blocks:
        nn.init.normal_(block.adaLN_modulation[-1].weight, std=0.02)
    pixels = {"min": torch.zeros(2), "max": torch.full((2,), 512.0)}
    colours = {"mean": torch.full((3, 1, 1), 0.5), "std": torch.full((3, 1, 1), 0.5)}
    seen = {OBS_STATE: pixels, CAMERA: colours, ACTION: pixels}
    save(policy, make_multi_task_dit_pre_post_processors(config, seen), checkpoint)
    directory.write(lerobot.load(checkpoint, (f"push={TASK}",)), exported, shown())
    return folder


def save(policy: nn.Module, processors: tuple, folder: Path) -> None:
    """As LeRobot's training does."""
    for part in (policy, *processors):
        part.save_pretrained(folder)
