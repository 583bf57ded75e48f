"""LeRobot's policy server for its asynchronous inference, with this policy.

    python -m lerobot_policy_parapolicy.policy_server

Its own takes a fixed list of policies, and calls diffusion policies without the history that they see. Robots' clients
are LeRobot's: ``--policy_type=parapolicy --pretrained_name_or_path=FOLDER``. As in LeRobot, what is sent are pickles,
which execute what is in them: only who is trusted may reach the port.
"""

import pickle
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import draccus
import grpc
import torch
from lerobot.async_inference.configs import PolicyServerConfig
from lerobot.async_inference.helpers import (
    RemotePolicyConfig,
    TimedAction,
    TimedObservation,
    raw_observation_to_observation,
)
from lerobot.async_inference.policy_server import PolicyServer
from lerobot.configs.policies import PreTrainedConfig
from lerobot.configs.types import FeatureType
from lerobot.datasets.utils import dataset_to_policy_features
from lerobot.transport import services_pb2, services_pb2_grpc

from lerobot_policy_parapolicy.configuration_parapolicy import ParapolicyConfig
from lerobot_policy_parapolicy.modeling_parapolicy import ParapolicyPolicy
from lerobot_policy_parapolicy.processor_parapolicy import make_parapolicy_pre_post_processors

TYPE = "parapolicy"


@dataclass
class ParapolicyServerConfig(PolicyServerConfig):
    """LeRobot's options, and how plans are drawn: ``--policy.type=parapolicy --policy.sampler=...``."""

    policy: PreTrainedConfig = field(default_factory=lambda: ParapolicyConfig(device="cpu"))


class ParapolicyServer(PolicyServer):
    """LeRobot's server, whose policy is one of Parapolicy's folders, which the client names."""

    def __init__(self, config: ParapolicyServerConfig) -> None:
        super().__init__(config)
        if not isinstance(config.policy, ParapolicyConfig):
            raise ValueError(f"--policy.type: {config.policy.type} is LeRobot's own server's; leave it out here")
        self.how = config.policy
        # What was received for the last control steps, by step: a history is of consecutive ones.
        self.received: dict[int, TimedObservation] = {}

    def SendPolicyInstructions(self, request: Any, context: Any) -> Any:
        """Loads the policy that the client names."""
        instructions = pickle.loads(request.data)
        if not isinstance(instructions, RemotePolicyConfig):
            raise TypeError(f"instructions are a {type(instructions).__name__}, but must be a RemotePolicyConfig")
        if instructions.policy_type != TYPE:
            return super().SendPolicyInstructions(request, context)
        self.device, self.policy_type = instructions.device, TYPE
        self.lerobot_features = instructions.lerobot_features
        self.actions_per_chunk = instructions.actions_per_chunk
        how = self.how.at(instructions.pretrained_name_or_path)
        how.input_features = dataset_to_policy_features(self.lerobot_features)
        self.policy = ParapolicyPolicy(how).eval()
        self.preprocessor, self.postprocessor = make_parapolicy_pre_post_processors(
            self.policy.config, rename_map=instructions.rename_map
        )
        self.received.clear()
        # That of the client before is none of this one's.
        self.last_processed_obs = None
        return services_pb2.Empty()

    def _enqueue_observation(self, obs: TimedObservation) -> bool:
        if self.policy_type == TYPE:
            self.received[obs.get_timestep()] = obs
            newest = max(self.received)
            kept = range(newest - self.policy.policy.n_obs_steps + 1, newest + 1)
            self.received = {step: self.received[step] for step in kept if step in self.received}
        return super()._enqueue_observation(obs)

    def _predict_action_chunk(self, observation_t: TimedObservation) -> list[TimedAction]:
        if self.policy_type != TYPE:
            return super()._predict_action_chunk(observation_t)
        steps = [self.preprocessor(self._observed(obs)) for obs in self._history(observation_t)]
        keys = [key for key, _ in self.policy.entries.values()]
        # [batch, n_obs_steps, ...]
        history = {key: torch.stack([step[key] for step in steps], dim=1) for key in keys}
        self.last_processed_obs = observation_t
        with torch.inference_mode():
            chunk = self._get_action_chunk(history).squeeze(0).cpu()
        return self._time_action_chunk(observation_t.get_timestamp(), list(chunk), observation_t.get_timestep())

    def _observed(self, obs: TimedObservation) -> dict[str, Any]:
        features = self.images()
        return raw_observation_to_observation(obs.get_observation(), self.lerobot_features, features)

    def images(self) -> dict[str, Any]:
        """Images as the policy has them: LeRobot scales a robot's to these."""
        return {
            key: feature for key, feature in self.policy.config.features().items() if feature.type is FeatureType.VISUAL
        }

    def _history(self, newest: TimedObservation) -> Iterator[TimedObservation]:
        """The observations of consecutive steps, oldest first; the one after it stands in for one that was not sent."""
        last, found = newest, [newest]
        for back in range(1, self.policy.policy.n_obs_steps):
            last = self.received.get(newest.get_timestep() - back, last)
            found.append(last)
        return reversed(found)


@draccus.wrap()
def serve(config: ParapolicyServerConfig) -> None:
    """Serves until it is interrupted."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    services_pb2_grpc.add_AsyncInferenceServicer_to_server(ParapolicyServer(config), server)
    if server.add_insecure_port(f"{config.host}:{config.port}") == 0:
        raise OSError(f"{config.host}:{config.port} cannot be listened on")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    serve()
