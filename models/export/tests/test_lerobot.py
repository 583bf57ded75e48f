"""Policies that LeRobot itself made and saved: what is exported plans as LeRobot's `select_action` does."""

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
from lerobot.policies.diffusion.processor_diffusion import make_diffusion_pre_post_processors
from safetensors.torch import load_file, save_file

from export import directory, lerobot
from export.policy import ExportError, Policy
from export.tests.noise import apart, drawing

STATE, ENVIRONMENT, ACTION = "observation.state", "observation.environment_state", "action"
SMALL = {"horizon": 8, "n_action_steps": 4, "down_dims": (16, 32), "diffusion_step_embed_dim": 16, "device": "cpu"}
# What LeRobot's versions have different defaults for. Nothing is downloaded: today's begins with weights of ImageNet.
SMALL |= {"pretrained_backbone_weights": None, "use_group_norm": True, "use_separate_rgb_encoder_per_camera": False}

# What they differ in from LeRobot's defaults.
CONFIGS = {
    "defaults": {},
    "ddim": {"noise_scheduler_type": "DDIM", "num_inference_steps": 10, "n_obs_steps": 1, "prediction_type": "sample"},
    "other network": {
        "down_dims": (16, 24, 40),
        "kernel_size": 3,
        "n_groups": 4,
        "diffusion_step_embed_dim": 24,
        "use_film_scale_modulation": False,
        "n_obs_steps": 3,
    },
    "other schedule": {
        "num_train_timesteps": 40,
        "beta_schedule": "linear",
        "beta_start": 0.001,
        "beta_end": 0.03,
        "clip_sample_range": 2.0,
    },
    "unclipped": {"clip_sample": False, "beta_schedule": "scaled_linear", "num_inference_steps": 20},
    "mean and deviation": {"modes": {"STATE": "MEAN_STD", "ENV": "MEAN_STD", "ACTION": "MEAN_STD"}},
    "quantiles": {"modes": {"STATE": "QUANTILES", "ENV": "QUANTILE10", "ACTION": "QUANTILE10"}},
    "a number that never changes": {"constant": True},
    "trained for a while": {"steps": 5},
    "state as it is": {"modes": {"STATE": "IDENTITY", "ENV": "MIN_MAX", "ACTION": "MIN_MAX"}},
}

IMAGE, WRIST = "observation.images.top", "observation.images.wrist"
KEYPOINTS = {"spatial_softmax_num_keypoints": 6, "num_inference_steps": 10}
IMAGES = {
    "one camera, cropped": KEYPOINTS | {"images": (IMAGE,), "environment": False, "crop_shape": (40, 37)},
    "two cameras, one encoder": KEYPOINTS | {"images": (IMAGE, WRIST)},
    "two cameras and encoders, scaled": KEYPOINTS
    | {
        "images": (IMAGE, WRIST),
        "environment": False,
        "use_separate_rgb_encoder_per_camera": True,
        "use_group_norm": False,
        "resize_shape": (40, 45),
        "crop_ratio": 0.9,
        "modes": {"STATE": "MIN_MAX", "ACTION": "MIN_MAX", "VISUAL": "MIN_MAX"},
    },
    # What LeRobot 0.6 takes where nothing is said, whatever version makes it here.
    "defaults of 0.6": KEYPOINTS
    | {
        "images": (IMAGE, WRIST),
        "environment": False,
        "horizon": 64,
        "n_action_steps": 32,
        "use_group_norm": False,
        "use_separate_rgb_encoder_per_camera": True,
        "modes": {"STATE": "MIN_MAX", "ACTION": "MIN_MAX", "VISUAL": "MEAN_STD"},
    },
    "a larger backbone": KEYPOINTS | {"images": (IMAGE,), "vision_backbone": "resnet34", "resize_shape": (64, 70)},
}


class Checkpoint:
    """A policy with random weights and statistics, saved by LeRobot."""

    def __init__(
        self,
        folder: Path,
        modes: dict[str, str] | None = None,
        constant: bool = False,
        environment: bool = True,
        images: tuple[str, ...] = (),
        steps: int = 0,
        state: int = 2,
        **config: object,
    ):
        torch.manual_seed(0)
        features = {STATE: PolicyFeature(FeatureType.STATE, (state,))}
        features |= {name: PolicyFeature(FeatureType.VISUAL, (3, 48, 40)) for name in images}
        if environment:
            features[ENVIRONMENT] = PolicyFeature(FeatureType.ENV, (5,))
        outputs = {ACTION: PolicyFeature(FeatureType.ACTION, (3,))}
        # Images have statistics of their channels.
        shapes = {name: (*feature.shape[:1], *[1] * (len(feature.shape) - 1)) for name, feature in features.items()}
        self.statistics = {name: statistics_of(shape) for name, shape in (shapes | {ACTION: (3,)}).items()}
        if constant:
            self.statistics[STATE]["max"] = self.statistics[STATE]["min"].clone()
            self.statistics[ACTION]["max"][0] = self.statistics[ACTION]["min"][0]
        if modes:
            config["normalization_mapping"] = {kind: NormalizationMode(mode) for kind, mode in modes.items()}
        self.config = DiffusionConfig(input_features=features, output_features=outputs, **(SMALL | config))
        self.policy = DiffusionPolicy(self.config).eval()
        with torch.no_grad():
            for name, weight in self.policy.state_dict().items():
                if weight.is_floating_point() and "pos_grid" not in name:
                    weight += 0.05 * torch.rand_like(weight)
        self.train(steps)
        self.before, self.after = make_diffusion_pre_post_processors(self.config, self.statistics)
        self.folder = folder
        for part in (self.policy, self.before, self.after):
            part.save_pretrained(folder)
        # As many as are seen before the second plan, and the one that it is made at; pixels are bytes.
        self.seen = {name: torch.randn(5, *feature.shape) for name, feature in features.items()}
        self.seen |= {name: torch.randint(256, (5, 3, 48, 40)) / 255 for name in images}
        if constant:
            self.seen[STATE] = self.statistics[STATE]["min"].expand(5, -1)

    def train(self, steps: int) -> None:
        """As LeRobot does, on random numbers."""
        optimizer = self.config.get_optimizer_preset().build(self.policy.get_optim_params())
        self.policy.train()
        for _ in range(steps):
            batch = {STATE: torch.randn(4, 2, 2), ENVIRONMENT: torch.randn(4, 2, 5), ACTION: torch.randn(4, 8, 3)}
            loss, _ = self.policy.forward(batch | {"action_is_pad": torch.zeros(4, 8, dtype=torch.bool)})
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self.policy.eval()

    @cached_property
    def exported(self) -> Policy:
        return lerobot.load(self.folder)

    def options(self) -> list[str]:
        """How it is drawn from, for the program."""
        drawn = self.exported.drawn
        return ["--solver", drawn.solver, "--steps", str(drawn.steps), "--sampler", "sequential"]

    def inputs(self) -> dict[str, np.ndarray]:
        """The last observations, and noise for a plan."""
        plan, steps = (self.config.horizon, 3), self.exported.drawn.steps
        history = torch.cat([flat(rows[-self.config.n_obs_steps :]) for rows in self.seen.values()], dim=-1)
        noise = {"initial_noise": torch.randn(plan), "step_noise": torch.randn(steps, *plan)}
        return {name: tensor.numpy() for name, tensor in {"observation": history, **noise}.items()}

    def selected(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """What `select_action` says at the last observations under this noise, `[n_action_steps, action]`, raw.

        The first plan is made at the first observation and lasts until all but one were seen, where the second is made.
        """
        self.policy.reset()
        initial, actions = torch.from_numpy(inputs["initial_noise"])[None], []
        executed = self.config.n_action_steps
        waiting, last = [0] * (executed - 4), [4] * executed
        for step in (*waiting, 0, 1, 2, 3, *last):
            batch = self.before({name: rows[step] for name, rows in self.seen.items()})
            with drawing(inputs["step_noise"]):
                action = self.policy.select_action(dict(batch), noise=initial)
            actions.append(self.after(action).numpy()[0])
        return np.array(actions[executed:])

    def predicted(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """What `predict_action_chunk` says of them under this noise, `[n_action_steps, action]`, raw."""
        self.policy.reset()
        for step in range(5 - self.config.n_obs_steps, 5):
            # Asked for an action, it keeps the observation.
            batch = self.before({name: rows[step] for name, rows in self.seen.items()})
            with drawing(inputs["step_noise"]):
                self.policy.select_action(dict(batch), noise=torch.from_numpy(inputs["initial_noise"])[None])
        stacked = [batch[name] for name in self.config.image_features]
        batch |= {"observation.images": torch.stack(stacked, dim=-4)} if stacked else {}
        with drawing(inputs["step_noise"]):
            chunk = self.policy.predict_action_chunk(batch, noise=torch.from_numpy(inputs["initial_noise"])[None])
        return self.after(chunk[0]).numpy()


def flat(rows: torch.Tensor) -> torch.Tensor:
    """Rows as Parapolicy has them: images `[height, width, 3]`, white 255."""
    return rows if rows.dim() == 2 else (255 * rows).permute(0, 2, 3, 1).flatten(1)


def statistics_of(shape: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Random ones, in their order."""
    ranks = {
        name: torch.randn(shape) / 4 + rank for rank, name in enumerate(("min", "q01", "q10", "q90", "q99", "max"))
    }
    return ranks | {"mean": torch.randn(shape), "std": torch.rand(shape) + 0.5}


@pytest.fixture
def default(tmp_path: Path) -> Checkpoint:
    return Checkpoint(tmp_path / "checkpoint")


@pytest.mark.parametrize("config", (CONFIGS | IMAGES).values(), ids=CONFIGS | IMAGES)
def test_plans_are_those_of_select_action(config: dict, tmp_path: Path, sample: Callable[..., np.ndarray]) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint", **config)
    directory.write(checkpoint.exported, tmp_path / "out")
    inputs = checkpoint.inputs()
    theirs, first = checkpoint.selected(inputs), checkpoint.config.n_obs_steps - 1
    assert apart(checkpoint.predicted(inputs), theirs) < 1e-6
    for provider in ("native", "cpu"):
        ours = sample(tmp_path / "out", "--provider", provider, *checkpoint.options(), **inputs)
        assert apart(ours[first : first + checkpoint.config.n_action_steps], theirs) < 1e-4


@pytest.mark.parametrize("first", [False, True], ids=["before processors", "the first version"])
@pytest.mark.parametrize("config", [{}, IMAGES["two cameras, one encoder"]], ids=["state", "images"])
def test_older_checkpoints_have_statistics_among_their_weights(
    config: dict, first: bool, tmp_path: Path, sample: Callable[..., np.ndarray]
) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint", **config)
    inputs = checkpoint.inputs()
    theirs = checkpoint.selected(inputs)
    tensors = load_file(checkpoint.folder / "model.safetensors")
    seen = {name: ("min", "max") if name == STATE else ("mean", "std") for name in (STATE, *config.get("images", ()))}
    done = {ACTION: ("min", "max")}
    for prefix, features in (("normalize_inputs", seen), ("normalize_targets", done), ("unnormalize_outputs", done)):
        for name, statistics in features.items():
            buffers = {statistic: checkpoint.statistics[name][statistic].clone() for statistic in statistics}
            stem = f"{prefix}.buffer_{name.replace('.', '_')}"
            tensors |= {f"{stem}.{statistic}": numbers for statistic, numbers in buffers.items()}
    save_file(tensors, checkpoint.folder / "model.safetensors")
    for file in checkpoint.folder.glob("policy_*"):
        file.unlink()
    if first:
        edit(checkpoint.folder / "config.json", in_the_first_version)
    directory.write(lerobot.load(checkpoint.folder), tmp_path / "out")
    assert apart(sample(tmp_path / "out", *checkpoint.options(), **inputs)[1:5], theirs) < 1e-4


# What the first version wrote, as the checkpoints have it that were published with it.
FIRST = {
    *("beta_end", "beta_schedule", "beta_start", "clip_sample", "clip_sample_range", "crop_is_random", "crop_shape"),
    *("diffusion_step_embed_dim", "do_mask_loss_for_padding", "down_dims", "horizon", "kernel_size", "n_action_steps"),
    *("n_groups", "n_obs_steps", "noise_scheduler_type", "num_inference_steps", "num_train_timesteps"),
    *("prediction_type", "pretrained_backbone_weights", "spatial_softmax_num_keypoints", "use_film_scale_modulation"),
    *("use_group_norm", "vision_backbone"),
}


def in_the_first_version(config: dict) -> None:
    """What `config.json` was then: shapes and modes by names."""
    shapes = [
        {name: feature["shape"] for name, feature in config[f"{side}_features"].items()} for side in ("input", "output")
    ]
    modes = {name: "min_max" if name == STATE else "mean_std" for name in shapes[0] if name != ENVIRONMENT}
    for name in config.keys() - FIRST:
        del config[name]
    config |= {"input_shapes": shapes[0], "output_shapes": shapes[1]}
    config |= {"input_normalization_modes": modes, "output_normalization_modes": {ACTION: "min_max"}}


def test_modes_that_differ_within_a_kind_are_refused(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint", **IMAGES["two cameras, one encoder"])
    edit(checkpoint.folder / "config.json", in_the_first_version)
    edit(
        checkpoint.folder / "config.json", lambda config: config["input_normalization_modes"].update({WRIST: "min_max"})
    )
    with pytest.raises(ExportError, match=r"input_normalization_modes has min_max for observation\.images\.wrist"):
        lerobot.load(checkpoint.folder)


def test_entries_have_the_names_that_the_robot_gives_them(default: Checkpoint) -> None:
    edit(
        default.folder / "policy_preprocessor.json",
        lambda file: file["steps"][0]["config"]["rename_map"].update(arm=STATE),
    )
    assert [entry.name for entry in lerobot.load(default.folder).observations] == ["arm", ENVIRONMENT]


def test_newer_fields_of_training_are_known(default: Checkpoint) -> None:
    edit(default.folder / "config.json", lambda config: config.update(gradient_checkpointing=True))
    lerobot.load(default.folder)


def edit(path: Path, change: Callable[[dict], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_images_of_other_sizes_are_refused(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint", images=(IMAGE, WRIST))
    edit(checkpoint.folder / "config.json", lambda config: config["input_features"][WRIST].update(shape=[3, 40, 48]))
    with pytest.raises(ExportError, match=r"wrist is .*: images must be"):
        lerobot.load(checkpoint.folder)
    edit(checkpoint.folder / "config.json", lambda config: config["input_features"].pop(WRIST))
    with pytest.raises(ExportError, match=r"has shape|no place"):
        lerobot.load(checkpoint.folder)
    edit(checkpoint.folder / "config.json", lambda config: config.update(crop_shape=[50, 20]))
    with pytest.raises(ExportError, match="crop_shape is"):
        lerobot.load(checkpoint.folder)


WRONG = {
    "noise_scheduler_type": ("EDM", "noise_scheduler_type is 'EDM'.*DDPM"),
    "beta_schedule": ("sigmoid", "beta_schedule is 'sigmoid'"),
    "prediction_type": ("velocity", "prediction_type is 'velocity'"),
    "down_dims": ([16, 20], "down_dims are .16, 20., but must be multiples of n_groups"),
    "kernel_size": (4, "kernel_size is 4, but must be odd"),
    "horizon": (7, "horizon is 7, but must be halved"),
    "n_action_steps": (8, "n_action_steps is 8, which reaches beyond the plan"),
    "n_obs_steps": ("2", "n_obs_steps is '2', but must be a whole number"),
    "num_inference_steps": (0, "num_inference_steps is 0"),
    "type": ("act", "type is 'act'"),
    "use_peft": (True, "use_peft is true"),
    "classifier_free": (0.5, "classifier_free is not known"),
    "diffusion_step_embed_dim": (32, "diffusion_step_encoder.1.bias has shape"),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_field_is_named(default: Checkpoint, field: str) -> None:
    value, message = WRONG[field]
    edit(default.folder / "config.json", lambda config: config.update({field: value}))
    with pytest.raises(ExportError, match=message):
        lerobot.load(default.folder)


def test_a_missing_field_is_named(default: Checkpoint) -> None:
    edit(default.folder / "config.json", lambda config: config.pop("clip_sample"))
    with pytest.raises(ExportError, match="clip_sample is missing"):
        lerobot.load(default.folder)


def test_another_action_dimension_is_named(default: Checkpoint) -> None:
    edit(default.folder / "config.json", lambda config: config["output_features"]["action"].update(shape=[4]))
    with pytest.raises(ExportError, match=r"(action has 3 numbers, not 4|asks for \[4)"):
        lerobot.load(default.folder)


def test_missing_statistics_are_named(default: Checkpoint) -> None:
    path = next(default.folder.glob("policy_preprocessor*.safetensors"))
    save_file({key: tensor for key, tensor in load_file(path).items() if key != f"{STATE}.min"}, path)
    with pytest.raises(ExportError, match=r"the statistic min of observation\.state is missing"):
        lerobot.load(default.folder)
    path.unlink()
    with pytest.raises(ExportError, match=path.name):
        lerobot.load(default.folder)
    for file in default.folder.glob("policy_*"):
        file.unlink()
    with pytest.raises(ExportError, match="has no statistics"):
        lerobot.load(default.folder)


def test_an_unknown_step_of_a_processor_is_named(default: Checkpoint) -> None:
    edit(
        default.folder / "policy_postprocessor.json",
        lambda file: file["steps"].append({"registry_name": "delta_action"}),
    )
    with pytest.raises(ExportError, match="registry_name is 'delta_action'"):
        lerobot.load(default.folder)


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_truncated_weights_leave_nothing(
    default: Checkpoint, tmp_path: Path, refused: Callable[..., str], kept: int
) -> None:
    path = default.folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    assert "model.safetensors: cannot be read as safetensors" in refused("lerobot", default.folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_and_foreign_weights_are_named(default: Checkpoint) -> None:
    path = default.folder / "model.safetensors"
    tensors = load_file(path)
    bias = tensors.pop("diffusion.unet.final_conv.1.bias")
    save_file(tensors, path)
    with pytest.raises(ExportError, match=r"1 of .* weights are missing"):
        lerobot.load(default.folder)
    save_file(tensors | {"diffusion.unet.final_conv.1.bias": bias, "diffusion.ema": bias.clone()}, path)
    with pytest.raises(ExportError, match=r"diffusion\.ema has no place"):
        lerobot.load(default.folder)
