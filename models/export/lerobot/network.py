"""The U-Net, under our names."""

from pathlib import Path

from torch import Tensor

from export import weights
from export.encoder import Encoder
from export.fields import Fields
from export.lerobot import config, images, statistics
from export.policy import ExportError
from export.unet import ConditionalUnet

PREFIX = "diffusion.unet."
# What `torch.compile` puts before the names of a network that was saved compiled.
COMPILED = "_orig_mod."


def denoiser(path: Path, fields: Fields, tensors: dict[str, Tensor], eyes: Encoder | None) -> ConditionalUnet:
    """The network that `config.json` describes, with the weights of `path`; of images it sees features."""
    kernel, embedding = fields.count("kernel_size"), fields.count("diffusion_step_embed_dim")
    if kernel % 2 == 0:
        raise fields.refuse("kernel_size", f"is {kernel}, but must be odd")
    if embedding % 2 or embedding < 4:
        raise fields.refuse("diffusion_step_embed_dim", f"is {embedding}, but must be even, at least 4")
    widths, groups, shape = fields.counts("down_dims"), fields.count("n_groups"), config.shape(fields)
    if any(width % groups for width in widths) or widths[0] % 8:
        raise fields.refuse(
            "down_dims", f"are {list(widths)}, but must be multiples of n_groups, the first one of 8 too"
        )
    if shape.horizon % 2 ** (len(widths) - 1):
        raise fields.refuse("horizon", f"is {shape.horizon}, but must be halved {len(widths) - 1} times without a rest")
    seen = eyes.features if eyes else sum(feature.shape[0] for feature in config.observations(fields).values())
    net = ConditionalUnet(
        action=config.action(fields).shape[0],
        condition=shape.n_obs_steps * seen,
        widths=widths,
        step_embedding=embedding,
        kernel=kernel,
        groups=groups,
        scaled=fields.flag("use_film_scale_modulation"),
    )
    others = (*statistics.OLD, *((images.PREFIX,) if eyes else ()))
    stray = next((name for name in tensors if not name.startswith((PREFIX, *others))), None)
    if stray:
        raise ExportError(f"{path}: {stray} has no place in the network that config.json describes")
    unet = {name.removeprefix(COMPILED): tensor for name, tensor in weights.under(PREFIX, tensors).items()}
    weights.load(net, unet, weights.UNET, f"{path}: {PREFIX}")
    return net.eval()
