"""What LeRobot does around the policy: batches and devices, and no normalisation, which is the policy's own."""

from typing import Any

import torch
from lerobot.processor import (
    AddBatchDimensionProcessorStep,
    DeviceProcessorStep,
    PolicyAction,
    PolicyProcessorPipeline,
    RenameObservationsProcessorStep,
)
from lerobot.processor.converters import policy_action_to_transition, transition_to_policy_action
from lerobot.utils.constants import POLICY_POSTPROCESSOR_DEFAULT_NAME, POLICY_PREPROCESSOR_DEFAULT_NAME

from lerobot_policy_parapolicy.configuration_parapolicy import ParapolicyConfig


def make_parapolicy_pre_post_processors(
    config: ParapolicyConfig,
    dataset_stats: dict[str, dict[str, torch.Tensor]] | None = None,
    rename_map: dict[str, str] | None = None,
) -> tuple[Any, Any]:
    """Named by LeRobot; statistics are those in ``policy.json``."""
    before = [
        RenameObservationsProcessorStep(rename_map=rename_map or {}),
        AddBatchDimensionProcessorStep(),
        DeviceProcessorStep(device=str(config.device)),
    ]
    return (
        PolicyProcessorPipeline[dict[str, Any], dict[str, Any]](steps=before, name=POLICY_PREPROCESSOR_DEFAULT_NAME),
        PolicyProcessorPipeline[PolicyAction, PolicyAction](
            steps=[DeviceProcessorStep(device="cpu")],
            name=POLICY_POSTPROCESSOR_DEFAULT_NAME,
            to_transition=policy_action_to_transition,
            to_output=transition_to_policy_action,
        ),
    )
