"""Times the engine's encoder beside PyTorch's and ONNX Runtime's, in turn, on frames of a ResNet.

    python benches/encoder.py ENGINE [--backbone resnet18] [--size 96 96] [--norm group] [--threads 2] [--rounds 60]

ENGINE is the program of `cargo bench -p parapolicy-engine --bench encoder --no-run`. Weights are random. It needs what
models/export/requirements.txt lists.
"""

import argparse
import logging
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[3] / "models"))

from export.encoder import Encoder, ImageEncoder, Looks
from export.graph import fast_form


def network(backbone: str, size: tuple[int, int], norm: str) -> nn.Module:
    """Diffusion Policy's encoder of one camera and two numbers, or LeRobot's."""
    torch.manual_seed(0)
    eye = ImageEncoder(backbone, norm == "group", Looks(size, None, None), 32 if norm == "batch" else None)
    for module in eye.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
    if eye.pool:
        eye.pool.pos_grid.uniform_(-1, 1)
    return Encoder(0, 2, [eye], torch.full((1, 3), 2.0), torch.full((1, 3), -1.0)).eval()


def exported(net: nn.Module, steps: int, dim: int, path: Path) -> None:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    names = {"input_names": ["observation"], "output_names": ["features"], "verbose": False}
    shapes = ({0: torch.export.Dim("batch")},)
    program = torch.onnx.export(
        fast_form(net), (torch.rand(2, steps, dim),), opset_version=18, dynamic_shapes=shapes, **names
    )
    onnx.save(program.model_proto, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine")
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--size", type=int, nargs=2, default=(96, 96))
    parser.add_argument("--norm", choices=("group", "batch"), default="group")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    net, dim = network(args.backbone, tuple(args.size), args.norm), 3 * args.size[0] * args.size[1] + 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        exported(net, 1, dim, path)
        frame = torch.randint(0, 256, (1, 1, dim)).float()
        frame.numpy().tofile(f"{path}.f32")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = args.threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        command = [args.engine, "--bench", str(path), str(args.threads)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as engine:

            def ours() -> float:
                engine.stdin.write("1\n")
                engine.stdin.flush()
                return float(engine.stdout.readline()) / 1e3

            def timed(run) -> float:
                began = time.perf_counter()
                run()
                return (time.perf_counter() - began) * 1e3

            def theirs() -> float:
                with torch.inference_mode():
                    return timed(lambda: net(frame))

            def runtime() -> float:
                return timed(lambda: session.run(["features"], {"observation": frame.numpy()}))

            ways = {"engine": ours, "PyTorch": theirs, "ONNX Runtime": runtime}
            times = {name: [] for name in ways}
            for turn in range(args.rounds + 10):
                for name, way in ways.items():
                    time.sleep(0.25)  # threads of the others stop spinning: theirs do for some hundred milliseconds
                    took = way()
                    if turn >= 10:
                        times[name].append(took)
            engine.stdin.close()
        found = np.fromfile(f"{path}.features.f32", dtype=np.float32)
        [expected] = session.run(["features"], {"observation": frame.numpy()})
    for name, took in times.items():
        low, middle, high = np.percentile(took, (10, 50, 90))
        print(f"{name:>12}: {middle:7.2f} ms  ({low:.2f} to {high:.2f}; 10th and 90th percentile)")
    # Without the two numbers that pass through.
    found, expected = found[:-2], expected.ravel()[:-2]
    print(f"largest difference: {np.abs(found - expected).max() / np.abs(expected).max():.1e} of the largest feature")


if __name__ == "__main__":
    main()
