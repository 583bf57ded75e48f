"""Makes the U-Net of a trained policy wider without changing its plans: `python -m training.widen MODEL FACTOR OUT`.

For measuring what a wide network costs where rounds must be those of a trained one. Every channel stands FACTOR times,
side by side, and a weight is divided by how often the input that it reads stands there (net2net, Chen et al. 2016,
arXiv 1511.05641, without noise). Groups of GroupNorm grow with the channels, so their means and variances stay. The
embedding of the timestep keeps its width.
"""

import argparse
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

# What reads plans and what writes them, whose channels on that side stay.
HEAD = "head.1"


def widened(name: str, value: np.ndarray, factor: int, action: int) -> np.ndarray:
    """A tensor of a graph that `python -m export` writes, by its name there."""

    def more(value: np.ndarray, axis: int) -> np.ndarray:
        return value.repeat(factor, axis)

    module, _, kind = name.rpartition(".")
    if module.startswith("step.") or kind in ("one", "zero"):
        return value
    if kind in ("bias", "mean", "variance"):
        return value if module == HEAD else more(value, 0)
    if kind != "weight":
        return shape_of_channels(value, factor)
    if value.ndim == 1 or ".film." in name:
        return more(value, 0)
    if re.fullmatch(r"up\.\d+\.2", module):  # transposed: inputs first
        return more(more(value / factor, 0), 1)
    if value.shape[1] != action:
        value = more(value / factor, 1)
    return value if module == HEAD else more(value, 0)


def shape_of_channels(value: np.ndarray, factor: int) -> np.ndarray:
    """The shape of channels `[batch, channels, 1, length]` or of groups `[batch, groups, numbers]`; others stay."""
    factors = {4: [1, factor, 1, 1], 3: [1, 1, factor]}
    if value.dtype == np.int64 and value.ndim == 1 and len(value) in factors:
        return value * np.array(factors[len(value)])
    return value


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def widen(model: Path, factor: int, out: Path) -> None:
    """Writes `denoiser.onnx` and `policy.json` into `out`."""
    manifest = json.loads((model / "policy.json").read_text())
    action = sum(int(np.prod(entry["shape"])) for entry in manifest["actions"])
    graph = onnx.load(model / manifest["denoiser"]["file"])
    for tensor in graph.graph.initializer:
        value = widened(tensor.name, numpy_helper.to_array(tensor), factor, action)
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), tensor.name))
    del graph.graph.value_info[:]
    onnx.checker.check_model(graph, full_check=True)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "denoiser.onnx"
    onnx.save(graph, path)
    manifest["name"] += f"-wide-{factor}"
    manifest["denoiser"] |= {"file": path.name, "sha256": digest(path)}
    (out / "policy.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.widen", description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder with policy.json of a U-Net that `python -m export` wrote")
    parser.add_argument("factor", type=int)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    widen(args.model, args.factor, args.out)


if __name__ == "__main__":
    main()
