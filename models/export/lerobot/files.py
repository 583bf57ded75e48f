"""Files that LeRobot writes: JSON, whose fields are asked for by name."""

from pathlib import Path

from export.fields import Fields
from export.reading import read_json


def read_fields(path: Path) -> Fields:
    return Fields(path, read_json(path))
