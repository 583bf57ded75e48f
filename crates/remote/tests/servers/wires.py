"""What a request of a denoiser takes by REST and by gRPC: `python wires.py FOLDER PORT [--requests 300]`.

Asks the server that `triton.py FOLDER PORT` has started, by both of Triton's own clients in turn, with one row and with
sixteen. Prints medians and 90th percentiles. Needs `tritonclient[all]` besides `triton_requirements.txt`.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import tritonclient.grpc
import tritonclient.http
from model import Denoiser

MODEL = "pusht"


def requested(wire, denoiser: Denoiser, rows: int) -> list:
    """Inputs of a request of so many rows, as this wire's client has them."""
    random, names = np.random.default_rng(0), denoiser.names
    arrays = {
        names[role]: random.normal(size=(rows, *denoiser.shape(names[role]))).astype(np.float32)
        for role in ("sample", "observation")
    }
    arrays[names["timestep"]] = np.full((rows, 1), 50, np.int64 if denoiser.whole else np.float32)
    inputs = []
    for name, array in arrays.items():
        tensor = wire.InferInput(name, array.shape, "INT64" if array.dtype == np.int64 else "FP32")
        tensor.set_data_from_numpy(array)
        inputs.append(tensor)
    return inputs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--requests", type=int, default=300)
    arguments = parser.parse_args()
    denoiser = Denoiser(arguments.folder)
    wires = {
        "REST": (tritonclient.http, tritonclient.http.InferenceServerClient(f"127.0.0.1:{arguments.port}")),
        "gRPC": (tritonclient.grpc, tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{arguments.port + 1}")),
    }
    for rows in (1, 16):
        inputs = {name: requested(wire, denoiser, rows) for name, (wire, _) in wires.items()}
        took, answers = {name: [] for name in wires}, {}
        for number in range(arguments.requests + 10):
            for name, (_, client) in wires.items():
                begun = time.perf_counter()
                answer = client.infer(MODEL, inputs[name])
                if number >= 10:
                    took[name].append(1e3 * (time.perf_counter() - begun))
                answers[name] = answer.as_numpy(denoiser.names["prediction"])
        assert np.array_equal(answers["REST"], answers["gRPC"])
        for name, times in took.items():
            p50, p90 = np.percentile(times, [50, 90])
            print(f"{rows} rows by {name}: p50 {p50:.2f} ms, p90 {p90:.2f} ms", flush=True)


if __name__ == "__main__":
    main()
