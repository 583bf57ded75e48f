"""A small U-Net for images (Ho et al. 2020, arXiv 2006.11239), with the class as a condition.

`sample` is `[batch, channels, height, width]`, `timestep` and `label` `[batch]`; the prediction has the shape of
`sample`. Height and width are halved twice, so both are multiples of 4.
"""

import torch
from torch import Tensor, nn

from export.unet import StepEmbedding


class Block(nn.Module):
    """Two convolutions with what the condition says added between them, and a way past both."""

    def __init__(self, channels_in: int, channels_out: int, condition: int, groups: int = 8):
        super().__init__()
        self.first = nn.Sequential(
            nn.GroupNorm(groups, channels_in), nn.SiLU(), nn.Conv2d(channels_in, channels_out, 3, padding=1)
        )
        self.shift = nn.Sequential(nn.SiLU(), nn.Linear(condition, channels_out))
        self.second = nn.Sequential(
            nn.GroupNorm(groups, channels_out), nn.SiLU(), nn.Conv2d(channels_out, channels_out, 3, padding=1)
        )
        same = channels_in == channels_out
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        hidden = self.first(x) + self.shift(condition)[:, :, None, None]
        return self.second(hidden) + self.shortcut(x)


class ImageUnet(nn.Module):
    """Predicts the noise in `sample`. It works on patches of 2 x 2 pixels, and on pairs of patches."""

    def __init__(self, classes: int, widths: tuple[int, int] = (48, 96), channels: int = 1, embedding: int = 64):
        super().__init__()
        fine, coarse = widths
        condition = 2 * embedding
        self.step = nn.Sequential(
            StepEmbedding(embedding), nn.Linear(embedding, condition), nn.SiLU(), nn.Linear(condition, condition)
        )
        self.label = nn.Embedding(classes, condition)
        self.enter = nn.Conv2d(channels, fine, 4, stride=2, padding=1)
        self.down = nn.ModuleList(Block(fine, fine, condition) for _ in range(2))
        self.shrink = nn.Conv2d(fine, coarse, 3, stride=2, padding=1)
        self.middle = nn.ModuleList(Block(coarse, coarse, condition) for _ in range(2))
        self.grow = nn.ConvTranspose2d(coarse, fine, 4, stride=2, padding=1)
        self.up = Block(2 * fine, fine, condition)
        self.leave = nn.Sequential(
            nn.GroupNorm(8, fine), nn.SiLU(), nn.ConvTranspose2d(fine, channels, 4, stride=2, padding=1)
        )

    def forward(self, sample: Tensor, timestep: Tensor, label: Tensor) -> Tensor:
        condition = self.step(timestep) + self.label(label)
        fine = self.enter(sample)
        for block in self.down:
            fine = block(fine, condition)
        coarse = self.shrink(fine)
        for block in self.middle:
            coarse = block(coarse, condition)
        return self.leave(self.up(torch.cat((self.grow(coarse), fine), dim=1), condition))
