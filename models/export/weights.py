"""Weights of other implementations, under our names and in our shapes."""

import re

from torch import Tensor, nn

from export.policy import ExportError


def under(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}


def renamed(theirs: str, names: tuple[tuple[str, str], ...]) -> str:
    """The name that `names`, pairs of a pattern and what takes its place, make of theirs."""
    for pattern, name in names:
        theirs = re.sub(pattern, name, theirs)
    return theirs


def load(net: nn.Module, weights: dict[str, Tensor], names: tuple[tuple[str, str], ...], where: str) -> None:
    """Loads the weights under the names that `names` makes of theirs, in f32; every one must have its place.

    A 1-D convolution's become a 2-D one's of height 1. `where` names the file and what all names begin
    with, for errors.
    """
    wanted, found = net.state_dict(), {}
    for theirs, weight in weights.items():
        ours = renamed(theirs, names)
        if ours not in wanted:
            raise ExportError(f"{where}{theirs} has no place in the network that the configuration describes")
        shape = list(wanted[ours].shape)
        if weight.dim() == 3 and len(shape) == 4 and shape[2] == 1:
            del shape[2]
        if list(weight.shape) != shape:
            raise ExportError(f"{where}{theirs} has shape {list(weight.shape)}, the configuration asks for {shape}")
        found[ours] = weight.float().reshape(wanted[ours].shape)
    missing = len(wanted.keys() - found.keys())
    if missing:
        raise ExportError(f"{where}: {missing} of {len(wanted)} weights are missing that the configuration asks for")
    net.load_state_dict(found)
