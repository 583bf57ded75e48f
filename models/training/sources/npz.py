"""`.npz` files, as Parapolicy records demonstrations: the arrays of a replay buffer."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from training.sources import replay


def read(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """As `Source`."""
    try:
        with zipfile.ZipFile(path), np.load(path) as file:
            arrays = {name: file[name] for name in replay.wanted(names) if name in file.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise ValueError(f"{path}: not a whole .npz file ({error})") from error
    return replay.read(str(path), arrays, names)
