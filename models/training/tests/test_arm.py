"""The arm's geometry against itself backwards, and the script against what it is to do."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from export import directory, trained
from training import arm
from training.train import Recipe, Training


@pytest.fixture(scope="module")
def reached() -> tuple[np.ndarray, np.ndarray]:
    """Targets `[n, 2]` all over the workspace, and joint angles `[n, 2, 2]` that reach them."""
    random = np.random.default_rng(0)
    bearing, distance = random.uniform(-np.pi, np.pi, 500), random.uniform(*arm.TARGETS, 500)
    target = distance[:, None] * np.stack([np.cos(bearing), np.sin(bearing)], axis=-1)
    return target, arm.solutions(target)


def test_both_solutions_reach_the_target_within_the_stops(reached: tuple[np.ndarray, np.ndarray]) -> None:
    target, both = reached
    np.testing.assert_allclose(arm.tip(both), np.broadcast_to(target[:, None], both.shape), atol=1e-12)
    assert np.all(both[:, 0, 1] > 0.5) and np.all(both[:, 1, 1] < -0.5)
    assert np.abs(both[:, :, 1]).max() < arm.STOP


def test_the_shorter_way_is_taken_more_often(reached: tuple[np.ndarray, np.ndarray]) -> None:
    target, both = reached
    random = np.random.default_rng(1)
    # Half a radian nearer to the first solution in the joint that moves most.
    other = both[:, 0] + arm.way(both[:, 0], both[:, 1])
    start = both[:, 0] + 0.4 * (other - both[:, 0])
    longer, shorter = (np.abs(arm.way(start, both[:, i])).max(axis=-1) for i in (1, 0))
    assert np.all(shorter < longer)
    taken = np.mean([np.all(arm.choose(start, target, random) == both[:, 0], axis=-1) for _ in range(200)], axis=0)
    np.testing.assert_allclose(taken, 1 / (1 + np.exp((shorter - longer) / arm.INDIFFERENCE)), atol=0.15)


def test_demonstrations_end_at_their_targets_with_the_elbow_on_either_side() -> None:
    demos = arm.demonstrate(300, seed=3)
    assert demos.observation.shape == (300 * arm.STEPS, 4) and demos.action.shape == (300 * arm.STEPS, 2)
    cosine, sine, *seen = demos.observation[arm.STEPS - 1 :: arm.STEPS].T
    second = np.arctan2(sine, cosine)
    # The first link along the x axis: where the tip and the target are, as it sees them.
    tip = arm.tip(np.stack([np.zeros(300), second], axis=-1))
    away = np.linalg.norm(tip - np.stack(seen, axis=-1), axis=-1)
    assert np.quantile(away, 0.9) < 0.05
    assert 0.3 < np.mean(second > 0) < 0.7
    assert np.abs(demos.action).max() <= arm.SPEED


def test_the_same_seed_gives_the_same_demonstrations() -> None:
    assert arm.demonstrate(10, seed=1).digest() == arm.demonstrate(10, seed=1).digest()
    assert arm.demonstrate(10, seed=1).digest() != arm.demonstrate(10, seed=2).digest()


def test_what_is_seen_does_not_depend_on_where_the_first_link_points() -> None:
    joints, target = np.array([[0.3, 1.0]]), np.array([[0.4, 0.2]])
    turn = np.array([[np.cos(2.0), -np.sin(2.0)], [np.sin(2.0), np.cos(2.0)]])
    turned = arm.observe(joints + np.array([2.0, 0.0]), target @ turn.T)
    np.testing.assert_allclose(turned, arm.observe(joints, target), atol=1e-12)


def test_servos_follow_and_the_stop_holds() -> None:
    joints, speeds = np.zeros((1, 2)), np.zeros((1, 2))
    for _ in range(100):
        joints, speeds = arm.step(joints, speeds, np.array([[2.0, 2.0]]))
    # All but the lag's way.
    np.testing.assert_allclose(joints[0, 0], 2.0 * (100 * arm.PERIOD - arm.LAG), rtol=1e-6)
    assert (joints[0, 1], speeds[0, 1]) == (arm.STOP, 0.0)


def test_its_manifest_names_its_own_entries(tmp_path: Path) -> None:
    recipe = Recipe(epochs=1, validation_episodes=1, widths=(8, 16))
    torch.save(Training(arm.demonstrate(3, seed=0), recipe).weights(), tmp_path / "policy-1.pt")
    directory.write(trained.load(tmp_path / "policy-1.pt"), tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "policy.json").read_text())
    named = [[entry["name"] for entry in manifest[part]] for part in ("observations", "actions")]
    assert (manifest["name"], named) == ("arm-reach", [["elbow", "target"], ["velocity"]])
