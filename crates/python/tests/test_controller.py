"""A controller beside a loop whose clock is the test's."""

import time

import numpy as np
import pytest

import parapolicy
from conftest import MODEL

QUICK = {"solver": "ddim", "steps": 10, "threads": 1}
START = np.array([256.0, 300.0])


def wait_for(condition):
    """The worker's time is its own: whatever it takes, within reason."""
    end = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < end, "the worker does not come back"
        time.sleep(0.005)


def test_commands_follow_the_plan_that_the_policy_draws(policy, observation):
    with parapolicy.Controller(MODEL, initial=START, seed=4, **QUICK) as controller:
        first = controller.command(0.0)
        assert (first.source, first.withheld) == ("safe", "no_plan")
        np.testing.assert_array_equal(first.action, START)
        controller.observe(observation[1], 0.0)
        wait_for(lambda: controller.health().plans == 1)
        commands = [controller.command(0.1 * tick) for tick in range(8)]
        assert {(command.source, command.withheld) for command in commands} == {("plan", None)}
        # The first observation of an episode stands in for those before it; the first plan's noise is the seed's.
        expected = policy.sample(np.stack([observation[1]] * 2), seed=4 << 32, solver="ddim", steps=10)
        np.testing.assert_array_equal([command.action for command in commands], expected.executed)
        assert controller.command(0.85).source == "late"
        health = controller.health()
        assert (health.failures, health.events_dropped) == (0, 0)
        assert 0.0 < health.latency_p50_ms <= health.latency_max_ms
        assert controller.events() == []
        assert repr(first) == "Command([256.0, 300.0], source='safe', withheld='no_plan')"
        assert repr(commands[0]) == f"Command({commands[0].action.tolist()}, source='plan', withheld=None)"
        assert repr(health).startswith("Health(planning=False, plans=1, failures=0, latency_p50_ms=")


def test_an_old_plan_is_not_followed_and_a_new_episode_knows_none(observation):
    safe = START + 1.0
    with parapolicy.Controller(MODEL, initial=START, safe=safe, max_age=0.5, **QUICK) as controller:
        controller.observe(observation[0], 0.0)
        wait_for(lambda: controller.health().plans == 1)
        assert controller.command(0.5).source == "plan"
        stale = controller.command(0.6)
        assert (stale.source, stale.withheld) == ("safe", "stale")
        np.testing.assert_array_equal(stale.action, safe)
        controller.reset(1)
        assert controller.command(0.0).withheld == "no_plan"


def test_a_plan_begins_with_what_will_have_been_sent(observation):
    with parapolicy.Controller(MODEL, initial=START, replan_every=4, continuity="hard", **QUICK) as controller:
        sent = []
        for tick in range(5):
            controller.observe(observation[0] if tick < 4 else observation[1], 0.1 * tick)
            wait_for(lambda: not controller.health().planning)
            sent.append(controller.command(0.1 * tick).action)
        assert controller.health().plans == 2
        # The second plan took less than a period, as the first did: its first action is the fifth of the first one.
        first = parapolicy.Policy(MODEL).sample(np.stack([observation[0]] * 2), seed=0, solver="ddim", steps=10)
        np.testing.assert_allclose(sent[4], first.executed[4], rtol=0, atol=1e-3)


def test_a_plan_is_checked_before_any_of_it_is_sent(observation):
    def crosses(plan):
        return (2, "not there") if plan[2, 0] > 0.0 else None

    cases = [
        ({"velocity": [1e-3, 1e-3]}, "refused", "velocity"),
        ({"max": [1e4, 0.0]}, "refused", "action 0, "),
        ({"predicate": crosses}, "refused", "a plan was refused: action 2: not there"),
        ({"predicate": crosses, "failing": "cut"}, "cut", "a plan was cut: action 2: not there"),
        ({"predicate": lambda plan: plan.no_such}, "refused", "the predicate raised AttributeError"),
    ]
    for check, kind, words in cases:
        with parapolicy.Controller(MODEL, initial=START, check=check, **QUICK) as controller:
            controller.observe(observation[0], 0.0)
            wait_for(lambda: not controller.health().planning)
            sources = [controller.command(0.1 * tick).source for tick in range(3)]
            assert sources == (["plan", "plan", "late"] if kind == "cut" else ["safe"] * 3)
            event = controller.events()[0]
            assert event.kind == kind
            assert words in event.message


def test_a_plan_that_fails_is_refined(observation):
    with parapolicy.Controller(MODEL, initial=START, **QUICK) as controller:
        controller.observe(observation[0], 0.0)
        wait_for(lambda: controller.health().plans == 1)
        actions = controller.plan().actions
    fastest = np.abs(np.diff(actions, axis=0)).max() / 0.1
    for within, kinds in [(60.0, ["refined"]), (1e-9, ["not_refined", "refused"])]:
        check = {"velocity": [0.8 * fastest] * 2, "refine": within}
        with parapolicy.Controller(MODEL, initial=START, check=check, **QUICK) as controller:
            controller.observe(observation[0], 0.0)
            wait_for(lambda: not controller.health().planning)
            events = controller.events()
            assert [event.kind for event in events] == kinds
            assert "velocity" in events[-1].message
            if kinds == ["refined"]:
                refined = controller.plan().actions
                assert np.abs(np.diff(refined, axis=0)).max() / 0.1 <= 0.8 * fastest * (1 + 1e-9)


def test_a_generator_keeps_limits_between_actions(observation):
    cycle, limits = 0.01, {"velocity": [300.0] * 2, "acceleration": [3e3] * 2, "jerk": [1e5] * 2}
    how = {"interpolation": "cubic", "cycle": cycle, "min": [0.0] * 2, "max": [512.0] * 2} | limits | QUICK
    with parapolicy.Controller(MODEL, initial=START, **how) as controller:
        controller.observe(observation[0], 0.0)
        wait_for(lambda: controller.health().plans == 1)
        actions = np.array([START] * 3 + [controller.command(cycle * tick).action for tick in range(120)])
    assert np.abs(actions[-1] - START).max() > 1
    for order, limit in enumerate(limits.values(), start=1):
        differences = np.diff(actions, order, axis=0) / cycle**order
        assert np.abs(differences).max() <= limit[0] * (1 + 1e-6)


def test_limits_hold(observation):
    limits = {"min": [0.0, 0.0], "max": [512.0, 512.0], "max_change": [2.0, 2.0]}
    with parapolicy.Controller(MODEL, initial=START, **limits, **QUICK) as controller:
        controller.observe(observation[0], 0.0)
        wait_for(lambda: controller.health().plans == 1)
        commands = [controller.command(0.1 * tick) for tick in range(8)]
        actions = np.array([START, *(command.action for command in commands)])
        assert np.abs(np.diff(actions, axis=0)).max() <= 2.0 + 1e-9
        assert "beyond_limits" in {command.withheld for command in commands}


def test_entries_come_each_at_its_own_time(policy, observation):
    keypoints, agent = observation[0][:18], observation[0][18:]
    with parapolicy.Controller(MODEL, initial=START, seed=4, stale=0.25, **QUICK) as controller:
        controller.observe_entry("keypoints", keypoints.reshape(9, 2), 1.0)
        assert not controller.observe_entries(1.0)
        (event,) = controller.events()
        assert event.kind == "not_observed"
        assert event.message == "`agent` is not observed: nothing of it has come yet"
        for tick in range(50):
            controller.observe_entry("agent", agent + tick - 25, 1.0 + 0.002 * tick)
        with pytest.raises(ValueError, match="`agent` went back in time, from 1.098s to 1s"):
            controller.observe_entry("agent", agent, 1.0)
        # Of those until 1.098 s, the one of 1.05 s.
        assert controller.observe_entries(1.0505)
        wait_for(lambda: controller.health().plans == 1)
        expected = policy.sample(np.stack([observation[0]] * 2), seed=4 << 32, solver="ddim", steps=10)
        np.testing.assert_array_equal(controller.plan().actions[:8], expected.executed)
        controller.observe_entry("agent", agent, 1.3)
        assert not controller.observe_entries(1.3)
        (event,) = controller.events()
        assert event.message == "`keypoints` is not observed: it is 0.300 s old, more than 0.250 s"
    with pytest.raises(ValueError, match="stale is 50ms, but must be at least a period, 100ms"):
        parapolicy.Controller(MODEL, initial=START, stale=0.05, **QUICK)


def test_values_far_outside_of_the_training_data_are_told_once_until_they_are_back(observation):
    degrees = np.where(np.arange(20) == 19, 57.3 * observation[0], observation[0])
    with parapolicy.Controller(MODEL, initial=START, **QUICK) as controller:
        told = []
        for tick, seen in enumerate([observation[0], degrees, degrees, observation[0], degrees]):
            controller.observe(seen, 0.1 * tick)
            told += [(tick, event) for event in controller.events()]
        assert [(tick, event.kind) for tick, event in told] == [(1, "far_outside"), (4, "far_outside")]
        assert told[0][1].message.startswith("`agent`[1] is ")
        assert ", far outside of what the policy was trained on: " in told[0][1].message


def test_entries_that_do_not_fit_are_refused_by_name(observation):
    agent = observation[0][18:]
    with parapolicy.Controller(MODEL, initial=START, **QUICK) as controller:
        for error, words, name, value in [
            (ValueError, "`hand` is no entry of the policy's observations; they are keypoints, agent", "hand", agent),
            (ValueError, r"`agent` has shape \[3\], but must have \[2\]", "agent", [0.0, 0.0, 0.0]),
            (ValueError, "`agent` is not finite at 1", "agent", [0.0, np.nan]),
            (TypeError, "`agent` is no array of numbers", "agent", "there"),
        ]:
            with pytest.raises(error, match=words):
                controller.observe_entry(name, value, 0.0)
        assert controller.health().plans == 0


def test_an_episode_is_played_while_others_run():
    import gymnasium as gym

    env = gym.make("parapolicy/PushT-v0", obs_type="keypoints")
    observation, _ = env.reset(seed=100)
    with parapolicy.Controller(MODEL, initial=observation[-2:], replan_every=4, **QUICK) as controller:
        sources = []
        for tick in range(20):
            controller.observe(observation, 0.1 * tick)
            wait_for(lambda: not controller.health().planning)
            command = controller.command(0.1 * tick)
            sources.append(command.source)
            observation, *_ = env.step(command.action)
        assert sources == ["plan"] * 20
        assert controller.health().plans == 5


def test_plans_are_given_the_time_that_the_loop_can_spare(observation):
    how = {"steps": 100, "replan_every": 4, "deadline": "loop", "threads": 1, "period": 0.01}
    with parapolicy.Controller(MODEL, initial=START, **how) as controller:
        residuals = []
        for tick in range(12):
            controller.observe(observation[0], 0.01 * tick)
            wait_for(lambda: not controller.health().planning)
            controller.command(0.01 * tick)
            residuals.append(controller.plan().residual)
        # The first plan may take what it takes; those after it have 35 ms, or what is left of that after a reserve.
        assert residuals[0] is None
        assert controller.health().plans == 3
    with pytest.raises(TypeError, match="argument 'deadline'"):
        parapolicy.Policy(MODEL).sample(np.stack([observation[0]] * 2), deadline="loop")


def test_settings_that_cannot_be_are_refused(tmp_path):
    def refused(message, error=ValueError, **settings):
        with pytest.raises(error, match=message):
            parapolicy.Controller(MODEL, **({"initial": START} | QUICK | settings))

    refused("late: `soon` is not known; use finish, hold, decelerate", late="soon")
    refused("period is 0, but must be more than 0", period=0.0)
    refused("exclude each other", replan_every=1, replan_below=1)
    refused("continuity: `soft` is not one of `independent`, `hard`", continuity="soft")
    refused("interpolation: `spline` is not known; use hold, linear, cubic", interpolation="spline")
    refused("acceleration has 0 values, but an action has 2", velocity=[1.0, 1.0])
    motion = {"velocity": [1.0, 1.0], "acceleration": [1.0, 1.0], "jerk": [1.0, 1.0]}
    refused("max_change is 1, but must be left out", max_change=[1.0, 1.0], **motion)
    refused("cycle is 1s, but must be more than 0, and at most a period", cycle=1.0, **motion)
    refused("jerk is 0, but must be more than 0", check={"jerk": [0.0, 0.0]})
    refused("state is 19, but must be", check={"state": 19})
    refused("refine is 0, but must be more than 0", check={"refine": 0.0})
    refused("deadline: `loop:0`: quantile is 0, but must be more than 0", deadline="loop:0")
    refused("failing: `bend` is not known; use refuse, cut", check={"failing": "bend"})
    refused("continuity: `hard:0`: quantile is 0, but must be more than 0", continuity="hard:0")
    refused("max has 1 values, but an action has 2", max=[1.0])
    refused("initial is NaN, but must be finite", initial=[np.nan, 0.0])
    refused("sampler|strategy: `fast` is not supported", sampler="fast")
    refused("unexpected keyword argument 'perod'", TypeError, perod=0.1)
    with pytest.raises(FileNotFoundError, match="policy.json"):
        parapolicy.Controller(tmp_path, initial=START)


def test_what_is_given_wrongly_is_not_taken(observation):
    with parapolicy.Controller(MODEL, initial=START, **QUICK) as controller:
        with pytest.raises(ValueError, match="the observation has 2 numbers, but the policy sees 20"):
            controller.observe(START, 0.0)
        with pytest.raises(ValueError, match="not finite at 3"):
            controller.observe(np.where(np.arange(20) == 3, np.inf, observation[0]), 0.0)
        with pytest.raises(ValueError, match="time is -1"):
            controller.command(-1.0)
        assert controller.health().plans == 0
    with pytest.raises(RuntimeError, match="the controller is closed"):
        controller.command(0.0)
    assert not controller.health().planning


@pytest.mark.parametrize("option", ["replan_every", "replan_below"])
def test_a_count_of_none_is_refused_in_the_words_of_the_library(option):
    with pytest.raises(ValueError, match=f"^{option} is 0, but must be at least 1$"):
        parapolicy.Controller(MODEL, initial=START, **{option: 0}, **QUICK)


def test_a_watchdog_of_no_time_is_refused():
    with pytest.raises(ValueError, match="^watchdog is 0, but must be more than 0$"):
        parapolicy.Controller(MODEL, initial=START, watchdog=0.0, **QUICK)


def test_a_clock_that_goes_back_is_told_and_planned_for_anew(observation):
    safe = START + 1.0
    with parapolicy.Controller(MODEL, initial=START, safe=safe, watchdog=60.0, **QUICK) as controller:
        controller.observe(observation[0], 3600.0)
        wait_for(lambda: controller.health().plans == 1)
        assert controller.command(3600.0).source == "plan"
        back = controller.command(0.0)
        assert (back.source, back.withheld) == ("safe", "no_plan")
        (event,) = controller.events()
        assert (event.kind, controller.health().clock_steps) == ("clock_went_back", 1)
        controller.observe(observation[0], 0.1)
        wait_for(lambda: controller.health().plans == 2)
        assert controller.command(0.1).source == "plan"
        assert controller.health().hangs == 0


def test_after_a_reset_no_command_of_the_last_episode_is_sent(observation):
    with parapolicy.Controller(MODEL, initial=START, **QUICK) as controller:
        assert controller.plan() is None
        controller.observe(observation[0], 0.0)
        wait_for(lambda: controller.health().plans == 1)
        sent = controller.command(0.0)
        assert sent.source == "plan" and (sent.action != START).any()
        plan = controller.plan()
        assert (plan.intended, plan.observed, plan.residual) == (8, 0.0, None)
        assert plan.rounds == plan.evaluations == 10 and plan.latency > 0.0
        np.testing.assert_array_equal(plan.actions[0], sent.action)
        assert repr(plan).startswith("InForce(actions=(")
        controller.reset(1)
        assert controller.plan() is None
        np.testing.assert_array_equal(controller.command(0.0).action, START)
        controller.rest_at(START + 2.0)
        np.testing.assert_array_equal(controller.command(0.1).action, START + 2.0)
        with pytest.raises(ValueError, match="action has 3 values, but an action has 2"):
            controller.rest_at([0.0, 0.0, 0.0])


def test_an_initial_command_of_another_length_is_refused():
    with pytest.raises(ValueError, match="initial has 3 values, but an action has 2"):
        parapolicy.Controller(MODEL, initial=[0.0, 0.0, 0.0], **QUICK)


def test_a_log_is_written_until_the_controller_is_closed(observation, tmp_path):
    logged = {"log": tmp_path / "loop.mcap", "log_rounds": True}
    with parapolicy.Controller(MODEL, initial=START, **logged, **QUICK) as controller:
        controller.observe(observation[0], 0.0)
        wait_for(lambda: controller.health().plans == 1)
        controller.command(0.0)
    magic = b"\x89MCAP0\r\n"
    written = (tmp_path / "loop.mcap").read_bytes()
    assert written.startswith(magic) and written.endswith(magic)
    with pytest.raises(FileNotFoundError, match="the log cannot be created"):
        parapolicy.Controller(MODEL, initial=START, log=tmp_path / "nowhere" / "loop.mcap", **QUICK)
