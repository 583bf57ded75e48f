"""LeRobot's DiffusionPolicy: a folder with `config.json`, `model.safetensors` and the statistics.

The statistics lie in files of the pre- and post-processor, or, in older checkpoints, among the weights.
"""

from pathlib import Path

from export.lerobot import config, images, network, statistics
from export.policy import Entry, Policy, identity
from export.reading import read_tensors


def load(folder: Path) -> Policy:
    """The policy in the folder.

    Raises `ExportError` with the file and the field, or the tensor, that is missing, unknown or of the wrong shape.
    """
    fields = config.read(folder / "config.json")
    weights = folder / "model.safetensors"
    tensors = read_tensors(weights)
    normalised, unnormalised = statistics.read(folder, fields, tensors)
    eyes = images.encoder(weights, fields, tensors, normalised)
    return Policy(
        name=folder.resolve().name,
        shape=config.shape(fields),
        observations=[entry(normalised, name, feature) for name, feature in config.observations(fields).items()],
        actions=[entry(unnormalised, config.ACTION, config.action(fields))],
        scheduler=config.scheduler(fields),
        denoiser=network.denoiser(weights, fields, tensors, eyes),
        encoder=eyes,
        drawn=config.drawn(fields),
    )


def entry(normalised: statistics.Statistics, name: str, feature: config.Feature) -> Entry:
    """The manifest's entry; images are normalised by the encoder."""
    if feature.type == "VISUAL":
        channels, height, width = feature.shape
        return Entry(normalised.raw_name(name), (height, width, channels), identity())
    return Entry(normalised.raw_name(name), feature.shape, normalised.of(name, feature))
