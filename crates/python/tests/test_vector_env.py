"""Many environments at once are what gymnasium's ``SyncVectorEnv`` makes of them one by one."""

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import parapolicy  # noqa: F401  (registers the environment)

ID = "parapolicy/PushT-v0"
OBS_TYPES = ["state", "environment_state_agent_pos", "pixels_agent_pos", "keypoints"]

# A block that has arrived. In legacy order it turns about its centre of gravity, and so moves, when it is put down.
SOLVED = [50.0, 50.0, *(256.0 - 45.0 * np.array([np.sin(np.pi / 4), 1.0 - np.cos(np.pi / 4)])), np.pi / 4]


def both(num_envs=3, mode=AutoresetMode.NEXT_STEP, **kwargs):
    """Ours, and gymnasium's of the single environments."""
    together = gym.make_vec(ID, num_envs, autoreset_mode=mode, **kwargs)
    assert type(together).__name__ == "PushTVectorEnv"
    return together, SyncVectorEnv([lambda: gym.make(ID, **kwargs)] * num_envs, autoreset_mode=mode)


def compare(ours, theirs):
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs)
        for key in theirs:
            compare(ours[key], theirs[key])
        return
    assert type(ours) is type(theirs)
    if isinstance(theirs, tuple) or (isinstance(theirs, np.ndarray) and theirs.dtype == object):
        assert len(ours) == len(theirs)
        for our, their in zip(ours, theirs, strict=True):
            compare(our, their)
        return
    if isinstance(theirs, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    np.testing.assert_array_equal(ours, theirs)


def step_both(pair, actions):
    """Steps both, compares what comes back, and hands back whose episodes are over."""
    ours, theirs = (envs.step(actions) for envs in pair)
    compare(ours, theirs)
    over = theirs[2] | theirs[3]
    if pair[0].metadata["autoreset_mode"] is AutoresetMode.DISABLED and over.any():
        compare(*(envs.reset(options={"reset_mask": over}) for envs in pair))
    return over


@pytest.mark.parametrize("mode", AutoresetMode)
@pytest.mark.parametrize("obs_type", OBS_TYPES)
def test_together_is_the_same_as_one_by_one(obs_type, mode):
    pair = both(mode=mode, obs_type=obs_type, max_episode_steps=13)
    together, one_by_one = pair
    for name in ("observation_space", "single_observation_space", "action_space", "single_action_space"):
        assert getattr(together, name) == getattr(one_by_one, name)
    assert together.metadata == one_by_one.metadata
    assert together.render_mode == one_by_one.render_mode
    together.action_space.seed(4)
    ended = 0
    for seed in (7, [1, 2, 3], [None, 8, None]):
        # The last says nothing of two environments: they go on with the random numbers that they have.
        compare(*(envs.reset(seed=seed) for envs in pair))
        compare(*(envs.reset(options={"reset_mask": np.array([False, True, False])}) for envs in pair))
        for _ in range(30):
            ended += step_both(pair, together.action_space.sample()).sum()
            # So that they end at different times.
            if ended == 3:
                compare(*(envs.reset(options={"reset_mask": np.array([True, False, True])}) for envs in pair))
        compare(together.np_random_seed, one_by_one.np_random_seed)
    assert ended > 12


@pytest.mark.parametrize("mode", AutoresetMode)
def test_an_episode_that_ends_at_the_goal(mode):
    pair = both(2, mode)
    for envs in pair:
        envs.reset(seed=0)
    solved = {"reset_to_state": SOLVED, "reset_mask": np.array([False, True])}
    compare(*(envs.reset(options=dict(solved)) for envs in pair))
    over = [step_both(pair, np.full((2, 2), 60.0, dtype=np.float32)).tolist() for _ in range(4)]
    assert over == [[False, True]] + [[False, False]] * 3


def test_what_same_step_says_of_the_episode_that_ended():
    envs = gym.make_vec(ID, 2, autoreset_mode="SameStep")
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    envs.reset(seed=0)
    envs.reset(options={"reset_to_state": SOLVED, "reset_mask": np.array([False, True])})
    observation, reward, terminated, _, info = envs.step(np.full((2, 2), 60.0))
    assert (reward[1], terminated.tolist()) == (1.0, [False, True])
    assert info["final_obs"][0] is None
    assert abs(info["final_obs"][1][4] - np.pi / 4) < 0.01
    assert abs(observation[1, 4] - np.pi / 4) > 0.01
    assert info["final_info"]["is_success"].tolist() == [False, True]
    assert info["_final_info"].tolist() == [False, True]
    assert info["is_success"].tolist() == [False, False]


@pytest.mark.parametrize("limit", [-1, 1, 5, True, 10**30, 2**63, -1.0, np.int64(-1)])
def test_time_limits_are_gymnasiums(limit):
    pair = both(2, max_episode_steps=limit)
    for envs in pair:
        envs.reset(seed=0)
    for _ in range(8):
        step_both(pair, np.zeros((2, 2)))


@pytest.mark.parametrize("limits", [{}, {"max_episode_steps": None}])
def test_the_registered_time_limit(limits):
    pair = both(1, **limits)
    for envs in pair:
        envs.reset(seed=0)
    ended = [step_both(pair, np.zeros((1, 2))).any() for _ in range(302)]
    assert [step for step, over in enumerate(ended, 1) if over] == [300]


def test_no_time_limit_is_none():
    envs = gym.make_vec(ID, 1, max_episode_steps=-1)
    envs.reset(seed=0)
    assert not any(envs.step(np.zeros((1, 2)))[3].any() for _ in range(400))


def refusal(act):
    with pytest.raises(Exception) as raised:
        act()
    return raised.value


def compare_refusals(pair, act):
    """Both refuse, by exceptions of one type."""
    ours = refusal(lambda: act(pair[0]))
    assert str(ours)
    try:
        act(pair[1])
    except AssertionError as theirs:
        # Older versions of gymnasium assert what newer ones raise.
        assert isinstance(ours, ValueError | TypeError | AssertionError), repr(ours)
        return ours, theirs
    except Exception as theirs:
        assert type(ours) is type(theirs), (ours, theirs)
        return ours, theirs
    # gymnasium 1.1 steps as many environments as there are actions.
    assert gym.__version__.startswith("1.1."), "SyncVectorEnv does not refuse it"
    return ours, None


@pytest.mark.parametrize("limit", [0, -2, 2.5, "5", float("nan"), np.int64(5), np.array(3)])
def test_time_limits_that_cannot_be_are_refused(limit):
    makers = (gym.make_vec, gym.make)
    ours, theirs = compare_refusals(makers, lambda make: make(ID, max_episode_steps=limit))
    if type(theirs) is not AssertionError:
        assert str(ours) == str(theirs)


@pytest.mark.parametrize(
    "actions",
    [
        None,
        60.0,
        np.float32(60.0),
        "no",
        "ab",
        [],
        [[60.0, 60.0]],
        np.zeros((1, 2)),
        np.zeros((2, 3)),
        np.zeros((2, 1)),
        np.zeros(2),
        np.zeros((2, 2, 1)),
        np.array([[1.0, 1.0], [1.0, np.nan]]),
        np.array([[1.0, np.inf], [1.0, 1.0]]),
        np.full((2, 2), 1e9),
        [["a", "b"], ["c", "d"]],
        [["1.0", "2.0"], ["3.0", "4.0"]],
        np.array([["1.0", "2.0"], ["3.0", "4.0"]]),
        [[None, None], [1.0, 1.0]],
        np.array([[None, None], [1.0, 1.0]]),
        [[1.0, 1.0], [1.0]],
        [1.0, 2.0],
        {"a": 1, "b": 2},
        {1: [1.0, 1.0], 2: [1.0, 1.0]},
        [1j, 2j],
    ],
    ids=repr,
)
def test_actions_that_cannot_be_are_refused_as_one_by_one(actions):
    pair = both(2)
    for envs in pair:
        envs.reset(seed=0)
    before = pair[0].worlds.snapshot()
    compare_refusals(pair, lambda envs: envs.step(actions))
    np.testing.assert_array_equal(pair[0].worlds.snapshot(), before)
    # They can be used all the same.
    for envs in pair:
        envs.reset(seed=0)
    step_both(pair, np.full((2, 2), 60.0))


def test_more_actions_than_environments_are_refused():
    envs = gym.make_vec(ID, 2)
    envs.reset(seed=0)
    before = envs.worlds.snapshot()
    with pytest.raises(ValueError, match="3 actions for 2 environments: give one for each"):
        envs.step(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="environment 1: action y is NaN"):
        envs.step(np.array([[1.0, 1.0], [1.0, np.nan]]))
    np.testing.assert_array_equal(envs.worlds.snapshot(), before)


@pytest.mark.parametrize(
    "actions",
    [
        [[60.0, 70.0], (80, 90)],
        np.array([[60, 70], [80, 90]]),
        np.array([[60, 70], [80, 90]], dtype=np.uint8),
        np.array([[60.0, 70.0], [80.0, 90.0]], dtype=np.float16),
        np.array([[60.0, 70.0], [80.0, 90.0]], dtype=object),
        np.ones((2, 2), dtype=np.bool_),
        np.asfortranarray([[60.0, 70.0], [80.0, 90.0]])[:, ::-1],
        np.full((2, 2), -600.0),
    ],
    ids=repr,
)
def test_actions_that_are_taken_as_one_by_one(actions):
    pair = both(2)
    for envs in pair:
        envs.reset(seed=0)
    for _ in range(3):
        step_both(pair, actions)


def test_the_action_of_an_environment_that_is_reset_is_not_looked_at():
    pair = both(2, max_episode_steps=1)
    for envs in pair:
        envs.reset(seed=0)
    assert step_both(pair, np.zeros((2, 2))).all()
    step_both(pair, [[np.nan, "a"], None])


@pytest.mark.parametrize(
    "seed", [[1], [1, 2, 3], [], (1,), -1, [1, -1], 1.5, "12", "1", np.int64(3), [1.5, 2.0], [np.int64(1), 2], {}]
)
def test_seeds_that_cannot_be_are_refused_as_one_by_one(seed):
    compare_refusals(both(2), lambda envs: envs.reset(seed=seed))


@pytest.mark.parametrize(
    "mask", [[True, False], None, np.ones(3, dtype=np.bool_), np.array([1, 0]), np.zeros(2, dtype=np.bool_), True]
)
def test_masks_that_cannot_be_are_refused_as_one_by_one(mask):
    pair = both(2, AutoresetMode.DISABLED)
    for envs in pair:
        envs.reset(seed=0)
    compare_refusals(pair, lambda envs: envs.reset(options={"reset_mask": mask}))


@pytest.mark.parametrize(
    "options", [{"reset_to_state": [np.nan] * 5}, {"reset_to_state": [1.0]}, {"reset_to": None}, 5]
)
def test_options_that_cannot_be_are_refused_as_one_by_one(options):
    compare_refusals(both(2), lambda envs: envs.reset(seed=0, options=options))


def test_options_are_the_callers():
    envs = gym.make_vec(ID, 2)
    envs.reset(seed=0)
    options = {"reset_mask": np.array([True, False])}
    envs.reset(options=options)
    assert list(options) == ["reset_mask"]


@pytest.mark.parametrize("mode", AutoresetMode)
def test_nothing_goes_before_a_reset(mode):
    pair = both(2, mode)
    for act in (
        lambda envs: envs.step(np.zeros((2, 2))),
        lambda envs: envs.render(),
        lambda envs: envs.call("step", [1.0, 1.0]),
    ):
        ours, theirs = compare_refusals(pair, act)
        assert isinstance(ours, ResetNeeded)
        assert str(ours)[:30] == str(theirs)[:30]
    for envs in pair:
        refusal(lambda envs=envs: envs.reset(options={"reset_mask": np.array([True, False])}))


def test_a_finished_environment_is_reset_by_the_caller_if_resets_are_disabled():
    pair = both(2, AutoresetMode.DISABLED, max_episode_steps=2)
    for envs in pair:
        envs.reset(seed=0)
        for _ in range(2):
            envs.step(np.zeros((2, 2)))
    ours, _ = compare_refusals(pair, lambda envs: envs.step(np.zeros((2, 2))))
    assert type(ours) is AssertionError
    assert str(ours) == "environments [0, 1] are over: reset them, with options={'reset_mask': ...}"
    for envs in pair:
        envs.reset(options={"reset_mask": np.array([True, False])})
    ours, _ = compare_refusals(pair, lambda envs: envs.step(np.zeros((2, 2))))
    assert "environments [1] are over" in str(ours)


def test_what_goes_after_close_is_what_goes_one_by_one():
    pair = both(2)
    for envs in pair:
        envs.reset(seed=0)
        envs.close()
        assert envs.closed
        envs.close()
    step_both(pair, np.zeros((2, 2)))


@pytest.mark.parametrize("num_envs", [0, -1, 2.5, None, "2", 10**9, 10**30, True])
def test_numbers_of_environments_that_cannot_be_are_refused(num_envs):
    with pytest.raises((TypeError, ValueError, OverflowError), match="num_envs|int"):
        gym.make_vec(ID, num_envs)


def test_a_mode_that_is_none_is_refused_as_by_gymnasium():
    for mode in ("NextSteps", None, 3):
        ours = refusal(lambda mode=mode: gym.make_vec(ID, 2, autoreset_mode=mode))
        theirs = refusal(lambda mode=mode: SyncVectorEnv([lambda: gym.make(ID)], autoreset_mode=mode))
        assert (type(ours), str(ours)) == (type(theirs), str(theirs))


def test_frames_are_those_of_one_by_one():
    pair = both(2, visualization_width=96, visualization_height=72)
    for envs in pair:
        envs.reset(seed=0)
    compare(*(envs.render() for envs in pair))
    # With the cross where the last action was.
    step_both(pair, np.array([[100.0, 200.0], [300.0, 400.0]]))
    frames = [envs.render() for envs in pair]
    compare(*frames)
    assert [frame.shape for frame in frames[0]] == [(72, 96, 3)] * 2
    assert ((frames[0][0] == [255, 0, 0]).all(axis=-1)).any()
    for envs in pair:
        envs.set_attr("visualization_width", [48, 64])
    compare(*(envs.render() for envs in pair))
    pair = both(2, render_mode=None)
    assert pair[0].render_mode is pair[1].render_mode is None
    for envs in pair:
        envs.reset(seed=0)
    compare_refusals(pair, lambda envs: envs.render())


def test_attributes_are_those_of_one_by_one():
    pair = both(3, max_episode_steps=7, obs_type="keypoints")
    for envs in pair:
        envs.reset(seed=5)
    step_both(pair, np.zeros((3, 2)))
    for name in ("obs_type", "render_mode", "metadata", "success_threshold", "np_random_seed", "_elapsed_steps"):
        compare(pair[0].get_attr(name), pair[1].get_attr(name))
    compare(pair[0].get_attr("has_reset"), pair[1].get_attr("has_reset"))
    for name in ("action_space", "observation_space"):
        assert pair[0].get_attr(name) == pair[1].get_attr(name)
    for ours, theirs in zip(*(envs.get_attr("spec") for envs in pair), strict=True):
        assert ours.max_episode_steps == theirs.max_episode_steps == 7
        assert ours.kwargs == theirs.kwargs
        assert ours.id == theirs.id
        assert ours == theirs
    compare_refusals(pair, lambda envs: envs.get_attr("missing"))
    compare_refusals(pair, lambda envs: envs.call("missing", 1))
    compare_refusals(pair, lambda envs: envs.set_attr("own", [1, 2]))
    for envs in pair:
        envs.set_attr("own", [1, 2, 3])
        envs.set_attr("other", "text")
        envs.set_attr("success_threshold", 0.5)
    for name in ("own", "other", "success_threshold"):
        compare(pair[0].get_attr(name), pair[1].get_attr(name))


def test_calls_are_those_of_one_by_one():
    pair = both(2, max_episode_steps=4)
    for envs in pair:
        envs.reset(seed=5)
    compare(*(envs.call("render") for envs in pair))
    compare(*(envs.call("reset", seed=3) for envs in pair))
    for _ in range(3):
        compare(*(envs.call("step", [200.0, 300.0]) for envs in pair))
    # The fourth step, and the time limit knows it.
    assert step_both(pair, np.zeros((2, 2))).all()
    step_both(pair, np.zeros((2, 2)))
    generators = [[np.random.default_rng(seed) for seed in (8, 9)] for _ in pair]
    for envs, of_envs in zip(pair, generators, strict=True):
        envs.set_attr("np_random", of_envs)
    compare(pair[0].np_random_seed, pair[1].np_random_seed)
    compare(*(envs.reset() for envs in pair))


def episodes(envs, steps, seed):
    random = np.random.default_rng(seed)
    disabled = envs.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    results = []
    for _ in range(steps):
        result = envs.step(random.uniform(100.0, 400.0, (envs.num_envs, 2)))
        results.append(result)
        over = result[2] | result[3]
        if disabled and over.any():
            results.append(envs.reset(options={"reset_mask": over}))
    return results


@pytest.mark.parametrize("mode", AutoresetMode)
def test_copies_go_on_as_the_original(mode):
    envs = gym.make_vec(ID, 3, autoreset_mode=mode, max_episode_steps=11, obs_type="environment_state_agent_pos")
    envs.reset(seed=2)
    episodes(envs, 10, 0)
    # One step before the end of the episodes.
    state = envs.get_state()
    other = gym.make_vec(ID, 3, autoreset_mode=mode, max_episode_steps=11, obs_type="environment_state_agent_pos")
    other.set_state(pickle.loads(pickle.dumps(state)))
    copies = [copy.deepcopy(envs), pickle.loads(pickle.dumps(envs)), other]
    expected = episodes(envs, 40, 1)
    for copied in copies:
        compare(tuple(episodes(copied, 40, 1)), tuple(expected))
        compare(copied.np_random_seed, envs.np_random_seed)
        compare(copied.call("step", [10.0, 10.0]), copy.deepcopy(envs).call("step", [10.0, 10.0]))
        assert copied.render()[0].tobytes() == copied.call("render")[0].tobytes()
    envs.set_state(state)
    compare(tuple(episodes(envs, 40, 1)), tuple(expected))


def test_the_state_of_one_of_many_is_that_of_one_alone():
    envs = gym.make_vec(ID, 2)
    envs.reset(seed=2)
    episodes(envs, 5, 0)
    alone = gym.make(ID)
    alone.reset()
    alone.unwrapped.set_state(envs.call("get_state")[1])
    for x in range(100, 300, 20):
        ours = envs.step(np.full((2, 2), float(x)))
        theirs = alone.step([float(x), float(x)])
        compare(ours[0][1], theirs[0])
        assert ours[1][1] == theirs[1]


def test_states_that_cannot_be_are_refused():
    envs = gym.make_vec(ID, 2)
    envs.reset(seed=0)
    state = envs.get_state()
    for wrong, message in (
        ({**state, "over": [True]}, "`over` has 1 values for 2 environments"),
        ({**state, "envs": state["envs"][:1]}, "`envs` has 1 values for 2 environments"),
        ({**state, "more": 1}, "`more` is not known; use envs, elapsed_steps, over"),
        ({"envs": state["envs"]}, "state has no `elapsed_steps`"),
    ):
        with pytest.raises(ValueError, match=message):
            envs.set_state(wrong)
    with pytest.raises(TypeError, match="state is a list"):
        envs.set_state([])
