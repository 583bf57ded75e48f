"""What LeRobot's command lines say of the policy: ``--policy.type=parapolicy --policy.folder=...``."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lerobot.configs.policies import PreTrainedConfig
from lerobot.configs.types import FeatureType, PolicyFeature

from lerobot_policy_parapolicy.exporting import exported

MANIFEST = "policy.json"
IMAGE_SIDES = 3


@PreTrainedConfig.register_subclass("parapolicy")
@dataclass
class ParapolicyConfig(PreTrainedConfig):
    """How plans are drawn, and from what. One of ``folder`` and ``checkpoint`` is given."""

    folder: str | None = None
    """Folder with ``policy.json`` and its graph."""
    checkpoint: str | None = None
    """Folder of a DiffusionPolicy of LeRobot: it is exported when it is first used, into the user's cache."""
    keys: dict[str, str] = field(default_factory=dict)
    """LeRobot's key of each entry of the policy, for those that are not found by their names."""
    image_maximum: float = 1.0
    """What LeRobot's 1, white, is in the policy's own images: 255 where they are bytes."""
    provider: str | None = None
    """What runs the network; the engine by default."""
    threads: int = 0
    """Its threads; 0 is one a core."""
    sampler: str = "picard"
    """The sampler."""
    solver: str = "ddpm"
    """How a step is taken."""
    steps: int = 100
    """Denoising steps."""
    deadline: float | None = None
    """Seconds that a plan may take."""
    noise_seed: int = 0
    """Seed of the first plan's noise; those after it follow."""
    push_to_hub: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.n_obs_steps = 1
        if self.folder is not None or self.checkpoint is not None:
            self.n_obs_steps = int(self.manifest()["n_obs_steps"])

    def directory(self) -> Path:
        """The folder of the policy, exported first where there is a checkpoint alone."""
        if (self.folder is None) == (self.checkpoint is None):
            raise ValueError("give one of --policy.folder, with policy.json, and --policy.checkpoint, of LeRobot")
        return Path(self.folder) if self.folder is not None else exported(Path(str(self.checkpoint)))

    def manifest(self) -> dict[str, Any]:
        """What ``policy.json`` says."""
        return json.loads((self.directory() / MANIFEST).read_text(encoding="utf-8"))

    def entries(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """LeRobot's key and the sizes of each entry of the policy, in the policy's order.

        An entry is the key of its name, or that behind ``observation.`` or ``observation.images.``; or the only entry
        that is an image, or that is none, is ``observation.image`` or ``observation.state``. Where it is known what is
        observed (``input_features``), it is the first of these that is.
        """
        entries = {entry["name"]: tuple(entry["shape"]) for entry in self.manifest()["observations"]}
        if unknown := set(self.keys) - set(entries):
            raise ValueError(f"keys: the policy has no entry {sorted(unknown)}; it has {list(entries)}")
        return {name: (self._key(name, entries), shape) for name, shape in entries.items()}

    def _key(self, name: str, entries: dict[str, tuple[int, ...]]) -> str:
        if name in self.keys:
            return self.keys[name]
        is_image = len(entries[name]) == IMAGE_SIDES
        candidates = [name, f"observation.images.{name}" if is_image else f"observation.{name}"]
        if sum((len(shape) == IMAGE_SIDES) == is_image for shape in entries.values()) == 1:
            candidates.append("observation.image" if is_image else "observation.state")
        found = [key for key in candidates if key in (self.input_features or {})]
        named = [key for key in candidates if key.startswith("observation.")]
        # Where it is not known what is observed, a name that is LeRobot's own stands for itself.
        return (found or [name if name.startswith("observation.") else named[-1]])[0]

    def features(self) -> dict[str, PolicyFeature]:
        """LeRobot's description of what is observed: images are [channels, height, width] there."""

        def feature(key: str, shape: tuple[int, ...]) -> PolicyFeature:
            if len(shape) == IMAGE_SIDES:
                height, width, channels = shape
                return PolicyFeature(FeatureType.VISUAL, (channels, height, width))
            kind = FeatureType.ENV if key == "observation.environment_state" else FeatureType.STATE
            return PolicyFeature(kind, shape)

        return {key: feature(key, shape) for key, shape in self.entries().values()}

    def action_dim(self) -> int:
        """Numbers in an action."""
        sizes = [entry["shape"] for entry in self.manifest()["actions"]]
        return sum(int(length) for (length,) in sizes)

    def validate_features(self) -> None:
        """LeRobot's features say less than ``policy.json``; what is observed is checked when it comes."""

    @property
    def output_feature(self) -> PolicyFeature:
        """The action."""
        return PolicyFeature(FeatureType.ACTION, (self.action_dim(),))

    @property
    def observation_delta_indices(self) -> None:
        """Of training."""

    @property
    def action_delta_indices(self) -> None:
        """Of training."""

    @property
    def reward_delta_indices(self) -> None:
        """Of training."""

    def get_optimizer_preset(self) -> Any:
        """Refused: policies come trained."""
        raise NotImplementedError(
            "the policy parapolicy runs what is trained; train type diffusion, and give its checkpoint"
        )

    def get_scheduler_preset(self) -> None:
        """Of training."""

    def at(self, path: str | Path) -> "ParapolicyConfig":
        """The same for a folder with ``policy.json``, or else for a checkpoint."""
        is_folder = (Path(path) / MANIFEST).is_file()
        folder, checkpoint = (str(path), None) if is_folder else (None, str(path))
        return replace(self, folder=folder, checkpoint=checkpoint)
