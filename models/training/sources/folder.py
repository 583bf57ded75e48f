"""A folder of `.npz` files, as the viewer and `parapolicy demos` leave them: one after the other, by their names."""

from pathlib import Path

import numpy as np

from training.sources import npz


def read(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """As `Source`."""
    files = sorted(path.glob("*.npz"))
    if not files:
        raise ValueError(f"{path}: neither a .zarr folder, nor a LeRobot dataset, and no .npz files are in it")
    parts = [npz.read(file, names) for file in files]
    starts = np.cumsum([0, *(part["episode_ends"][-1] for part in parts[:-1])])
    joined = {name: np.concatenate([part[name] for part in parts]) for name in names}
    ends = [part["episode_ends"] + start for part, start in zip(parts, starts, strict=True)]
    return joined | {"episode_ends": np.concatenate(ends)}
