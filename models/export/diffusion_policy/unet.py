"""`DiffusionUnetLowdimPolicy`: the conditional U-Net, its observations numbers."""

from torch import Tensor

from export.diffusion_policy import common, payload
from export.fields import Fields
from export.policy import Policy
from export.published_unet import described
from export.unet import ConditionalUnet
from export.weights import under

DEFAULTS = {"obs_as_local_cond": False, "obs_as_global_cond": False, "oa_step_convention": False, **common.DEFAULTS}
NAMES = {"model", "obs_dim", "action_dim", *common.SHARED}
MODEL_DEFAULTS = {
    "local_cond_dim": None,
    "global_cond_dim": None,
    "diffusion_step_embed_dim": 256,
    "down_dims": [256, 512, 1024],
    "kernel_size": 3,
    "n_groups": 8,
    "cond_predict_scale": False,
}


def policy(cfg: Fields, fields: Fields, weights: dict[str, Tensor]) -> Policy:
    """The policy that `cfg` and its part `fields` describe, with these weights."""
    fields = fields.known(NAMES, DEFAULTS)
    if not fields.flag("oa_step_convention"):
        raise fields.refuse("oa_step_convention", "is False: a plan must be executed from the newest observation on")
    if fields.flag("obs_as_local_cond"):
        raise fields.refuse("obs_as_local_cond", "is True: observations must condition as a whole")
    shape, (observations, actions) = common.shape(fields), common.lowdim(cfg, fields, weights)
    action, seen, inpainted = fields.count("action_dim"), fields.count("obs_dim"), not fields.flag("obs_as_global_cond")
    plan, condition = (action + seen, 0) if inpainted else (action, shape.n_obs_steps * seen)
    return Policy(
        name=common.name(cfg),
        shape=shape,
        observations=observations,
        actions=actions,
        scheduler=common.scheduler(fields),
        denoiser=network(fields, plan, condition, weights),
        inpainted=inpainted,
        drawn=common.drawn(fields),
        notes=common.notes(cfg, fields),
    )


def network(fields: Fields, plan: int, condition: int, weights: dict[str, Tensor]) -> ConditionalUnet:
    """`model`, of plans with `plan` numbers a step, conditioned on `condition` numbers."""
    model = fields.under("model")
    payload.target(model, "ConditionalUnet1D")
    model = model.known({"_target_", "input_dim"}, MODEL_DEFAULTS)
    model.one_of("input_dim", plan)
    model.one_of("local_cond_dim", None)
    model.one_of("global_cond_dim", condition or None)
    horizon, where = fields.count("horizon"), f"{fields.where}: model."
    return described(model, "cond_predict_scale", horizon, plan, condition, under("model.", weights), where)
