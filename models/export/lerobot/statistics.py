"""Statistics of the training data, and the normalisation that LeRobot makes of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from export import weights
from export.fields import Fields
from export.lerobot import processors, relative
from export.lerobot.config import ACTION, TYPES, Feature
from export.policy import Entry, ExportError, finite, identity, mean_std, min_max

PREPROCESSOR, POSTPROCESSOR = "policy_preprocessor.json", "policy_postprocessor.json"
RANGES = {"MIN_MAX": ("min", "max"), "QUANTILES": ("q01", "q99"), "QUANTILE10": ("q10", "q90")}
MODES = ("IDENTITY", "MEAN_STD", *RANGES)

# Added to what divides, among the weights of older checkpoints.
OLD_EPS = 1e-8
OLD_INPUTS, OLD_OUTPUTS = "normalize_inputs.buffer_", "unnormalize_outputs.buffer_"
OLD = (OLD_INPUTS, OLD_OUTPUTS, "normalize_targets.buffer_")
# A deviation of actions that never change: the manifest has none of 0.
NEVER_CHANGES = 1e-30


@dataclass(frozen=True)
class Statistics:
    """Numbers by the names of a feature and of a statistic, and what is done with them.

    `types` are those of the features that are normalised; no other is. `eps` keeps from dividing by nothing: added to a
    deviation before it divides; in place of a range that is empty, or, where `added`, to every range before it divides.
    Actions (`inverse`) are multiplied, so nothing is added to them; `relative` says how they are relative to the state,
    if they are.
    """

    where: Path
    numbers: dict[str, dict[str, Tensor]]
    modes: dict[str, str]
    types: dict[str, str]
    eps: float
    inverse: bool
    added: bool = False
    renamed: dict[str, str] = field(default_factory=dict)
    relative: Fields | None = None

    def raw_name(self, name: str) -> str:
        """What the robot calls what the network knows as `name`."""
        raws = [raw for raw, known in self.renamed.items() if known == name]
        if len(raws) > 1 or (not raws and name in self.renamed):
            found = ", ".join(raws) or "nothing"
            raise ExportError(f"{self.where.parent / PREPROCESSOR}: rename_map makes {name} of {found}")
        return raws[0] if raws else name

    def mode(self, name: str) -> str:
        """How this feature is normalised, which its type in the list says; what is not listed is left as it is."""
        return self.modes.get(self.types.get(name, ""), "IDENTITY")

    def entries(self, features: dict[str, Feature]) -> list[Entry]:
        """The manifest's entries; images are normalised by the encoder."""
        return [self.entry(name, feature) for name, feature in features.items()]

    def entry(self, name: str, feature: Feature) -> Entry:
        if feature.type == "VISUAL":
            channels, height, width = feature.shape
            return Entry(self.raw_name(name), (height, width, channels), identity())
        return Entry(self.raw_name(name), feature.shape, self.of(name, feature))

    def action(self, feature: Feature, state: Entry) -> Entry:
        """The entry of the action, which may be relative to the state."""
        entry = relative.action(self.entry(ACTION, feature), self.relative, state)
        for index in (entry.relative_to or {}).get("components", []):
            if index is not None and self.never_changes(ACTION, feature)[index]:
                raise ExportError(
                    f"{self.where}: number {index} of {ACTION} is relative to the state, but never changed"
                )
        return entry

    def of(self, name: str, feature: Feature) -> dict:
        """Normalisation of a feature, for the manifest."""
        match self.mode(name):
            case "IDENTITY":
                return identity()
            case "MEAN_STD":
                return mean_std(self.find(name, "mean", feature), self.deviations(name, feature))
            case mode:
                return min_max(*self.range(name, *RANGES[mode], feature))

    def channels(self, name: str, image: Feature) -> tuple[list[float], list[float]]:
        """Scale and offset of each channel of an image."""
        normalization = self.of(name, image)
        match normalization["mode"]:
            case "mean_std":
                mean, std = normalization["mean"], normalization["std"]
                return [1 / s for s in std], [-m / s for m, s in zip(mean, std, strict=True)]
            case "min_max":
                low, high = normalization["min"], normalization["max"]
                scale = [2 / (b - a) for a, b in zip(low, high, strict=True)]
                return scale, [-1 - a * s for a, s in zip(low, scale, strict=True)]
            case _:
                return [1.0] * 3, [0.0] * 3

    def find(self, name: str, statistic: str, feature: Feature) -> list[float]:
        """A number for each component, or for each channel of an image, in f32 as LeRobot computes with them."""
        found = self.numbers.get(name, {}).get(statistic)
        if found is None:
            raise ExportError(f"{self.where}: the statistic {statistic} of {name} is missing")
        length = feature.shape[0]
        if found.numel() != length:
            raise ExportError(f"{self.where}: {statistic} of {name} has {found.numel()} numbers, not {length}")
        allowed = [[1] * axes + [length] for axes in range(3)]
        if feature.type == "VISUAL":
            allowed = [[length], *([1] * axes + [length, 1, 1] for axes in range(3))]
        if list(found.shape) not in allowed and length > 1:
            raise ExportError(f"{self.where}: {statistic} of {name} has shape {list(found.shape)}, not {allowed[-3]}")
        return finite(f"{self.where}: {statistic} of {name}", found.float().double().flatten().tolist())

    def deviations(self, name: str, feature: Feature) -> list[float]:
        stds = self.find(name, "std", feature)
        divided = [std if self.inverse else std + self.eps for std in stds]
        if min(stds) < 0 or (not self.inverse and min(divided) == 0):
            raise ExportError(f"{self.where}: std of {name} is negative, or 0 with an eps of 0")
        return [std or NEVER_CHANGES for std in divided]

    def never_changes(self, name: str, feature: Feature) -> list[bool]:
        """Whether each number was always the same in training."""
        mode = self.mode(name)
        if mode == "IDENTITY":
            return [False] * feature.shape[0]
        if mode == "MEAN_STD":
            return [std == 0 for std in self.find(name, "std", feature)]
        lows, highs = (self.find(name, statistic, feature) for statistic in RANGES[mode])
        return [low == high for low, high in zip(lows, highs, strict=True)]

    def range(self, name: str, low: str, high: str, feature: Feature) -> tuple[list[float], list[float]]:
        lows, highs = self.find(name, low, feature), self.find(name, high, feature)
        always = self.added and not self.inverse
        highs = [b + self.eps if always or a == b else b for a, b in zip(lows, highs, strict=True)]
        if not all(a < b for a, b in zip(lows, highs, strict=True)):
            raise ExportError(f"{self.where}: {low} of {name} is not below {high}, as far as f64 can tell")
        return lows, highs


def read(folder: Path, config: Fields, tensors: dict[str, Tensor]) -> tuple[Statistics, Statistics]:
    """Those of the observations, and those of the action."""
    if (folder / PREPROCESSOR).exists() or (folder / POSTPROCESSOR).exists():
        return of_processors(*steps(folder))
    path = folder / "model.safetensors"
    if not any(name.startswith(OLD) for name in tensors):
        raise ExportError(f"{folder}: has no statistics: neither {PREPROCESSOR} nor any among the weights")
    common = {"where": path, "modes": modes(config, "normalization_mapping"), "eps": OLD_EPS, "added": True}
    inputs, outputs = types(config, "input_features"), types(config, "output_features")
    return (
        Statistics(numbers=buffers(tensors, OLD_INPUTS, inputs), types=inputs, inverse=False, **common),
        Statistics(numbers=buffers(tensors, OLD_OUTPUTS, outputs), types=outputs, inverse=True, **common),
    )


def steps(folder: Path, told: bool = False) -> tuple[processors.Normalizer, processors.Normalizer]:
    """The steps that normalise, of the pre- and of the post-processor."""
    before = processors.read(folder / PREPROCESSOR, "normalizer_processor", observing=True, told=told)
    return before, processors.read(folder / POSTPROCESSOR, "unnormalizer_processor", observing=False)


def of_processors(before: processors.Normalizer, after: processors.Normalizer) -> tuple[Statistics, Statistics]:
    """What they do; the action is normalised whatever is listed."""
    acted = of_processor(after, {ACTION: "ACTION"}, {}, inverse=True)
    return (
        of_processor(before, of_observations(before), before.renamed, inverse=False),
        replace(acted, relative=relative.agreed(before, after)),
    )


def of_processor(
    found: processors.Normalizer, listed: dict[str, str], renamed: dict[str, str], inverse: bool
) -> Statistics:
    """What a processor's step does to the features listed."""
    eps = found.settings.number("eps")
    if eps < 0:
        raise found.settings.refuse("eps", f"is {eps}, but must be at least 0")
    return Statistics(
        where=found.state,
        numbers=found.numbers,
        modes=modes(found.settings, "norm_map"),
        types=listed,
        eps=eps,
        inverse=inverse,
        renamed=renamed,
    )


def of_observations(found: processors.Normalizer) -> dict[str, str]:
    """Types of the observations that are normalised: those listed, unless `normalize_observation_keys` leaves them out.
    One of the type of an action is none."""
    listed = types(found.settings, "features")
    only = found.settings.values.get("normalize_observation_keys")
    if only is not None and not (isinstance(only, list) and all(isinstance(name, str) for name in only)):
        raise found.settings.refuse("normalize_observation_keys", f"is {only!r}, but must be a list of names")
    return {name: kind for name, kind in listed.items() if kind != "ACTION" and (only is None or name in only)}


def types(fields: Fields, name: str) -> dict[str, str]:
    """The type of each feature in a list."""
    return {
        key: Fields(f"{fields.where}: {name}.{key}", Fields(fields.where, fields.table(name)).table(key)).one_of(
            "type", *TYPES
        )
        for key in fields.table(name)
    }


def modes(fields: Fields, name: str) -> dict[str, str]:
    """The mode of each type."""
    given = Fields(f"{fields.where}: {name}", fields.table(name)).known(set(TYPES), {})
    return {kind: given.one_of(kind, *MODES) for kind in given.values}


def buffers(tensors: dict[str, Tensor], prefix: str, names: Iterable[str]) -> dict[str, dict[str, Tensor]]:
    """Statistics of these features among the weights, whose names have no dots within: `observation_state.min`."""
    return {name: weights.under(f"{prefix}{name.replace('.', '_')}.", tensors) for name in names}
