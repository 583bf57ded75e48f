"""Weights of other implementations, under our names and in our shapes."""

import re

from torch import Tensor, nn

from export.policy import ExportError

# The U-Net of Diffusion Policy and of LeRobot, which took over its names: theirs, ours.
UNET = (
    (r"diffusion_step_encoder\.", "step."),
    (r"down_modules\.", "down."),
    (r"mid_modules\.", "middle."),
    (r"up_modules\.", "up."),
    (r"final_conv\.0\.block\.", "head.0."),
    (r"final_conv\.1\.", "head.1."),
    (r"(\.conv1|\.blocks\.0)\.block\.", ".first."),
    (r"(\.conv2|\.blocks\.1)\.block\.", ".second."),
    (r"\.cond_encoder\.", ".film."),
    (r"\.residual_conv\.", ".shortcut."),
)


def under(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}


def load(net: nn.Module, weights: dict[str, Tensor], names: tuple[tuple[str, str], ...], where: str) -> None:
    """Loads the weights under the names that `names` makes of theirs, in f32; every one must have its place.

    A 1-D convolution's become a 2-D one's of height 1. `where` names the file and what all names begin
    with, for errors.
    """
    wanted, found = net.state_dict(), {}
    for theirs, weight in weights.items():
        ours = theirs
        for pattern, name in names:
            ours = re.sub(pattern, name, ours)
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
