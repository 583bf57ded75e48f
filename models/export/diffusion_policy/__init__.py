"""The Diffusion Policy project's checkpoints (Chi et al. 2023, github.com/real-stanford/diffusion_policy): `.ckpt`."""

from pathlib import Path

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


def load(path: Path, trusted: bool = False) -> Policy:
    """The policy of a checkpoint, its averaged weights if it has any.

    Nothing in the file is executed unless it is `trusted`. Raises `ExportError` with the field, or the tensor, that is
    missing, unknown or of the wrong shape.
    """
    config, states = payload.read(path, trusted)
    cfg = Fields(f"{path}: cfg", config)
    fields = Fields(f"{path}: cfg.policy", cfg.table("policy"))
    kind = payload.target(fields, *POLICIES)
    training = Fields(f"{path}: cfg.training", cfg.table("training"))
    weights = payload.weights(path, states, averaged=training.flag("use_ema"))
    return POLICIES[kind](cfg, fields, weights)
