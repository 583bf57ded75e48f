"""Writes the graphs of the engine's tests, and what PyTorch says they must answer.

    python make.py

needs what models/export/requirements.txt lists. Weights are random; each network is small, and differs from the
others in what exporters and papers differ in. `expected.npz` has inputs and PyTorch's predictions, by the graph's name.
"""

import logging
import math
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[3] / "models"))

from export.dit import MultiTaskDit  # noqa: E402
from export.graph import fast_form  # noqa: E402
from export.transformer import DiffusionTransformer  # noqa: E402
from export.unet import ConditionalUnet, StepEmbedding  # noqa: E402

INPUTS, OUTPUT = ["sample", "timestep", "observation"], "prediction"
BATCH = 3


class Block(nn.Sequential):
    def __init__(self, channels_in: int, channels_out: int, kernel: int, groups: int):
        convolution = nn.Conv1d(channels_in, channels_out, kernel, padding=kernel // 2)
        super().__init__(convolution, nn.GroupNorm(groups, channels_out), nn.Mish())


class Residual(nn.Module):
    """A residual block of 1-D convolutions. `film` says how the condition enters, as implementations differ:

    "bias" adds it; "slices" takes scale and bias as halves; "reshaped" as two entries of an axis (Chi et al. 2023,
    arXiv 2303.04137); "centred" scales by 1 + scale.
    """

    def __init__(self, channels_in: int, channels_out: int, condition: int, kernel: int, groups: int, film: str):
        super().__init__()
        self.form, self.channels = film, channels_out
        self.first = Block(channels_in, channels_out, kernel, groups)
        self.film = nn.Sequential(nn.Mish(), nn.Linear(condition, channels_out * (1 if film == "bias" else 2)))
        self.second = Block(channels_out, channels_out, kernel, groups)
        same = channels_in == channels_out
        self.shortcut = nn.Identity() if same else nn.Conv1d(channels_in, channels_out, 1)

    def modulated(self, x: Tensor, condition: Tensor) -> Tensor:
        film = self.film(condition)
        if self.form == "bias":
            return x + film.unsqueeze(-1)
        if self.form == "reshaped":
            film = film.reshape(film.shape[0], 2, self.channels, 1)
            return film[:, 0, ...] * x + film[:, 1, ...]
        film = film.unsqueeze(-1)
        scale, bias = film[:, : self.channels], film[:, self.channels :]
        return ((scale + 1) if self.form == "centred" else scale) * x + bias

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return self.second(self.modulated(self.first(x), condition)) + self.shortcut(x)


class Unet1d(nn.Module):
    """A U-Net of 1-D convolutions, as Diffusion Policy and the libraries after it have it."""

    def __init__(self, action: int, seen: int, widths: tuple[int, ...], step: int, kernel: int, groups: int, film: str):
        super().__init__()
        self.action, self.seen = action, seen
        self.step = nn.Sequential(StepEmbedding(step), nn.Linear(step, 4 * step), nn.Mish(), nn.Linear(4 * step, step))

        def residual(channels_in: int, channels_out: int) -> Residual:
            return Residual(channels_in, channels_out, step + seen, kernel, groups, film)

        levels = list(zip((action, *widths[:-1]), widths, strict=True))
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for depth, (narrow, wide) in enumerate(levels):
            shrink = nn.Identity() if depth == len(levels) - 1 else nn.Conv1d(wide, wide, 3, 2, 1)
            self.down.append(nn.ModuleList([residual(narrow, wide), residual(wide, wide), shrink]))
        self.middle = nn.ModuleList([residual(widths[-1], widths[-1]) for _ in range(2)])
        for narrow, wide in reversed(levels[1:]):
            grow = nn.ConvTranspose1d(narrow, narrow, 4, 2, 1)
            self.up.append(nn.ModuleList([residual(2 * wide, narrow), residual(narrow, narrow), grow]))
        self.head = nn.Sequential(Block(widths[0], widths[0], kernel, groups), nn.Conv1d(widths[0], action, 1))

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        timestep = timestep.expand(sample.shape[0])  # one for all would do
        condition = torch.cat([self.step(timestep), observation.flatten(1)], dim=-1)
        x, skips = sample.transpose(1, 2), []
        for first, second, shrink in self.down:
            x = second(first(x, condition), condition)
            skips.append(x)
            x = shrink(x)
        for block in self.middle:
            x = block(x, condition)
        for first, second, grow in self.up:
            x = grow(second(first(torch.cat((x, skips.pop()), dim=1), condition), condition))
        return self.head(x).transpose(1, 2)


def transformer(action: int, seen: int, steps: int, horizon: int, size: int, heads: int, **more: int) -> nn.Module:
    """A transformer of Diffusion Policy with weights, all of which are zero to begin with."""
    net = DiffusionTransformer(action, seen, steps, horizon, size, heads, **more)
    return weighted(net, action, size)


class Dit(MultiTaskDit):
    """A diffusion transformer whose last layer is modulated, too (adaLN; Peebles & Xie 2023, arXiv 2212.09748)."""

    def __init__(self, action: int, condition: int, horizon: int, size: int, heads: int, layers: int, step: int):
        super().__init__(action, condition, horizon, size, heads, layers, step, placed=True, base=None)
        self.last = nn.LayerNorm(size, elementwise_affine=False, eps=1e-6)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(condition + step, 2 * size))

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        condition = torch.cat((self.time_mlp(timestep), observation.flatten(1)), dim=-1)
        x = self.input_proj(sample) + self.pos_embedding
        for block in self.transformer_blocks:
            x = block(x, condition)
        shift, scale = self.modulation(condition).unsqueeze(1).chunk(2, dim=-1)
        return self.output_proj((1 + scale) * self.last(x) + shift)


def dit(action: int, condition: int, horizon: int, size: int, heads: int, **more: bool | float | None) -> nn.Module:
    """A diffusion transformer of LeRobot with weights, some of which are zero to begin with."""
    net = MultiTaskDit(action, condition, horizon, size, heads, layers=2, step_embedding=8, **more)
    return weighted(net, action, size)


def weighted(net: nn.Module, action: int, size: int) -> nn.Module:
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0, 1 / math.sqrt(size))
    net.action = action
    return net


def write(
    name: str, net: nn.Module, horizon: int, steps: int, seen: int, *, traced: int = 0, floats=False, opset: int = 18
) -> dict:
    """Exports a network, by tracing and in the given opset if there is one. Returns inputs and PyTorch's prediction."""
    for parameter in net.parameters():
        if parameter.ndim == 1:  # normalisation that is none at all would hide a scale that got lost
            nn.init.normal_(parameter, 0.7, 0.3)
    timestep = torch.tensor([0.0, 57.0, 99.0]) if floats else torch.tensor([0, 57, 99])
    inputs = (torch.randn(BATCH, horizon, net.action), timestep, torch.rand(BATCH, steps, seen) * 2 - 1)
    with torch.no_grad():
        arrays = [*inputs, net.eval()(*inputs)]
    common = {"input_names": INPUTS, "output_names": [OUTPUT], "verbose": False}
    path = HERE / f"{name}.onnx"
    if traced:
        axes = {each: {0: "batch"} for each in [*INPUTS, OUTPUT]}
        torch.onnx.export(net, inputs, path, dynamo=False, opset_version=traced, dynamic_axes=axes, **common)
        return {f"{name}_{key}": array.numpy() for key, array in zip([*INPUTS, OUTPUT], arrays, strict=True)}
    batch = {0: torch.export.Dim("batch")}
    program = torch.onnx.export(net, inputs, opset_version=opset, dynamic_shapes=(batch,) * 3, **common)
    model = program.model_proto
    for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.graph.ClearField("value_info")
    onnx.save(model, path)
    return {f"{name}_{key}": array.numpy() for key, array in zip([*INPUTS, OUTPUT], arrays, strict=True)}


def main() -> None:
    torch.manual_seed(0)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    ours = ConditionalUnet(2, 10, widths=(8, 16), step_embedding=8, kernel=3, groups=2, head_groups=2)
    deep = ConditionalUnet(3, 4, widths=(8, 12, 20, 24), step_embedding=6, kernel=5, groups=4, head_groups=4)
    flat = ConditionalUnet(1, 6, widths=(6,), step_embedding=4, kernel=7, groups=6, head_groups=6)
    one = {"step": 8, "kernel": 5, "groups": 4}
    arrays = {
        **write("plain", ours, 8, 2, 5),
        **write("fast", fast_form(ours), 8, 2, 5),
        **write("traced", ours, 8, 2, 5, traced=13),
        **write("deep", deep, 24, 1, 4, floats=True),
        **write("flat", flat, 5, 2, 3),
        **write("bias", Unet1d(2, 6, (8, 16), film="bias", **one), 16, 2, 3),
        **write("slices", Unet1d(7, 4, (8, 16, 16), film="slices", **one), 12, 2, 2),
        **write("reshaped", Unet1d(2, 6, (8, 16), film="reshaped", **one), 16, 2, 3, traced=17),
        **write("centred", Unet1d(2, 6, (8, 16), film="centred", **one), 16, 2, 3, traced=17),
        **write("tokens", transformer(3, 5, 2, 8, 16, 4, layers=2, condition_layers=0, causal=True), 8, 2, 5),
        **write("encoded", transformer(2, 6, 3, 10, 24, 2, layers=1, condition_layers=1, causal=False), 10, 3, 6),
        **write("causal", transformer(2, 4, 1, 6, 12, 3, layers=1, condition_layers=2, causal=True), 6, 1, 4, opset=20),
        **write("turned", dit(3, 10, 8, 16, 2, placed=False, base=10_000.0), 8, 2, 5),
        **write("placed", dit(2, 7, 10, 24, 3, placed=True, base=None), 10, 1, 7, floats=True),
        **write("both", dit(2, 6, 6, 24, 3, placed=True, base=100.0), 6, 3, 2, opset=20),
        **write("last", weighted(Dit(3, 8, 5, 12, 3, layers=1, step=4), 3, 12), 5, 2, 4, traced=17),
    }
    np.savez_compressed(HERE / "expected.npz", **arrays)


if __name__ == "__main__":
    main()
