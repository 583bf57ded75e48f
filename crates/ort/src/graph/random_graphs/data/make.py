"""Writes small denoisers with ids, clips, masks, thresholds and raw units, by both of PyTorch's exporters.

    python make.py

needs what models/export/requirements.txt lists. Weights are random. Each is exported as `NAME_traced.onnx` (TorchScript,
opset 17) and `NAME_dynamo.onnx` (opset 18); what they must answer, ONNX Runtime says.
"""

import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

HERE = Path(__file__).parent
HORIZON, ACTION, SEEN, WIDE, UNIT = 4, 2, 4, 6, 1e4


class Film(nn.Module):
    """Scales and shifts the sample by features of both."""

    def __init__(self, features: int):
        super().__init__()
        self.film = nn.Linear(features, 2 * HORIZON * ACTION)

    def forward(self, sample: Tensor, features: Tensor) -> Tensor:
        scale, shift = torch.tanh(self.film(features)).reshape(-1, 2, HORIZON, ACTION).unbind(1)
        return sample * scale + shift


class Sides(nn.Module):
    def __init__(self):
        super().__init__()
        self.steps, self.ids = nn.Embedding(100, WIDE), nn.Embedding(5, WIDE)
        self.seen = nn.Linear(2, WIDE)

    def both(self, timestep: Tensor, observation: Tensor) -> tuple[Tensor, Tensor]:
        return self.steps(timestep), self.ids(observation[:, 0].long())


class Clipped(Sides):
    """A sum of a ramp and a clip in raw units, through a sigmoid."""

    def __init__(self):
        super().__init__()
        self.out = Film(WIDE)

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        ramp = (timestep.float()[:, None] - 50.0) * 0.1 + self.steps(timestep)
        return self.out(sample, torch.sigmoid(ramp + 4.0 * torch.clamp(observation[:, 1:2] - UNIT, -1.0, 1.0)))


class Ids(Sides):
    """Rows of two tables, joined, through Mish and a matrix: a sum."""

    def __init__(self):
        super().__init__()
        self.mix, self.out = nn.Sequential(nn.Mish(), nn.Linear(2 * WIDE, WIDE)), Film(WIDE)

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        return self.out(sample, self.mix(torch.cat(self.both(timestep, observation), dim=-1)))


class Masked(Sides):
    """Attention between a token of each side, masked by -1e9 where the observation is far."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.out = nn.Linear(WIDE, WIDE), nn.Linear(WIDE, WIDE), Film(2 * WIDE)

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        tokens = torch.stack(self.both(timestep, observation), dim=1)
        scores = self.query(tokens) @ self.key(tokens).transpose(1, 2)
        far = (observation[:, 1] > UNIT)[:, None, None] & torch.tensor([[False, True], [True, False]])
        weights = torch.softmax(scores.masked_fill(far, -1e9), dim=-1)
        return self.out(sample, (weights @ tokens).flatten(1))


class Normed(Sides):
    """A norm over all values, and a threshold that chooses."""

    def __init__(self):
        super().__init__()
        self.norm, self.out = nn.LayerNorm(2 * WIDE), Film(2 * WIDE)

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        step, _ = self.both(timestep, observation)
        seen = self.seen(observation[:, 2:])
        chosen = torch.where(observation[:, 1:2] > UNIT, step, seen)
        return self.out(sample, self.norm(torch.cat([chosen, seen], dim=-1)))


def write(name: str, net: nn.Module) -> None:
    names = ["sample", "timestep", "observation"]
    inputs = (torch.zeros(3, HORIZON, ACTION), torch.tensor([0, 1, 2]), torch.rand(3, SEEN))
    common = {"input_names": names, "output_names": ["prediction"]}
    axes = {name: {0: "batch"} for name in [*names, "prediction"]}
    path = HERE / f"{name}_traced.onnx"
    torch.onnx.export(net, inputs, path, dynamo=False, opset_version=17, dynamic_axes=axes, **common)
    batch = {0: torch.export.Dim("batch")}
    program = torch.onnx.export(net, inputs, dynamo=True, opset_version=18, dynamic_shapes=(batch,) * 3, **common)
    program.save(HERE / f"{name}_dynamo.onnx")


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    for seed, (name, net) in enumerate({"clipped": Clipped, "ids": Ids, "masked": Masked, "normed": Normed}.items()):
        torch.manual_seed(seed)
        write(name, net().eval())


if __name__ == "__main__":
    main()
