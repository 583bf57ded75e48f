"""Encodes observations with images; entries that are not images pass through unchanged.

A ResNet (He et al. 2015, arXiv 1512.03385), then the expected position of each of some keypoints (Levine et al. 2016,
arXiv 1504.00702): Diffusion Policy's visual encoder (Chi et al. 2023, arXiv 2303.04137, section III.B). Or a mean, as
ResNets have it.
"""

from dataclasses import dataclass

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from export.errors import ExportError

BACKBONES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
# The largest value of a pixel, in the observation.
WHITE = 255
# More pixels along a side than cameras have, and more numbers in a history of images than are exported.
LONGEST_SIDE, MOST_NUMBERS = 4096, 1 << 26


@dataclass(frozen=True)
class Looks:
    """Preprocessing of a camera's image: `size` is the image's own, `resized` what it is scaled to, with or without
    filtering before pixels are left out (`antialias`), and `cropped` what is taken from its middle; all
    `(height, width)`."""

    size: tuple[int, int]
    resized: tuple[int, int] | None
    cropped: tuple[int, int] | None
    antialias: bool = True

    def __post_init__(self):
        for sides in (self.size, self.resized or self.size):
            if max(sides) > LONGEST_SIDE:
                raise ExportError(f"images of {list(sides)} have a side over {LONGEST_SIDE}")

    @property
    def shrinks(self) -> bool:
        """Whether a side gets shorter, so that it matters whether aliases are filtered out."""
        return self.resized is not None and any(new < old for old, new in zip(self.size, self.resized, strict=True))

    @property
    def seen(self) -> tuple[int, int]:
        """The size of what the network sees."""
        return self.cropped or self.resized or self.size

    @property
    def taken(self) -> tuple[slice, slice]:
        """The rows and columns that are cropped to."""
        sides = zip(self.resized or self.size, self.seen, strict=True)
        first = [(round((whole - seen) / 2), seen) for whole, seen in sides]
        return tuple(slice(start, start + seen) for start, seen in first)


class Resize(nn.Module):
    """Bilinear interpolation, against aliasing or not, as a product with a matrix along either axis."""

    def __init__(self, size: tuple[int, int], resized: tuple[int, int], antialias: bool):
        super().__init__()
        for name, old, new in zip(("down", "across"), size, resized, strict=True):
            eye = torch.eye(old)[None, None]
            matrix = functional.interpolate(
                eye, size=(new, old), mode="bilinear", antialias=antialias, align_corners=False
            )
            self.register_buffer(name, matrix[0, 0], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return self.down @ images @ self.across.T


class Keypoints(nn.Module):
    """Where each keypoint is expected, `[batch, channels, height, width]` to `[batch, 2 * keypoints]`: x, y of each."""

    def __init__(self, channels: int, size: tuple[int, int], keypoints: int):
        super().__init__()
        self.keypoints, self.positions = keypoints, size[0] * size[1]
        self.nets = nn.Conv2d(channels, keypoints, 1)
        self.register_buffer("pos_grid", torch.zeros(self.positions, 2))

    def forward(self, features: Tensor) -> Tensor:
        attention = self.nets(features).reshape(-1, self.keypoints, self.positions).softmax(dim=-1)
        return (attention @ self.pos_grid).flatten(1)


class ImageEncoder(nn.Module):
    """One camera's images `[batch, 3, height, width]` to features `[batch, features]`: two of each keypoint, or each
    channel's mean if there are none.

    Names of the weights are LeRobot's.
    """

    def __init__(self, backbone: str, group_norm: bool, looks: Looks, keypoints: int | None):
        super().__init__()
        self.size = looks.size
        self.resize = Resize(looks.size, looks.resized, looks.antialias) if looks.resized else nn.Identity()
        self.rows, self.columns = looks.taken
        self.backbone = resnet(backbone, group_norm)
        channels, *size = features_shape(backbone, looks.seen)
        self.pool = Keypoints(channels, tuple(size), keypoints) if keypoints else None
        self.features = 2 * keypoints if keypoints else channels
        self.out = nn.Linear(self.features, self.features) if keypoints else None

    def forward(self, images: Tensor) -> Tensor:
        seen = self.backbone(self.resize(images)[:, :, self.rows, self.columns])
        return torch.relu(self.out(self.pool(seen))) if self.pool else seen.mean(dim=(-1, -2))


def resnet(backbone: str, group_norm: bool) -> nn.Module:
    """A ResNet without its last two layers, which classify."""
    layers = nn.Sequential(*list(getattr(torchvision.models, backbone)(weights=None).children())[:-2])
    return with_group_norm(layers) if group_norm else layers


def features_shape(backbone: str, size: tuple[int, int]) -> tuple[int, int, int]:
    """Channels, height and width of what a ResNet makes of images of this size; nothing is computed."""
    with torch.device("meta"):
        return tuple(resnet(backbone, False).eval()(torch.zeros(1, 3, *size)).shape[1:])


def with_group_norm(net: nn.Module) -> nn.Module:
    """The network with a group normalisation, of 16 channels a group, in place of every batch normalisation."""
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, nn.GroupNorm(child.num_features // 16, child.num_features))
    return net


class Encoder(nn.Module):
    """Observations `[batch, n_obs_steps, observation]` to features `[batch, n_obs_steps, features]`.

    An observation is `before` numbers, then the images, `[height, width, 3]` with pixels from 0 to 255, then `after`
    numbers. Pixels in 0..1 are normalised channel by channel, `scale * pixel + offset`, both `[images, 3]`. There is an
    encoder for each image, or one for all.
    """

    def __init__(self, before: int, after: int, encoders: list[ImageEncoder], scale: Tensor, offset: Tensor):
        super().__init__()
        self.before, self.after = before, after
        self.encoders = nn.ModuleList(encoders)
        self.size = encoders[0].size
        self.register_buffer("scale", scale[:, :, None, None] / WHITE)
        self.register_buffer("offset", offset[:, :, None, None])

    @property
    def features(self) -> int:
        """Numbers that come of an observation."""
        return self.before + len(self.scale) * self.encoders[0].features + self.after

    def forward(self, observation: Tensor) -> Tensor:
        steps, cameras = observation.shape[1], len(self.scale)
        pixels = 3 * self.size[0] * self.size[1]
        before, images, after = observation.split([self.before, cameras * pixels, self.after], dim=-1)
        images = images.reshape(-1, cameras, *self.size, 3).permute(0, 1, 4, 2, 3)
        features = self.encode(self.scale * images + self.offset).reshape(
            -1, steps, self.features - self.before - self.after
        )
        return torch.cat([part for part in (before, features, after) if part.shape[-1]], dim=-1)

    def encode(self, images: Tensor) -> Tensor:
        """`[batch, cameras, 3, height, width]` to features, camera by camera."""
        if len(self.encoders) == 1:
            return self.encoders[0](images.flatten(0, 1))
        return torch.cat([encoder(images[:, camera]) for camera, encoder in enumerate(self.encoders)], dim=-1)
