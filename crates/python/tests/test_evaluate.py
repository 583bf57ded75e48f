"""`evaluate` in gym-pusht, and `Recorder`."""

import json
import sys
from pathlib import Path

import gym_pusht  # noqa: F401 (registers the environment)
import gymnasium as gym
import numpy as np
import pytest

import parapolicy
from conftest import MODEL, ROOT

sys.path.insert(0, str(ROOT / "models"))
from training.block import KEYPOINTS

FAST = {"solver": "ddim", "steps": 4, "threads": 1}


def reset_state(seed: int) -> list[float]:
    """Diffusion Policy's draw, as `models/training/pusht.py` has it."""
    random = np.random.RandomState(seed)
    agent = [random.randint(50, 450), random.randint(50, 450)]
    block = [random.randint(100, 400), random.randint(100, 400)]
    return [*agent, *block, random.randn() * 2 * np.pi - np.pi]


class Keypoints(gym.Wrapper):
    """gym-pusht with Diffusion Policy's resets, and what its policies see under other names."""

    def __init__(self, steps: int = 40):
        super().__init__(gym.make("gym_pusht/PushT-v0", max_episode_steps=steps, disable_env_checker=True))

    def seen(self):
        world = self.env.unwrapped
        points = np.array([world.block.local_to_world(point) for point in KEYPOINTS])
        return {"block": {"points": points}, "agent": np.array(world.agent.position)}

    def reset(self, *, seed=None, options=None):
        self.env.reset(options={"reset_to_state": reset_state(seed)})
        return self.seen(), {}

    def step(self, action):
        _, reward, terminated, truncated, info = self.env.step(action)
        return self.seen(), reward, terminated, truncated, info


def evaluate(tmp_path, make=Keypoints, **options):
    options = {"episodes": 2, "observations": {"keypoints": "block.points"}, **FAST, **options}
    return parapolicy.evaluate(MODEL, make, out=tmp_path / "report", **options)


def test_a_report_is_that_of_run(tmp_path):
    found = evaluate(tmp_path, episodes=3)
    assert {path.name for path in found.files} == {
        "report.html", "report.json", "episodes.csv", "report.svg", "episodes.mcap",
    }  # fmt: skip
    assert json.loads((tmp_path / "report" / "report.json").read_text()) == found.report
    names = [sampler["name"] for sampler in found.report["samplers"]]
    assert names == ["sequential", "picard"] and "picard" in str(found)
    for sampler in found.report["samplers"]:
        assert [episode["seed"] for episode in sampler["episodes"]] == [100_000, 100_001, 100_002]
        assert sampler["rounds_mean"] <= 4 and sampler["episodes"][0]["control_steps"] == 40
    assert "<svg" in (tmp_path / "report" / "report.html").read_text()


def test_environments_together_and_alone_earn_the_same(tmp_path):
    alone = evaluate(tmp_path, episodes=5, samplers=["sequential"])
    together = evaluate(tmp_path, episodes=5, samplers=["sequential"], environments=3)
    rewards = [[e["reward"] for e in found.report["samplers"][0]["episodes"]] for found in (alone, together)]
    np.testing.assert_allclose(*rewards, atol=1e-3)
    assert together.report["environments"] == 3


def rounded(value):
    """Numbers to nine digits: gym-pusht's own physics differs in the last bits from one instance to the next."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 9) if isinstance(value, float) else value


def test_shards_are_the_whole(tmp_path):
    options = {"episodes": 4, "clock": "virtual", "latency": 0.15, "rest": "agent", "only": ["report.json"]}
    whole = evaluate(tmp_path, **options)
    parts = []
    for shard in ("2/2", "1/2"):
        part = parapolicy.evaluate(
            MODEL, Keypoints, out=tmp_path / shard[0], shard=shard,
            observations={"keypoints": "block.points"}, **FAST, **options,
        )  # fmt: skip
        parts.extend(part.files)
    merged = parapolicy.merge(parts, out=tmp_path / "merged")
    assert [path.name for path in parts] == ["report.json"] * 2
    for one, other in zip(merged.report["samplers"], whole.report["samplers"], strict=True):
        for field in ("episodes", "reward_interval", "reward_difference", "timing", "rounds_mean", "success_interval"):
            assert rounded(one[field]) == rounded(other[field]), field
    with pytest.raises(ValueError, match="has the episode of seed 100000"):
        parapolicy.merge([parts[1], parts[1]], out=tmp_path / "twice")


def test_latency_is_seen_in_the_age_of_observations(tmp_path):
    found = evaluate(tmp_path, clock="virtual", latency=0.35, rest="agent", late="hold")
    timing = found.report["samplers"][0]["timing"]
    assert timing["observation_age_ms"]["p50"] >= 350 and timing["deadline_misses"] is None
    assert found.report["in_time"]["clock"] == "virtual" and found.report["in_time"]["late"] == "hold"


def test_plans_are_held_to_the_one_before(tmp_path):
    options = {"clock": "virtual", "latency": 0.35, "rest": "agent", "samplers": ["sequential"], "episodes": 1}
    jumps = {}
    for continuity in ("independent", "hard", "exponential:0.5"):
        found = evaluate(tmp_path, continuity=continuity, **options)
        assert found.report["in_time"]["continuity"] == continuity
        jumps[continuity] = found.report["samplers"][0]["timing"]["smoothness"]["jump_rms"]
    assert jumps["hard"] < jumps["independent"] and len(set(jumps.values())) == 3, jumps


def test_an_episode_is_filmed_as_it_is_rendered(tmp_path):
    make = lambda: gym.wrappers.TimeLimit(  # noqa: E731
        gym.make("parapolicy/PushT-v0", obs_type="keypoints", render_mode="rgb_array").unwrapped, 10
    )
    found = evaluate(tmp_path, make, observations=None, film=True, max_steps=10)
    gif = (tmp_path / "report" / "episode.gif").read_bytes()
    assert gif.startswith(b"GIF89a") and "episode.gif" in {path.name for path in found.files}


class Wrong(Keypoints):
    def step(self, action):
        raise RuntimeError("the arm is stuck")


def test_commands_are_within_limits_on_the_motion(tmp_path):
    """Those of the loop that does not wait, one a control step."""
    actions, limits = [], {"velocity": [150.0, 150.0], "acceleration": [400.0, 400.0], "jerk": [4000.0, 4000.0]}
    options = {"clock": "virtual", "latency": 0.25, "rest": "agent", "samplers": ["sequential"], "episodes": 1}
    evaluate(tmp_path, lambda: Watched(actions), **limits, **options)
    speed = np.diff(actions, axis=0) / 0.1
    assert 100 < np.abs(speed).max() <= 150 * (1 + 1e-6)


def test_rewards_are_from_the_lowest_to_the_highest(tmp_path):
    class Shaped(Keypoints):
        def step(self, action):
            seen, reward, terminated, truncated, _ = super().step(action)
            return seen, 4 * reward - 3, terminated, truncated, {}

    options = {"episodes": 1, "samplers": ["sequential"]}
    expected = evaluate(tmp_path, **options).report["samplers"][0]["episodes"][0]
    won = lambda reward, info: reward > -2.97  # noqa: E731
    found = evaluate(tmp_path, Shaped, success=won, lowest_reward=-3, highest_reward=1, **options)
    [found] = found.report["samplers"][0]["episodes"]
    assert found["reward"] == pytest.approx(expected["reward"], abs=1e-9) and found["success"]
    with pytest.warns(UserWarning, match="cut off at lowest_reward=0 and highest_reward=1"):
        evaluate(tmp_path, Shaped, success=won, **options)


def test_what_does_not_fit_is_refused_by_name(tmp_path):
    waits_not = {"clock": "virtual", "rest": "agent"}
    for options, problem in [
        ({"observations": {"points": "block.points"}}, "observations: the policy has no points, only keypoints, agent"),
        ({"observations": {"keypoints": "block.corners"}}, "only block.points, agent"),
        ({"observations": {"keypoints": "agent"}}, r"agent has shape [2], the policy's keypoints [9, 2]"),
        ({"success": "won"}, "success: the environment's info has no 'won', only"),
        ({"highest_reward": 0}, "highest_reward is 0, but must be above lowest_reward, 0"),
        ({"clock": "virtual"}, "rest: a clock that does not wait"),
        ({"clock": "virtual", "rest": [1.0]}, "rest: is [1.0], but the policy's actions have 2 finite numbers"),
        ({"clock": "slow"}, "clock is 'slow'"),
        ({"continuity": "soft", **waits_not}, "continuity: `soft`"),
        ({"continuity": "hard"}, "continuity: only with clock='virtual' or clock='real'"),
        ({"replan_every": 4}, "replan_every: only with clock='virtual' or clock='real'"),
        ({"jerk": [1.0, 1.0]}, "jerk: only with clock='virtual' or clock='real'"),
        ({"velocity": [1.0], "acceleration": [1.0] * 2, "jerk": [1.0] * 2, **waits_not}, "velocity has 1 value"),
        ({"jerk": [1.0] * 2, **waits_not}, "velocity has 0 values"),
        ({"latency": 0.1}, "latency: only with clock='virtual'"),
        ({"success": lambda reward, info: info["won"]}, "won"),
        ({"clock": "virtual", "rest": "agent", "environments": 2}, "a virtual clock has one at a time"),
        ({"episodes": 0}, "episodes is 0"),
        ({"shard": "3/2"}, "there is no shard 3 of 2"),
        ({"only": ["report.xml"]}, "a run leaves no `report.xml`"),
        ({"samplers": ["picard", "picard"]}, "samplers: picard is named twice"),
        ({"samplers": []}, "samplers: none is named"),
        ({"samplers": ["quick"]}, "quick"),
        ({"max_steps": 0}, "max_steps is 0"),
    ]:
        with pytest.raises((ValueError, KeyError)) as raised:
            evaluate(tmp_path, **options)
        assert problem in str(raised.value), options
    with pytest.raises(RuntimeError, match="the arm is stuck"):
        evaluate(tmp_path, Wrong)
    with pytest.raises(ValueError, match="actions: the environment's are Discrete"):
        evaluate(tmp_path, lambda: gym.make("CartPole-v1"))


def test_actions_are_those_that_the_environment_is_given(tmp_path):
    """Played again in a loop of its own, they earn what the report says."""
    actions = []
    found = evaluate(tmp_path, lambda: Watched(actions), episodes=1, samplers=["sequential"])
    env = Keypoints()
    env.reset(seed=100_000)
    assert max(env.step(action)[1] for action in actions) == found.report["samplers"][0]["episodes"][0]["reward"]


class Watched(Keypoints):
    """Keeps the actions."""

    def __init__(self, actions):
        super().__init__()
        self.actions = actions

    def step(self, action):
        self.actions.append(np.array(action))
        return super().step(action)


def test_recorded_episodes_are_a_dataset_of_lerobot(tmp_path):
    env = parapolicy.Recorder(Keypoints(6), task="Push.", fps=10)
    with pytest.raises(ValueError, match="reset the environment first"):
        env.step(np.zeros(2))
    labels = []
    for seed in (1, 2, 3):
        env.reset(seed=seed)
        for step in range(6):
            labels.append([seed, step])
            env.step(np.array([256.0, 300.0]), np.array([seed, step], np.float32))
        if seed == 2:
            env.discard()
            labels = labels[:-6]
    frames = env.save(tmp_path / "dataset")
    assert (env.episodes, frames) == (2, 12)
    with pytest.raises(OSError, match="is there already"):
        env.save(tmp_path / "dataset")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(tmp_path / "dataset" / "data" / "chunk-000" / "file-000.parquet")
    assert table["action"].to_pylist() == labels
    assert np.array(table["observation.block.points"].to_pylist()).shape == (12, 18)
    assert table["next.done"].to_pylist() == 2 * [*5 * [False], True]
    info = json.loads((tmp_path / "dataset" / "meta" / "info.json").read_text())
    assert (info["fps"], info["total_episodes"], info["codebase_version"]) == (10, 2, "v3.0")
    episodes = parquet.read_table(tmp_path / "dataset" / "meta" / "episodes" / "chunk-000" / "file-000.parquet")
    assert episodes["recording.seed"].to_pylist() == [1, 3]
    assert Path(tmp_path / "dataset" / "meta" / "tasks.parquet").exists()
