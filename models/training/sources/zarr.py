"""`.zarr` folders, as Diffusion Policy publishes its demonstrations (`pusht_cchi_v7_replay.zarr`): replay buffers."""

from pathlib import Path

import numpy as np
from numcodecs import Blosc
from zarr import Array, open_group

from training.sources import replay


def read(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """As `Source`."""
    try:
        group = open_group(path, mode="r")
        found = {name: group.get(place(name)) for name in replay.wanted(names)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a readable .zarr folder ({error})") from error
    arrays = {name: whole(path / place(name), array) for name, array in found.items() if isinstance(array, Array)}
    return replay.read(str(path), arrays, names)


def place(name: str) -> str:
    """Where in the folder an array is."""
    return f"meta/{name}" if name == "episode_ends" else f"data/{name}"


def whole(path: Path, array: Array) -> np.ndarray:
    """All of an array. A chunk that is missing would read as zeros, and none of these arrays holds a chunk of zeros."""
    missing = array.nchunks - array.nchunks_initialized
    if missing > 0:
        raise ValueError(f"{path}: {missing} of {array.nchunks} chunks are missing: copy the folder again")
    if any(isinstance(compressor, Blosc) for compressor in array.compressors):
        check_lengths(path)
    try:
        return array[...]
    except (OSError, RuntimeError, SystemError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error


def check_lengths(path: Path) -> None:
    """Blosc trusts the length that a chunk states at byte 12, and would read past the end of a truncated chunk."""
    for chunk in path.rglob("[0-9]*"):
        if chunk.is_file():
            with chunk.open("rb") as file:
                stated = int.from_bytes(file.read(16)[12:], "little")
            if stated != chunk.stat().st_size:
                raise ValueError(f"{chunk}: has {chunk.stat().st_size} bytes of {stated}: copy the folder again")
