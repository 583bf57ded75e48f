"""The denoiser of a policy's folder by ONNX Runtime, for servers."""

import json
from pathlib import Path

import numpy as np
import onnxruntime

Array = np.ndarray


class Denoiser:
    """A graph, run on one thread."""

    def __init__(self, folder: Path) -> None:
        self.names = json.loads((folder / "policy.json").read_text())["denoiser"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(folder / self.names["file"], options)
        self.whole = next(
            tensor.type == "tensor(int64)"
            for tensor in self.session.get_inputs()
            if tensor.name == self.names["timestep"]
        )

    def shape(self, name: str) -> tuple[int, ...]:
        """The sizes of an input or the output after the batch."""
        tensors = [*self.session.get_inputs(), *self.session.get_outputs()]
        return tuple(next(tensor.shape[1:] for tensor in tensors if tensor.name == name))

    def predict(self, inputs: dict[str, Array]) -> Array:
        """Timesteps may be `[batch, 1]`."""
        timestep = self.names["timestep"]
        inputs = {**inputs, timestep: inputs[timestep].reshape(-1)}
        return self.session.run([self.names["prediction"]], inputs)[0]
