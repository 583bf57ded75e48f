"""Noise that is given to those who draw it themselves, and what comes of it compared."""

from contextlib import AbstractContextManager
from unittest import mock

import numpy as np
import torch
from diffusers.schedulers import scheduling_ddpm


def drawing(noise: np.ndarray) -> AbstractContextManager:
    """DDPM draws this noise, step by step: its step draws by itself, and cannot be given any."""
    rows = iter(torch.from_numpy(noise))
    return mock.patch.object(scheduling_ddpm, "randn_tensor", lambda *_, **__: next(rows)[None])


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference, relative to the largest number."""
    return np.abs(ours - theirs).max() / np.abs(theirs).max()
