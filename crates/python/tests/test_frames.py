"""Frames against gym-pusht's. Two rasterisers never agree on edges; on the whole the pictures must."""

import gym_pusht  # noqa: F401  (registers the environment)
import gymnasium as gym
import numpy as np
import pytest

import parapolicy  # noqa: F401  (registers the environment)

IDS = ("parapolicy/PushT-v0", "gym_pusht/PushT-v0")


def mean_difference(ours, theirs):
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    return np.abs(ours.astype(float) - theirs.astype(float)).mean()


@pytest.mark.parametrize("size", [(96, 96), (128, 64), (224, 224)])
def test_image_observations_look_like_gym_pushts(size):
    width, height = size
    envs = [gym.make(id, obs_type="pixels", observation_width=width, observation_height=height) for id in IDS]
    for seed in range(5):
        assert mean_difference(*(env.reset(seed=seed)[0] for env in envs)) < 2.0
        ours, theirs = (env.step(np.array([256.0, 300.0]))[0] for env in envs)
        assert mean_difference(ours, theirs) < 2.0


def test_rendered_frames_look_like_gym_pushts():
    envs = [gym.make(id, render_mode="rgb_array") for id in IDS]
    for env in envs:
        env.reset(seed=1)
    frames = [env.render() for env in envs]
    assert frames[0].shape == (680, 680, 3)
    assert mean_difference(*frames) < 1.0
    # An action is marked by a cross.
    for env in envs:
        env.step(np.array([480.0, 40.0]))
    frames = [env.render() for env in envs]
    assert mean_difference(*frames) < 1.0
    red = [(frame == (255, 0, 0)).all(axis=2) for frame in frames]
    assert red[0].any()
    assert (red[0] ^ red[1]).sum() < 0.1 * red[1].sum()


def test_a_mark_at_the_edge_is_cut_off():
    env = gym.make(IDS[0])
    env.reset(seed=0)
    for corner in ([0.0, 0.0], [512.0, 512.0]):
        env.step(np.array(corner))
        assert (env.render() == (255, 0, 0)).all(axis=2).any()


def test_a_window_can_be_opened_and_closed():
    env = gym.make(IDS[0], render_mode="human")
    env.reset(seed=0)
    env.step(np.array([100.0, 100.0]))
    assert env.render() is None
    env.close()
