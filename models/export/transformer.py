"""The transformer of Diffusion Policy (Chi et al. 2023, arXiv 2303.04137, section III.A).

The steps of a plan are tokens. They attend to each other, and to what conditions them: the diffusion timestep and the
observations, each a token. Layers are normalised first (Xiong et al. 2020, arXiv 2002.04745). Names of the weights are
those of the project.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from export.unet import StepEmbedding


class Attention(nn.Module):
    """Attention of `x` `[batch, tokens, size]` to `memory` by several heads (Vaswani et al. 2017, arXiv 1706.03762)."""

    def __init__(self, size: int, heads: int):
        super().__init__()
        self.size, self.heads = size, heads
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * size, size))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * size))
        self.out_proj = nn.Linear(size, size)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> Tensor:
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)
        query, key, value = (
            functional.linear(tokens, weight, bias).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for tokens, weight, bias in zip((x, memory, memory), weights, biases, strict=True)
        )
        query, key = self.placed(query), self.placed(key)
        scores = query @ key.transpose(-1, -2) / math.sqrt(self.size // self.heads)
        if mask is not None:
            scores = scores + mask
        return self.out_proj((scores.softmax(dim=-1) @ value).transpose(1, 2).flatten(2))

    def placed(self, x: Tensor) -> Tensor:
        """Queries or keys `[batch, heads, tokens, head]` where positions turn them; here they do not."""
        return x


class EncoderLayer(nn.Module):
    """Tokens attend to each other."""

    def __init__(self, size: int, heads: int):
        super().__init__()
        self.self_attn = Attention(size, heads)
        self.linear1, self.linear2 = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        normal = self.norm1(x)
        x = x + self.self_attn(normal, normal, mask)
        return x + self.linear2(functional.gelu(self.linear1(self.norm2(x))))


class DecoderLayer(nn.Module):
    """Tokens attend to each other, then to the condition's."""

    def __init__(self, size: int, heads: int):
        super().__init__()
        self.self_attn, self.multihead_attn = Attention(size, heads), Attention(size, heads)
        self.linear1, self.linear2 = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(size) for _ in range(3))

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None, memory_mask: Tensor | None) -> Tensor:
        normal = self.norm1(x)
        x = x + self.self_attn(normal, normal, mask)
        x = x + self.multihead_attn(self.norm2(x), memory, memory_mask)
        return x + self.linear2(functional.gelu(self.linear1(self.norm3(x))))


class Layers(nn.Module):
    """Layers, one after the other."""

    def __init__(self, layers: list[nn.Module]):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, *others: Tensor | None) -> Tensor:
        for layer in self.layers:
            x = layer(x, *others)
        return x


def hidden(which: Tensor) -> Tensor:
    """What is added to scores, so that these are not attended to."""
    return torch.zeros(which.shape).masked_fill(which, float("-inf"))


class DiffusionTransformer(nn.Module):
    """Predicts from a noisy action sequence, its timestep and the observation what the scheduler asks for.

    `sample` is `[batch, horizon, action]`, `timestep` `[batch]`, `observation` `[batch, n_obs_steps, observation]`; the
    prediction has the shape of `sample`. Where it is `causal`, an action attends to those before it, and to
    observations up to it. The condition's tokens pass `condition_layers` layers, or, if that is 0, a perceptron each.
    Without an observation (`observation` and `n_obs_steps` are 0), which is a part of `sample` then, the condition is
    the timestep alone.
    """

    def __init__(
        self,
        action: int,
        observation: int,
        n_obs_steps: int,
        horizon: int,
        size: int,
        heads: int,
        layers: int,
        condition_layers: int,
        causal: bool,
    ):
        super().__init__()
        self.time_emb = StepEmbedding(size)
        self.input_emb = nn.Linear(action, size)
        if observation:
            self.cond_obs_emb = nn.Linear(observation, size)
        self.pos_emb = nn.Parameter(torch.zeros(1, horizon, size))
        self.cond_pos_emb = nn.Parameter(torch.zeros(1, 1 + n_obs_steps, size))
        if condition_layers:
            self.encoder = Layers([EncoderLayer(size, heads) for _ in range(condition_layers)])
        else:
            self.encoder = nn.Sequential(nn.Linear(size, 4 * size), nn.Mish(), nn.Linear(4 * size, size))
        self.decoder = Layers([DecoderLayer(size, heads) for _ in range(layers)])
        self.ln_f, self.head = nn.LayerNorm(size), nn.Linear(size, action)
        steps = torch.arange(horizon)[:, None]
        # The condition's first token is the timestep, which all may see.
        masks = (hidden(torch.arange(horizon) > steps), hidden(torch.arange(-1, n_obs_steps) > steps))
        self.register_buffer("mask", masks[0] if causal else None, persistent=False)
        self.register_buffer("memory_mask", masks[1] if causal else None, persistent=False)

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor | None = None) -> Tensor:
        condition = self.time_emb(timestep)[:, None]
        if observation is not None:
            condition = torch.cat((condition, self.cond_obs_emb(observation)), dim=1)
        memory = self.encoder(condition + self.cond_pos_emb)
        x = self.decoder(self.input_emb(sample) + self.pos_emb, memory, self.mask, self.memory_mask)
        return self.head(self.ln_f(x))


class TokenTransformer(nn.Module):
    """The same for plans that observations are a part of, the diffusion timestep a token before theirs."""

    def __init__(self, plan: int, horizon: int, size: int, heads: int, layers: int, causal: bool):
        super().__init__()
        self.time_emb, self.input_emb = StepEmbedding(size), nn.Linear(plan, size)
        self.pos_emb = nn.Parameter(torch.zeros(1, 1 + horizon, size))
        self.encoder = Layers([EncoderLayer(size, heads) for _ in range(layers)])
        self.ln_f, self.head = nn.LayerNorm(size), nn.Linear(size, plan)
        tokens = torch.arange(1 + horizon)
        self.register_buffer("mask", hidden(tokens > tokens[:, None]) if causal else None, persistent=False)

    def forward(self, sample: Tensor, timestep: Tensor) -> Tensor:
        tokens = torch.cat((self.time_emb(timestep)[:, None], self.input_emb(sample)), dim=1)
        return self.head(self.ln_f(self.encoder(tokens + self.pos_emb, self.mask)[:, 1:]))
