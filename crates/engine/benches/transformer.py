"""Processor time of the engine and of ONNX Runtime, in turn, for a diffusion transformer as LeRobot's `multi_task_dit` has it.

    python benches/transformer.py ENGINE... [--horizon 16] [--width 512] [--added] [--threads 1] [--rows 1 4 12 24] [--rounds 9]

Each ENGINE is a program of `cargo bench -p parapolicy-engine --bench transformer --no-run`: one, or several commits'. Weights
are random. It needs what models/export/requirements.txt lists, and Linux.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[3] / "models"))

from export import graph_file
from export.dit import MultiTaskDit

ACTION, OBSERVATION = 6, (2, 40)
EVALUATIONS = 5


def network(horizon: int, width: int, added: bool) -> nn.Module:
    """Six layers of eight heads; positions turn queries and keys, or are added."""
    torch.manual_seed(0)
    base = None if added else 10000.0
    net = MultiTaskDit(ACTION, OBSERVATION[0] * OBSERVATION[1], horizon, width, 8, 6, 256, added, base)
    for parameter in net.parameters():
        if parameter.ndim != 2:  # some are zero to begin with
            nn.init.normal_(parameter, 0, 0.1)
    return net.eval()


def processor_time(process: int) -> float:
    """Milliseconds of all threads of a process: the number of its clock is in clock_getcpuclockid(3)."""
    return time.clock_gettime(~process << 3 | 2) * 1e3


def taken(run: Callable[[], None], process: int) -> float:
    """Milliseconds of an evaluation."""
    time.sleep(0.2)  # threads of the others stop spinning
    run()  # what another turn took from the caches is there again
    began = processor_time(process)
    run()
    return (processor_time(process) - began) / EVALUATIONS


class Engine:
    def __init__(self, program: str, graph: Path, threads: int):
        command = [program, "--bench", str(graph), str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.graph = graph

    def run(self, rows: int, evaluations: int = EVALUATIONS) -> None:
        self.process.stdin.write(f"{rows} {evaluations}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def prediction(self, rows: int) -> np.ndarray:
        self.run(rows, 1)
        return np.fromfile(f"{self.graph}.prediction.f32", dtype=np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engines", nargs="+", metavar="ENGINE")
    parser.add_argument("--horizon", type=int, default=16)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--added", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 4, 12, 24])
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()

    shape = (args.horizon, ACTION)
    net = graph_file.denoiser(network(args.horizon, args.width, args.added), shape, OBSERVATION, 100)
    inputs = {name: tensor.numpy() for name, tensor in net.inputs(max(args.rows)).items()}
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "denoiser.onnx"
        with torch.no_grad():
            graph_file.write(net, graph)
        for name, numbers in inputs.items():
            numbers.astype(np.float32).tofile(f"{graph}.{name}.f32")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = args.threads
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        engines = [Engine(program, graph, args.threads) for program in args.engines]
        for rows in args.rows:
            given = {name: numbers[:rows] for name, numbers in inputs.items()}

            def theirs(given: dict = given) -> None:
                for _ in range(EVALUATIONS):
                    session.run(None, given)

            [expected] = session.run(None, given)
            found = [engine.prediction(rows) for engine in engines]
            times = []
            for _ in range(args.rounds):
                turn = [taken(lambda engine=engine: engine.run(rows), engine.process.pid) for engine in engines]
                times.append([*turn, taken(theirs, os.getpid())])
            times = np.array(times)
            print(f"{rows} rows: ONNX Runtime {np.median(times[:, -1]):.2f} ms")
            for column, prediction in enumerate(found):
                low, middle, high = np.percentile(times[:, column] / times[:, -1], (25, 50, 75))
                off = np.linalg.norm(prediction - expected.ravel()) / np.linalg.norm(expected)
                print(f"  engine {column + 1}: {np.median(times[:, column]):.2f} ms", end=", ")
                print(f"{middle:.2f} of it (quartiles {low:.2f} and {high:.2f}); differs by {off:.0e} of the norm")


if __name__ == "__main__":
    main()
