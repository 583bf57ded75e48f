"""Reference trajectories: `diffusers`' schedulers, and `torchdiffeq`'s midpoint method, on a closed-form denoiser,
`python generate.py` (numpy, torch, diffusers, torchdiffeq).

Writes `trajectories.npz` (the mixture, the noise, one trajectory `[steps + 1, DIM]` a case) and `cases.json` (name,
solver, steps and scheduler configuration of each case) beside itself.

The schedulers are as `diffusers` makes them, their tables in single precision (networks are trained on those); samples and
predictions are in double. The noise is injected, the same for all.
"""

import inspect
import itertools
import json
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler
from diffusers.schedulers import scheduling_ddpm
from torchdiffeq import odeint

DIM = 6
COMPONENTS = 3
STD = 0.15
SPACINGS = {
    "leading": {"num_train_timesteps": 100, "beta_schedule": "squaredcos_cap_v2"},
    "trailing": {"num_train_timesteps": 1000, "beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02},
    "linspace": {
        "num_train_timesteps": 1000,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
    },
}
STEPS = {"leading": 10, "trailing": 12, "linspace": 15}
SOLVERS = {
    "ddpm": (DDPMScheduler, {}),
    "ddim": (DDIMScheduler, {"eta": 0.0}),
    "ddim:0.5": (DDIMScheduler, {"eta": 0.5}),
    "dpmsolver++": (DPMSolverMultistepScheduler, {}),
}


def cases() -> list[dict]:
    """Every combination of solver, spacing, prediction and clipping, then the fields that stand alone."""
    listed = []

    def add(solver: str, steps: int, **config) -> None:
        config.setdefault("prediction_type", "epsilon")
        listed.append({"name": f"case{len(listed):02}", "solver": solver, "steps": steps, "config": config})

    predictions = ["epsilon", "sample", "v_prediction"]
    for solver, spacing, prediction, clip in itertools.product(SOLVERS, SPACINGS, predictions, [False, True]):
        if clip and solver == "dpmsolver++":
            continue
        schedule = SPACINGS[spacing]
        add(
            solver,
            STEPS[spacing],
            timestep_spacing=spacing,
            prediction_type=prediction,
            clip_sample=clip,
            **schedule,
        )
    cosine, linear = SPACINGS["leading"], SPACINGS["trailing"]
    for solver in ("ddpm", "ddim", "ddim:0.5"):
        add(solver, 100, **cosine)
    add("ddpm", 10, variance_type="fixed_large", steps_offset=1, **cosine)
    add("ddpm", 10, variance_type="fixed_small_log", **cosine)
    add("ddpm", 10, clip_sample_range=0.5, **cosine)
    add("ddim", 10, clip_sample_range=0.5, set_alpha_to_one=False, **cosine)
    add("ddim:0.5", 10, set_alpha_to_one=False, steps_offset=1, **linear)
    add("dpmsolver++", 10, final_sigmas_type="sigma_min", **linear)
    add("dpmsolver++", 20, final_sigmas_type="sigma_min", **linear)
    add("dpmsolver++", 20, final_sigmas_type="sigma_min", euler_at_final=True, **linear)
    add("dpmsolver++", 10, final_sigmas_type="sigma_min", lower_order_final=False, **linear)
    add("dpmsolver++", 30, steps_offset=1, **cosine)
    convention = {"time": "train_timesteps", "noise_at": 1, "velocity": "noise_minus_data"}
    flow = {"num_train_timesteps": 1000, "prediction_type": "flow_prediction", "flow": convention}
    for steps in (10, 28):  # whose timesteps are whole numbers
        add("euler", steps, timestep_spacing="linspace", **flow)
    add("euler", 20, timestep_spacing="trailing", **flow)
    add("midpoint", 20, timestep_spacing="trailing", **flow)
    return listed


def mixture(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Means beyond the clipping range, and weights."""
    return random.uniform(-1.3, 1.3, (COMPONENTS, DIM)), np.array([0.5, 0.3, 0.2])


def posterior_mean(x: np.ndarray, alpha: float, sigma: float, means: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """E[x_0 | x] for x = alpha x_0 + sigma ε, x_0 a mixture of isotropic Gaussians of deviation STD."""
    variance = alpha**2 * STD**2 + sigma**2
    residual = x - alpha * means
    logits = np.log(weights) - (residual**2).sum(axis=1) / (2 * variance)
    share = np.exp(logits - logits.max())
    return share / share.sum() @ (means + alpha * STD**2 / variance * residual)


def predict(kind: str, x: np.ndarray, alpha: float, sigma: float, denoised: np.ndarray) -> np.ndarray:
    if kind == "sample":
        return denoised
    return (x - alpha * denoised) / sigma if kind == "epsilon" else (alpha * x - denoised) / sigma


def scheduler_of(case: dict):
    """The scheduler, its timesteps set, and ᾱ."""
    kind, _ = SOLVERS[case["solver"]]
    known = inspect.signature(kind).parameters
    config = {"timestep_spacing": "leading"} | case["config"]
    scheduler = kind(**{key: value for key, value in config.items() if key in known})
    scheduler.set_timesteps(case["steps"])
    return scheduler, scheduler.alphas_cumprod.double().numpy()


def trajectory(case: dict, noise: np.ndarray, means: np.ndarray, weights: np.ndarray) -> np.ndarray:
    scheduler, alphas = scheduler_of(case)
    _, arguments = SOLVERS[case["solver"]]
    kind = case["config"].get("prediction_type", "epsilon")
    states = [noise[0]]
    for step, timestep in enumerate(scheduler.timesteps):
        alpha, sigma = np.sqrt(alphas[timestep]), np.sqrt(1 - alphas[timestep])
        denoised = posterior_mean(states[-1], alpha, sigma, means, weights)
        prediction = torch.from_numpy(predict(kind, states[-1], alpha, sigma, denoised))[None]
        drawn = torch.from_numpy(noise[step + 1])[None]
        scheduling_ddpm.randn_tensor = lambda *_, drawn=drawn, **__: drawn
        extra = {"variance_noise": drawn} if arguments.get("eta") else {}
        state = scheduler.step(prediction, timestep, torch.from_numpy(states[-1])[None], **arguments, **extra)
        states.append(state.prev_sample[0].double().numpy())
    return np.stack(states)


def flow_trajectory(case: dict, noise: np.ndarray, means: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Euler's by `diffusers`; the midpoint method's without its trial states, by `torchdiffeq`."""

    def velocity(sigma: float, x: np.ndarray) -> np.ndarray:
        return (x - posterior_mean(x, 1 - sigma, sigma, means, weights)) / sigma

    steps, config = case["steps"], case["config"]
    if case["solver"] == "midpoint":
        grid = torch.linspace(1, 0, steps // 2 + 1, dtype=torch.float64)
        field = lambda sigma, x: torch.from_numpy(velocity(sigma.item(), x.numpy()))  # noqa: E731
        return odeint(field, torch.from_numpy(noise[0]), grid, method="midpoint").numpy()
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=config["num_train_timesteps"])
    if config["timestep_spacing"] == "trailing":
        scheduler.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps))
    else:
        scheduler.set_timesteps(steps)
    states = [noise[0]]
    for timestep, sigma in zip(scheduler.timesteps, scheduler.sigmas[:-1], strict=True):
        v = torch.from_numpy(velocity(sigma.item(), states[-1]))
        states.append(scheduler.step(v, timestep, torch.from_numpy(states[-1])).prev_sample.double().numpy())
    return np.stack(states)


def main() -> None:
    random = np.random.default_rng(0)
    means, weights = mixture(random)
    noise = random.standard_normal((101, DIM)).astype(np.float32).astype(np.float64)
    listed = cases()
    drawn = {True: flow_trajectory, False: trajectory}
    is_flow = [case["config"].get("prediction_type") == "flow_prediction" for case in listed]
    arrays = {
        case["name"]: drawn[flow](case, noise, means, weights) for case, flow in zip(listed, is_flow, strict=True)
    }
    here = Path(__file__).parent
    arrays |= {"means": means, "weights": weights, "std": np.array([STD]), "noise": noise}
    np.savez_compressed(here / "trajectories.npz", **arrays)
    (here / "cases.json").write_text(json.dumps({"diffusers": diffusers.__version__, "cases": listed}, indent=1) + "\n")


if __name__ == "__main__":
    main()
