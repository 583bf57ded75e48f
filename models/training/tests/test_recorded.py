"""From an environment that no one here wrote to a policy that plays in it: recorded, trained, exported, evaluated."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import numpy as np
import parapolicy
import pytest

from export import directory, trained
from training import recorded
from training.train import Recipe, run

RECIPE = Recipe(epochs=2, batch=16, warmup_steps=2, validation_episodes=1, widths=(8, 16))
STEPS = 12


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pendulum at 30 Hz, pushed at random."""
    env = parapolicy.Recorder(gym.make("Pendulum-v1"), task="Stand.", fps=30)
    random = np.random.default_rng(0)
    for seed in range(4):
        env.reset(seed=seed)
        for _ in range(STEPS):
            env.step(random.uniform(-2, 2, 1).astype(np.float32))
    path = tmp_path_factory.mktemp("recorded") / "pendulum"
    env.save(path)
    return path


def test_entries_are_named_as_the_environment_names_them(dataset: Path) -> None:
    demos = recorded.load(dataset)
    assert (demos.task.name, demos.task.observations, demos.task.actions) == (
        "pendulum",
        {"agent_pos": (3,)},
        {"action": (1,)},
    )
    assert demos.observation.shape == (4 * STEPS, 3) and demos.action.shape == (4 * STEPS, 1)
    np.testing.assert_array_equal(demos.episode_ends, STEPS * np.arange(1, 5))
    np.testing.assert_allclose(np.linalg.norm(demos.observation[:, :2], axis=1), 1, atol=1e-6)


def test_what_was_recorded_becomes_a_policy_that_is_evaluated(dataset: Path, tmp_path: Path) -> None:
    run(recorded.Executing(recorded.load(dataset), RECIPE, 3), tmp_path, keep_every=10)
    directory.write(trained.load(tmp_path / "policy-2.pt"), tmp_path / "policy")
    manifest = json.loads((tmp_path / "policy" / "policy.json").read_text())
    assert (manifest["n_action_steps"], manifest["horizon"]) == (3, 16)
    found = parapolicy.evaluate(
        tmp_path / "policy",
        "Pendulum-v1",
        episodes=2,
        max_steps=9,
        success=lambda reward, info: reward > -0.1,
        lowest_reward=-17,
        highest_reward=0,
        solver="ddim",
        steps=4,
        threads=1,
        out=tmp_path / "report",
    )
    assert [sampler["name"] for sampler in found.report["samplers"]] == ["sequential", "picard"]
    assert all(episode["control_steps"] == 9 for episode in found.report["samplers"][0]["episodes"])


def info(change: Callable[[dict], object]) -> Callable[[Path], None]:
    """Changes what the dataset says of itself."""

    def changed(path: Path) -> None:
        where = path / "meta" / "info.json"
        said = json.loads(where.read_text())
        change(said)
        where.write_text(json.dumps(said))

    return changed


@pytest.mark.parametrize(
    "change, problem",
    [
        (lambda said: said.update(fps=0), r"info\.json: fps is 0, expected a number above 0"),
        (lambda said: said["features"].pop("observation.state"), r"features: none of observation holds numbers"),
        (lambda said: said["features"]["action"].update(shape=[1, 1]), r"action has shape \[1, 1\], expected"),
        (lambda said: said["features"]["action"].update(shape=[2]), r"action is float64 \[48, 1\]"),
    ],
    ids=["no rate", "nothing seen", "a matrix", "another width"],
)
def test_what_is_no_such_dataset_is_refused_by_name(
    dataset: Path, tmp_path: Path, change: Callable[[dict], object], problem: str
) -> None:
    shutil.copytree(dataset, tmp_path / "broken")
    info(change)(tmp_path / "broken")
    with pytest.raises(ValueError, match=problem):
        recorded.load(tmp_path / "broken")


def test_parts_of_an_action_are_named() -> None:
    assert recorded.parts("move=3,gripper=1", 4) == {"move": (3,), "gripper": (1,)}
    for wrong in ("move=3", "move=3,move=1", "move", "move=x,gripper=1", "move=4,gripper=0", ""):
        with pytest.raises(ValueError, match="--actions"):
            recorded.parts(wrong, 4)
