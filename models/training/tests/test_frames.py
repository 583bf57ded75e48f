"""Frames of demonstrated states are those that the simulator shows."""

from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch

pytest.importorskip("parapolicy")

from export.policy import Shape
from training import recordings
from training.demos import MinMax, windows
from training.frames import SIDE, TABLE, FrameBatches, frames, imagined

RANGES = MinMax(np.zeros(2), np.full(2, TABLE))


def environment(name: str) -> gymnasium.Env:
    size = {"observation_width": SIDE, "observation_height": SIDE}
    return gymnasium.make(name, obs_type="pixels", disable_env_checker=True, **size)


def test_frames_are_what_an_episode_shows() -> None:
    env = environment("parapolicy/PushT-v0")
    shown, info = env.reset(seed=3)
    for _ in range(12):
        state = np.concatenate((info["pos_agent"], info["block_pose"]))
        np.testing.assert_array_equal(frames(state[None])[0], shown)
        shown, _, _, _, info = env.step(info["block_pose"][:2])


def test_frames_look_like_gym_pushts() -> None:
    import gym_pusht  # noqa: F401, registers the environment

    env = environment("gym_pusht/PushT-v0")
    for seed in range(5):
        shown, info = env.reset(seed=seed)
        state = np.concatenate((info["pos_agent"], info["block_pose"]))
        assert np.abs(frames(state[None])[0].astype(float) - shown).mean() < 2
        assert np.abs(frames(state[None] + 20)[0].astype(float) - shown).mean() > 4


def test_a_batch_holds_the_frames_of_its_windows(demos_file: Path) -> None:
    demos, shape = recordings.load_states(demos_file), Shape()
    batches = FrameBatches.of(demos, np.array([1]), shape, RANGES, RANGES)
    rows = windows(demos.episode_ends, np.array([1]), shape)
    assert len(batches) == len(rows)
    order = torch.tensor([3, 0, 4])
    [(first, first_action), (last, _)] = batches.epoch(2, order)
    assert first.shape == (2, 2, SIDE * SIDE * 3 + 2) and len(last) == 1
    for seen, actions, row in zip(first, first_action, rows[order[:2]], strict=True):
        for step, observed in zip(row[:2], seen, strict=True):
            state = demos.observation[step]
            np.testing.assert_array_equal(observed[:-2].reshape(SIDE, SIDE, 3), frames(state[None])[0])
            np.testing.assert_allclose(observed[-2:], state[:2] / TABLE * 2 - 1, atol=1e-6)
        np.testing.assert_allclose(actions, demos.action[row] / TABLE * 2 - 1, atol=1e-6)


def test_imagined_states_are_new_and_repeatable() -> None:
    demonstrated = np.array([[100.0, 100, 300, 300, 1]])
    first, again, other = (imagined(demonstrated, 9, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.any(first == other)
    near = np.abs(first - demonstrated).max(axis=1) < 30
    assert near[3:].all() and not near[:3].any()
    assert ((first[:3, :4] > 0) & (first[:3, :4] < TABLE)).all()
