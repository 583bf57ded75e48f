"""The U-Net as Diffusion Policy and LeRobot, which took it over, describe it and name its weights."""

from torch import Tensor

from export import weights
from export.fields import Fields
from export.unet import ConditionalUnet

# Published names, and the names here.
NAMES = (
    (r"^diffusion_step_encoder\.", "step."),
    (r"^down_modules\.", "down."),
    (r"^mid_modules\.", "middle."),
    (r"^up_modules\.", "up."),
    (r"^final_conv\.0\.block\.", "head.0."),
    (r"^final_conv\.1\.", "head.1."),
    (r"\.2\.conv\.", ".2."),
    (r"(\.conv1|\.blocks\.0)\.block\.", ".first."),
    (r"(\.conv2|\.blocks\.1)\.block\.", ".second."),
    (r"\.cond_encoder\.", ".film."),
    (r"\.residual_conv\.", ".shortcut."),
)


def described(
    fields: Fields, scaled: str, horizon: int, action: int, condition: int, tensors: dict[str, Tensor], where: str
) -> ConditionalUnet:
    """The network that the fields describe, the one named `scaled` among them, with these weights.

    `where` names their file and what all their names begin with, for errors.
    """
    kernel, embedding = fields.count("kernel_size"), fields.count("diffusion_step_embed_dim")
    if kernel % 2 == 0:
        raise fields.refuse("kernel_size", f"is {kernel}, but must be odd")
    if embedding % 2 or embedding < 4:
        raise fields.refuse("diffusion_step_embed_dim", f"is {embedding}, but must be even, at least 4")
    widths, groups = fields.counts("down_dims"), fields.count("n_groups")
    if any(width % groups for width in widths) or widths[0] % 8:
        rule = "must be multiples of n_groups, the first one of 8 too"
        raise fields.refuse("down_dims", f"are {list(widths)}, but {rule}")
    if horizon % 2 ** (len(widths) - 1):
        raise fields.refuse("horizon", f"is {horizon}, but must be halved {len(widths) - 1} times without a rest")
    scale = fields.flag(scaled)

    def build() -> ConditionalUnet:
        return ConditionalUnet(action, condition, widths, embedding, kernel, groups, scaled=scale)

    return weights.fitted(build, tensors, NAMES, where)
