"""The Diffusion Policy project's checkpoints (Chi et al. 2023, github.com/real-stanford/diffusion_policy): `.ckpt`."""

from pathlib import Path

from torch import Tensor

from export import weights
from export.diffusion_policy import hybrid, image, payload, transformer, unet
from export.fields import Fields
from export.policy import Policy

POLICIES = {
    "DiffusionUnetLowdimPolicy": unet.policy,
    "DiffusionUnetImagePolicy": image.policy,
    "DiffusionUnetHybridImagePolicy": hybrid.unet,
    "DiffusionTransformerHybridImagePolicy": hybrid.of_transformer,
    "DiffusionTransformerLowdimPolicy": transformer.policy,
}
# Parts of a policy's state.
PARTS = ("model.", "normalizer.", "obs_encoder.")

# Fields of a run that are read, and those that must have these values: with others the robot would have to do something
# to observations or actions that no policy says.
READ = {"policy", "training", "task", "name"}
FIXED = {"n_latency_steps": 0, "past_action_visible": False}
# Fields that the policy has again, and those of training, logging and evaluation.
IRRELEVANT = {
    *("_target_", "task_name", "exp_name", "shape_meta", "obs_dim", "action_dim", "keypoint_dim", "horizon"),
    *("n_obs_steps", "n_action_steps", "dataset_obs_steps", "keypoint_visible_rate", "obs_as_cond"),
    *("obs_as_local_cond", "obs_as_global_cond", "pred_action_steps_only"),
    *("ema", "dataloader", "val_dataloader", "optimizer", "logging", "checkpoint", "multi_run", "hydra", "eval"),
}


def load(path: Path, trusted: bool = False, antialias: bool | None = None) -> Policy:
    """The policy of a checkpoint, its averaged weights if it has any.

    Nothing in the file is executed unless it is `trusted`. `antialias` says whether images that shrink are filtered
    against aliasing, which no field does. Raises `ExportError` with the field, or the tensor, that is missing, unknown
    or of the wrong shape.
    """
    config, states = payload.read(path, trusted)
    cfg = run(Fields(f"{path}: cfg", config))
    fields = cfg.under("policy")
    kind = payload.target(fields, *POLICIES)
    state = payload.weights(path, states, averaged=cfg.under("training").flag("use_ema"))
    weights.none_but(PARTS, state, str(path))
    return built(kind, cfg, fields, state, antialias)


def run(cfg: Fields) -> Fields:
    """The configuration of a run; unknown fields are refused, and actions that are relative to each other."""
    cfg = cfg.known(READ | IRRELEVANT, FIXED)
    for name, value in FIXED.items():
        cfg.one_of(name, value)
    task = cfg.values.get("task")
    dataset = task.get("dataset") if isinstance(task, dict) else None
    if isinstance(dataset, dict) and dataset.get("delta_action") not in (None, False):
        raise cfg.refuse("task.dataset.delta_action", "is True: actions would be relative to each other")
    return cfg


def built(kind: str, cfg: Fields, fields: Fields, state: dict[str, Tensor], antialias: bool | None) -> Policy:
    if kind == "DiffusionUnetImagePolicy":
        return image.policy(cfg, fields, state, antialias)
    return POLICIES[kind](cfg, fields, state)
