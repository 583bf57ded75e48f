"""The noise schedule the policy is trained on, and the `diffusers` schedulers that read it."""

import inspect

from diffusers import DDIMScheduler, DDPMScheduler

# Diffusion Policy's: 100 steps of the squared-cosine schedule (Nichol and Dhariwal 2021, arXiv 2102.09672).
SCHEDULE = {
    "num_train_timesteps": 100,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "epsilon",
    "variance_type": "fixed_small",
    "clip_sample": True,
    "clip_sample_range": 1.0,
    "timestep_spacing": "leading",
    "steps_offset": 0,
    "set_alpha_to_one": True,
}

SOLVERS = {"ddpm": DDPMScheduler, "ddim": DDIMScheduler}


def scheduler(solver: str, schedule: dict) -> DDPMScheduler | DDIMScheduler:
    """The solver's scheduler. Each takes the fields it knows: `set_alpha_to_one` is DDIM's, `variance_type` DDPM's."""
    kind = SOLVERS[solver]
    known = inspect.signature(kind).parameters
    return kind(**{name: value for name, value in schedule.items() if name in known})
