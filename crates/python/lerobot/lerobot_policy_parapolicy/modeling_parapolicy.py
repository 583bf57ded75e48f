"""The policy, as LeRobot calls it."""

from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import parapolicy
import torch
from lerobot.policies.pretrained import PreTrainedPolicy
from torch import Tensor

from lerobot_policy_parapolicy.configuration_parapolicy import IMAGE_SIDES, ParapolicyConfig

UNTRAINABLE = "the policy parapolicy runs what is trained; it cannot be trained"


class ParapolicyPolicy(PreTrainedPolicy):
    """Plans drawn by Parapolicy; of several environments together, in shared batches of the network.

    Actions are in raw units, and so are observations: no processor normalises.
    """

    config_class = ParapolicyConfig
    name = "parapolicy"

    def __init__(self, config: ParapolicyConfig, **_: Any) -> None:
        super().__init__(config)
        self.config: ParapolicyConfig = config
        # Another name is refused by the policy, with those that there are.
        provider: Any = config.provider
        self.policy = parapolicy.Policy(config.directory(), provider=provider, threads=config.threads)
        self.entries = config.entries()
        # Counted on for as long as the policy is there, so that no two plans have the same noise.
        self.next_seed = config.noise_seed
        self.reset()

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, pretrained_name_or_path: str | Path, *, config: ParapolicyConfig | None = None, **_: Any
    ) -> "ParapolicyPolicy":
        """The policy of a folder with ``policy.json``, or of a checkpoint of LeRobot."""
        return cls((config or ParapolicyConfig(device="cpu")).at(pretrained_name_or_path)).eval()

    def reset(self) -> None:
        """A new episode begins."""
        self.history: deque[np.ndarray] = deque(maxlen=self.policy.n_obs_steps)
        self.queue: deque[Tensor] = deque()

    def select_action(self, batch: dict[str, Tensor], **_: Any) -> Tensor:
        """The next action of each environment, ``[batch, action]``; plans are drawn when the last ones are used up."""
        rows = self.rows(batch)
        self.history.extend([rows] * (self.policy.n_obs_steps if not self.history else 1))
        if not self.queue:
            plans = self.plan(np.stack(self.history, axis=1))
            first = self.policy.n_obs_steps - 1
            self.queue.extend(plans[:, first : first + self.policy.n_action_steps].unbind(1))
        return self.queue.popleft()

    def init_rtc_processor(self) -> None:
        """Nothing: LeRobot's loops call it before they chunk in real time, and plans are inpainted here."""

    def predict_action_chunk(
        self,
        batch: dict[str, Tensor],
        *,
        inference_delay: int | None = None,
        prev_chunk_left_over: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        """Plans from now on, ``[batch, chunk, action]``: to the end of the horizon.

        An observation may be a history, ``[batch, n_obs_steps, ...]``, oldest first; one alone stands in for those
        before it. In real-time chunking ``prev_chunk_left_over``, ``[chunk, action]`` or ``[batch, chunk, action]``, is
        what was left of the chunk before: the new one begins with the first ``inference_delay`` actions of it, which
        are carried out before it is there.
        """
        key, shape = next(iter(self.entries.values()))
        steps = self.policy.n_obs_steps
        if self.observed(batch)[key][0].numel() == int(np.prod(shape)):
            history = np.repeat(self.rows(batch)[:, None], steps, axis=1)
        else:
            step = [{key: value[:, index] for key, value in self.observed(batch).items()} for index in range(steps)]
            history = np.stack([self.rows(one) for one in step], axis=1)
        return self.plan(history, self.committed(prev_chunk_left_over, inference_delay))[:, steps - 1 :]

    def committed(self, left_over: Tensor | None, delay: int | None) -> np.ndarray | None:
        """Actions that are carried out before a plan is there, ``[batch or 1, delay, action]``."""
        if left_over is None or not delay:
            return None
        if delay < 0:
            raise ValueError(f"inference_delay is {delay}, but must be 0 or more")
        given = left_over.detach().to("cpu", torch.float64).numpy()
        return (given[None] if given.ndim == 2 else given)[:, :delay]

    def plan(self, observations: np.ndarray, committed: np.ndarray | None = None) -> Tensor:
        """Draws a plan for each of ``[batch, n_obs_steps, observation]``: ``[batch, horizon, action]``."""
        seeds = [self.next_seed + index for index in range(len(observations))]
        self.next_seed += len(seeds)
        how: Any = {name: getattr(self.config, name) for name in ("sampler", "solver", "steps", "deadline")}
        if committed is None:
            plans = self.policy.sample_many(observations, seeds=seeds, **how)
        else:
            begun = np.broadcast_to(committed, (len(seeds), *committed.shape[1:]))
            each = zip(observations, seeds, begun, strict=True)
            plans = [self.policy.sample(seen, seed=seed, committed=actions, **how) for seen, seed, actions in each]
        return torch.from_numpy(np.stack([plan.actions for plan in plans])).to(self.config.device, torch.float32)

    def observed(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """What the policy sees of a batch."""
        keys = [key for key, _ in self.entries.values()]
        if missing := [key for key in keys if key not in batch]:
            found = sorted(key for key in batch if key.startswith("observation"))
            raise ValueError(
                f"{missing[0]} is not observed; observed are {found}: "
                f"name the right keys, --policy.keys='{{ENTRY: KEY}}', for the entries {list(self.entries)}"
            )
        return {key: batch[key] for key in keys}

    def rows(self, batch: dict[str, Tensor]) -> np.ndarray:
        """Observations ``[batch, observation]``, entries one after the other."""
        observed = self.observed(batch)
        return np.concatenate(
            [self.entry(name, key, shape, observed[key]) for name, (key, shape) in self.entries.items()], 1
        )

    def entry(self, name: str, key: str, shape: tuple[int, ...], value: Tensor) -> np.ndarray:
        """An entry ``[batch, numbers]``. LeRobot's images are ``[channels, height, width]`` within 0 and 1."""
        given = value.detach().to("cpu", torch.float64)
        if len(shape) == IMAGE_SIDES:
            if given.shape[1:] == (shape[2], *shape[:2]):
                given = given.movedim(1, -1)
            given = given * self.config.image_maximum
        if given.shape[1:].numel() != int(np.prod(shape)) or (len(shape) == IMAGE_SIDES and given.shape[1:] != shape):
            raise ValueError(
                f"{key} has shape {list(given.shape[1:])}, but the policy's entry {name} has {list(shape)}"
            )
        return given.reshape(len(given), -1).numpy()

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict | None]:
        """Refused."""
        raise NotImplementedError(UNTRAINABLE)

    def get_optim_params(self) -> dict:
        """Refused."""
        raise NotImplementedError(UNTRAINABLE)
