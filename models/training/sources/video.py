"""Frames out of videos, as LeRobot finds them: by their time."""

from pathlib import Path

import av
import numpy as np

# How far a frame's time may be from the one asked for, in seconds: LeRobot's `tolerance_s`.
TOLERANCE = 1e-4


def frames(path: Path, times: np.ndarray) -> np.ndarray:
    """The frames at ascending times (s), `[times, height, width, 3]` in 8 bits."""
    found: list[np.ndarray] = []
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                if len(found) < len(times) and abs(frame.time - times[len(found)]) <= TOLERANCE:
                    found.append(frame.to_ndarray(format="rgb24"))
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(f"{path}: not a readable video ({error})") from error
    if len(found) < len(times):
        raise ValueError(f"{path}: no frame at {times[len(found)]:.4f} s, of {len(times)} asked for")
    return np.stack(found)
