"""Makes networks to try samplers on, in folders of OUT: `python -m training.zoo OUT [NAME ...]`.

| folder | what it is |
|---|---|
| wide-4, wide-8 | the policy of PushT with 64 and 249 million parameters, whose plans are those of the small one |
| random | LeRobot's default size, 251 million parameters, with random weights |
| dit | a diffusion transformer, 6 layers of 512, with random weights |
| closed-form | the exact denoiser of a mixture of digits, of 1000 training timesteps |
| closed-form-flow | the same as a flow |
"""

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from export import directory, graph_file
from export.policy import MANIFEST
from export.unet import ConditionalUnet, StepEmbedding
from training import closed_form
from training.widen import digest, widen

PUSHT = Path(__file__).parent.parent / "pusht"
OBSERVATION, ACTION, HORIZON = (2, 20), 2, 16


class Layer(nn.Module):
    """A transformer's layer whose normalisation is shifted and scaled by the condition (adaLN; Peebles & Xie 2023,
    arXiv 2212.09748)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.modulate = nn.Linear(width, 6 * width)
        self.qkv, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.first, self.second = (nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        modulation = self.modulate(nn.functional.silu(condition)).unsqueeze(1).chunk(6, dim=2)
        shift, scale, gate, shift_2, scale_2, gate_2 = modulation
        x = x + gate * self.attention(self.first(x) * (1 + scale) + shift)
        return x + gate_2 * self.feed_forward(self.second(x) * (1 + scale_2) + shift_2)

    def attention(self, x: Tensor) -> Tensor:
        parts = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.joined(nn.functional.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    """A diffusion transformer of plans: one token an action, timestep and observation as the condition."""

    def __init__(self, width: int = 512, layers: int = 6, heads: int = 8):
        super().__init__()
        self.tokens, self.plan = nn.Linear(ACTION, width), nn.Linear(width, ACTION)
        self.places = nn.Parameter(0.02 * torch.randn(HORIZON, width))
        self.step = nn.Sequential(StepEmbedding(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.seen = nn.Linear(OBSERVATION[0] * OBSERVATION[1], width)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        condition = self.step(timestep) + self.seen(observation.flatten(1))
        x = self.tokens(sample) + self.places
        for layer in self.layers:
            x = layer(x, condition)
        return self.plan(x)


def untrained(name: str, build: Callable[[], nn.Module], out: Path) -> None:
    """A policy of PushT with random weights, always the same."""
    torch.manual_seed(0)
    manifest = json.loads((PUSHT / MANIFEST).read_text())
    network = graph_file.denoiser(
        build().eval(), (HORIZON, ACTION), OBSERVATION, manifest["scheduler"]["num_train_timesteps"]
    )
    out.mkdir(parents=True, exist_ok=True)
    graph = out / "denoiser.onnx"
    directory.written(network, graph)
    manifest["name"] = name
    manifest["denoiser"] |= {"file": graph.name, "sha256": digest(graph)}
    (out / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def unet() -> ConditionalUnet:
    return ConditionalUnet(ACTION, OBSERVATION[0] * OBSERVATION[1], widths=(512, 1024, 2048))


ZOO: dict[str, Callable[[Path], None]] = {
    "wide-4": lambda out: widen(PUSHT, 4, out),
    "wide-8": lambda out: widen(PUSHT, 8, out),
    "random": lambda out: untrained("random-unet", unet, out),
    "dit": lambda out: untrained("random-dit", Transformer, out),
    "closed-form": closed_form.write,
    "closed-form-flow": closed_form.write_flow,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.zoo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which of them; all without it")
    args = parser.parse_args()
    if unknown := set(args.names) - ZOO.keys():
        sys.exit(f"zoo: {', '.join(sorted(unknown))}: not among {', '.join(ZOO)}")
    for name, make in ZOO.items():
        if args.names and name not in args.names:
            continue
        folder = args.out / name
        if folder.exists():
            print(f"{folder}: is there")
            continue
        part = folder.with_name(f"{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        make(part)
        part.rename(folder)
        print(f"{folder}: written", flush=True)


if __name__ == "__main__":
    main()
