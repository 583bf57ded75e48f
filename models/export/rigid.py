"""The keypoint encoder: finds the keypoints of a rigid body in one image.

A small convolutional network says where each keypoint is expected (Levine et al. 2016, arXiv 1504.00702). The body
that lies closest to all of them, in the least-squares sense (Umeyama 1991, doi.org/10.1109/34.88573), is what is seen:
errors of single keypoints cancel, and what comes out is never out of shape.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from export.encoder import Encoder, Keypoints

# Pixels of the image to one of the features that keypoints are found in, either way.
STRIDE = 4
GROUP = 8
# Pixels 0..1 become -1..1.
SCALE, OFFSET = 2.0, -1.0


class ConvBlock(nn.Sequential):
    """Convolution, group normalisation, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1):
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2),
            nn.GroupNorm(channels_out // GROUP, channels_out),
            nn.ReLU(),
        )


class Trunk(nn.Module):
    """Features at a quarter of the image's size, with context from features at an eighth."""

    def __init__(self, widths: tuple[int, int, int]):
        super().__init__()
        first, fine, coarse = widths
        self.fine = nn.Sequential(ConvBlock(3, first, kernel=5, stride=2), ConvBlock(first, fine, stride=2))
        around = [ConvBlock(fine, coarse, stride=2), *(ConvBlock(coarse, coarse) for _ in range(3))]
        self.around = nn.Sequential(*around, nn.Conv2d(coarse, fine, 1))
        self.joined = ConvBlock(fine, fine)

    def forward(self, images: Tensor) -> Tensor:
        fine = self.fine(images)
        return self.joined(fine + functional.interpolate(self.around(fine), scale_factor=2.0))


class RigidKeypoints(nn.Module):
    """Images `[batch, 3, height, width]` to keypoints of a body, normalised, `[batch, 2 * keypoints]`: x, y of each.

    `body` `[keypoints, 2]` is where they are on it, and `low..high`, `[2 * keypoints]` each, what becomes -1..1;
    `table` is what the image shows, `(height, width)`, in the same units. An image's sides are multiples of 8.
    """

    def __init__(
        self,
        size: tuple[int, int],
        table: tuple[float, float],
        body: Tensor,
        low: Tensor,
        high: Tensor,
        widths: tuple[int, int, int],
    ):
        super().__init__()
        self.size, self.table, self.widths, self.features = size, table, widths, 2 * len(body)
        self.trunk = Trunk(widths)
        height, width = (side // STRIDE for side in size)
        self.pool = Keypoints(widths[1], (height, width), len(body))
        # From edge to edge, so that a mean can be anywhere on the table.
        down, across = torch.linspace(0, table[0], height), torch.linspace(0, table[1], width)
        self.pool.pos_grid = torch.stack(torch.meshgrid(across, down, indexing="xy"), dim=-1).reshape(-1, 2)
        for name, value in {"body": body, "low": low, "high": high}.items():
            self.register_buffer(name, value)

    def expected(self, images: Tensor) -> Tensor:
        """Where each keypoint is expected by itself, `[batch, keypoints, 2]`."""
        return self.pool(self.trunk(images)).unflatten(1, (-1, 2))

    def forward(self, images: Tensor) -> Tensor:
        points = closest(self.body, self.expected(images)).flatten(1)
        return 2 * (points - self.low) / (self.high - self.low) - 1

    def described(self) -> dict:
        """All that it takes to make it again, with `remade`."""
        return {
            "weights": self.state_dict(),
            "size": list(self.size),
            "table": list(self.table),
            "widths": list(self.widths),
        }


def remade(described: dict) -> RigidKeypoints:
    """What was `described`."""
    net = blank(described)
    net.load_state_dict(described["weights"])
    return net


def blank(described: dict) -> RigidKeypoints:
    """The same, its weights not yet loaded."""
    sizes = (tuple(described[name]) for name in ("size", "table"))
    buffers = (described["weights"][name] for name in ("body", "low", "high"))
    return RigidKeypoints(*sizes, *buffers, tuple(described["widths"]))


def encoder(keypoints: RigidKeypoints, after: int) -> Encoder:
    """The encoder of observations that are an image, then `after` numbers."""
    return Encoder(0, after, [keypoints], torch.full((1, 3), SCALE), torch.full((1, 3), OFFSET))


def closest(body: Tensor, points: Tensor) -> Tensor:
    """The points `[keypoints, 2]` of `body`, turned and moved as close as can be to `points` `[batch, keypoints, 2]`.

    With both about their means, the angle's cosine and sine are to each other as the sums of scalar and cross products.
    """
    middle = points.mean(dim=1, keepdim=True)
    arms, found = body - body.mean(dim=0), points - middle
    cosine = (arms * found).sum(dim=(1, 2))
    sine = (arms[:, 0] * found[..., 1] - arms[:, 1] * found[..., 0]).sum(dim=1)
    cosine, sine = functional.normalize(torch.stack((cosine, sine), dim=1), dim=1)[:, :, None].unbind(dim=1)
    x, y = arms.unbind(dim=1)
    return middle + torch.stack((cosine * x - sine * y, sine * x + cosine * y), dim=-1)
