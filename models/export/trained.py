"""Policies of `models/training`: `policy-EPOCH.pt`."""

from math import prod
from pathlib import Path

from torch import Tensor

from export import pickles, rigid, scheduler, weights
from export.encoder import LONGEST_SIDE, Encoder
from export.fields import Fields
from export.policy import Entry, ExportError, Policy, Shape, finite, identity, min_max
from export.unet import ConditionalUnet

WANTED = {"weights", "widths", "task", "shape", "scheduler", "observation", "action"}
# How it was trained.
IRRELEVANT = {"recipe", "epoch", "training_seconds"}
SIGHT = {"weights", "size", "table", "widths"}
# Axes of an image: height, width, channel.
IMAGE = 3
DAMAGED = (KeyError, TypeError, ValueError, RuntimeError, AttributeError, LookupError, ArithmeticError)


def load(path: Path) -> Policy:
    """What `python -m training.train` wrote, or `training.image`, whose encoder is beside the denoiser."""
    try:
        trained = pickles.load(path)
    except ExportError as error:
        raise ExportError(f"{path}: not weights written by `python -m training.train` ({error})") from error
    if not isinstance(trained, dict) or not trained.keys() >= WANTED:
        raise ExportError(f"{path}: no weights in it; export a policy-EPOCH.pt, not the checkpoint")
    try:
        return built(Fields(path, dict(trained)).known(WANTED | IRRELEVANT, {"sight": None}), path)
    except (ExportError, *DAMAGED) as error:
        said = error if isinstance(error, ExportError) else repr(error)
        raise ExportError(f"{path}: not what `python -m training.train` wrote ({said})") from error


def built(fields: Fields, path: Path) -> Policy:
    """The policy of what is in the file."""
    shape, task = Shape(**fields.table("shape")), fields.under("task")
    task = task.known({"name", "observations", "actions"}, {"units": {}})
    units = task.table("units")
    seen, done = (entries(task.table(f"{name}s"), fields.under(name), units) for name in ("observation", "action"))
    numbers = sum(entry.length for entry in seen if len(entry.shape) != IMAGE)
    sight = None if fields.get("sight") is None else seeing(fields.under("sight").known(SIGHT, {}), numbers)
    action, widths = sum(entry.length for entry in done), fields.counts("widths")
    condition = shape.n_obs_steps * (sight.features if sight else numbers)

    def build() -> ConditionalUnet:
        return ConditionalUnet(action, condition, widths)

    return Policy(
        name=str(task.get("name")),
        shape=shape,
        observations=seen,
        actions=done,
        scheduler=scheduler.trained(fields.under("scheduler")),
        denoiser=weights.fitted(build, tensors(fields), (), f"{path}: "),
        encoder=sight,
    )


def seeing(fields: Fields, numbers: int) -> Encoder:
    """The encoder of an image, then `numbers` numbers."""
    for name in sorted(SIGHT):
        fields.get(name)
    found = tensors(fields)
    if max(fields.counts("size", 2)) > LONGEST_SIDE or len(found.get("body", ())) > LONGEST_SIDE:
        raise fields.refuse("size", "or the body's keypoints are too many")
    fields.counts("widths", 3)
    net = weights.fitted(lambda: rigid.blank(fields.values), found, (), f"{fields.where}: ")
    return rigid.encoder(net, after=numbers).eval()


def tensors(fields: Fields) -> dict[str, Tensor]:
    """The table of tensors `weights`."""
    found = fields.table("weights")
    if not all(isinstance(name, str) and isinstance(weight, Tensor) for name, weight in found.items()):
        raise fields.refuse("weights", "is no table of tensors")
    return dict(found)


def entries(shapes: dict[str, tuple[int, ...]], ranges: Fields, units: dict[str, str]) -> list[Entry]:
    """The entries, each with its part of the concatenated ranges; images, which the encoder normalises, have none."""
    found, start = [], 0
    sizes = Fields(ranges.where, shapes)
    low, high = (finite(f"{ranges.where}: {name}", ranges.get(name)) for name in ("min", "max"))
    for name in shapes:
        shape = sizes.counts(name)
        if len(shape) == IMAGE:
            found.append(Entry(name, shape, identity()))
            continue
        part = slice(start, start := start + prod(shape))
        found.append(Entry(name, shape, min_max(low[part], high[part]), units.get(name)))
    if not start == len(low) == len(high):
        raise ranges.refuse("min", f"and max have {len(low)} and {len(high)} numbers, not {start}")
    return found
