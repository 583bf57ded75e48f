"""Exports trained weights for the runner: `python -m export WEIGHTS.pt OUT_DIR`.

Writes `denoiser.onnx` and, beside it, `policy.json`: all that the graph does not say. Nothing is left behind unless
ONNX Runtime and PyTorch agree on what the network predicts.
"""

import argparse
import hashlib
import json
import logging
import pickle
import sys
import warnings
from math import prod
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from demos import Shape
from graph import fast_form
from network import ConditionalUnet
from schedule import SCHEDULE

GRAPH, MANIFEST = "denoiser.onnx", "policy.json"
INPUTS, OUTPUT = ("sample", "timestep", "observation"), "prediction"
OPSET = 18
BATCHES = (1, 7, 32)
TOLERANCE = 1e-4


class ExportError(Exception):
    """The weights cannot be exported, and why."""


def load(path: Path) -> dict:
    """What `train` wrote as `policy-EPOCH.pt`."""
    try:
        trained = torch.load(path, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ExportError(f"{path}: not weights written by `python -m train` ({error})") from error
    wanted = {"weights", "widths", "task", "shape", "scheduler", "observation", "action"}
    if not isinstance(trained, dict) or not wanted <= trained.keys():
        raise ExportError(f"{path}: no weights in it; export a policy-EPOCH.pt, not the checkpoint")
    return trained


def network(trained: dict) -> ConditionalUnet:
    net = ConditionalUnet(
        action=len(trained["action"]["min"]),
        observation=len(trained["observation"]["min"]),
        n_obs_steps=trained["shape"]["n_obs_steps"],
        widths=tuple(trained["widths"]),
    )
    net.load_state_dict(trained["weights"])
    return net.eval()


def inputs(net: ConditionalUnet, shape: Shape, batch: int) -> tuple[torch.Tensor, ...]:
    """Random inputs in the order of `INPUTS`, of the kind the network meets: noise, any timestep, normalised values."""
    sample = torch.randn(batch, shape.horizon, net.action)
    timestep = torch.randint(SCHEDULE["num_train_timesteps"], (batch,))
    observation = torch.rand(batch, shape.n_obs_steps, net.observation) * 2 - 1
    return sample, timestep, observation


def write_graph(net: ConditionalUnet, shape: Shape, path: Path) -> None:
    """One self-contained file, every batch axis dynamic, for ONNX Runtime 1.17 and later."""
    batch = torch.export.Dim("batch")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it asks for torchvision, which nothing here needs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it remarks that the inputs share one batch axis, as they must
        program = torch.onnx.export(
            fast_form(net),
            inputs(net, shape, batch=2),
            input_names=INPUTS,
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamic_shapes={name: {0: batch} for name in INPUTS},
            verbose=False,
        )
    model = program.model_proto
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)
    # The exporter notes where in the source each node came from: of no use to anyone who only has the graph.
    for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.graph.ClearField("value_info")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def disagreement(net: nn.Module, shape: Shape, path: Path) -> float:
    """Largest difference of ONNX Runtime to PyTorch, relative to the largest prediction, over random batches."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = []
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for batch in BATCHES:
            tensors = inputs(net, shape, batch)
            feed = {name: tensor.numpy() for name, tensor in zip(INPUTS, tensors, strict=True)}
            expected, actual = net(*tensors).numpy(), session.run([OUTPUT], feed)[0]
            worst.append(np.abs(actual - expected).max() / np.abs(expected).max())
    return float(np.max(worst))


def entries(shapes: dict[str, tuple[int, ...]], low: list[float], high: list[float]) -> list[dict]:
    """The manifest's entries, each with its part of the concatenated ranges."""
    found, start = [], 0
    for name, shape in shapes.items():
        part = slice(start, start := start + prod(shape))
        normalization = {"mode": "min_max", "min": low[part], "max": high[part]}
        found.append({"name": name, "shape": list(shape), "normalization": normalization})
    return found


def manifest(trained: dict, graph: Path) -> dict:
    return {
        "schema_version": 1,
        "name": trained["task"]["name"],
        **trained["shape"],
        "observations": entries(
            trained["task"]["observations"], trained["observation"]["min"], trained["observation"]["max"]
        ),
        "actions": entries(trained["task"]["actions"], trained["action"]["min"], trained["action"]["max"]),
        "scheduler": trained["scheduler"],
        "denoiser": {
            "file": GRAPH,
            "sha256": hashlib.sha256(graph.read_bytes()).hexdigest(),
            **{name: name for name in (*INPUTS, OUTPUT)},
        },
    }


def export(weights: Path, out: Path) -> float:
    """Writes both files into `out`; returns the disagreement that was measured, `TOLERANCE` at most."""
    trained = load(weights)
    net, shape = network(trained), Shape(**trained["shape"])
    out.mkdir(parents=True, exist_ok=True)
    parts = [out / f"{name}.part" for name in (GRAPH, MANIFEST)]
    try:
        write_graph(net, shape, parts[0])
        worst = disagreement(net, shape, parts[0])
        if not worst <= TOLERANCE:
            raise ExportError(f"ONNX Runtime and PyTorch differ by {worst:.1e}, over {TOLERANCE:.0e}: nothing written")
        parts[1].write_text(json.dumps(manifest(trained, parts[0]), indent=2) + "\n")
        for part in parts:
            part.replace(part.with_suffix(""))
        return worst
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m export", description="Export trained weights for the runner.")
    parser.add_argument("weights", type=Path, help="policy-EPOCH.pt, written by `python -m train`")
    parser.add_argument("out", type=Path, help=f"folder for {GRAPH} and {MANIFEST}")
    args = parser.parse_args()
    try:
        worst = export(args.weights, args.out)
    except (ExportError, OSError) as error:
        sys.exit(f"export: {error}")
    print(f"wrote {args.out / GRAPH} and {args.out / MANIFEST}; ONNX Runtime and PyTorch agree to {worst:.1e}")


if __name__ == "__main__":
    main()
