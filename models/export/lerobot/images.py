"""The image encoders: one, or one per camera."""

from pathlib import Path

import torch
from torch import Tensor

from export import weights
from export.encoder import BACKBONES, Encoder, ImageEncoder, Looks
from export.fields import Fields
from export.lerobot import config
from export.lerobot.statistics import Statistics

PREFIX = "diffusion.rgb_encoder."


def encoder(path: Path, fields: Fields, tensors: dict[str, Tensor], statistics: Statistics) -> Encoder | None:
    """The encoders that `config.json` describes, with the weights of `path`; none where no images are seen."""
    images, seen = config.images(fields), config.observations(fields)
    if not images:
        return None
    separate = fields.flag("use_separate_rgb_encoder_per_camera")
    prefixes = [f"{PREFIX}{camera}." for camera in range(len(images))] if separate else [PREFIX]
    backbone, grouped = fields.one_of("vision_backbone", *BACKBONES), fields.flag("use_group_norm")
    looked = looks(fields, next(iter(images.values())).shape[1:])
    keypoints = fields.count("spatial_softmax_num_keypoints")

    def build() -> ImageEncoder:
        return ImageEncoder(backbone, grouped, looked, keypoints)

    encoders = []
    for prefix in prefixes:
        encoders.append(weights.fitted(build, weights.under(prefix, tensors), (), f"{path}: {prefix}"))
    scale, offset = zip(*(statistics.channels(name, feature) for name, feature in images.items()), strict=True)
    after = seen[config.ENVIRONMENT].shape[0] if config.ENVIRONMENT in seen else 0
    net = Encoder(seen[config.STATE].shape[0], after, encoders, torch.tensor(scale), torch.tensor(offset))
    return net.eval()


def looks(fields: Fields, size: tuple[int, int]) -> Looks:
    """Resized, then cropped. Where it is resized, `crop_ratio` says to what it is cropped, and `crop_shape` nothing."""
    if fields.get("resize_shape") is not None:
        resized, ratio = fields.counts("resize_shape", 2), fields.number("crop_ratio")
        if not 0 < ratio <= 1:
            raise fields.refuse("crop_ratio", f"is {ratio}, but must be above 0, at most 1")
        cropped = tuple(int(side * ratio) for side in resized) if ratio < 1 else None
        if cropped and min(cropped) < 1:
            raise fields.refuse("crop_ratio", f"is {ratio}, which leaves nothing of {list(resized)}")
        return Looks(size, resized, cropped)
    cropped = None if fields.get("crop_shape") is None else fields.counts("crop_shape", 2)
    if cropped and (cropped[0] > size[0] or cropped[1] > size[1]):
        raise fields.refuse("crop_shape", f"is {list(cropped)}, which the images, {list(size)}, do not have")
    return Looks(size, None, cropped)
