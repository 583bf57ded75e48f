"""LeRobot's DiffusionPolicy: a folder with `config.json`, `model.safetensors` and the statistics.

The statistics lie in files of the pre- and post-processor, or, in older checkpoints, among the weights.
"""

from pathlib import Path

from export.lerobot import config, network, statistics
from export.lerobot.files import read_tensors
from export.policy import Entry, Policy


def load(folder: Path) -> Policy:
    """The policy in the folder.

    Raises `ExportError` with the file and the field, or the tensor, that is missing, unknown or of the wrong shape.
    """
    fields = config.read(folder / "config.json")
    tensors = read_tensors(folder / "model.safetensors")
    shape = config.shape(fields)
    observations, action = config.observations(fields), config.action(fields)
    normalised, unnormalised = statistics.read(folder, fields, tensors)
    return Policy(
        name=folder.resolve().name,
        shape=shape,
        observations=[Entry(normalised.raw_name(name), *normalised.of(name, f)) for name, f in observations.items()],
        actions=[Entry(config.ACTION, *unnormalised.of(config.ACTION, action))],
        scheduler=config.scheduler(fields),
        denoiser=network.denoiser(folder / "model.safetensors", fields, tensors),
        drawn=config.drawn(fields),
    )
