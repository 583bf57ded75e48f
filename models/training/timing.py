"""Compares graphs on this machine: `python -m training.timing A.onnx B.onnx ...`.

Runs them in turn on one thread, so that whatever else the machine does falls on all alike, and counts that thread's
processor time: median per batch, and the ratio to the first graph.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import onnxruntime

BATCHES = (1, 8, 16, 32)
ROUNDS = 50


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def milliseconds(sessions: list[onnxruntime.InferenceSession], batch: int) -> np.ndarray:
    """Median time of each session at this batch size, the graphs taking turns."""
    random = np.random.default_rng(0)
    feed = {
        "sample": random.standard_normal((batch, 16, 2), np.float32),
        "timestep": random.integers(0, 100, batch),
        "observation": random.uniform(-1, 1, (batch, 2, 20)).astype(np.float32),
    }
    times = np.empty((ROUNDS, len(sessions)))
    for row in times:
        for column, graph in enumerate(sessions):
            started = time.thread_time()
            graph.run(None, feed)
            row[column] = (time.thread_time() - started) * 1e3
    return np.median(times, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.timing", description="Compare graphs of the same policy.")
    parser.add_argument("graphs", type=Path, nargs="+")
    paths = parser.parse_args().graphs
    sessions = [session(path) for path in paths]
    for batch in BATCHES:
        times = milliseconds(sessions, batch)
        for path, taken in zip(paths, times, strict=True):
            print(f"batch {batch:2}  {taken:7.2f} ms  {taken / times[0]:5.2f}  {path}")


if __name__ == "__main__":
    main()
