"""Shape, schedule and normalisation, which all of the policies have."""

from torch import Tensor

from export.diffusion_policy import payload
from export.fields import Fields
from export.policy import BETA_SCHEDULES, Drawn, Entry, ExportError, Shape, finite, min_max
from export.weights import under

SOLVERS = {"DDPMScheduler": "ddpm", "DDIMScheduler": "ddim"}

# Fields of the policies, and their defaults where they are absent.
DEFAULTS = {"num_inference_steps": None, "pred_action_steps_only": False}
SHARED = {"_target_", "noise_scheduler", "horizon", "n_action_steps", "n_obs_steps", *DEFAULTS}

# Fields of the schedulers, and the defaults of `diffusers` where they are absent.
SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "prediction_type": "epsilon",
    "variance_type": "fixed_small",
    "clip_sample": True,
    "clip_sample_range": 1.0,
    "timestep_spacing": "leading",
    "steps_offset": 0,
    "set_alpha_to_one": True,
}


def known(fields: Fields, names: set[str], defaults: dict) -> Fields:
    """The fields with defaults filled in; unknown fields are refused."""
    for name in sorted(fields.values.keys() - names - defaults.keys()):
        raise fields.refuse(name, "is not known: it may change what the policy does")
    return Fields(fields.where, defaults | fields.values)


def shape(fields: Fields) -> Shape:
    if fields.flag("pred_action_steps_only"):
        raise fields.refuse("pred_action_steps_only", "is True: a plan must begin at the oldest observation")
    return Shape(*(fields.count(name) for name in ("n_obs_steps", "horizon", "n_action_steps")))


def scheduler(fields: Fields) -> dict:
    schedule = known(Fields(f"{fields.where}.noise_scheduler", fields.table("noise_scheduler")), {"_target_"}, SCHEDULE)
    payload.target(schedule, *SOLVERS)
    return {
        "num_train_timesteps": schedule.count("num_train_timesteps"),
        "beta_start": schedule.number("beta_start"),
        "beta_end": schedule.number("beta_end"),
        "beta_schedule": schedule.one_of("beta_schedule", *BETA_SCHEDULES),
        "prediction_type": schedule.one_of("prediction_type", "epsilon", "sample", "v_prediction"),
        "variance_type": schedule.one_of("variance_type", "fixed_small", "fixed_small_log", "fixed_large"),
        "clip_sample": schedule.flag("clip_sample"),
        "clip_sample_range": schedule.number("clip_sample_range"),
        "timestep_spacing": schedule.one_of("timestep_spacing", "leading", "trailing", "linspace"),
        "steps_offset": schedule.one_of("steps_offset", 0, 1),
        "set_alpha_to_one": schedule.flag("set_alpha_to_one"),
    }


def drawn(fields: Fields) -> Drawn:
    """How the project samples from it."""
    schedule = Fields(f"{fields.where}.noise_scheduler", fields.table("noise_scheduler"))
    steps = fields.get("num_inference_steps")
    steps = scheduler(fields)["num_train_timesteps"] if steps is None else fields.count("num_inference_steps")
    return Drawn(SOLVERS[payload.target(schedule, *SOLVERS)], steps)


def affine(where: str, name: str, length: int, weights: dict[str, Tensor]) -> tuple[list[float], list[float]]:
    """Scale and offset of `scale * x + offset`, a number of each per component. A single number is for all of them."""
    found = under(f"normalizer.params_dict.{name}.", weights)
    missing = [statistic for statistic in ("scale", "offset") if statistic not in found]
    if missing:
        raise ExportError(f"{where}: normalizer.params_dict.{name}.{missing[0]} is missing: no statistics of {name}")
    scale, offset = (found[statistic].double().flatten().tolist() for statistic in ("scale", "offset"))
    if len(scale) == 1:
        scale, offset = scale * length, offset * length
    if not len(scale) == len(offset) == length:
        raise ExportError(f"{where}: normalizer.params_dict.{name} has {len(scale)} numbers, not {length}")
    if not all(s > 0 for s in finite(f"{where}: scale of {name}", scale)):
        raise ExportError(f"{where}: scale of {name} must be positive")
    return scale, finite(f"{where}: offset of {name}", offset)


def normalization(where: str, name: str, length: int, weights: dict[str, Tensor]) -> dict:
    """The same, as the range that becomes -1..1."""
    scale, offset = affine(where, name, length, weights)
    low, high = ([(bound - o) / s for s, o in zip(scale, offset, strict=True)] for bound in (-1, 1))
    return min_max(finite(f"{where}: range of {name}", low), finite(f"{where}: range of {name}", high))


def lowdim(cfg: Fields, fields: Fields, weights: dict[str, Tensor]) -> tuple[list[Entry], list[Entry]]:
    """Observations and actions of a policy that sees numbers; PushT's by the names that its simulator has for them."""
    seen, done = fields.count("obs_dim"), fields.count("action_dim")
    where = str(fields.where)
    ranges = normalization(where, "obs", seen, weights)
    actions = normalization(where, "action", done, weights)
    if cfg.values.get("task", {}).get("name") == "pusht_lowdim" and (seen, done) == (20, 2):
        keypoints, agent = (min_max(ranges["min"][part], ranges["max"][part]) for part in (slice(18), slice(18, 20)))
        return [Entry("keypoints", (9, 2), keypoints), Entry("agent", (2,), agent)], [Entry("target", (2,), actions)]
    return [Entry("obs", (seen,), ranges)], [Entry("action", (done,), actions)]


def name(cfg: Fields) -> str:
    """The name that the run had."""
    return str(cfg.values.get("name") or "diffusion-policy")
