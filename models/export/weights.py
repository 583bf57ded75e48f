"""Weights of other implementations, under our names and in our shapes."""

import re
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from export.policy import ExportError

# Numbers of a weight that costs nothing to copy.
SMALL = 1 << 12


class Unallocated(TorchFunctionMode):
    """What is made here and has no numbers yet, such as a layer's weights, has a shape alone: others take its place."""

    def __torch_function__(self, function: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None):
        if function is torch.empty:
            return function(*args, **{**(kwargs or {}), "device": "meta"})
        return function(*args, **(kwargs or {}))


def under(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}


def none_but(prefixes: tuple[str, ...], weights: dict[str, Tensor], where: str) -> None:
    """Refuses weights that begin with none of these: another network may change what the policy does."""
    for name in weights:
        if not name.startswith(prefixes):
            raise ExportError(f"{where}: {name} has no place in the network that the configuration describes")


def renamed(theirs: str, names: tuple[tuple[str, str], ...]) -> str:
    """The name that `names`, pairs of a pattern and what takes its place, make of theirs."""
    for pattern, name in names:
        theirs = re.sub(pattern, name, theirs)
    return theirs


def fitted(
    build: Callable[[], nn.Module], weights: dict[str, Tensor], names: tuple[tuple[str, str], ...], where: str
) -> nn.Module:
    """What `build` makes, with these weights under the names that `names` makes of theirs, in f32; every one must have
    its place. It is in evaluation mode.

    A 1-D convolution's become a 2-D one's of height 1. `where` names the file and what all names begin
    with, for errors. Nothing is allocated that the weights do not have: `build` makes shapes first, and the network has
    the very weights where they are in f32, mapped from their file maybe.
    """
    try:
        with torch.device("meta"):
            wanted = build().state_dict()
    except (RuntimeError, ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise ExportError(f"{where}: there is no network as the configuration describes it ({error})") from error
    found = {}
    for theirs, weight in weights.items():
        ours = renamed(theirs, names)
        if ours not in wanted:
            raise ExportError(f"{where}{theirs} has no place in the network that the configuration describes")
        found[ours] = converted(weight, wanted[ours], f"{where}{theirs}")
    missing = len(wanted.keys() - found.keys())
    if missing:
        raise ExportError(f"{where}: {missing} of {len(wanted)} weights are missing that the configuration asks for")
    if len(found) != len(weights):
        raise ExportError(f"{where}: two weights have one name")
    with Unallocated():
        net = build()
    net.load_state_dict(found, assign=True)
    return net.eval()


def converted(weight: Tensor, wanted: Tensor, where: str) -> Tensor:
    """A weight in the shape that is wanted, and finite."""
    shape = list(wanted.shape)
    if weight.dim() == 3 and len(shape) == 4 and shape[2] == 1:
        del shape[2]
    if list(weight.shape) != shape:
        raise ExportError(f"{where} has shape {list(weight.shape)}, the configuration asks for {shape}")
    if wanted.is_floating_point() and not weight.is_floating_point():
        raise ExportError(f"{where} has numbers of type {weight.dtype}, not floating-point ones")
    if not weight.float().isfinite().all():
        raise ExportError(f"{where} has numbers that are not finite")
    # Of a small one the numbers are copied: whoever keeps it would keep all of a file that is mapped.
    return weight.to(torch.float32, copy=weight.numel() < SMALL).reshape(wanted.shape)
