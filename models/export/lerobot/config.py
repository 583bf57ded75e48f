"""Reads `config.json`; unknown fields are refused."""

from dataclasses import dataclass
from pathlib import Path

from export.fields import Fields
from export.lerobot import first_version
from export.lerobot.files import read_json
from export.policy import BETA_SCHEDULES, Drawn, Shape

STATE, ENVIRONMENT, ACTION = "observation.state", "observation.environment_state", "action"
SOLVERS = {"DDPM": "ddpm", "DDIM": "ddim"}

# Fields that change what the policy does. Those with a value were added later: the value is the default where they are
# absent.
ABSENT = {"resize_shape": None, "crop_ratio": 1.0, "num_inference_steps": None, "use_peft": False}
READ = {
    *("type", "n_obs_steps", "horizon", "n_action_steps", "input_features", "output_features", "normalization_mapping"),
    *("vision_backbone", "crop_shape", "use_group_norm", "spatial_softmax_num_keypoints"),
    *("use_separate_rgb_encoder_per_camera", "down_dims", "kernel_size", "n_groups", "diffusion_step_embed_dim"),
    *("use_film_scale_modulation", "noise_scheduler_type", "num_train_timesteps", "beta_schedule", "beta_start"),
    *("beta_end", "prediction_type", "clip_sample", "clip_sample_range"),
}
# Fields that only training knows, or the machine that it runs on.
IRRELEVANT = {
    *("device", "use_amp", "push_to_hub", "repo_id", "private", "tags", "license", "pretrained_path"),
    *("drop_n_last_frames", "crop_is_random", "pretrained_backbone_weights", "compile_model", "compile_mode"),
    *("gradient_checkpointing", "do_mask_loss_for_padding", "optimizer_lr", "optimizer_betas", "optimizer_eps"),
    *("optimizer_weight_decay", "scheduler_name", "scheduler_warmup_steps"),
}


@dataclass(frozen=True)
class Feature:
    """What LeRobot calls a part of an observation or of an action."""

    type: str
    shape: tuple[int, ...]


def read(path: Path) -> Fields:
    """The configuration; unknown fields are refused."""
    fields = read_json(path)
    if first_version.is_it(fields):
        fields = first_version.renewed(fields)
    fields.one_of("type", "diffusion")
    for name in sorted(fields.values.keys() - READ - ABSENT.keys() - IRRELEVANT):
        raise fields.refuse(name, "is not known: it may change what the policy does")
    for name in sorted(READ - fields.values.keys()):
        raise fields.refuse(name, "is missing")
    fields = Fields(path, ABSENT | fields.values)
    if fields.flag("use_peft"):
        raise fields.refuse("use_peft", "is true: merge the adapters into the weights first")
    return fields


def shape(fields: Fields) -> Shape:
    return Shape(*(fields.count(name) for name in ("n_obs_steps", "horizon", "n_action_steps")))


def features(fields: Fields, name: str) -> dict[str, Feature]:
    found = {}
    for key in fields.table(name):
        feature = Fields(f"{fields.where}: {name}.{key}", Fields(fields.where, fields.table(name)).table(key))
        kind = feature.one_of("type", "STATE", "ENV", "VISUAL", "ACTION")
        found[key] = Feature(kind, feature.counts("shape", 3 if kind == "VISUAL" else 1))
    return found


def observations(fields: Fields) -> dict[str, Feature]:
    """What the network sees, in its order: the state, the images, the environment's state.
    LeRobot passes no other states to it."""
    given = features(fields, "input_features")
    for name, feature in given.items():
        if feature.type == "ENV" and name != ENVIRONMENT:
            raise fields.refuse(f"input_features.{name}", f"is of type ENV, which only {ENVIRONMENT} can be")
    if STATE not in given:
        raise fields.refuse("input_features", f"has no {STATE}")
    seen = (STATE, *(name for name, feature in given.items() if feature.type == "VISUAL"), ENVIRONMENT)
    return {name: given[name] for name in seen if name in given}


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
    return given[ACTION]


def scheduler(fields: Fields) -> dict:
    """The schedule; LeRobot leaves everything else of its `diffusers` scheduler at its default."""
    return {
        "num_train_timesteps": fields.count("num_train_timesteps"),
        "beta_start": fields.number("beta_start"),
        "beta_end": fields.number("beta_end"),
        "beta_schedule": fields.one_of("beta_schedule", *BETA_SCHEDULES),
        "prediction_type": fields.one_of("prediction_type", "epsilon", "sample"),
        "variance_type": "fixed_small",
        "clip_sample": fields.flag("clip_sample"),
        "clip_sample_range": fields.number("clip_sample_range"),
        "timestep_spacing": "leading",
        "steps_offset": 0,
        "set_alpha_to_one": True,
    }


def drawn(fields: Fields) -> Drawn:
    """How LeRobot samples from it."""
    steps = "num_train_timesteps" if fields.get("num_inference_steps") is None else "num_inference_steps"
    return Drawn(SOLVERS[fields.one_of("noise_scheduler_type", *SOLVERS)], fields.count(steps))
