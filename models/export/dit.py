"""The diffusion transformer of multi-task policies (TRI LBM Team 2025, arXiv 2507.05331), as LeRobot has it.

The steps of a plan are tokens that attend to each other. Timestep and observation shift, scale and gate each layer
(adaLN, Peebles & Xie 2023, arXiv 2212.09748, section 3.2); positions turn queries and keys (Su et al. 2021, arXiv
2104.09864). Names of the weights are LeRobot's, but those of the attention PyTorch's.
"""

import torch
from torch import Tensor, nn

from export.transformer import Attention
from export.unet import StepEmbedding


class TurnedAttention(Attention):
    """Attention whose queries and keys are turned by their positions, the pair of numbers `i` and `i + head/2` by
    `position * base^(-2i/head)`."""

    def __init__(self, size: int, heads: int, horizon: int, base: float):
        super().__init__(size, heads)
        head = size // heads
        rates = 1.0 / base ** (torch.arange(0, head, 2).float() / head)
        angles = torch.outer(torch.arange(horizon).float(), rates).repeat(1, 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def placed(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat((-second, first), dim=-1) * self.sin


class Block(nn.Module):
    """Attention, then a perceptron, each of normal numbers `(1 + scale) * x + shift`, and added times `gate`."""

    def __init__(self, size: int, condition: int, attention: Attention):
        super().__init__()
        self.attn = attention
        self.norm1, self.norm2 = (nn.LayerNorm(size, elementwise_affine=False, eps=1e-6) for _ in range(2))
        self.mlp = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(approximate="tanh"), nn.Linear(4 * size, size))
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(condition, 6 * size))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        modulation = self.adaLN_modulation(condition).unsqueeze(1)
        shift, scale, gate, shift_mlp, scale_mlp, gate_mlp = modulation.chunk(6, dim=-1)
        normal = (1 + scale) * self.norm1(x) + shift
        x = x + gate * self.attn(normal, normal, None)
        return x + gate_mlp * self.mlp((1 + scale_mlp) * self.norm2(x) + shift_mlp)


class MultiTaskDit(nn.Module):
    """Predicts from a noisy action sequence, its timestep and the observation what the scheduler asks for.

    `sample` is `[batch, horizon, action]`, `timestep` `[batch]`, `observation` `[batch, n_obs_steps, observation]`, of
    `condition` numbers in all; the prediction has the shape of `sample`. Positions are added where they are `placed`,
    and turn tokens where there is a `base`.
    """

    def __init__(
        self,
        action: int,
        condition: int,
        horizon: int,
        size: int,
        heads: int,
        layers: int,
        step_embedding: int,
        placed: bool,
        base: float | None,
    ):
        super().__init__()
        self.time_mlp = nn.Sequential(
            StepEmbedding(step_embedding),
            nn.Linear(step_embedding, 2 * step_embedding),
            nn.GELU(),
            nn.Linear(2 * step_embedding, step_embedding),
            nn.GELU(),
        )
        self.input_proj, self.output_proj = nn.Linear(action, size), nn.Linear(size, action)
        self.pos_embedding = nn.Parameter(torch.zeros(1, horizon, size)) if placed else None

        def attention() -> Attention:
            return Attention(size, heads) if base is None else TurnedAttention(size, heads, horizon, base)

        condition += step_embedding
        self.transformer_blocks = nn.ModuleList([Block(size, condition, attention()) for _ in range(layers)])

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        condition = torch.cat((self.time_mlp(timestep), observation.flatten(1)), dim=-1)
        x = self.input_proj(sample)
        if self.pos_embedding is not None:
            x = x + self.pos_embedding
        for block in self.transformer_blocks:
            x = block(x, condition)
        return self.output_proj(x)
