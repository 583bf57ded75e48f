"""CLIP's vision transformer (Radford et al. 2021, arXiv 2103.00020), of images to the features of its class token.

An image is cut into patches (Dosovitskiy et al. 2020, arXiv 2010.11929). Names of the weights are those of
`transformers`, but those of the attention PyTorch's.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from export.encoder import Looks, Resize
from export.transformer import Attention

ACTIVATIONS = ("quick_gelu", "gelu")


@dataclass(frozen=True)
class Vision:
    """The sizes of a vision transformer."""

    image: int
    patch: int
    size: int
    perceptron: int
    layers: int
    heads: int
    activation: str
    eps: float


class Perceptron(nn.Module):
    """Two layers; `quick_gelu` is `x * sigmoid(1.702 * x)`."""

    def __init__(self, size: int, hidden: int, activation: str):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(size, hidden), nn.Linear(hidden, size)
        self.quick = activation == "quick_gelu"

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc1(x)
        return self.fc2(x * torch.sigmoid(1.702 * x) if self.quick else functional.gelu(x))


class Layer(nn.Module):
    """Tokens attend to each other."""

    def __init__(self, vision: Vision):
        super().__init__()
        self.self_attn = Attention(vision.size, vision.heads)
        self.layer_norm1, self.layer_norm2 = (nn.LayerNorm(vision.size, eps=vision.eps) for _ in range(2))
        self.mlp = Perceptron(vision.size, vision.perceptron, vision.activation)

    def forward(self, x: Tensor) -> Tensor:
        normal = self.layer_norm1(x)
        x = x + self.self_attn(normal, normal, None)
        return x + self.mlp(self.layer_norm2(x))


class ClipEncoder(nn.Module):
    """One camera's images `[batch, 3, height, width]` to features `[batch, size]`."""

    def __init__(self, vision: Vision, looks: Looks):
        super().__init__()
        self.size, self.features = looks.size, vision.size
        self.resize = Resize(looks.size, looks.resized, looks.antialias) if looks.resized else nn.Identity()
        self.rows, self.columns = looks.taken
        patches = (vision.image // vision.patch) ** 2
        self.class_embedding = nn.Parameter(torch.zeros(vision.size))
        self.patch_embedding = nn.Conv2d(3, vision.size, vision.patch, vision.patch, bias=False)
        self.position_embedding = nn.Parameter(torch.zeros(1 + patches, vision.size))
        self.pre_layrnorm = nn.LayerNorm(vision.size, eps=vision.eps)
        self.layers = nn.ModuleList([Layer(vision) for _ in range(vision.layers)])

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patch_embedding(self.resize(images)[:, :, self.rows, self.columns]).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(patches.shape[0], 1, -1)
        x = self.pre_layrnorm(torch.cat((first, patches), dim=1) + self.position_embedding)
        for layer in self.layers:
            x = layer(x)
        return x[:, 0]
