"""Exports a network to an ONNX file, and compares it with PyTorch."""

import gc
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import onnxruntime
import torch
from onnxscript import FLOAT, opset18
from torch import Tensor, nn

from export import onnx_file
from export.errors import ExportError
from export.graph import fast_form
from export.progress import Progress, silent

# The denoiser's, then the encoder's.
INPUTS, OUTPUT = ("sample", "timestep", "observation"), "prediction"
SEEN, FEATURES = "observation", "features"
OPSET = 18
MOST_ROWS = 1 << 20


@dataclass(frozen=True)
class Network:
    """A network, random inputs for a size of batch, by name, its output's name, and sizes of batch to try it at."""

    net: nn.Module
    inputs: Callable[[int], dict[str, Tensor]]
    output: str
    batches: tuple[int, ...]


def denoiser(
    net: nn.Module, sample: tuple[int, int], observation: tuple[int, int] | None, timesteps: int | None
) -> Network:
    """A denoiser of plans `sample`, seeing `observation`: its random inputs are noise, any timestep, and normalised
    values. There is no observation where that is a part of the plan; timesteps are from 0 to 1 where none are counted.
    """

    def inputs(batch: int) -> dict[str, Tensor]:
        times = torch.rand(batch) if timesteps is None else torch.randint(timesteps, (batch,))
        tensors = [torch.randn(batch, *sample), times]
        if observation is not None:
            tensors.append(torch.rand(batch, *observation) * 2 - 1)
        return dict(zip(INPUTS, tensors, strict=False))

    return Network(net, inputs, OUTPUT, batches=(1, 7, 32))


def encoder(net: nn.Module, observation: tuple[int, int]) -> Network:
    """An encoder of `observation`: numbers as pixels are, whatever else is seen."""

    def inputs(batch: int) -> dict[str, Tensor]:
        return {SEEN: torch.rand(batch, *observation) * 255}

    return Network(net, inputs, FEATURES, batches=(1, 3))


def write(network: Network, path: Path, progress: Progress = silent) -> None:
    """One self-contained file, every batch axis dynamic, for ONNX Runtime 1.17 and later."""
    progress(f"{path.stem}: describing", 0, 1)
    try:
        with quiet():
            model, weights = exported(network)
        onnx.checker.check_model(model, full_check=True)
    except OSError:
        raise
    except Exception as error:  # PyTorch's exporter raises whatever its parts raise
        cause = first(error)
        raise ExportError(
            f"PyTorch {torch.__version__} cannot write {path.stem} as ONNX: {type(cause).__name__}: {cause}"
        ) from error
    progress(f"{path.stem}: describing", 1, 1)
    onnx_file.write(model, weights, path, progress)


def first(error: BaseException) -> BaseException:
    """What an error began with."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


@contextmanager
def quiet() -> Iterator[None]:
    """Without what PyTorch's exporter logs and warns of: that it has no need of torchvision's operators, that inputs
    share one batch axis, and, where it fails, the same several times over."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def batch_norm(
    input: FLOAT, weight: FLOAT, bias: FLOAT, running_mean: FLOAT, running_var: FLOAT, momentum: float, eps: float
) -> tuple[FLOAT, FLOAT, FLOAT]:
    """What a batch normalisation is in ONNX, its parameters named as PyTorch's; the other two values are for training.
    PyTorch 2.6 takes it to have all three in any case, which onnxscript's own translation does not expect."""
    normal = opset18.BatchNormalization(input, weight, bias, running_mean, running_var, epsilon=eps)
    first = normal[0] if isinstance(normal, tuple) else normal
    return first, opset18.Identity(running_mean), opset18.Identity(running_var)


def exported(network: Network) -> tuple[onnx.ModelProto, list[onnx_file.Weight]]:
    """The network as PyTorch's exporter has it, without what is of no use; and its large weights, which are its last
    inputs."""
    # Without an end, PyTorch 2.6 finds that a batch could be as long as a slice without an end.
    batch = torch.export.Dim("batch", max=MOST_ROWS)
    inputs = network.inputs(2)
    program = torch.onnx.export(
        fast_form(network.net),
        tuple(inputs.values()),
        input_names=list(inputs),
        output_names=[network.output],
        opset_version=OPSET,
        dynamo=True,
        dynamic_shapes=tuple({0: batch} for _ in inputs),
        custom_translation_table={torch.ops.aten._native_batch_norm_legit_no_training.default: batch_norm},
        verbose=False,
    )
    weights = onnx_file.taken(program.model)
    model = onnx_ir.to_proto(program.model)
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)
    # The exporter notes where in the source each node came from: useless without the source.
    for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.graph.ClearField("value_info")
    for node in model.graph.node:
        if node.op_type == "BatchNormalization":
            del node.output[1:]
    return model, weights


def disagreement(network: Network, path: Path, progress: Progress = silent) -> float:
    """Largest difference of ONNX Runtime to PyTorch, relative to the largest output, over random batches.

    The network gives up its weights, which would be in memory twice."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        given = [network.inputs(batch) for batch in network.batches]
        expected = [network.net(*inputs.values()).numpy() for inputs in given]
    network.net.to("meta")
    # What PyTorch's exporter has left holds itself, and the weights.
    gc.collect()
    session, worst = opened(path), []
    for inputs, theirs in zip(given, expected, strict=True):
        progress(f"{path.stem}: comparing", len(worst), len(given))
        ours = session.run([network.output], {name: tensor.numpy() for name, tensor in inputs.items()})[0]
        worst.append(np.abs(ours - theirs).max() / np.abs(theirs).max())
    progress(f"{path.stem}: comparing", len(given), len(given))
    return float(np.max(worst))


def opened(path: Path) -> onnxruntime.InferenceSession:
    """The file in ONNX Runtime, which maps its large weights and keeps no others."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.parent))
    return onnxruntime.InferenceSession(onnx_file.outline(path), options, providers=["CPUExecutionProvider"])
