"""The keypoint policy, read back from its folder: an image policy starts from its denoiser."""

import json
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError

from export.unet import ConditionalUnet
from training.demos import MinMax
from training.policy import ranges


@dataclass(frozen=True)
class StatePolicy:
    """Its network, and what it normalises by: keypoints, the agent, actions."""

    denoiser: ConditionalUnet
    keypoints: MinMax
    agent: MinMax
    action: MinMax

    @staticmethod
    def load(folder: Path) -> "StatePolicy":
        """The policy as `export` wrote it: the graph's weights have the network's names."""
        manifest, graph = folder / "policy.json", folder / "denoiser.onnx"
        try:
            described = json.loads(manifest.read_text())
            found = {entry["name"]: ranges([entry]) for entry in (*described["observations"], *described["actions"])}
            parts = [found[name] for name in ("keypoints", "agent", "target")]
            seen = described["n_obs_steps"] * sum(len(part.low) for part in parts[:2])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{manifest}: not a policy that is told keypoints and agent ({error!r})") from error
        denoiser = ConditionalUnet(len(parts[2].low), seen)
        try:
            weights = {array.name: onnx.numpy_helper.to_array(array) for array in onnx.load(graph).graph.initializer}
            denoiser.load_state_dict({name: torch.tensor(weights[name]) for name in denoiser.state_dict()})
        except (DecodeError, KeyError, RuntimeError) as error:
            raise ValueError(f"{graph}: not the graph of such a policy ({error!r})") from error
        return StatePolicy(denoiser, *parts)
