"""`DiffusionUnetImagePolicy`: the conditional U-Net, its observations images and numbers."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from export.diffusion_policy import common, payload
from export.encoder import BACKBONES, Encoder, ImageEncoder, Looks
from export.fields import Fields
from export.policy import Entry, Policy, identity
from export.published_unet import described
from export.weights import fitted, under

DEFAULTS = {
    **common.DEFAULTS,
    "obs_as_global_cond": True,
    "diffusion_step_embed_dim": 256,
    "down_dims": [256, 512, 1024],
    "kernel_size": 5,
    "n_groups": 8,
    "cond_predict_scale": True,
}
NAMES = {"shape_meta", "obs_encoder", *common.SHARED}
ENCODER_DEFAULTS = {
    "resize_shape": None,
    "crop_shape": None,
    "use_group_norm": False,
    "share_rgb_model": False,
    "imagenet_norm": False,
    # Training crops at random; here the crop is the centre.
    "random_crop": True,
}
# Mean and deviation of ImageNet's channels.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# ResNet's names, ours.
RESNET = (
    (r"^conv1\.", "backbone.0."),
    (r"^bn1\.", "backbone.1."),
    *((rf"^layer{layer}\.", f"backbone.{3 + layer}.") for layer in (1, 2, 3, 4)),
)


def policy(cfg: Fields, fields: Fields, weights: dict[str, Tensor], antialias: bool | None = None) -> Policy:
    """The policy that `cfg` and its part `fields` describe, with these weights.

    `antialias` says how images were shrunk, which no field does.
    """
    fields = fields.known(NAMES, DEFAULTS)
    where, meta = str(fields.where), shapes(fields)
    images, numbers = observations(meta, sorted(meta.table("obs")))
    eyes = encoder(fields, images, sum(numbers.values()), weights, antialias)
    entries = [
        *(Entry(name, (height, width, 3), identity()) for name, (height, width) in images.items()),
        *(Entry(name, (n,), common.normalization(where, name, n, weights)) for name, n in numbers.items()),
    ]
    net = network(fields, eyes.features, weights)
    return assembled(cfg, fields, weights, entries, eyes, net, not fields.flag("obs_as_global_cond"))


def assembled(
    cfg: Fields,
    fields: Fields,
    weights: dict[str, Tensor],
    observations: list[Entry],
    eyes: Encoder,
    net: nn.Module,
    inpainted: bool,
) -> Policy:
    """The policy of an encoder and a network."""
    length = action(fields)
    ranges = common.normalization(str(fields.where), "action", length, weights)
    return Policy(
        name=common.name(cfg),
        shape=common.shape(fields),
        observations=observations,
        actions=common.actions(cfg, Entry("action", (length,), ranges)),
        scheduler=common.scheduler(fields),
        denoiser=net,
        encoder=eyes,
        inpainted=inpainted,
        drawn=common.drawn(fields),
        notes=common.notes(cfg, fields),
    )


def network(fields: Fields, seen: int, weights: dict[str, Tensor]) -> nn.Module:
    """The U-Net that the fields describe, of `seen` features of each observation."""
    shape, done = common.shape(fields), action(fields)
    conditioned = fields.flag("obs_as_global_cond")
    plan, condition = (done, shape.n_obs_steps * seen) if conditioned else (done + seen, 0)
    where = f"{fields.where}: model."
    return described(fields, "cond_predict_scale", shape.horizon, plan, condition, under("model.", weights), where)


def action(fields: Fields) -> int:
    """Numbers in an action."""
    return shapes(fields).under("action").known({"shape"}, {}).counts("shape", 1)[0]


def shapes(fields: Fields) -> Fields:
    """`shape_meta`: what is observed, and an action."""
    return fields.under("shape_meta").known({"obs", "action"}, {})


def observations(meta: Fields, names: Iterable[str]) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
    """Sizes of the images, and lengths of what is no image, in the order of the names."""
    images, numbers = {}, {}
    for name in names:
        part = meta.under("obs").under(name).known({"shape"}, {"type": "low_dim"})
        if part.one_of("type", "low_dim", "rgb") == "low_dim":
            numbers[name] = part.counts("shape", 1)[0]
            continue
        channels, *size = part.counts("shape", 3)
        if channels != 3 or tuple(size) != next(iter(images.values()), tuple(size)):
            raise part.refuse("shape", f"is {[channels, *size]}: images must be [3, height, width], all of one size")
        images[name] = tuple(size)
    if not images:
        raise meta.refuse("obs", "has no image")
    return images, numbers


def encoder(
    fields: Fields,
    images: dict[str, tuple[int, int]],
    after: int,
    weights: dict[str, Tensor],
    antialias: bool | None,
) -> Encoder:
    """`obs_encoder`: a ResNet for each image, or one for all, of what is resized, then cropped."""
    settings = fields.under("obs_encoder")
    payload.target(settings, "MultiImageObsEncoder")
    settings = settings.known({"_target_", "shape_meta", "rgb_model"}, ENCODER_DEFAULTS)
    if settings.get("shape_meta") != fields.get("shape_meta"):
        raise settings.refuse("shape_meta", "is not the policy's own shape_meta")
    model = settings.under("rgb_model")
    payload.target(model, "get_resnet")
    model = model.known({"_target_", "name"}, {"weights": None})
    if str(model.get("weights")).lower() == "r3m":
        raise model.refuse("weights", "is 'r3m', a network of its own")
    shared, encoders = settings.flag("share_rgb_model"), []
    # The project's own encoder leaves the norms of a shared network as they are.
    grouped = settings.flag("use_group_norm") and not shared
    backbone, looked = model.one_of("name", *BACKBONES), looks(settings, images, antialias)
    if settings.flag("random_crop") is False and looked.cropped:
        raise settings.refuse(
            "random_crop",
            "is False: whether images are cropped then depends on the project's version. Where they are, say True, "
            "which crops their middle when plans are made; where not, leave crop_shape out",
        )

    def build() -> ImageEncoder:
        return ImageEncoder(backbone, grouped, looked, keypoints=None)

    for name in ["rgb"] if shared else images:
        prefix = f"obs_encoder.key_model_map.{name}."
        encoders.append(fitted(build, under(prefix, weights), RESNET, f"{fields.where}: {prefix}"))
    mean, std = IMAGENET if settings.flag("imagenet_norm") else ((0.0,) * 3, (1.0,) * 3)
    scale, offset = pixels(str(fields.where), images, weights)
    mean, std = torch.tensor(mean), torch.tensor(std)
    return Encoder(0, after, encoders, scale / std, (offset - mean) / std).eval()


def pixels(where: str, images: Iterable[str], weights: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Scale and offset of each channel of each image. One number is for all of an image: the project's normaliser would
    take three for neighbouring pixels, not for channels."""
    rows = zip(*(common.affine(where, name, 1, weights) for name in images), strict=True)
    return tuple(torch.tensor(row).expand(-1, 3) for row in rows)


def looks(settings: Fields, images: dict[str, tuple[int, int]], antialias: bool | None) -> Looks:
    """What is done to images before a network sees them. Where they shrink, `antialias` must be known."""
    size = next(iter(images.values()))
    resized, cropped = (
        None if settings.get(name) is None else settings.counts(name, 2) for name in ("resize_shape", "crop_shape")
    )
    given = resized or size
    if cropped and (cropped[0] > given[0] or cropped[1] > given[1]):
        raise settings.refuse("crop_shape", f"is {list(cropped)}, which images of {list(given)} do not have")
    looked = Looks(size, resized, cropped, antialias is not False)
    if looked.shrinks and antialias is None:
        raise settings.refuse(
            "resize_shape",
            f"is {list(resized)}, smaller than the images, {list(size)}, and no field says whether they were filtered "
            "against aliasing. Say --no-antialias if the policy was trained with torchvision before 0.17, as Diffusion "
            "Policy's own environment is, or --antialias if with 0.17 or later",
        )
    return looked
