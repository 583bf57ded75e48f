"""Files that LeRobot writes: JSON and safetensors, neither of which can execute anything."""

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from export.fields import Fields
from export.policy import ExportError


def read_json(path: Path) -> Fields:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ExportError(f"{path}: cannot be read ({error})") from error
    if not isinstance(value, dict):
        raise ExportError(f"{path}: holds no object")
    return Fields(path, value)


def read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ExportError(f"{path}: cannot be read as safetensors ({error})") from error
