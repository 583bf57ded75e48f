"""robomimic's encoder of observations (Mandlekar et al. 2021, arXiv 2108.03298), as the hybrid policies set it up.

Parts of an observation follow each other as `shape_meta` lists them: numbers as they are, of images 32 keypoints of a
ResNet18, a linear layer and a rectifier.
"""

import torch
from torch import Tensor

from export.diffusion_policy import common, image
from export.encoder import Encoder, ImageEncoder, Looks
from export.fields import Fields
from export.policy import Entry, ExportError, identity
from export.weights import fitted, under

DEFAULTS = {"crop_shape": [76, 76], "obs_encoder_group_norm": False, "eval_fixed_crop": False}
KEYPOINTS = 32
# robomimic's names, ours. The backbone and the keypoints have others, too.
NAMES = ((r"^nets\.0\.nets\.", "backbone."), (r"^nets\.1\.nets\.", "pool.nets."), (r"^nets\.3\.", "out."))


def encoder(fields: Fields, weights: dict[str, Tensor]) -> tuple[list[Entry], Encoder]:
    """What is observed, and its encoder."""
    where = str(fields.where)
    meta = image.shapes(fields)
    images, numbers = image.observations(meta, tuple(meta.table("obs")))
    names = [name for name in meta.table("obs")]
    first = min(names.index(name) for name in images)
    if set(names[first : first + len(images)]) != images.keys():
        raise meta.refuse("obs", f"has {', '.join(names)}: images must follow each other")
    grouped, looked = fields.flag("obs_encoder_group_norm"), looks(fields, images)
    eyes = [
        eye(looked, grouped, under(f"obs_encoder.obs_nets.{name}.", weights), f"{where}: {name}.") for name in images
    ]
    scale, offset = image.pixels(where, images, weights)
    before, after = (sum(numbers[name] for name in part if name in numbers) for part in (names[:first], names[first:]))
    return entries(where, names, images, numbers, weights), Encoder(before, after, eyes, scale, offset).eval()


def entries(where: str, names: list[str], images: dict, numbers: dict, weights: dict[str, Tensor]) -> list[Entry]:
    def entry(name: str) -> Entry:
        if name in images:
            return Entry(name, (*images[name], 3), identity())
        return Entry(name, (numbers[name],), common.normalization(where, name, numbers[name], weights))

    return [entry(name) for name in names]


def looks(fields: Fields, images: dict[str, tuple[int, int]]) -> Looks:
    cropped = image.looks(Fields(fields.where, {"resize_shape": None} | fields.values), images, antialias=None)
    if cropped.cropped not in (None, cropped.size) and not fields.flag("eval_fixed_crop"):
        raise fields.refuse("eval_fixed_crop", "is False: images would be cropped at random when plans are made")
    return cropped


def eye(looked: Looks, grouped: bool, weights: dict[str, Tensor], where: str) -> ImageEncoder:
    """The encoder of one camera's images, with these weights."""
    found = under("nets.", weights)
    x, y, temperature = (taken(found, f"1.{name}", where) for name in ("pos_x", "pos_y", "temperature"))
    for name in ("1.nets.weight", "1.nets.bias"):
        found[name] = taken(found, name, where) / temperature
    found = {f"nets.{name}": weight for name, weight in found.items()}
    if not (x.shape == y.shape and x.dim() == 2 and len(x) == 1 and temperature.numel() == 1):
        raise ExportError(f"{where}nets.1: pos_x, pos_y must be [1, positions], and temperature one number")

    def build() -> ImageEncoder:
        return ImageEncoder("resnet18", grouped, looked, KEYPOINTS)

    return fitted(build, found | {"pool.pos_grid": torch.cat((x, y)).T}, NAMES, where)


def taken(weights: dict[str, Tensor], name: str, where: str) -> Tensor:
    if name not in weights:
        raise ExportError(f"{where}nets.{name} is missing")
    return weights.pop(name)
