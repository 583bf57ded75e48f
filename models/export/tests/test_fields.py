"""Fields of the classes of LeRobot and `diffusers`: each is honoured, harmless or refused, and a new one is neither."""

import dataclasses
import inspect

import diffusers
import pytest
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.processor_diffusion import make_diffusion_pre_post_processors
from lerobot.processor import NormalizerProcessorStep, ProcessorStepRegistry

from export import scheduler
from export.lerobot import config, multi_task, processors, statistics

# Fields that only 0.5 and later have.
LATER = {"gradient_checkpointing", "pretrained_revision"}
# Arguments that a normaliser takes, but does not write: in a file they are refused by name.
UNWRITTEN = {"stats", "device", "dtype"}


def test_every_field_of_lerobots_configuration_is_known() -> None:
    theirs = {field.name for field in dataclasses.fields(DiffusionConfig)} | {"type"}
    assert theirs | LATER == config.READ | config.ABSENT.keys() | config.IRRELEVANT
    assert not config.IRRELEVANT & (config.READ | config.ABSENT.keys())
    defaults = {field.name: field.default for field in dataclasses.fields(DiffusionConfig)}
    assert all(defaults[name] == value for name, value in config.ABSENT.items())


def test_every_field_of_a_multi_task_configuration_is_known() -> None:
    made = pytest.importorskip("lerobot.policies.multi_task_dit.configuration_multi_task_dit").MultiTaskDiTConfig
    theirs = {field.name for field in dataclasses.fields(made)} | {"type"}
    assert theirs == multi_task.READ | multi_task.ABSENT.keys() | multi_task.IRRELEVANT
    assert not multi_task.IRRELEVANT & (multi_task.READ | multi_task.ABSENT.keys())
    defaults = {field.name: field.default for field in dataclasses.fields(made)}
    assert all(defaults[name] == value for name, value in multi_task.ABSENT.items())


def test_every_setting_of_a_tokenizer_is_known() -> None:
    step = ProcessorStepRegistry.get("tokenizer_processor")
    taken = {field.name for field in dataclasses.fields(step) if field.init}
    assert taken == processors.TOKENIZER | {"tokenizer"}


def test_every_type_and_mode_of_lerobot_is_known() -> None:
    assert {kind.value for kind in FeatureType} == set(config.TYPES)
    assert {mode.value for mode in NormalizationMode} == set(statistics.MODES)
    assert {field.name for field in dataclasses.fields(PolicyFeature)} == {"type", "shape"}


def test_every_field_of_lerobots_processors_is_known() -> None:
    features = {"observation.state": PolicyFeature(FeatureType.STATE, (2,))}
    features["observation.environment_state"] = PolicyFeature(FeatureType.ENV, (2,))
    action = {"action": PolicyFeature(FeatureType.ACTION, (2,))}
    made = make_diffusion_pre_post_processors(DiffusionConfig(input_features=features, output_features=action))
    steps = {step._registry_name: step for pipeline in made for step in pipeline.steps}
    assert steps.keys() == processors.SETTINGS.keys() - {"tokenizer_processor", *processors.RELATIVE}
    for name, step in steps.items():
        if "normalize" in name:
            step.normalize_observation_keys = {"observation.state"}
        assert step.get_config().keys() == processors.SETTINGS[name], name
    taken = {field.name for field in dataclasses.fields(NormalizerProcessorStep) if field.init}
    assert taken == processors.NORMALIZER | UNWRITTEN
    assert all(ProcessorStepRegistry.get(name) for name in processors.SETTINGS.keys() - set(processors.RELATIVE))


def test_every_field_of_the_steps_of_relative_actions_is_known() -> None:
    theirs = pytest.importorskip("lerobot.processor.relative_action_processor")
    steps = (theirs.RelativeActionsProcessorStep(), theirs.AbsoluteActionsProcessorStep())
    for name, step in zip(processors.RELATIVE, steps, strict=True):
        assert ProcessorStepRegistry.get(name) is type(step)
        assert step.get_config().keys() == processors.SETTINGS[name]


@pytest.mark.parametrize("kind", scheduler.SOLVERS)
def test_every_argument_of_a_scheduler_is_known(kind: str) -> None:
    theirs = {
        name: argument.default
        for name, argument in inspect.signature(getattr(diffusers, kind).__init__).parameters.items()
        if name != "self"
    }
    assert theirs == scheduler.SHARED | scheduler.OWN[kind] | scheduler.FIXED | scheduler.IDLE
