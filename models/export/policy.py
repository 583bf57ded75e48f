"""A trained policy from any source, and its manifest, which holds what the graph does not contain."""

import hashlib
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import nn

from export.encoder import MOST_NUMBERS, Encoder
from export.errors import ExportError
from export.graph_file import FEATURES, INPUTS, OUTPUT, SEEN, Network, denoiser, encoder

DENOISER, ENCODER, MANIFEST = "denoiser.onnx", "encoder.onnx", "policy.json"
SCHEMA_VERSION, OF_TASKS, OF_KINDS, OF_RELATIVE = 3, 4, 5, 6
# More steps than any plan or history has.
MOST_STEPS = 4096


@dataclass(frozen=True)
class Shape:
    """Time steps of a policy: `n_obs_steps` observations in, `horizon` actions out, `n_action_steps` executed."""

    n_obs_steps: int = 2
    horizon: int = 16
    n_action_steps: int = 8

    def __post_init__(self):
        for name, steps in asdict(self).items():
            if type(steps) is not int or not 1 <= steps <= MOST_STEPS:
                raise ExportError(f"{name} is {steps!r}, but must be a whole number, at least 1, at most {MOST_STEPS}")
        needed = self.n_obs_steps + self.n_action_steps - 1
        if needed > self.horizon:
            raise ExportError(
                f"n_action_steps is {self.n_action_steps}, which reaches beyond the plan: n_obs_steps + n_action_steps "
                f"- 1 is {needed}, horizon is {self.horizon}"
            )


@dataclass(frozen=True)
class Entry:
    """A named part of an observation or of an action, and how the manifest has it normalised; of an action also what
    its numbers are, where they are no positions, and what they are `relative_to`: `observation`, the name of an entry,
    and `components`, of each number the number of that entry, or None."""

    name: str
    shape: tuple[int, ...]
    normalization: dict
    unit: str | None = None
    kind: str | None = None
    relative_to: dict | None = None

    def described(self) -> dict:
        """As the manifest has it."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def length(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Task:
    """Something that the policy can be told to do: the name that it is chosen by, the words, and what the network sees
    of them beside each observation."""

    name: str
    instruction: str
    embedding: list[float]


@dataclass(frozen=True)
class Drawn:
    """How the policy's own project samples plans; the manifest leaves that open."""

    solver: str
    steps: int


@dataclass(frozen=True)
class Policy:
    """All that is exported.

    The denoiser takes `sample`, `timestep` and `observation` (see `ConditionalUnet`): observations, normalised, or the
    features that the encoder makes of them. Where they are `inpainted`, each step of `sample` is an action followed by
    what is seen, and the denoiser takes nothing else of it. What it is told of a task, if there are `tasks`, is the
    last part of each observation. `notes` say what a manifest has no field for.
    """

    name: str
    shape: Shape
    observations: list[Entry]
    actions: list[Entry]
    scheduler: dict
    denoiser: nn.Module
    encoder: Encoder | None = None
    inpainted: bool = False
    drawn: Drawn | None = None
    notes: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()

    def __post_init__(self):
        names = [task.name for task in self.tasks]
        if "" in names or len(set(names)) < len(names):
            raise ExportError(f"the tasks' names are {', '.join(map(repr, names))}, but each needs one of its own")
        for task in self.tasks:
            finite(f"the embedding of {task.name}", task.embedding)
        numbers = self.shape.n_obs_steps * sum(entry.length for entry in self.observations)
        if numbers > MOST_NUMBERS:
            raise ExportError(f"n_obs_steps observations have {numbers} numbers, over {MOST_NUMBERS}")

    def networks(self) -> dict[str, Network]:
        """The graphs to write, by the names of their files; the largest last."""
        told = len(self.tasks[0].embedding) if self.tasks else 0
        steps, observation = self.shape.n_obs_steps, sum(entry.length for entry in self.observations) + told
        action = sum(entry.length for entry in self.actions)
        unit = self.scheduler.get("flow", {}).get("time") == "unit"
        timesteps = None if unit else self.scheduler["num_train_timesteps"]
        seen = observation if self.encoder is None else self.encoder.features
        if self.inpainted:
            plan, condition = (self.shape.horizon, action + seen), None
        else:
            plan, condition = (self.shape.horizon, action), (steps, seen)
        eyes = {} if self.encoder is None else {ENCODER: encoder(self.encoder, (steps, observation))}
        return eyes | {DENOISER: denoiser(self.denoiser, plan, condition, timesteps)}

    @property
    def schema_version(self) -> int:
        """The version of the manifest's format that has all that this policy needs."""
        if any(entry.relative_to for entry in self.actions):
            return OF_RELATIVE
        if any(entry.kind for entry in self.actions):
            return OF_KINDS
        return OF_TASKS if self.tasks else SCHEMA_VERSION

    def manifest(self, graphs: dict[str, Path]) -> dict:
        """What the graphs, by the names they will have, do not say."""
        graph = {name: {"file": name, "sha256": checksum(path)} for name, path in graphs.items()}
        manifest = {
            "schema_version": self.schema_version,
            "name": self.name,
            **asdict(self.shape),
            "observations": [entry.described() for entry in self.observations],
            "actions": [entry.described() for entry in self.actions],
            "scheduler": self.scheduler,
            "denoiser": graph[DENOISER] | {name: name for name in (*INPUTS, OUTPUT)},
        }
        if self.tasks:
            manifest["tasks"] = [asdict(task) for task in self.tasks]
        if self.inpainted:
            del manifest["denoiser"]["observation"]
        if self.encoder is not None:
            names = {"observation": SEEN, "features": FEATURES}
            manifest["encoder"] = graph[ENCODER] | names | {"size": self.encoder.features}
        return manifest


def checksum(path: Path) -> str:
    """The file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def min_max(low: list[float], high: list[float]) -> dict:
    """`low..high` becomes `-1..1`."""
    return {"mode": "min_max", "min": low, "max": high}


def mean_std(mean: list[float], std: list[float]) -> dict:
    """Mean 0, standard deviation 1."""
    return {"mode": "mean_std", "mean": mean, "std": std}


def identity() -> dict:
    """As it is."""
    return {"mode": "identity"}


def finite(name: str, numbers: list[float]) -> list[float]:
    """The numbers, if all are finite."""
    if not all(map(math.isfinite, numbers)):
        raise ExportError(f"{name}: holds values that are not finite")
    return numbers
