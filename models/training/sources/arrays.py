"""Checks the arrays of every source: types, row shapes, and equal lengths."""

import numpy as np

# The arrays of a control step, and their shapes; an image may have any height and width.
ROWS = {"state": (5,), "agent": (2,), "action": (2,), "keypoint": (9, 2), "image": (None, None, 3)}


def checked(where: str, array: np.ndarray, row: tuple[int | None, ...]) -> np.ndarray:
    """The array, if it is of numbers that are finite, `row` the shape of each of its rows."""
    shaped = array.ndim == 1 + len(row) and all(w in (None, h) for w, h in zip(row, array.shape[1:], strict=True))
    if array.dtype.kind not in "fiu" or not shaped:
        wanted = ", ".join(str(width or "any") for width in ("steps", *row))
        raise ValueError(f"{where} is {array.dtype} {list(array.shape)}, expected numbers [{wanted}]")
    # Images are large, and bytes are always finite.
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{where} holds values that are not finite")
    return array


def checked_ends(where: str, ends: np.ndarray, lengths: dict[str, int]) -> np.ndarray:
    """One past each episode's last step, if they rise to the length that all arrays have."""
    steps = next(iter(lengths.values()))
    if any(length != steps for length in lengths.values()):
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"{where}: arrays differ in steps: {told}")
    ends = checked(f"{where}: episode_ends", ends, ())
    if ends.dtype.kind not in "iu" or not len(ends) or ends[-1] != steps or np.any(np.diff(ends, prepend=0) <= 0):
        raise ValueError(f"{where}: episode_ends must be integers that rise from above 0 to {steps}")
    return ends.astype(np.int64)
