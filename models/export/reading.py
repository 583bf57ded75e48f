"""Files of strangers: only regular ones are read, and JSON only up to a size."""

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from export.errors import ExportError

# Bytes of a JSON file; configurations have some thousands.
LONGEST_JSON = 16 << 20


def regular(path: Path) -> Path:
    """The path, if a regular file is there: pipes and devices may have no end."""
    path.stat()
    if not path.is_file():
        raise ExportError(f"{path}: is no regular file")
    return path


def read_json(path: Path) -> dict:
    """The object that the file holds, no name in it twice."""
    try:
        size = regular(path).stat().st_size
        if size > LONGEST_JSON:
            raise ExportError(f"{path}: has {size} bytes, more than a configuration of {LONGEST_JSON}")
        value = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
    except (OSError, ValueError, RecursionError) as error:
        raise ExportError(f"{path}: cannot be read ({error})") from error
    if not isinstance(value, dict):
        raise ExportError(f"{path}: holds no object")
    return value


def unique(pairs: list[tuple[str, object]]) -> dict:
    """An object of these; readers disagree on what a name means that is there twice."""
    found = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name} is there twice")
        found[name] = value
    return found


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, which cannot execute anything."""
    try:
        return load_file(regular(path))
    except (OSError, SafetensorError, ValueError, LookupError, TypeError, RuntimeError, AttributeError) as error:
        raise ExportError(f"{path}: cannot be read as safetensors ({error})") from error
