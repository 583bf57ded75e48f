"""The U-Net, its weights renamed to this project's names."""

from pathlib import Path

from torch import Tensor

from export import weights
from export.encoder import Encoder
from export.fields import Fields
from export.lerobot import config, images, statistics
from export.published_unet import described
from export.unet import ConditionalUnet

PREFIX = "diffusion.unet."
# What `torch.compile` puts before the names of a network that was saved compiled.
COMPILED = "_orig_mod."


def denoiser(path: Path, fields: Fields, tensors: dict[str, Tensor], eyes: Encoder | None) -> ConditionalUnet:
    """The network that `config.json` describes, with the weights of `path`; of images it sees features."""
    others = (*statistics.OLD, *((images.PREFIX,) if eyes else ()))
    weights.none_but((PREFIX, *others), tensors, str(path))
    shape, action = config.shape(fields), config.action(fields).shape[0]
    seen = eyes.features if eyes else sum(feature.shape[0] for feature in config.observations(fields).values())
    unet = {name.removeprefix(COMPILED): tensor for name, tensor in weights.under(PREFIX, tensors).items()}
    condition, where = shape.n_obs_steps * seen, f"{path}: {PREFIX}"
    return described(fields, "use_film_scale_modulation", shape.horizon, action, condition, unet, where)
