"""Reads `config.json`; unknown fields are refused."""

from dataclasses import dataclass
from pathlib import Path

from export import scheduler as schedulers
from export.fields import Fields
from export.lerobot import first_version
from export.lerobot.files import read_fields
from export.policy import Drawn, Shape

STATE, ENVIRONMENT, ACTION = "observation.state", "observation.environment_state", "action"
CLASSES = {"DDPM": "DDPMScheduler", "DDIM": "DDIMScheduler"}

# Fields that change what the policy does. Those with a value were added later: the value is the default where they are
# absent.
ABSENT = {"resize_shape": None, "crop_ratio": 1.0, "num_inference_steps": None, "use_peft": False}
# Arguments of the scheduler; LeRobot leaves all others at their defaults.
SCHEDULE = (
    *("num_train_timesteps", "beta_schedule", "beta_start", "beta_end", "prediction_type"),
    *("clip_sample", "clip_sample_range"),
)
# Those of every type of policy.
COMMON = {
    *("type", "n_obs_steps", "horizon", "n_action_steps", "input_features", "output_features", "normalization_mapping"),
}
READ = {
    *COMMON,
    *("vision_backbone", "crop_shape", "use_group_norm", "spatial_softmax_num_keypoints"),
    *("use_separate_rgb_encoder_per_camera", "down_dims", "kernel_size", "n_groups", "diffusion_step_embed_dim"),
    *("use_film_scale_modulation", "noise_scheduler_type", *SCHEDULE),
}
# Fields that only training knows, or the machine that it runs on. What is drawn in evaluation does not depend on them:
# crops are of the centre then, weights are the checkpoint's, and a compiled network computes the same.
TRAINING = {
    *("device", "use_amp", "push_to_hub", "repo_id", "private", "tags", "license"),
    *("pretrained_path", "pretrained_revision", "drop_n_last_frames", "do_mask_loss_for_padding"),
    *("optimizer_lr", "optimizer_betas", "optimizer_eps", "optimizer_weight_decay"),
    *("scheduler_name", "scheduler_warmup_steps"),
}
IRRELEVANT = {
    *TRAINING,
    *("crop_is_random", "pretrained_backbone_weights", "compile_model", "compile_mode", "gradient_checkpointing"),
}
TYPES = ("STATE", "VISUAL", "ENV", "ACTION", "REWARD", "LANGUAGE")


@dataclass(frozen=True)
class Feature:
    """What LeRobot calls a part of an observation or of an action."""

    type: str
    shape: tuple[int, ...]


def read(path: Path) -> Fields:
    """The configuration, of one of the types that are exported."""
    fields = read_fields(path)
    if first_version.is_it(fields):
        fields = first_version.renewed(fields)
    fields.one_of("type", "diffusion", "multi_task_dit")
    return fields


def known(fields: Fields, needed: set[str], irrelevant: set[str], absent: dict) -> Fields:
    """The fields, all that are needed and no others; `absent` are the defaults of those that older versions lack."""
    fields = fields.known(needed | irrelevant, absent)
    for name in sorted(needed - fields.values.keys()):
        raise fields.refuse(name, "is missing")
    if fields.flag("use_peft"):
        raise fields.refuse("use_peft", "is true: merge the adapters into the weights first")
    return fields


def shape(fields: Fields) -> Shape:
    return Shape(*(fields.count(name) for name in ("n_obs_steps", "horizon", "n_action_steps")))


def features(fields: Fields, name: str) -> dict[str, Feature]:
    """Features by their names; each has a type and a shape, and nothing else."""
    found, given = {}, fields.table(name)
    for key in given:
        feature = Fields(f"{fields.where}: {name}.{key}", Fields(f"{fields.where}: {name}", given).table(key))
        feature = feature.known({"type", "shape"}, {})
        kind = feature.one_of("type", *TYPES)
        found[key] = Feature(kind, feature.counts("shape", 3 if kind == "VISUAL" else None))
    return found


def observations(fields: Fields) -> dict[str, Feature]:
    """What the network sees, in its order: the state, the images, the environment's state.
    LeRobot passes no other states to it."""
    given = features(fields, "input_features")
    if STATE not in given:
        raise fields.refuse("input_features", f"has no {STATE}")
    for name, feature in given.items():
        if name == STATE and feature.type != "STATE":
            raise fields.refuse(f"input_features.{name}", f"is of type {feature.type}, but must be of type STATE")
        if feature.type == "ENV" and name != ENVIRONMENT:
            raise fields.refuse(f"input_features.{name}", f"is of type ENV, which only {ENVIRONMENT} can be")
        if feature.type in ("STATE", "ENV") and name in (STATE, ENVIRONMENT) and len(feature.shape) != 1:
            raise fields.refuse(f"input_features.{name}", f"has shape {list(feature.shape)}, but must have one axis")
    # An environment's state of another type is none to LeRobot.
    last = (ENVIRONMENT,) if ENVIRONMENT in given and given[ENVIRONMENT].type == "ENV" else ()
    seen = (STATE, *(name for name, feature in given.items() if feature.type == "VISUAL"), *last)
    return {name: given[name] for name in seen}


def images(fields: Fields) -> dict[str, Feature]:
    """The images among them, `[3, height, width]` each, all of one size."""
    found = {name: feature for name, feature in observations(fields).items() if feature.type == "VISUAL"}
    for name, feature in found.items():
        if feature.shape[0] != 3 or feature.shape != next(iter(found.values())).shape:
            size = list(feature.shape)
            raise fields.refuse(
                f"input_features.{name}", f"is {size}: images must be [3, height, width], all of one size"
            )
    return found


def action(fields: Fields) -> Feature:
    given = features(fields, "output_features")
    if given.keys() != {ACTION}:
        raise fields.refuse("output_features", f"are {', '.join(given) or 'none'}, but must be {ACTION} alone")
    if given[ACTION].type != "ACTION" or len(given[ACTION].shape) != 1:
        raise fields.refuse(f"output_features.{ACTION}", "must be of type ACTION and have one axis")
    return given[ACTION]


def scheduler(fields: Fields) -> dict:
    """The schedule; LeRobot leaves everything else of its `diffusers` scheduler at its default."""
    kind = CLASSES[fields.one_of("noise_scheduler_type", *CLASSES)]
    fields.one_of("prediction_type", "epsilon", "sample")
    return schedulers.described(Fields(fields.where, {name: fields.get(name) for name in SCHEDULE}), kind)


def drawn(fields: Fields) -> Drawn:
    """How LeRobot samples from it."""
    most = fields.count("num_train_timesteps", schedulers.MOST_TIMESTEPS)
    steps = most if fields.get("num_inference_steps") is None else fields.count("num_inference_steps", most)
    return Drawn(schedulers.SOLVERS[CLASSES[fields.one_of("noise_scheduler_type", *CLASSES)]], steps)
