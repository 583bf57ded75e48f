"""Many environments at once are what they are one by one."""

import gymnasium as gym
import numpy as np
import pytest

import parapolicy  # noqa: F401  (registers the environment)

ID = "parapolicy/PushT-v0"


def compare(ours, theirs):
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs)
        for key in theirs:
            compare(ours[key], theirs[key])
        return
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("obs_type", ["state", "environment_state_agent_pos", "pixels_agent_pos", "keypoints"])
def test_together_is_the_same_as_one_by_one(obs_type):
    kwargs = {"num_envs": 3, "obs_type": obs_type, "max_episode_steps": 13}
    together = gym.make_vec(ID, **kwargs)
    one_by_one = gym.make_vec(ID, vectorization_mode="sync", **kwargs)
    assert type(together).__name__ == "PushTVectorEnv"
    assert together.observation_space == one_by_one.observation_space
    assert together.action_space == one_by_one.action_space
    assert together.metadata["autoreset_mode"] == one_by_one.metadata["autoreset_mode"]
    for seed in (7, None, [1, 2, 3]):
        ours, theirs = (envs.reset(seed=seed) for envs in (together, one_by_one)) if seed is not None else (None, None)
        if seed is not None:
            compare(ours[0], theirs[0])
            compare(ours[1], theirs[1])
        together.action_space.seed(4)
        # Episodes end, and others begin, in all of them.
        for _ in range(40):
            actions = together.action_space.sample()
            ours, theirs = together.step(actions), one_by_one.step(actions)
            for our, their in zip(ours, theirs, strict=True):
                compare(our, their)


def test_episodes_that_end_at_different_times():
    together, one_by_one = (gym.make_vec(ID, 2, vectorization_mode=mode) for mode in (None, "sync"))
    shift = 45.0 * np.array([np.sin(np.pi / 4), 1.0 - np.cos(np.pi / 4)])
    solved = [50.0, 50.0, *(256.0 - shift), np.pi / 4]
    for envs in (together, one_by_one):
        envs.reset(seed=0)
        envs.reset(options={"reset_to_state": solved, "reset_mask": np.array([False, True])})
    for step in range(4):
        ours, theirs = (envs.step(np.full((2, 2), 60.0, dtype=np.float32)) for envs in (together, one_by_one))
        assert ours[2].tolist() == [False, step == 0]
        for our, their in zip(ours, theirs, strict=True):
            compare(our, their)


def test_frames_of_all():
    envs = gym.make_vec(ID, 2, visualization_width=64, visualization_height=48)
    envs.reset(seed=0)
    frames = envs.render()
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 2
    assert (frames[0] != frames[1]).any()


def test_what_cannot_be_is_refused():
    envs = gym.make_vec(ID, 2)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="task 1: action y is NaN"):
        envs.step(np.array([[1.0, 1.0], [1.0, np.nan]]))
    with pytest.raises(ValueError, match="3 actions for 2 tasks"):
        envs.step(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="must have 2"):
        envs.step(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="1 values for 2 environments"):
        envs.reset(seed=[1])
    with pytest.raises(ValueError, match="reset_mask"):
        envs.reset(options={"reset_mask": np.array([1, 0])})
