"""LeRobot's `DiffusionPolicy`: the same architecture, with the same weights."""

from collections.abc import Callable

import numpy as np
import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
from lerobot.utils.constants import ACTION, OBS_ENV_STATE, OBS_STATE
from torch import Tensor

from export.published_unet import NAMES
from export.weights import renamed

from .pytorch import Peer

TAKEN = ("num_train_timesteps", "beta_schedule", "beta_start", "beta_end", "prediction_type", "clip_sample")


def sequential(peer: Peer, scheduler: str, steps: int) -> Callable[[np.ndarray, int], Tensor]:
    """A plan by the scheduler that LeRobot has by this name.

    It starts from the normalised observation: LeRobot's preprocessing is not counted.
    """
    policy = built(peer, scheduler, steps)
    first, _ = sizes(peer)

    @torch.inference_mode()
    def plan(observation: np.ndarray, seed: int) -> Tensor:
        torch.manual_seed(seed)
        seen = peer.normalised(observation)
        return policy.diffusion.generate_actions({OBS_STATE: seen[..., :first], OBS_ENV_STATE: seen[..., first:]})

    return plan


def built(peer: Peer, scheduler: str, steps: int) -> DiffusionPolicy:
    """LeRobot's policy with the peer's weights.

    Raises `ValueError` if it does not predict what the peer's network does.
    """
    manifest, net = peer.manifest, peer.net
    first, rest = sizes(peer)
    config = DiffusionConfig(
        # LeRobot requires a state, so the first entry is passed as one.
        input_features={
            OBS_STATE: PolicyFeature(FeatureType.STATE, (first,)),
            OBS_ENV_STATE: PolicyFeature(FeatureType.ENV, (rest,)),
        },
        output_features={ACTION: PolicyFeature(FeatureType.ACTION, (net.action,))},
        down_dims=tuple(level[0].first[0].out_channels for level in net.down),
        noise_scheduler_type=scheduler,
        num_inference_steps=steps,
        device="cpu",
        **{name: manifest[name] for name in ("n_obs_steps", "horizon", "n_action_steps")},
        **{name: manifest["scheduler"][name] for name in TAKEN if name in manifest["scheduler"]},
    )
    policy = DiffusionPolicy(config).eval()
    unet, held = policy.diffusion.unet, net.state_dict()
    theirs = {name: held[renamed(name, NAMES)].reshape(weight.shape) for name, weight in unet.state_dict().items()}
    unet.load_state_dict(theirs)
    if not same(peer, policy):
        raise ValueError("LeRobot's network does not predict what the peer's does from the same weights")
    return policy


@torch.inference_mode()
def same(peer: Peer, policy: DiffusionPolicy) -> bool:
    """Whether both predict the same of a random sample."""
    sample, timestep = torch.randn(1, *peer.shape), torch.tensor([7])
    seen = torch.randn(1, peer.manifest["n_obs_steps"], sum(sizes(peer)))
    ours = peer.net(sample, timestep, seen)
    return torch.allclose(policy.diffusion.unet(sample, timestep, global_cond=seen.flatten(1)), ours, atol=1e-4)


def sizes(peer: Peer) -> tuple[int, int]:
    """Numbers of the first entry of an observation, and of the others."""
    first, *others = (int(np.prod(entry["shape"])) for entry in peer.manifest["observations"])
    return first, sum(others)
