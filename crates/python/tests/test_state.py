"""A running environment is saved, copied and restored, and goes on bit for bit."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from parapolicy import pusht
from parapolicy._native import World, Worlds

ID = "parapolicy/PushT-v0"


def in_motion(**kwargs):
    """An environment whose agent is in the middle of a shove."""
    env = gym.make(ID, **kwargs)
    env.reset(seed=3)
    env.reset(options={"reset_to_state": [256.0, 400.0, 256.0, 300.0, 0.3]})
    for _ in range(3):
        env.step(np.array([250.0, 120.0]))
    assert np.abs(env.unwrapped._world.agent_velocity).max() > 10.0
    return env


def going_on(env, steps=40):
    """All that comes of an environment from here, as bytes: across the end of an episode, too."""
    random = np.random.default_rng(1)
    results = []
    for _ in range(steps):
        result = env.step(random.uniform(100.0, 400.0, 2))
        results.append(result)
        if result[2] or result[3]:
            results.append(env.reset())
    results.append(env.render().tobytes())
    return pickle.dumps(results)


@pytest.mark.parametrize("obs_type", pusht.OBS_TYPES)
def test_copies_go_on_as_the_original(obs_type):
    env = in_motion(obs_type=obs_type, max_episode_steps=20)
    copies = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    expected = going_on(env)
    for copied in copies:
        # The time limit's count is copied with it.
        assert going_on(copied) == expected


def test_a_state_is_gone_back_to_and_gone_on_from_elsewhere():
    env = in_motion(max_episode_steps=1000)
    state = env.unwrapped.get_state()
    saved = pickle.dumps(state)
    expected = going_on(env)
    env.unwrapped.set_state(state)
    assert going_on(env) == expected
    other = gym.make(ID, max_episode_steps=1000)
    other.reset()
    other.unwrapped.set_state(pickle.loads(saved))
    assert going_on(other) == expected
    # What is done with an environment changes no state that was taken from it.
    assert pickle.dumps(state) == saved


def test_without_the_velocity_it_would_be_another():
    """So that the tests above cannot pass by chance."""
    env = in_motion()
    resting = copy.deepcopy(env)
    resting.unwrapped._world.put(env.unwrapped._world.state)
    assert going_on(resting) != going_on(env)


def test_another_process_goes_on_as_this_one(tmp_path):
    env = in_motion(max_episode_steps=20)
    saved = tmp_path / "env.pickle"
    saved.write_bytes(pickle.dumps(env))
    program = (
        "import pickle, sys; sys.path.insert(0, sys.argv[1]); import test_state; sys.stdout.buffer.write("
        "test_state.going_on(pickle.load(open(sys.argv[2], 'rb'))))"
    )
    command = [sys.executable, "-c", program, Path(__file__).parent, saved]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120).stdout
    assert found == going_on(env)


def test_a_world_is_what_its_snapshot_says():
    world = in_motion().unwrapped._world
    x, y, velocity_x, velocity_y, *_, touched = world.snapshot()
    np.testing.assert_array_equal([x, y], world.agent_position)
    np.testing.assert_array_equal([velocity_x, velocity_y], world.agent_velocity)
    assert touched == world.contacts == 1
    for copied in (copy.copy(world), copy.deepcopy(world), pickle.loads(pickle.dumps(world))):
        assert isinstance(copied, World)
        np.testing.assert_array_equal(copied.snapshot(), world.snapshot())
        copied.step([1.0, 2.0])
        assert (copied.snapshot() != world.snapshot()).any()
    worlds = Worlds(3)
    worlds.table(1).restore(world.snapshot())
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(worlds)).snapshot(), worlds.snapshot())
    np.testing.assert_array_equal(worlds.snapshot()[1], world.snapshot())
    with pytest.raises(IndexError, match="there is no table 3"):
        worlds.table(3)


@pytest.mark.parametrize(
    ("index", "value", "message"),
    [
        (2, np.nan, "agent velocity x is NaN"),
        (5, np.inf, "centre y is inf"),
        (6, 1e9, "block angle is 1000000000: give a finite number"),
        (7, 2.0, "touched is 2: give 0 or 1"),
    ],
)
def test_snapshots_that_cannot_be_are_refused(index, value, message):
    for worlds in (World(), Worlds(2)):
        before = worlds.snapshot()
        wrong = before.copy()
        wrong[..., index] = value
        with pytest.raises(ValueError, match=message):
            worlds.restore(wrong)
        np.testing.assert_array_equal(worlds.snapshot(), before)


def test_states_that_cannot_be_are_refused():
    env = in_motion().unwrapped
    state = env.get_state()
    before = env._world.snapshot()
    for wrong, error, message in (
        (None, TypeError, "state is a NoneType, but must be a dictionary"),
        ({**state, "velocity": 1}, ValueError, "`velocity` is not known; use table, last_action"),
        ({key: value for key, value in state.items() if key != "np_random"}, ValueError, "state has no `np_random`"),
        ({**state, "np_random": 7}, TypeError, "`np_random` is a int, but must be a Generator"),
        ({**state, "table": [1.0]}, ValueError, "expected a sequence of length 8"),
    ):
        with pytest.raises(error, match=message):
            env.set_state(wrong)
        np.testing.assert_array_equal(env._world.snapshot(), before)


def test_environments_share_no_random_numbers():
    first, second = gym.make(ID), gym.make(ID)
    first.action_space.seed(1)
    second.action_space.seed(1)
    np.testing.assert_array_equal(first.action_space.sample(), second.action_space.sample())
    first.action_space.sample()
    first.action_space.seed(2)
    expected = second.action_space.sample()
    second.action_space.seed(1)
    second.action_space.sample()
    np.testing.assert_array_equal(second.action_space.sample(), expected)
