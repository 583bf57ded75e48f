"""Random configurations of `diffusers`' schedulers and the samples that they lead to, `python random_schedulers.py` (numpy,
torch, diffusers). Writes `random_schedulers.json` beside itself. `python random_schedulers.py SEED COUNT FILE` draws others,
which `RANDOM_SCHEDULERS=FILE cargo test -p parapolicy-sampler --test random_schedulers` compares instead.

The network is a closed form (`network` below, and the same in `tests/random_schedulers.rs`); the noise is drawn once and shared.
A scheduler that raises, or whose sample is not finite, has no sample. Schedulers are as `diffusers` makes them, their tables in
single precision; samples are in double.
"""

import inspect
import json
import sys
import warnings
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler
from diffusers.schedulers import scheduling_ddpm, scheduling_flow_match_euler_discrete

CASES = 240
# Where ᾱ is almost 1, its rounding to single precision is most of 1 − ᾱ.
FIRST_LEVELS = 24
# Where ᾱ is almost 0 and η is 1, σ² is 1 − ᾱ' but for its rounding, and what is left of them is a difference of the two.
LAST_LEVELS = 24
SHAPE = (1, 3, 2)
CLASSES = [DDPMScheduler, DDIMScheduler, DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler]


def network(x: np.ndarray, time: float) -> np.ndarray:
    """A prediction for a sample `[D]` at a time from 0 to 1."""
    place = np.arange(x.size)
    return 0.8 * np.tanh(0.7 * x + np.sin(3 * time + place)) + 0.3 * np.roll(x, -1) - 0.2 * time


def draw(random: np.random.Generator) -> dict:
    """A case without its sample."""
    kind = CLASSES[random.choice(4, p=[0.2, 0.2, 0.42, 0.18])]
    trained = int(random.choice([20, 50, 100, 1000]))
    config = {"_class_name": kind.__name__, "num_train_timesteps": trained}
    steps = int(random.integers(1, min(trained, 100) + 1))
    if random.random() < 0.5:
        steps = min(steps, int(random.integers(1, 21)))
    maybe = lambda share: random.random() < share  # noqa: E731
    case = {"config": config, "steps": steps}
    if kind is FlowMatchEulerDiscreteScheduler:
        config |= {"shift": round(float(random.uniform(0.5, 5)), 2)} if maybe(0.7) else {}
        config |= {"shift_terminal": round(float(random.uniform(0.02, 0.3)), 2)} if maybe(0.3) else {}
        config |= {"invert_sigmas": True} if maybe(0.25) else {}
        config |= {"stochastic_sampling": True} if maybe(0.3) else {}
        return case | {"solver": "euler"}
    config["prediction_type"] = str(random.choice(["epsilon", "sample", "v_prediction"]))
    schedule = str(random.choice(["linear", "scaled_linear", "squaredcos_cap_v2"]))
    config["beta_schedule"] = schedule
    if schedule != "squaredcos_cap_v2":
        scale = 1000 / trained
        config |= {"beta_start": round(0.0004 * scale, 6), "beta_end": min(0.9, round(0.016 * scale, 4))}
    if maybe(0.06) and trained <= 50:
        del config["beta_schedule"]
        config["trained_betas"] = [round(float(beta), 4) for beta in np.linspace(0.01, random.uniform(0.1, 0.4), trained)]
    config |= {"rescale_betas_zero_snr": True} if maybe(0.2) else {}
    config |= {"timestep_spacing": str(random.choice(["leading", "trailing", "linspace"]))} if maybe(0.8) else {}
    config |= {"steps_offset": int(random.integers(0, 3))} if maybe(0.2) else {}
    if maybe(0.25):
        config |= {
            "thresholding": True,
            "dynamic_thresholding_ratio": round(float(random.uniform(0.3, 1)), 3),
            "sample_max_value": round(float(random.uniform(0.6, 3)), 2),
        }
    if kind is DPMSolverMultistepScheduler:
        algorithm = str(random.choice(["dpmsolver++", "sde-dpmsolver++"]))
        config |= {"algorithm_type": algorithm, "solver_order": int(random.integers(1, 4))}
        config |= {"solver_type": str(random.choice(["midpoint", "heun"]))} if maybe(0.7) else {}
        config |= {"lower_order_final": bool(random.integers(2))} if maybe(0.5) else {}
        config |= {"euler_at_final": bool(random.integers(2))} if maybe(0.3) else {}
        config |= {"final_sigmas_type": str(random.choice(["zero", "sigma_min"]))} if maybe(0.5) else {}
        config |= {"lambda_min_clipped": float(random.choice([-5.1, -3.0, -1.5]))} if maybe(0.4) else {}
        return case | {"solver": algorithm}
    config |= {"clip_sample": bool(random.integers(2))} if maybe(0.6) else {}
    config |= {"clip_sample_range": round(float(random.uniform(0.5, 2)), 2)} if maybe(0.4) else {}
    if kind is DDPMScheduler:
        variances = ["fixed_small", "fixed_small_log", "fixed_large"]
        config |= {"variance_type": str(random.choice(variances))} if maybe(0.6) else {}
        return case | {"solver": "ddpm"}
    config |= {"set_alpha_to_one": bool(random.integers(2))} if maybe(0.5) else {}
    return case | {"solver": str(random.choice(["ddim", "ddim:0.5", "ddim:1"]))}


def draw_first_levels(random: np.random.Generator) -> dict:
    """A case that ends at the first noise level of a squared cosine, or of a little noise, and that is divided by its 1 − ᾱ."""
    kind = [DDPMScheduler, DDIMScheduler, DDIMScheduler, DPMSolverMultistepScheduler][random.choice(4)]
    trained = int(random.choice([100, 1000, 1000]))
    config = {"_class_name": kind.__name__, "num_train_timesteps": trained, "timestep_spacing": "leading"}
    config["prediction_type"] = str(random.choice(["epsilon", "sample", "v_prediction"]))
    config |= {"beta_schedule": "squaredcos_cap_v2"}
    if random.random() < 0.3:
        config |= {"beta_schedule": "linear", "beta_start": 1e-05, "beta_end": 0.02}
    steps = int(random.choice([5, 10, 20, 50, 100]))
    if kind is DPMSolverMultistepScheduler:
        config |= {"algorithm_type": "dpmsolver++", "final_sigmas_type": "sigma_min"}
        return {"config": config, "steps": steps, "solver": "dpmsolver++"}
    config |= {"clip_sample": bool(random.integers(2))}
    if kind is DDPMScheduler:
        return {"config": config, "steps": steps, "solver": "ddpm"}
    config |= {"set_alpha_to_one": False}
    return {"config": config, "steps": steps, "solver": str(random.choice(["ddim", "ddim:0.5", "ddim:1"]))}


def draw_last_levels(random: np.random.Generator) -> dict:
    """A case of DDIM with noise of its own that begins at the last noise level, where next to nothing is left of the signal."""
    trained = int(random.choice([100, 1000, 1000]))
    config = {"_class_name": "DDIMScheduler", "num_train_timesteps": trained, "beta_schedule": "squaredcos_cap_v2"}
    config["prediction_type"] = str(random.choice(["sample", "v_prediction"]))
    if random.random() < 0.6:
        scale = 1000 / trained
        config |= {"beta_schedule": "scaled_linear", "beta_start": round(0.0004 * scale, 6), "beta_end": 0.016 * scale}
        config |= {"rescale_betas_zero_snr": True}
    config |= {"timestep_spacing": str(random.choice(["trailing", "linspace"]))}
    config |= {"clip_sample": bool(random.integers(2))}
    steps = int(random.choice([1, 2, 3, 5, 10, 20, 50, 100]))
    return {"config": config, "steps": steps, "solver": str(random.choice(["ddim:0.99", "ddim:1", "ddim:1"]))}


def scheduler_of(case: dict):
    config = case["config"]
    kind = getattr(diffusers, config["_class_name"])
    known = inspect.signature(kind).parameters
    assert all(key in known or key.startswith("_") for key in config), config
    scheduler = kind(**{key: value for key, value in config.items() if key in known})
    scheduler.set_timesteps(case["steps"])
    return scheduler


def sample(case: dict, noise: np.ndarray) -> list[float] | None:
    """The sample that the noise leads to."""
    trained = case["config"]["num_train_timesteps"]
    scheduler = scheduler_of(case)
    takes = inspect.signature(scheduler.step).parameters
    name, _, eta = case["solver"].partition(":")
    extra = {"eta": float(eta or 0)} if name == "ddim" else {}
    x = noise[0]
    for step, timestep in enumerate(scheduler.timesteps):
        prediction = torch.from_numpy(network(x, float(timestep) / trained).reshape(SHAPE))
        drawn = torch.from_numpy(noise[step + 1].reshape(SHAPE))
        for module in (scheduling_ddpm, scheduling_flow_match_euler_discrete):
            module.randn_tensor = lambda *_, drawn=drawn, **__: drawn
        variance = {"variance_noise": drawn} if "variance_noise" in takes and name != "ddim" or extra.get("eta") else {}
        state = scheduler.step(prediction, timestep, torch.from_numpy(x.reshape(SHAPE)), **extra, **variance)
        x = state.prev_sample.double().numpy().reshape(-1)
    return [float(f"{value:.9g}") for value in x] if np.isfinite(x).all() else None


def main(seed: int, count: int, file: Path) -> None:
    warnings.simplefilter("ignore")
    random = np.random.default_rng(seed)
    noise = random.standard_normal((102, 6)).astype(np.float32)
    first, last = (max(1, count * part // CASES) for part in (FIRST_LEVELS, LAST_LEVELS))
    drawn = [draw] * count + [draw_first_levels] * first + [draw_last_levels] * last
    cases = []
    for draws in drawn:
        case = draws(random)
        try:
            case["sample"] = sample(case, noise.astype(np.float64))
        except (ValueError, IndexError) as error:
            print(error)
            case["sample"] = None
        cases.append(case)
    lines = ",\n".join(json.dumps(case) for case in cases)
    flat = json.dumps([float(f"{value:.9g}") for value in noise.reshape(-1)])
    text = f'{{"diffusers": "{diffusers.__version__}",\n"noise": {flat},\n"cases": [\n{lines}\n]}}\n'
    file.write_text(text)


if __name__ == "__main__":
    seed, count, file = sys.argv[1:] or (15, CASES, Path(__file__).parent / "random_schedulers.json")
    main(int(seed), int(count), Path(file))
