"""PushT's block: points of it in its own frame, and where it lies when they are seen on the table."""

import numpy as np

# The nine that Diffusion Policy's demonstrations were recorded with, in pixels.
KEYPOINTS = (
    (9.269786713763871, 90.04097352393619),
    (-60.983472364471474, -1.1867297607997276),
    (60.91275557727772, -1.3933642242328201),
    (-0.2705034390160016, 25.54362499146542),
    (-14.064927576212233, 122.81585355412153),
    (39.002738500170146, 32.857404276587566),
    (-39.966414424694534, 32.729655446429945),
    (-16.82434437939744, 62.86317892234989),
    (23.54146122024909, -1.7002881094626152),
)
# Those of its bar, then of its stem: gym-pusht's `environment_state`, in pixels.
CORNERS = ((-60, 0), (60, 0), (60, 30), (-60, 30), (-15, 30), (15, 30), (15, 120), (-15, 120))
# How far seen corners may be from those of a block, in pixels: they are stored in single precision.
RIGID = 0.01


def place(pose: np.ndarray, points: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Points of the block on the table, `[steps, points, 2]`, for poses `[steps, 3]`: x, y, angle."""
    cos, sin = np.cos(pose[:, 2]), np.sin(pose[:, 2])
    turn = np.stack((np.stack((cos, -sin), axis=-1), np.stack((sin, cos), axis=-1)), axis=-2)
    return np.array(points, dtype=float) @ turn.swapaxes(1, 2) + pose[:, None, :2]


def pose(corners: np.ndarray) -> np.ndarray:
    """The poses `[steps, 3]` whose corners are nearest, in squares, to `[steps, 8, 2]`, the angle in [0, 2π).

    In the plane the best turn is the angle of the sum of products of centred points, one conjugated
    (Umeyama 1991, doi.org/10.1109/34.88573, in complex numbers). Raises `ValueError` where the corners are no block's.
    """
    own, seen = (points[..., 0] + 1j * points[..., 1] for points in (np.array(CORNERS, dtype=float), corners))
    middle = seen.mean(axis=1)
    angle = np.angle(((own - own.mean()).conj() * (seen - middle[:, None])).sum(axis=1))
    origin = middle - own.mean() * np.exp(1j * angle)
    found = np.stack((origin.real, origin.imag, angle % (2 * np.pi)), axis=1)
    apart = np.abs(place(found, CORNERS) - corners).max(axis=(1, 2))
    if np.any(apart > RIGID):
        row = int(np.argmax(apart > RIGID))
        raise ValueError(f"row {row} holds no corners of PushT's block: they are up to {apart[row]:.2f} px off")
    return found
