"""LeRobot's DiffusionPolicy and MultiTaskDiTPolicy: a folder with `config.json`, `model.safetensors` and statistics.

These lie in files of the pre- and post-processor, or, in older checkpoints, among the weights.
"""

from pathlib import Path

from export.lerobot import config, images, multi_task, network, statistics
from export.policy import ExportError, Policy
from export.reading import read_tensors


def load(folder: Path, tasks: tuple[str, ...] = ()) -> Policy:
    """The policy in the folder, for these tasks where it is told any: `NAME=INSTRUCTION`, or an instruction alone.

    Raises `ExportError` with the file and the field, or the tensor, that is missing, unknown or of the wrong shape.
    """
    fields, weights = config.read(folder / "config.json"), folder / "model.safetensors"
    if fields.get("type") == "multi_task_dit":
        return multi_task.policy(folder, fields, read_tensors(weights), tasks)
    if tasks:
        raise ExportError(f"{folder}: a policy of type diffusion is told no task: leave --task out")
    fields = config.known(fields, config.READ, config.IRRELEVANT, config.ABSENT)
    tensors = read_tensors(weights)
    normalised, unnormalised = statistics.read(folder, fields, tensors)
    eyes = images.encoder(weights, fields, tensors, normalised)
    seen = config.observations(fields)
    state = normalised.entry(config.STATE, seen[config.STATE])
    return Policy(
        name=folder.resolve().name,
        shape=config.shape(fields),
        observations=normalised.entries(seen),
        actions=[unnormalised.action(config.action(fields), state)],
        scheduler=config.scheduler(fields),
        denoiser=network.denoiser(weights, fields, tensors, eyes),
        encoder=eyes,
        drawn=config.drawn(fields),
    )
