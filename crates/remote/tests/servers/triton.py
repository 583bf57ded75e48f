"""Serves a policy's denoiser by Triton: `python triton.py FOLDER PORT`."""

import sys
from pathlib import Path

import numpy as np
from model import Array, Denoiser
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig


def main(folder: Path, port: int) -> None:
    """Runs until it is interrupted."""
    denoiser = Denoiser(folder)
    names = denoiser.names

    @batch
    def infer(**inputs: Array) -> dict[str, Array]:
        return {names["prediction"]: denoiser.predict(inputs)}

    def tensor(name: str) -> Tensor:
        is_timestep = name == names["timestep"]
        # A scalar is an axis of one there.
        shape = (1,) if is_timestep else denoiser.shape(name)
        return Tensor(name=name, dtype=np.int64 if is_timestep and denoiser.whole else np.float32, shape=shape)

    config = TritonConfig(
        http_address="127.0.0.1",
        http_port=port,
        grpc_port=port + 1,
        metrics_port=port + 2,
        allow_metrics=False,
    )
    with Triton(config=config) as triton:
        triton.bind(
            model_name="pusht",
            infer_func=infer,
            inputs=[tensor(names[role]) for role in ("sample", "timestep", "observation")],
            outputs=[tensor(names["prediction"])],
            # As many as there are steps: a window is one batch.
            config=ModelConfig(max_batch_size=128),
        )
        triton.serve()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
