"""`DiffusionTransformerLowdimPolicy`: the transformer, its observations numbers."""

import torch
from torch import Tensor, nn

from export.diffusion_policy import common, payload
from export.fields import Fields
from export.policy import Policy, Shape
from export.transformer import DiffusionTransformer, TokenTransformer
from export.weights import fitted, under

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
    fields = fields.known(NAMES, DEFAULTS)
    shape, (observations, actions) = common.shape(fields), common.lowdim(cfg, fields, weights)
    return Policy(
        name=common.name(cfg),
        shape=shape,
        observations=observations,
        actions=actions,
        scheduler=common.scheduler(fields),
        denoiser=network(fields, shape, weights),
        inpainted=not fields.flag("obs_as_cond"),
        drawn=common.drawn(fields),
        notes=common.notes(cfg, fields),
    )


def network(fields: Fields, shape: Shape, weights: dict[str, Tensor]) -> nn.Module:
    """`model`, with the observations as its condition, or as a part of the plan."""
    model = fields.under("model")
    payload.target(model, "TransformerForDiffusion")
    model = model.known(MODEL_NAMES, MODEL_DEFAULTS)
    seen, conditioned = fields.count("obs_dim"), fields.flag("obs_as_cond")
    plan = fields.count("action_dim") + (0 if conditioned else seen)
    for name, value in {"input_dim": plan, "output_dim": plan, "horizon": shape.horizon}.items():
        model.one_of(name, value)
    model.one_of("cond_dim", seen if conditioned else 0)
    if model.flag("time_as_cond"):
        model.one_of("n_obs_steps", shape.n_obs_steps, *(() if conditioned else (None,)))
    return described(model, shape, fields.count("action_dim"), seen, conditioned, weights)


def described(
    model: Fields, shape: Shape, action: int, seen: int, conditioned: bool, weights: dict[str, Tensor]
) -> nn.Module:
    """The network that the fields describe, of observations of `seen` numbers, with the weights of `model`."""
    plan = action + (0 if conditioned else seen)
    size, heads = model.count("n_emb"), model.count("n_head")
    if size % heads or size % 2 or size < 4:
        raise model.refuse("n_emb", f"is {size}, but must be even, at least 4, and a multiple of n_head, {heads}")
    most = max(1, len(weights))
    layers, causal = model.count("n_layer", most), model.flag("causal_attn")
    if model.flag("time_as_cond"):
        condition_layers = 0 if model.get("n_cond_layers") == 0 else model.count("n_cond_layers", most)
        observed = (seen, shape.n_obs_steps) if conditioned else (0, 0)

        def build() -> nn.Module:
            return DiffusionTransformer(plan, *observed, shape.horizon, size, heads, layers, condition_layers, causal)

    elif conditioned:
        raise model.refuse("time_as_cond", "is False, which obs_as_cond rules out")
    else:

        def build() -> nn.Module:
            return TokenTransformer(plan, shape.horizon, size, heads, layers, causal)

    found = under("model.", weights)
    masks = {name: found.pop(name, None) for name in MASKS}
    net = fitted(build, found, (), f"{model.where}: model.")
    for name, mask in masks.items():
        hides = getattr(net, name, None)
        if not same(mask, hides):
            raise model.refuse(f"model.{name}", "hides other tokens than causal_attn, horizon and n_obs_steps say")
    return net


def same(given: Tensor | None, hides: Tensor | None) -> bool:
    """Whether a mask of the checkpoint hides what is hidden here; none hides nothing."""
    if given is None or hides is None:
        return not any(mask.float().count_nonzero() for mask in (given, hides) if mask is not None)
    return given.shape == hides.shape and torch.equal(given.float(), hides)
