"""The arrays of Diffusion Policy's replay buffers, whatever file they are in."""

import numpy as np

from training.sources.arrays import ROWS, checked, checked_ends

# What the arrays are called. The agent is where the state begins.
CALLED = {"state": "state", "agent": "state", "action": "action", "keypoint": "keypoint", "image": "img"}


def wanted(names: tuple[str, ...]) -> set[str]:
    """What the arrays of these names are called in a replay buffer, `episode_ends` with them."""
    return {CALLED[name] for name in names} | {"episode_ends"}


def read(where: str, arrays: dict[str, np.ndarray], names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """As `Source`, from the arrays of a replay buffer at `where`, as they are called there."""
    for called in sorted(wanted(names)):
        if called not in arrays:
            raise ValueError(f"{where}: no array named {called}")
    rows = {CALLED[name]: ROWS["state" if name == "agent" else name] for name in names}
    found = {called: checked(f"{where}: {called}", arrays[called], row) for called, row in rows.items()}
    ends = checked_ends(where, arrays["episode_ends"], {called: len(array) for called, array in found.items()})
    if "image" in names:
        found["img"] = in_bytes(f"{where}: img", found["img"])
    named = {name: found["state"][:, :2] if name == "agent" else found[CALLED[name]] for name in names}
    return named | {"episode_ends": ends}


def in_bytes(where: str, images: np.ndarray) -> np.ndarray:
    """Images in 8 bits a channel; Diffusion Policy stores them as floats from 0 to 255."""
    if images.min() < 0 or images.max() > 255:
        raise ValueError(f"{where} has channels outside of 0 to 255")
    return images.astype(np.uint8)
