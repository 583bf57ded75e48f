"""LeRobot's normaliser, as its processors do it after reading their files: what is exported does the same."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lerobot.processor import PolicyProcessorPipeline
from lerobot.processor.converters import policy_action_to_transition, transition_to_policy_action
from safetensors.torch import load_file, save_file

from export import lerobot
from export.policy import ExportError, Policy
from export.tests.test_lerobot import ACTION, ENVIRONMENT, IMAGE, KEYPOINTS, STATE, Checkpoint

BEFORE, AFTER = "policy_preprocessor.json", "policy_postprocessor.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return Checkpoint(tmp_path_factory.mktemp("made") / "checkpoint", images=(IMAGE,), **KEYPOINTS)


@pytest.fixture
def checkpoint(made: Checkpoint, tmp_path: Path) -> Checkpoint:
    """One to be changed; the weights stay where they are."""
    mine = copy.copy(made)
    mine.folder = tmp_path / "checkpoint"
    shutil.copytree(made.folder, mine.folder, ignore=shutil.ignore_patterns("model.safetensors"))
    (mine.folder / "model.safetensors").symlink_to(made.folder / "model.safetensors")
    return mine


def edit(folder: Path, name: str, change: Callable[[dict], object]) -> None:
    """Changes the settings of the step that normalises."""
    content = json.loads((folder / name).read_text())
    change(next(step["config"] for step in content["steps"] if "normalizer" in step["registry_name"]))
    (folder / name).write_text(json.dumps(content))


CHANGES = {
    "as it was made": (BEFORE, lambda config: None),
    "a state that is not listed": (BEFORE, lambda config: config["features"].pop(STATE)),
    "an image that is not listed": (BEFORE, lambda config: config["features"].pop(IMAGE)),
    "nothing is listed": (BEFORE, lambda config: config["features"].clear()),
    "an action that is not listed": (AFTER, lambda config: config["features"].clear()),
    "a state of an image's type": (BEFORE, lambda config: config["features"][STATE].update(type="VISUAL")),
    "an image of a state's type": (BEFORE, lambda config: config["features"][IMAGE].update(type="STATE")),
    "a state of an action's type": (BEFORE, lambda config: config["features"][STATE].update(type="ACTION")),
    "a state of a type without a mode": (BEFORE, lambda config: config["features"][STATE].update(type="REWARD")),
    "other modes": (
        BEFORE,
        lambda config: config["norm_map"].update(STATE="QUANTILES", VISUAL="IDENTITY", ENV="QUANTILE10"),
    ),
    "a type without a mode": (BEFORE, lambda config: config["norm_map"].pop("STATE")),
    "an action by its deviation": (AFTER, lambda config: config["norm_map"].update(ACTION="MEAN_STD")),
    "a large eps": (BEFORE, lambda config: config.update(eps=0.25)),
    "a large eps of actions": (
        AFTER,
        lambda config: config.update(eps=0.25) or config["norm_map"].update(ACTION="MEAN_STD"),
    ),
    "some keys alone": (BEFORE, lambda config: config.update(normalize_observation_keys=[IMAGE])),
    "no key of actions": (AFTER, lambda config: config.update(normalize_observation_keys=[])),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_normalised_is_what_lerobot_normalises(checkpoint: Checkpoint, change: str) -> None:
    edit(checkpoint.folder, *CHANGES[change])
    held_to_lerobot(checkpoint, lerobot.load(checkpoint.folder))


def test_a_number_that_never_changes_has_an_eps(checkpoint: Checkpoint) -> None:
    for file in checkpoint.folder.glob("policy_*.safetensors"):
        numbers = load_file(file)
        numbers[f"{ACTION}.std"][0] = 0
        numbers[f"{ACTION}.max"][1] = numbers[f"{ACTION}.min"][1]
        if f"{STATE}.max" in numbers:
            numbers[f"{STATE}.max"][0] = numbers[f"{STATE}.min"][0]
        save_file(numbers, file)
    for name in (BEFORE, AFTER):
        edit(checkpoint.folder, name, lambda config: config.update(eps=0.25))
    held_to_lerobot(checkpoint, lerobot.load(checkpoint.folder))
    edit(checkpoint.folder, AFTER, lambda config: config["norm_map"].update(ACTION="MEAN_STD"))
    held_to_lerobot(checkpoint, lerobot.load(checkpoint.folder))


def held_to_lerobot(checkpoint: Checkpoint, policy: Policy) -> None:
    """Observations on the way in, an action on the way out."""
    before = PolicyProcessorPipeline.from_pretrained(checkpoint.folder, config_filename=BEFORE)
    seen = before({name: rows[0] for name, rows in checkpoint.seen.items()})
    for entry in policy.observations:
        if entry.name != IMAGE:
            ours = forward(entry.normalization, checkpoint.seen[entry.name][0])
            torch.testing.assert_close(ours, seen[entry.name][0], rtol=1e-5, atol=1e-5)
    eyes, image = policy.encoder, checkpoint.seen[IMAGE][0]
    ours = 255 * image * eyes.scale[0] + eyes.offset[0]
    torch.testing.assert_close(ours, seen[IMAGE][0], rtol=1e-5, atol=1e-5)
    after = PolicyProcessorPipeline.from_pretrained(
        checkpoint.folder,
        config_filename=AFTER,
        to_transition=policy_action_to_transition,
        to_output=transition_to_policy_action,
    )
    action = torch.linspace(-1, 1, 3)[None]
    torch.testing.assert_close(backward(policy.actions[0].normalization, action), after(action), rtol=1e-5, atol=1e-5)


def forward(normalization: dict, raw: torch.Tensor) -> torch.Tensor:
    """As the manifest has it."""
    numbers = {name: torch.tensor(value) for name, value in normalization.items() if name != "mode"}
    match normalization["mode"]:
        case "min_max":
            return 2 * (raw - numbers["min"]) / (numbers["max"] - numbers["min"]) - 1
        case "mean_std":
            return (raw - numbers["mean"]) / numbers["std"]
        case "identity":
            return raw


def backward(normalization: dict, normal: torch.Tensor) -> torch.Tensor:
    numbers = {name: torch.tensor(value) for name, value in normalization.items() if name != "mode"}
    match normalization["mode"]:
        case "min_max":
            return (normal + 1) / 2 * (numbers["max"] - numbers["min"]) + numbers["min"]
        case "mean_std":
            return normal * numbers["std"] + numbers["mean"]
        case "identity":
            return normal


WRONG = {
    "a mode that is none": (BEFORE, lambda config: config["norm_map"].update(STATE="ROBUST"), "STATE is 'ROBUST'"),
    "a mode of no type": (BEFORE, lambda config: config["norm_map"].update(STAT="MIN_MAX"), "STAT is not known"),
    "a type that is none": (BEFORE, lambda config: config["features"][STATE].update(type="POSE"), "type is 'POSE'"),
    "no list": (BEFORE, lambda config: config.pop("features"), "features is missing"),
    "a negative eps": (BEFORE, lambda config: config.update(eps=-1), "eps is -1"),
    "statistics of its own": (BEFORE, lambda config: config.update(stats={}), "stats is not known"),
    "an eps that is a word": (AFTER, lambda config: config.update(eps="small"), "eps is 'small'"),
    "keys that are a word": (
        BEFORE,
        lambda config: config.update(normalize_observation_keys=STATE),
        "normalize_observation_keys is",
    ),
}


@pytest.mark.parametrize("change", WRONG)
def test_what_lerobot_would_not_take_is_named(checkpoint: Checkpoint, change: str) -> None:
    name, how, message = WRONG[change]
    edit(checkpoint.folder, name, how)
    with pytest.raises(ExportError, match=message):
        lerobot.load(checkpoint.folder)


def steps(folder: Path, change: Callable[[list], object]) -> None:
    content = json.loads((folder / BEFORE).read_text())
    change(content["steps"])
    (folder / BEFORE).write_text(json.dumps(content))


STEPS = {
    "renamed after it is normalised": (lambda steps: steps.append(steps.pop(0)), "must be there once, before"),
    "renamed twice": (lambda steps: steps.insert(0, steps[0]), "must be there once, before"),
    "two of one name": (
        lambda steps: steps[0]["config"]["rename_map"].update({"a": STATE, "b": STATE}),
        f"makes {STATE} of a, b",
    ),
    "renamed away": (lambda steps: steps[0]["config"]["rename_map"].update({STATE: "a"}), f"makes {STATE} of nothing"),
    "an unknown field of a step": (lambda steps: steps[0].update(enabled=False), "enabled is not known"),
    "an unknown setting": (lambda steps: steps[1]["config"].update(axis=1), "axis is not known"),
    "half precision": (lambda steps: steps[2]["config"].update(float_dtype="float16"), "float_dtype is 'float16'"),
}


@pytest.mark.parametrize("change", STEPS)
def test_steps_in_another_order_or_with_other_fields_are_named(checkpoint: Checkpoint, change: str) -> None:
    how, message = STEPS[change]
    steps(checkpoint.folder, how)
    with pytest.raises(ExportError, match=message):
        lerobot.load(checkpoint.folder)


def test_an_environments_state_of_another_type_is_not_seen(checkpoint: Checkpoint) -> None:
    path = checkpoint.folder / "config.json"
    content = json.loads(path.read_text())
    content["input_features"][ENVIRONMENT]["type"] = "STATE"
    path.write_text(json.dumps(content))
    with pytest.raises(ExportError, match="has shape"):
        lerobot.load(checkpoint.folder)


def test_a_field_that_is_there_twice_is_named(checkpoint: Checkpoint) -> None:
    path = checkpoint.folder / "config.json"
    path.write_text(path.read_text().replace("{", '{"n_obs_steps": 1, ', 1))
    with pytest.raises(ExportError, match="n_obs_steps is there twice"):
        lerobot.load(checkpoint.folder)
