"""The environment against gym-pusht's, which it stands in for."""

import gym_pusht  # noqa: F401  (registers the environment)
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

import parapolicy  # noqa: F401  (registers the environment)
from conftest import TRACES
from parapolicy._native import World
from parapolicy.env import PushTEnv

OURS, THEIRS = "parapolicy/PushT-v0", "gym_pusht/PushT-v0"
OBS_TYPES = ["state", "environment_state_agent_pos", "pixels", "pixels_agent_pos"]

# The traces in the order in which they were recorded; the seed of the first episode of each.
RECORDED = {"random_targets": 1000, "shoves": 2000, "long_pushes": 3000, "spins": 4000}


def both(**kwargs):
    return gym.make(OURS, **kwargs), gym.make(THEIRS, **kwargs)


@pytest.mark.parametrize("obs_type", [*OBS_TYPES, "keypoints"])
def test_gymnasiums_checker_is_content(obs_type):
    env = gym.make(OURS, obs_type=obs_type).unwrapped
    # In one episode of a hundred a corner of the block begins beyond the walls, and so beyond gym-pusht's space.
    env.reset(seed=0)
    check_env(env)


@pytest.mark.parametrize("obs_type", OBS_TYPES)
def test_spaces_are_gym_pushts(obs_type):
    ours, theirs = both(obs_type=obs_type, observation_width=64, observation_height=48)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.spec.max_episode_steps == theirs.spec.max_episode_steps
    assert set(ours.metadata["render_modes"]) >= set(theirs.metadata["render_modes"])
    assert ours.metadata["render_fps"] == theirs.metadata["render_fps"]
    assert ours.unwrapped.success_threshold == theirs.unwrapped.success_threshold


def shapes(info):
    return {key: (np.asarray(value).dtype.kind, np.shape(value)) for key, value in info.items()}


def test_info_is_gym_pushts():
    ours, theirs = both()
    (_, our_info), (_, their_info) = (env.reset(seed=5) for env in (ours, theirs))
    for action in ([300.0, 200.0], [290.0, 210.0], [500.0, 20.0]):
        assert shapes(our_info) == shapes(their_info)
        for key, value in their_info.items():
            np.testing.assert_allclose(our_info[key], value, atol=1e-3, err_msg=key)
        our_info, their_info = (env.step(np.array(action, dtype=np.float32))[4] for env in (ours, theirs))


@pytest.mark.parametrize("obs_type", OBS_TYPES[:2])
def test_resets_are_gym_pushts(obs_type):
    ours, theirs = both(obs_type=obs_type)
    # A seed, then what follows from it.
    for seed in [0, None, None, 12345, None]:
        observations = [env.reset(seed=seed)[0] for env in (ours, theirs)]
        compare(*observations, atol=1e-9)
    start = {"reset_to_state": np.array([0.0, 10.0, 20.0, 30.0, 1.0])}
    compare(*(env.reset(options=start)[0] for env in (ours, theirs)), atol=1e-9)


def compare(ours, theirs, atol):
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            compare(ours[key], theirs[key], atol)
        return
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=atol)


def met_a_wall(state):
    """Whether a block at `state` overlaps a wall, as the reference has it."""
    x, y, angle = state[2:]
    corners = np.array([(-60, 0), (60, 0), (60, 30), (-60, 30), (15, 120), (-15, 120)], dtype=float)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (corners @ turn + [x, y] < 7.0).any() or (corners @ turn + [x, y] > 504.0).any()


def reward_errors(name):
    """The largest error of reward in each episode of a trace, until its block first meets a wall: what becomes of it
    there, gym-pusht does not repeat either (see crates/pusht)."""
    with np.load(TRACES / f"{name}.npz") as file:
        trace = dict(file)
    env = gym.make(OURS)
    start = 0
    for episode, end in enumerate(trace["episode_ends"]):
        observation, _ = env.reset(seed=RECORDED[name] + episode)
        np.testing.assert_allclose(observation[:4], trace["state"][start][:4], atol=1e-9)
        errors = [0.0]
        for row in range(start, end - 1):
            _, reward, *_ = env.step(trace["action"][row])
            if met_a_wall(trace["state"][row + 1]):
                break
            errors.append(abs(reward - trace["reward"][row]))
        yield max(errors)
        start = end


def test_rewards_are_gym_pushts_on_the_reference_traces():
    errors = sorted(error for name in RECORDED for error in reward_errors(name))
    assert len(errors) == 32
    # In the other two the block ends up to 1 px elsewhere: a contact that is lost and soon found again.
    assert errors[29] < 1e-5, errors
    assert errors[-1] < 0.01, errors


def test_rewards_and_ends_are_gym_pushts_live():
    """Towards the block's goal, step by step beside gym-pusht."""
    ours, theirs = both()
    start = {"reset_to_state": np.array([150.0, 150.0, 235.0, 215.0, 0.8])}
    for env in (ours, theirs):
        env.reset(options=start)
    random = np.random.default_rng(3)
    for _ in range(60):
        action = random.uniform([180.0, 180.0], [330.0, 330.0]).astype(np.float32)
        our, their = (env.step(action) for env in (ours, theirs))
        compare(our[0], their[0], atol=1e-2)
        assert our[1] == pytest.approx(their[1], abs=1e-4)
        assert our[2:4] == their[2:4]
        assert our[4]["n_contacts"] == their[4]["n_contacts"]


def test_an_episode_ends_at_the_goal_or_after_300_steps():
    env = gym.make(OURS)
    # Legacy order: the block turns about its centre of gravity, and so moves, when it is put down.
    shift = 45.0 * np.array([np.sin(np.pi / 4), 1.0 - np.cos(np.pi / 4)])
    env.reset(options={"reset_to_state": [50.0, 50.0, *(256.0 - shift), np.pi / 4]})
    _, reward, terminated, truncated, info = env.step(np.array([50.0, 50.0]))
    assert (reward, terminated, truncated, info["is_success"]) == (1.0, True, False, True)
    assert info["coverage"] == pytest.approx(1.0)
    env.reset(seed=0)
    ends = [env.step(np.array([50.0, 50.0]))[3] for _ in range(300)]
    assert ends == [False] * 299 + [True]


def test_a_state_that_is_put_is_the_state():
    world = World()
    state = [150.0, 120.0, 235.0, 215.0, 0.8]
    world.put(state)
    np.testing.assert_allclose(world.state, state, rtol=1e-12)
    assert (world.agent_velocity == 0).all()
    assert repr(world) == f"World(state={world.state.tolist()}, agent_velocity=[0.0, 0.0])"
    for wrong, why in (([np.nan, 0, 0, 0, 0], "agent x is NaN"), (state[:4], "expected a sequence of length 5")):
        with pytest.raises(ValueError, match=why):
            world.put(wrong)
    np.testing.assert_allclose(world.state, state, rtol=1e-12)


def test_the_same_seed_and_actions_give_the_same_bytes():
    def episode():
        env = gym.make(OURS)
        observation, _ = env.reset(seed=9)
        env.action_space.seed(9)
        results = [observation.tobytes()]
        for _ in range(100):
            observation, reward, *_ = env.step(env.action_space.sample())
            results.append((observation.tobytes(), reward))
        return results

    assert episode() == episode()


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="Unknown obs_type sound"):
        gym.make(OURS, obs_type="sound")
    with pytest.raises(ValueError, match="damping"):
        gym.make(OURS, damping=0.5)
    env = gym.make(OURS).unwrapped
    env.reset(seed=0)
    before = env._world.state
    with pytest.raises(ValueError, match="action x is NaN: give a finite number"):
        env.step([np.nan, 0.0])
    with pytest.raises(ValueError, match="expected a sequence of length 2"):
        env.step([1.0, 2.0, 3.0])
    assert (env._world.state == before).all()
    with pytest.raises(ValueError, match="agent x is inf"):
        env.reset(options={"reset_to_state": [np.inf, 0, 0, 0, 0]})
    with pytest.raises(ValueError, match="cannot draw a frame of 0 by 96 px"):
        small = gym.make(OURS, visualization_width=0, visualization_height=96)
        small.reset()
        small.render()
    with pytest.raises(ValueError, match="options: `reset_to_sate` is not known; use reset_to_state"):
        env.reset(options={"reset_to_sate": [0.0] * 5})
    bare = PushTEnv()
    with pytest.raises(ResetNeeded):
        bare.step([1.0, 2.0])
    with pytest.raises(ResetNeeded):
        bare.render()
