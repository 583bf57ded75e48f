"""LeRobot's pre- and post-processor: steps, of which one normalises, and most others change no numbers.

Actions may be relative to the state: one more step on either side.
Every field of a step is honoured, known to change nothing, or refused by name.
"""

from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from export.fields import Fields
from export.lerobot.files import read_fields
from export.policy import ExportError
from export.reading import read_tensors

# Steps that change no numbers but the normaliser's and those of relative actions, and the fields of their `config`.
NORMALIZER = {"eps", "features", "norm_map", "normalize_observation_keys"}
TOKENIZER = {"tokenizer_name", "max_length", "task_key", "padding_side", "padding", "truncation"}
SETTINGS = {
    "to_batch_processor": set(),
    "device_processor": {"device", "float_dtype"},
    "rename_observations_processor": {"rename_map"},
    "normalizer_processor": NORMALIZER,
    "unnormalizer_processor": NORMALIZER,
    "tokenizer_processor": TOKENIZER,
    "relative_actions_processor": {"enabled", "exclude_joints", "action_names"},
    "absolute_actions_processor": {"enabled"},
}
RENAMES = ("rename_observations_processor",)
# Steps that change nothing unless they are enabled: one subtracts the state before actions are normalised, the other
# adds it after they were.
RELATIVE = ("relative_actions_processor", "absolute_actions_processor")
# Policies run in float32, whatever the device.
FLOATS = (None, "float32", "float")


@dataclass(frozen=True)
class Normalizer:
    """The step that normalises: its settings, and the numbers of its file `state`, by feature and statistic.

    `renamed` are the names that observations had before, and those that they have in it; `tokenizer` the settings of
    the step that makes tokens of a task, if there is one; `relative` those of the step of relative actions, if on.
    """

    settings: Fields
    state: Path
    numbers: dict[str, dict[str, Tensor]]
    renamed: dict[str, str] = field(default_factory=dict)
    tokenizer: Fields | None = None
    relative: Fields | None = None


def read(path: Path, kind: str, observing: bool, told: bool = False) -> Normalizer:
    """The step `kind` of a processor; all other steps are checked to be ones that change no numbers, or make actions
    relative or absolute.

    Names matter where it is `observing`: they must be given before anything is normalised. Tasks are made tokens of
    where it is `told` any.
    """
    pipeline = read_fields(path).known({"name", "steps"}, {})
    steps = pipeline.get("steps")
    if not isinstance(steps, list):
        raise pipeline.refuse("steps", "is no list")
    found, renamed, tokenizer, relative = None, None, None, None
    others = (
        "to_batch_processor",
        "device_processor",
        *RENAMES,
        *RELATIVE,
        *(("tokenizer_processor",) if told else ()),
    )
    for index, step in enumerate(steps):
        fields = Fields(f"{path}: steps[{index}]", step if isinstance(step, dict) else {})
        name = fields.one_of("registry_name", *others, kind)
        stateful = {"state_file"} if name == kind else set()
        fields = fields.known({"registry_name"} | stateful, {"config": {}, "class": None})
        settings = fields.under("config").known(SETTINGS[name], {})
        if name == kind and found is None:
            found = settings, *state(path, fields)
        elif name == kind:
            raise fields.refuse("registry_name", f"is a second {kind}")
        elif name in RENAMES and observing:
            if renamed is not None or found is not None or enabled(relative):
                raise fields.refuse(
                    "registry_name", f"is {name}, which must be there once, before {kind} and {RELATIVE[0]}"
                )
            renamed = names(settings)
        elif name in RELATIVE:
            if relative is not None:
                raise fields.refuse("registry_name", f"is {name}, the second step of relative actions")
            relative = settings
            if enabled(settings) and (name != RELATIVE[not observing] or observing != (found is None)):
                place = f"{RELATIVE[0]} before {kind}" if observing else f"{RELATIVE[1]} after {kind}"
                raise fields.refuse("registry_name", f"is {name}, enabled, but it must be {place}")
        elif name == "tokenizer_processor" and tokenizer is not None:
            raise fields.refuse("registry_name", f"is a second {name}")
        elif name == "tokenizer_processor":
            tokenizer = settings
        elif name == "device_processor" and settings.values.get("float_dtype") not in FLOATS:
            raise settings.refuse("float_dtype", f"is {settings.get('float_dtype')!r}, but policies run in float32")
    if found is None:
        raise ExportError(f"{path}: has no step {kind}: no statistics")
    return Normalizer(*found, renamed or {}, tokenizer, relative if enabled(relative) else None)


def enabled(settings: Fields | None) -> bool:
    """Whether a step of relative actions does anything."""
    return settings is not None and "enabled" in settings.values and settings.flag("enabled")


def names(settings: Fields) -> dict[str, str]:
    """What observations are called before, and after."""
    table = settings.table("rename_map")
    if not all(isinstance(name, str) for name in table.values()):
        raise settings.refuse("rename_map", f"is {table!r}, but must have names")
    return table


def state(path: Path, fields: Fields) -> tuple[Path, dict[str, dict[str, Tensor]]]:
    """The file with the statistics, and what it holds."""
    file = fields.values.get("state_file")
    if not isinstance(file, str) or Path(file).name != file:
        raise fields.refuse("state_file", f"is {file!r}, but must name the file with the statistics, beside this one")
    numbers: dict[str, dict[str, Tensor]] = {}
    for key, tensor in read_tensors(path.parent / file).items():
        feature, _, statistic = key.rpartition(".")
        numbers.setdefault(feature, {})[statistic] = tensor
    return path.parent / file, numbers
