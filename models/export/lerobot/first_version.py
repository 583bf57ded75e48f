"""`config.json` of LeRobot's first version in the form of later ones: it has shapes and modes by names, no types."""

from export.fields import Fields

INPUTS, OUTPUTS = "input_shapes", "output_shapes"
MODES = ("identity", "mean_std", "min_max")
INPUT_MODES, OUTPUT_MODES = "input_normalization_modes", "output_normalization_modes"


def is_it(fields: Fields) -> bool:
    return INPUTS in fields.values


def renewed(fields: Fields) -> Fields:
    """The same configuration, with `type`, features and `normalization_mapping`."""
    inputs, outputs = fields.table(INPUTS), fields.table(OUTPUTS)
    modes = {**fields.table(INPUT_MODES), **fields.table(OUTPUT_MODES)}
    older = {INPUTS, OUTPUTS, INPUT_MODES, OUTPUT_MODES}
    values = {name: value for name, value in fields.values.items() if name not in older}
    values |= {
        "type": "diffusion",
        "input_features": {name: {"type": type_of(name), "shape": shape} for name, shape in inputs.items()},
        "output_features": {name: {"type": "ACTION", "shape": shape} for name, shape in outputs.items()},
        "normalization_mapping": mapping(fields, {**inputs, **outputs}, modes),
    }
    # It had one encoder for all.
    return Fields(fields.where, {"use_separate_rgb_encoder_per_camera": False} | values)


def type_of(name: str) -> str:
    if name == "observation.environment_state":
        return "ENV"
    return "VISUAL" if name.startswith("observation.image") else "STATE"


def mapping(fields: Fields, names: dict, modes: dict) -> dict[str, str]:
    """The mode of each type; what has none was left as it is."""
    found = {}
    for name in sorted(modes.keys() - names.keys()):
        raise fields.refuse(INPUT_MODES, f"or {OUTPUT_MODES} has {name}, which has no shape")
    for name in names:
        kind = "ACTION" if name == "action" else type_of(name)
        mode = str(modes.get(name, "identity"))
        if mode not in MODES:
            raise fields.refuse(INPUT_MODES, f"has {mode!r} for {name}; supported: {', '.join(MODES)}")
        mode = mode.upper()
        if found.setdefault(kind, mode) != mode:
            raise fields.refuse(INPUT_MODES, f"has {mode.lower()} for {name}, but another for what is of its kind")
    return found
