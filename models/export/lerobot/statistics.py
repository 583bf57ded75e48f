"""Statistics of the training data, and the normalisation that LeRobot makes of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from export import weights
from export.fields import Fields
from export.lerobot.config import Feature
from export.lerobot.files import read_json, read_tensors
from export.policy import ExportError, finite, identity, mean_std, min_max

PREPROCESSOR, POSTPROCESSOR = "policy_preprocessor.json", "policy_postprocessor.json"
RANGES = {"MIN_MAX": ("min", "max"), "QUANTILES": ("q01", "q99"), "QUANTILE10": ("q10", "q90")}
MODES = ("IDENTITY", "MEAN_STD", *RANGES)

# Steps that move an observation, without changing it.
MOVES = {"to_batch_processor", "device_processor"}

# Added to what divides, among the weights of older checkpoints.
OLD_EPS = 1e-8
OLD_INPUTS, OLD_OUTPUTS = "normalize_inputs.buffer_", "unnormalize_outputs.buffer_"
OLD = (OLD_INPUTS, OLD_OUTPUTS, "normalize_targets.buffer_")


@dataclass(frozen=True)
class Statistics:
    """Numbers by the names of a feature and of a statistic, and what is done with them.

    `eps` keeps from dividing by nothing: added to a deviation before it divides; in place of a range that is empty, or,
    where `added`, to every range before it divides. Actions (`inverse`) are multiplied, so nothing is added to them.
    """

    where: Path
    numbers: dict[str, dict[str, Tensor]]
    modes: dict[str, str]
    eps: float
    inverse: bool
    added: bool = False
    renamed: dict[str, str] = field(default_factory=dict)
    only: set[str] | None = None

    def raw_name(self, name: str) -> str:
        """What the robot calls what the network knows as `name`."""
        return next((raw for raw, known in self.renamed.items() if known == name), name)

    def of(self, name: str, feature: Feature) -> tuple[tuple[int, ...], dict]:
        """Shape and normalisation of a feature, for the manifest."""
        mode = self.modes.get(feature.type, "IDENTITY")
        if mode not in MODES:
            raise ExportError(f"{self.where}: {feature.type} is normalised by {mode!r}; supported: {', '.join(MODES)}")
        if mode == "IDENTITY" or (self.only is not None and name not in self.only):
            return feature.shape, identity()
        if mode == "MEAN_STD":
            return feature.shape, mean_std(self.find(name, "mean", feature), self.deviations(name, feature))
        return feature.shape, min_max(*self.range(name, *RANGES[mode], feature))

    def channels(self, name: str, image: Feature) -> tuple[list[float], list[float]]:
        """Scale and offset of each channel of an image."""
        _, normalization = self.of(name, Feature(image.type, image.shape[:1]))
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
        found = self.numbers.get(name, {}).get(statistic)
        if found is None:
            raise ExportError(f"{self.where}: the statistic {statistic} of {name} is missing")
        numbers = found.double().flatten().tolist()
        if len(numbers) != feature.shape[0]:
            raise ExportError(f"{self.where}: {statistic} of {name} has {len(numbers)} numbers, not {feature.shape[0]}")
        return finite(f"{self.where}: {statistic} of {name}", numbers)

    def deviations(self, name: str, feature: Feature) -> list[float]:
        stds = self.find(name, "std", feature)
        if min(stds) < 0:
            raise ExportError(f"{self.where}: std of {name} is negative")
        return [std or self.eps for std in stds] if self.inverse else [std + self.eps for std in stds]

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
        observations = processor(folder / PREPROCESSOR, "normalizer_processor", inverse=False)
        return observations, processor(folder / POSTPROCESSOR, "unnormalizer_processor", inverse=True)
    modes = config.table("normalization_mapping")
    path = folder / "model.safetensors"
    if not any(name.startswith(OLD) for name in tensors):
        raise ExportError(f"{folder}: has no statistics: neither {PREPROCESSOR} nor any among the weights")
    common = {"where": path, "modes": modes, "eps": OLD_EPS, "added": True}
    return (
        Statistics(numbers=buffers(tensors, OLD_INPUTS, config.table("input_features")), inverse=False, **common),
        Statistics(numbers=buffers(tensors, OLD_OUTPUTS, config.table("output_features")), inverse=True, **common),
    )


def processor(path: Path, kind: str, inverse: bool) -> Statistics:
    """The one step of a processor that changes numbers; all other steps are checked to be ones that do not."""
    found, renamed = None, {}
    steps = read_json(path).get("steps")
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        fields = Fields(f"{path}: steps[{index}]", step if isinstance(step, dict) else {})
        name = fields.one_of("registry_name", *sorted(MOVES), "rename_observations_processor", kind)
        settings = Fields(fields.where, fields.table("config"))
        if name == kind and found is None:
            found = normalizer(path, fields, settings)
        elif name == kind:
            raise fields.refuse("registry_name", f"is a second {kind}")
        elif name == "rename_observations_processor" and not inverse:
            renamed = settings.table("rename_map")
        elif name == "device_processor" and settings.values.get("float_dtype") not in (None, "float32"):
            raise settings.refuse("float_dtype", f"is {settings.get('float_dtype')!r}, but policies run in float32")
    if found is None:
        raise ExportError(f"{path}: has no step {kind}: no statistics")
    return Statistics(inverse=inverse, renamed=renamed, **found)


def normalizer(path: Path, fields: Fields, settings: Fields) -> dict:
    known = {"eps", "features", "norm_map", "normalize_observation_keys"}
    for name in sorted(settings.values.keys() - known):
        raise settings.refuse(name, "is not known")
    file = fields.values.get("state_file")
    if not isinstance(file, str) or Path(file).name != file:
        raise fields.refuse("state_file", f"is {file!r}, but must name the file with the statistics, beside this one")
    numbers = {}
    for key, tensor in read_tensors(path.parent / file).items():
        feature, _, statistic = key.rpartition(".")
        numbers.setdefault(feature, {})[statistic] = tensor
    only = settings.values.get("normalize_observation_keys")
    return {
        "where": path.parent / file,
        "numbers": numbers,
        "modes": settings.table("norm_map"),
        "eps": settings.number("eps"),
        "only": None if only is None else set(only),
    }


def buffers(tensors: dict[str, Tensor], prefix: str, names: Iterable[str]) -> dict[str, dict[str, Tensor]]:
    """Statistics of these features among the weights, whose names have no dots within: `observation_state.min`."""
    return {name: weights.under(f"{prefix}{name.replace('.', '_')}.", tensors) for name in names}
