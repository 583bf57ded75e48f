"""`DiffusionUnetHybridImagePolicy`, `DiffusionTransformerHybridImagePolicy`: robomimic encodes."""

from torch import Tensor

from export.diffusion_policy import common, image, robomimic, transformer
from export.fields import Fields
from export.policy import Policy

NAMES = {"shape_meta", *common.SHARED}
UNET = {
    "obs_as_global_cond": True,
    "diffusion_step_embed_dim": 256,
    "down_dims": [256, 512, 1024],
    "kernel_size": 5,
    "n_groups": 8,
    "cond_predict_scale": True,
}
# Only training drops anything out.
TRANSFORMER = {
    "obs_as_cond": True,
    "n_layer": 8,
    "n_cond_layers": 0,
    "n_head": 4,
    "n_emb": 256,
    "p_drop_emb": 0.0,
    "p_drop_attn": 0.3,
    "causal_attn": True,
    "time_as_cond": True,
}


def unet(cfg: Fields, fields: Fields, weights: dict[str, Tensor]) -> Policy:
    """The policy that `cfg` and its part `fields` describe, with these weights."""
    fields = fields.known(NAMES, common.DEFAULTS | robomimic.DEFAULTS | UNET)
    observations, eyes = robomimic.encoder(fields, weights)
    net = image.network(fields, eyes.features, weights)
    return image.assembled(cfg, fields, weights, observations, eyes, net, not fields.flag("obs_as_global_cond"))


def of_transformer(cfg: Fields, fields: Fields, weights: dict[str, Tensor]) -> Policy:
    """The same of the transformer."""
    fields = fields.known(NAMES, common.DEFAULTS | robomimic.DEFAULTS | TRANSFORMER)
    observations, eyes = robomimic.encoder(fields, weights)
    conditioned = fields.flag("obs_as_cond")
    net = transformer.described(fields, common.shape(fields), image.action(fields), eyes.features, conditioned, weights)
    return image.assembled(cfg, fields, weights, observations, eyes, net, not conditioned)
