"""Evaluation against gym-pusht and `diffusers`."""

from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch

from export.policy import Shape
from training.block import KEYPOINTS
from training.demos import MinMax
from training.evaluate import interval, noise_of, report, run
from training.policy import Policy
from training.pusht import Episode, reset_state
from training.schedule import SCHEDULE, scheduler

# Diffusion Policy's draws and the block that gym-pusht makes of them.
RESETS = {
    100000: ((235, 124, 335, 128, -0.9049274), (299.612885, 145.201581, 5.378258)),
    100001: ((365, 182, 275, 280, -1.0981131), (234.934254, 304.512540, 5.185072)),
    100002: ((159, 417, 295, 339, -6.1146167), (302.549711, 339.637833, 0.168569)),
}


@pytest.mark.parametrize("seed", RESETS)
def test_resets_are_the_published_ones(seed: int) -> None:
    draw, block = RESETS[seed]
    np.testing.assert_allclose(reset_state(seed), draw, atol=1e-7)
    state = Episode(seed).env.unwrapped.get_obs()
    np.testing.assert_allclose(state[:2], draw[:2])
    np.testing.assert_allclose(state[2:], block, atol=1e-5)


def test_keypoints_turn_and_move_with_the_block() -> None:
    episode = Episode(100000)
    for _ in range(40):
        episode.step(np.array(episode.env.unwrapped.block.position))
    x, y, angle = episode.env.unwrapped.get_obs()[2:]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = np.array(KEYPOINTS) @ turn.T + [x, y]
    observation = episode.observation()
    np.testing.assert_allclose(observation[:18].reshape(9, 2), expected, atol=1e-9)
    np.testing.assert_allclose(observation[18:], episode.env.unwrapped.get_obs()[:2])
    assert not np.allclose(observation[:18], Episode(100000).observation()[:18])


def test_images_are_what_gym_pusht_shows() -> None:
    env = gymnasium.make("gym_pusht/PushT-v0", obs_type="pixels_agent_pos", disable_env_checker=True)
    shown, _ = env.reset(options={"reset_to_state": reset_state(100000)})
    seen = Episode(100000).observation(("image", "agent_pos"))
    np.testing.assert_array_equal(seen[:-2].reshape(96, 96, 3), shown["pixels"])
    np.testing.assert_array_equal(seen[-2:], shown["agent_pos"])


@pytest.mark.parametrize("entry", ["sound", "image"])
def test_a_policy_of_what_gym_pusht_does_not_have_is_refused(entry: str) -> None:
    policy = Sketch("ddim", 2)
    policy.seen = {entry: 64 * 64 * 3}
    with pytest.raises(ValueError, match=f"{entry} of length 12288 is observed"):
        run(policy, range(100_000, 100_001), {})


def test_an_episode_ends_at_the_limit_and_keeps_its_largest_reward() -> None:
    episode = Episode(100000)
    rewards = []
    while not episode.done:
        episode.step(np.array([256.0, 256.0]))
        coverage = episode.env.unwrapped._get_coverage()
        rewards.append(min(coverage / 0.95, 1))
    assert episode.control_steps == 300
    assert episode.reward == pytest.approx(max(rewards))
    assert not episode.success


class Sketch(Policy):
    """A policy without a graph: the network's answer is a function of the sample."""

    def __init__(self, solver: str, steps: int):
        self.shape, self.seen, self.encoder = Shape(), {"keypoints": 18, "agent": 2}, None
        self.observation = MinMax(np.zeros(20), np.full(20, 512.0))
        self.action = MinMax(np.zeros(2), np.full(2, 512.0))
        self.scheduler = scheduler(solver, SCHEDULE)
        self.scheduler.set_timesteps(steps)

    def predict(self, sample: torch.Tensor, timestep: torch.Tensor, observation: np.ndarray) -> torch.Tensor:
        return sample * 0.9 + torch.from_numpy(observation.mean(axis=(1, 2)))[:, None, None] * 0.1


@pytest.mark.parametrize(("solver", "steps"), [("ddpm", 100), ("ddim", 10)])
def test_a_plan_does_not_depend_on_its_company(solver: str, steps: int) -> None:
    policy = Sketch(solver, steps)
    observations = np.random.default_rng(0).uniform(0, 512, (3, 2, 20))
    together = policy.plan(observations, [policy.generated(seed) for seed in (1, 2, 3)])
    assert together.shape == (3, 8, 2)
    np.testing.assert_allclose(policy.plan(observations[1:2], [policy.generated(2)])[0], together[1], rtol=1e-5)
    assert not np.allclose(policy.plan(observations[1:2], [policy.generated(4)])[0], together[1])


def test_recorded_noise_is_used_plan_by_plan(tmp_path: Path) -> None:
    """What DDPM draws for two plans, recorded, gives the same two plans."""
    policy, steps = Sketch("ddpm", 5), 5
    observations = np.random.default_rng(0).uniform(0, 512, (1, 2, 20))
    drawn = policy.generated(7)
    rows = [[next(drawn).flatten().numpy() for _ in range(steps)] for _ in range(2)]
    initial = np.array([[plan[0] for plan in rows]])
    unused = np.full((1, 2, 1, 32), np.nan, np.float32)
    following = np.concatenate((np.array([[plan[1:] for plan in rows]]), unused), axis=2)
    np.savez(tmp_path / "noise.npz", initial=initial, steps=following)

    recorded = noise_of(policy, range(7, 8), tmp_path / "noise.npz")[7]
    generated = policy.generated(7)
    for _ in range(2):
        expected = policy.plan(observations, [generated])
        np.testing.assert_array_equal(policy.plan(observations, [recorded]), expected)
    with pytest.raises(ValueError, match="steps has shape"):
        noise_of(policy, range(7, 9), tmp_path / "noise.npz")


def test_a_run_repeats_itself() -> None:
    policy = Sketch("ddim", 2)
    seeds = range(100_000, 100_002)
    first, second = (report(run(policy, seeds, noise_of(policy, seeds, None))) for _ in range(2))
    assert first == second
    assert [episode["seed"] for episode in first["episodes"]] == list(seeds)
    assert all(episode["control_steps"] == 300 for episode in first["episodes"])


def test_the_interval_holds_the_mean_and_narrows() -> None:
    values = np.random.default_rng(0).normal(0.9, 0.1, 400)
    low, high = interval(values)
    # A mean of n values is normal about the true one with deviation s / sqrt(n).
    assert (low, high) == pytest.approx((values.mean() - 1.96 * 0.005, values.mean() + 1.96 * 0.005), abs=1e-3)
    assert interval(np.ones(5)) == [1, 1]
