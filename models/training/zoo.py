"""Makes networks to try samplers on, in folders of OUT: `python -m training.zoo OUT [NAME ...]`.

| folder | what it is |
|---|---|
| wide-4, wide-8 | the policy of PushT with 64 and 249 million parameters, whose plans are those of the small one |
| random | LeRobot's default size, 251 million parameters, with random weights |
| dit | LeRobot's diffusion transformer, 6 layers of 512, with random weights |
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
from torch import nn

from export import directory, graph_file
from export.dit import MultiTaskDit
from export.policy import MANIFEST
from export.unet import ConditionalUnet
from training import closed_form
from training.widen import digest, widen

PUSHT = Path(__file__).parent.parent / "pusht"
OBSERVATION, ACTION, HORIZON = (2, 20), 2, 16
OBSERVED = OBSERVATION[0] * OBSERVATION[1]


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


def dit(size: int = 512, layers: int = 6) -> MultiTaskDit:
    network = MultiTaskDit(
        ACTION, OBSERVED, HORIZON, size, heads=8, layers=layers, step_embedding=256, placed=False, base=1e4
    )
    # Gates of 0, as they are before training, would leave nothing to compute.
    for block in network.transformer_blocks:
        nn.init.normal_(block.adaLN_modulation[-1].weight, std=0.02)
    return network


def unet() -> ConditionalUnet:
    return ConditionalUnet(ACTION, OBSERVED, widths=(512, 1024, 2048))


ZOO: dict[str, Callable[[Path], None]] = {
    "wide-4": lambda out: widen(PUSHT, 4, out),
    "wide-8": lambda out: widen(PUSHT, 8, out),
    "random": lambda out: untrained("random-unet", unet, out),
    "dit": lambda out: untrained("random-dit", dit, out),
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
