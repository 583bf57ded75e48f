"""Serves a policy's denoiser by KServe: `python kserve_model.py FOLDER PORT`."""

import sys
from pathlib import Path

import uvicorn
from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelServer
from model import Denoiser


class Served(Model):
    """The denoiser as a model of KServe's server."""

    def __init__(self, folder: Path) -> None:
        super().__init__("pusht")
        self.denoiser = Denoiser(folder)
        self.ready = True

    def predict(self, request: InferRequest, *_: object) -> InferResponse:
        """One batch."""
        inputs: list[InferInput] = request.inputs
        prediction = self.denoiser.predict({tensor.name: tensor.as_numpy() for tensor in inputs})
        output = InferOutput(self.denoiser.names["prediction"], list(prediction.shape), "FP32")
        output.set_data_from_numpy(prediction, binary_data=bool(request.request_outputs))
        return InferResponse(response_id=request.id, model_name=self.name, infer_outputs=[output])


if __name__ == "__main__":
    listen = uvicorn.Config
    # It would listen on every address.
    uvicorn.Config = lambda *args, **options: listen(*args, **{**options, "host": "127.0.0.1"})
    ModelServer(http_port=int(sys.argv[2]), enable_grpc=False).start([Served(Path(sys.argv[1]))])
