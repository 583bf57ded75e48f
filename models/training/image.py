"""Trains the PushT image policy: `python -m training.image --demos FILE`.

First it trains the keypoint encoder on the simulator's frames (`keypoint_encoder.py`); put before the policy that is
told where the block is, that makes a policy of images already, `policy-0.pt`. Then both are trained as one, by the
noise they predict, on frames of the demonstrated states. A run that is killed goes on from its last checkpoint when
started again with the same `--out`.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from export.policy import ExportError
from export.rigid import RigidKeypoints, encoder
from training import keypoint_encoder, recordings
from training.demos import Demonstrations
from training.frames import FrameBatches
from training.keypoint_encoder import KeypointTraining
from training.states import StatePolicy
from training.train import CHECKPOINT, Recipe, Training, resumed, run, save

RECIPE = Recipe(epochs=4, batch=128, learning_rate=1e-4, warmup_steps=100)


class EncodedDenoiser(nn.Module):
    """Encoder and denoiser: the policy as one network."""

    def __init__(self, seen: RigidKeypoints, denoiser: nn.Module, agent: int):
        super().__init__()
        self.encoder, self.denoiser = encoder(seen, after=agent), denoiser

    def forward(self, sample: Tensor, timestep: Tensor, observation: Tensor) -> Tensor:
        return self.denoiser(sample, timestep, self.encoder(observation))


class ImageTraining(Training):
    """Continues from the encoder `seen` and the denoiser of `policy`; observations are states, `[steps, 5]`."""

    def __init__(self, demos: Demonstrations, seen: RigidKeypoints, policy: StatePolicy, recipe: Recipe):
        self.seen, self.policy = seen, policy
        super().__init__(demos, recipe)
        # The normalisation of the denoiser, whatever the demonstrations are.
        self.observation, self.action = policy.agent, policy.action

    def batches(self, demos: Demonstrations, episodes: np.ndarray) -> FrameBatches:
        return FrameBatches.of(demos, episodes, self.shape, self.policy.agent, self.policy.action)

    def network(self) -> nn.Module:
        return EncodedDenoiser(self.seen, self.policy.denoiser, len(self.policy.agent.low))

    def weights(self) -> dict:
        whole, [seen] = super().weights(), self.averaged.encoder.encoders
        return whole | {"weights": self.averaged.denoiser.state_dict(), "sight": seen.described()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.image", description="Train the PushT image policy.")
    parser.add_argument("--demos", type=Path, required=True, help="demonstrations (.npz)")
    parser.add_argument("--policy", type=Path, default=Path("pusht"), help="folder of the policy to begin with")
    parser.add_argument(
        "--out", type=Path, default=Path("run-image"), help="folder for policy-EPOCH.pt, the checkpoints and sight/"
    )
    args = parser.parse_args()

    seeing = args.out / "sight"
    seeing.mkdir(parents=True, exist_ok=True)
    try:
        demos, policy = recordings.load_states(args.demos), StatePolicy.load(args.policy)
        looking = KeypointTraining(demos, policy.keypoints, keypoint_encoder.Recipe())
        run(resumed(looking, seeing / CHECKPOINT), seeing, keep_every=looking.recipe.epochs)
        training = resumed(ImageTraining(demos, looking.net, policy, RECIPE), args.out / CHECKPOINT)
    except (OSError, ValueError, ExportError) as error:
        sys.exit(f"image: {error}")
    if training.epoch == 0:
        save(training.weights(), args.out / "policy-0.pt")
    run(training, args.out, keep_every=1)


if __name__ == "__main__":
    main()
