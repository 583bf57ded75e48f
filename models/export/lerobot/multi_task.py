"""LeRobot's MultiTaskDiTPolicy: a diffusion transformer that is told what to do in words."""

from pathlib import Path

import torch
from torch import Tensor

from export import scheduler, weights
from export.clip import ClipEncoder
from export.dit import MultiTaskDit
from export.encoder import Encoder, Looks
from export.fields import Fields
from export.lerobot import config, language, statistics
from export.policy import Drawn, Policy

ABSENT = {"num_inference_steps": None, "use_peft": False}
VISION = {"vision_encoder_name", "image_resize_shape", "image_crop_shape", "use_separate_rgb_encoder_per_camera"}
READ = {
    *(*config.COMMON, "objective", "noise_scheduler_type", *config.SCHEDULE, *VISION),
    *("num_integration_steps", "integration_method", "hidden_dim", "num_layers", "num_heads", "timestep_embed_dim"),
    *("use_positional_encoding", "use_rope", "rope_base", "text_encoder_name"),
}
# What is drawn in evaluation does not depend on these: `sigma_min` says what velocities are learned, not how they are
# followed, and how tasks become tokens is in the preprocessor.
IRRELEVANT = {
    *(*config.TRAINING, "dropout", "image_crop_is_random", "vision_encoder_lr_multiplier", "sigma_min"),
    *("timestep_sampling_strategy", "timestep_sampling_s", "timestep_sampling_alpha", "timestep_sampling_beta"),
    *("tokenizer_max_length", "tokenizer_padding", "tokenizer_padding_side", "tokenizer_truncation"),
}
EYES, WORDS, PREDICTOR = "observation_encoder.vision_encoder", "observation_encoder.text_encoder.", "noise_predictor."
# Time goes from noise, 0, to data, 1. There are as many timesteps as anybody wants.
FLOW = {
    **{"num_train_timesteps": 1000, "prediction_type": "flow_prediction", "timestep_spacing": "trailing"},
    **{"clip_sample": False, "flow": {"time": "unit", "noise_at": 0, "velocity": "data_minus_noise"}},
}
# A name of PyTorch's attention for LeRobot's.
NAMES = ((r"\.attn\.qkv_proj\.", ".attn.in_proj_"), (r"\.multihead_attn\.", ".attn."))


def policy(folder: Path, fields: Fields, tensors: dict[str, Tensor], tasks: tuple[str, ...]) -> Policy:
    """The policy that `config.json` describes, with these weights, for these tasks."""
    path = folder / "model.safetensors"
    fields = config.known(fields, READ, IRRELEVANT, ABSENT)
    weights.none_but((EYES, WORDS, PREDICTOR), tensors, str(path))
    before, after = statistics.steps(folder, told=True)
    normalised, unnormalised = statistics.of_processors(before, after)
    words = weights.under(WORDS, tensors)
    told = language.tasks(fields, before.tokenizer, words, tasks, f"{path}: {WORDS}")
    seen, action = observations(fields), config.action(fields)
    eyes = encoder(path, fields, tensors, normalised)
    state = normalised.entry(config.STATE, seen[config.STATE])
    size = fields.count("hidden_dim")
    features = eyes.features if eyes else sum(feature.shape[0] for feature in seen.values()) + size
    return Policy(
        name=folder.resolve().name,
        shape=config.shape(fields),
        observations=normalised.entries(seen),
        actions=[unnormalised.action(action, state)],
        scheduler=dict(FLOW) if flows(fields) else config.scheduler(fields),
        denoiser=denoiser(path, fields, tensors, features, action.shape[0]),
        encoder=eyes,
        drawn=drawn(fields),
        notes=notes(fields),
        tasks=told,
    )


def observations(fields: Fields) -> dict[str, config.Feature]:
    """The state and the images: it sees no state of the environment."""
    return {name: feature for name, feature in config.observations(fields).items() if feature.type != "ENV"}


def flows(fields: Fields) -> bool:
    """Whether it was trained by flow matching."""
    return fields.one_of("objective", "diffusion", "flow_matching") == "flow_matching"


def drawn(fields: Fields) -> Drawn | None:
    """How LeRobot samples from it; nothing where no solver here does."""
    if not flows(fields):
        return config.drawn(fields)
    steps = fields.count("num_integration_steps", scheduler.MOST_TIMESTEPS)
    euler = fields.one_of("integration_method", "euler", "rk4") == "euler"
    return Drawn("euler", steps) if euler else None


def notes(fields: Fields) -> tuple[str, ...]:
    """What the manifest has no field for."""
    if not flows(fields) or drawn(fields):
        return ()
    steps = fields.count("num_integration_steps", scheduler.MOST_TIMESTEPS)
    return (f"LeRobot draws it by the Runge-Kutta method in {steps} steps of four evaluations; no solver here does",)


def encoder(
    path: Path, fields: Fields, tensors: dict[str, Tensor], statistics: statistics.Statistics
) -> Encoder | None:
    """The encoders of images, which the embedding of a task passes unchanged; none where no images are seen."""
    images, seen = config.images(fields), observations(fields)
    if not images:
        return None
    separate = fields.flag("use_separate_rgb_encoder_per_camera")
    prefixes = [f"{EYES}s.{camera}.model." for camera in range(len(images))] if separate else [f"{EYES}.model."]
    found = [{language.stripped(name): w for name, w in weights.under(p, tensors).items()} for p in prefixes]
    vision = language.vision(fields, len(found[0]))
    looked = looks(fields, next(iter(images.values())).shape[1:])
    if looked.seen != (vision.image, vision.image):
        side = vision.image
        raise fields.refuse("image_crop_shape", f"leaves {list(looked.seen)}, but the encoder sees [{side}, {side}]")

    def build() -> ClipEncoder:
        return ClipEncoder(vision, looked)

    encoders = [
        weights.fitted(build, language.attentive(kept, ".self_attn."), language.NAMES, f"{path}: {prefix}")
        for prefix, kept in zip(prefixes, found, strict=True)
    ]
    scale, offset = zip(*(statistics.channels(name, feature) for name, feature in images.items()), strict=True)
    after = fields.count("hidden_dim")
    net = Encoder(seen[config.STATE].shape[0], after, encoders, torch.tensor(scale), torch.tensor(offset))
    return net.eval()


def looks(fields: Fields, size: tuple[int, int]) -> Looks:
    """Resized, then cropped, unless that asks for more than there is, as LeRobot has it."""
    resized = None if fields.get("image_resize_shape") is None else fields.counts("image_resize_shape", 2)
    cropped = None if fields.get("image_crop_shape") is None else fields.counts("image_crop_shape", 2)
    whole = resized or size
    if cropped and (cropped[0] > whole[0] or cropped[1] > whole[1]):
        cropped = None
    return Looks(size, resized, cropped)


def denoiser(path: Path, fields: Fields, tensors: dict[str, Tensor], features: int, action: int) -> MultiTaskDit:
    """The transformer, which sees `features` numbers of each observation."""
    size, heads, embedding = (fields.count(name) for name in ("hidden_dim", "num_heads", "timestep_embed_dim"))
    turned, shape = fields.flag("use_rope"), config.shape(fields)
    if size % heads or (turned and size // heads % 2):
        rule = f"a multiple of num_heads, {heads}" + (", of an even number of times" if turned else "")
        raise fields.refuse("hidden_dim", f"is {size}, but must be {rule}")
    if embedding % 2 or embedding < 4:
        raise fields.refuse("timestep_embed_dim", f"is {embedding}, but must be even, at least 4")
    base = fields.number("rope_base") if turned else None
    if turned and base <= 0:
        raise fields.refuse("rope_base", f"is {base}, but must be above 0")
    kept = weights.under(PREDICTOR, tensors)
    layers, placed = fields.count("num_layers", max(1, len(kept))), fields.flag("use_positional_encoding")
    condition = shape.n_obs_steps * features

    def build() -> MultiTaskDit:
        return MultiTaskDit(action, condition, shape.horizon, size, heads, layers, embedding, placed, base)

    return weights.fitted(build, kept, NAMES, f"{path}: {PREDICTOR}")
