"""The manifest's `scheduler`, of a scheduler of `diffusers` as a checkpoint describes it.

Every argument of the class is honoured, refused by name, or says nothing in the class; what is written is what means
something.
"""

from export.fields import Fields

SOLVERS = {"DDPMScheduler": "ddpm", "DDIMScheduler": "ddim"}
BETA_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")
MOST_TIMESTEPS = 100_000

# Arguments that are honoured, and the defaults of `diffusers` where they are absent: those of both classes, then each
# one's own.
SHARED = {
    "num_train_timesteps": 1000,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "prediction_type": "epsilon",
    "clip_sample": True,
    "clip_sample_range": 1.0,
    "timestep_spacing": "leading",
    "steps_offset": 0,
}
OWN = {"DDPMScheduler": {"variance_type": "fixed_small"}, "DDIMScheduler": {"set_alpha_to_one": True}}
# Arguments that must have these values: with others the samplers would compute something else.
FIXED = {"trained_betas": None, "thresholding": False, "rescale_betas_zero_snr": False}
# Arguments that say nothing while `thresholding` is off.
IDLE = {"dynamic_thresholding_ratio": 0.995, "sample_max_value": 1.0}


def described(fields: Fields, kind: str) -> dict:
    """That of the class `kind`, made with these arguments."""
    fields = fields.known(set(), SHARED | OWN[kind] | FIXED | IDLE)
    for name, value in FIXED.items():
        fields.one_of(name, value)
    return {"_class_name": kind} | honoured(fields, OWN[kind].keys())


def trained(fields: Fields) -> dict:
    """The one that `python -m training.train` wrote, of no class: no field may be absent, and none unknown."""
    own = {name for arguments in OWN.values() for name in arguments}
    return honoured(fields.known(SHARED.keys() | own, {}), own)


def honoured(fields: Fields, own: set[str]) -> dict:
    """The arguments that mean something: β that their schedule reads, and a range that is clipped to."""
    found = {
        "num_train_timesteps": fields.count("num_train_timesteps", MOST_TIMESTEPS),
        "beta_schedule": fields.one_of("beta_schedule", *BETA_SCHEDULES),
        "prediction_type": fields.one_of("prediction_type", "epsilon", "sample", "v_prediction"),
        "clip_sample": fields.flag("clip_sample"),
        "timestep_spacing": fields.one_of("timestep_spacing", "leading", "trailing", "linspace"),
        "steps_offset": fields.one_of("steps_offset", 0, 1),
    }
    if found["beta_schedule"] != "squaredcos_cap_v2":
        found |= {name: beta(fields, name) for name in ("beta_start", "beta_end")}
    if found["clip_sample"]:
        found["clip_sample_range"] = fields.number("clip_sample_range")
        if found["clip_sample_range"] <= 0:
            raise fields.refuse("clip_sample_range", f"is {found['clip_sample_range']}, but must be above 0")
    if "variance_type" in own:
        found["variance_type"] = fields.one_of("variance_type", "fixed_small", "fixed_small_log", "fixed_large")
    if "set_alpha_to_one" in own:
        found["set_alpha_to_one"] = fields.flag("set_alpha_to_one")
    return found


def beta(fields: Fields, name: str) -> float:
    value = fields.number(name)
    if not 0 < value < 1:
        raise fields.refuse(name, f"is {value}, but must be between 0 and 1, both excluded")
    return value
