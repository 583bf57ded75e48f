"""Where PushT's demonstrations come from: what a path is tells who reads it."""

from pathlib import Path
from typing import Protocol

import numpy as np

from training.sources import folder, lerobot, npz, zarr


class Source(Protocol):
    """A format that demonstrations come in."""

    def read(self, path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        """The arrays of these names, of those in `arrays.ROWS`, and `episode_ends`: each checked, all of one length."""


def of(path: Path) -> Source:
    """Who reads what is at `path`."""
    if not path.exists():
        raise ValueError(f"{path}: there is no such file or folder")
    if not path.is_dir():
        return npz
    if (path / "meta" / "info.json").exists():
        return lerobot
    if path.suffix == ".zarr" or (path / "data").is_dir():
        return zarr
    return folder
