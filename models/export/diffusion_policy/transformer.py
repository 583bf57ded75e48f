"""`DiffusionTransformerLowdimPolicy`: the transformer, its observations numbers."""

from torch import Tensor

from export.diffusion_policy import common, payload
from export.fields import Fields
from export.policy import Policy, Shape
from export.transformer import DiffusionTransformer
from export.weights import load, under

DEFAULTS = {"obs_as_cond": False, **common.DEFAULTS}
NAMES = {"model", "obs_dim", "action_dim", *common.SHARED}
# Only training drops anything out.
MODEL_NAMES = {"_target_", "input_dim", "output_dim", "horizon", "cond_dim", "obs_as_cond", "p_drop_emb", "p_drop_attn"}
MODEL_DEFAULTS = {
    "n_obs_steps": None,
    "n_layer": 12,
    "n_head": 12,
    "n_emb": 768,
    "causal_attn": False,
    "time_as_cond": True,
    "n_cond_layers": 0,
}
# Buffers, which follow from the fields.
MASKS = ("mask", "memory_mask")


def policy(cfg: Fields, fields: Fields, weights: dict[str, Tensor]) -> Policy:
    """The policy that `cfg` and its part `fields` describe, with these weights."""
    fields = common.known(fields, NAMES, DEFAULTS)
    if not fields.flag("obs_as_cond"):
        raise fields.refuse("obs_as_cond", "is False: observations must be tokens of the condition")
    shape, (observations, actions) = common.shape(fields), common.lowdim(cfg, fields, weights)
    return Policy(
        name=common.name(cfg),
        shape=shape,
        observations=observations,
        actions=actions,
        scheduler=common.scheduler(fields),
        denoiser=network(fields, shape, weights),
        drawn=common.drawn(fields),
    )


def network(fields: Fields, shape: Shape, weights: dict[str, Tensor]) -> DiffusionTransformer:
    """`model`, with the observations as its condition."""
    model = Fields(f"{fields.where}.model", fields.table("model"))
    payload.target(model, "TransformerForDiffusion")
    model = common.known(model, MODEL_NAMES, MODEL_DEFAULTS)
    action, observation = fields.count("action_dim"), fields.count("obs_dim")
    for name, value in {
        "input_dim": action,
        "output_dim": action,
        "horizon": shape.horizon,
        "n_obs_steps": shape.n_obs_steps,
        "cond_dim": observation,
        "time_as_cond": True,
    }.items():
        model.one_of(name, value)
    size, heads = model.count("n_emb"), model.count("n_head")
    if size % (2 * heads) and (size % heads or size % 2):
        raise model.refuse("n_emb", f"is {size}, but must be even, and a multiple of n_head, {heads}")
    net = DiffusionTransformer(
        action,
        observation,
        shape.horizon,
        shape.n_obs_steps,
        size,
        heads,
        layers=model.count("n_layer"),
        condition_layers=0 if model.get("n_cond_layers") == 0 else model.count("n_cond_layers"),
        causal=model.flag("causal_attn"),
    )
    found = {name: weight for name, weight in under("model.", weights).items() if name not in MASKS}
    load(net, found, (), f"{fields.where}: model.")
    return net.eval()
