"""Training: a killed run goes on as if nothing had happened."""

from pathlib import Path

import pytest
import torch

from training import recordings
from training.train import CHECKPOINT, Recipe, Training, resumed, run

RECIPE = Recipe(epochs=3, batch=16, warmup_steps=2, validation_episodes=1, widths=(8, 16))


def training(demos_file: Path, recipe: Recipe = RECIPE) -> Training:
    return Training(recordings.load(demos_file), recipe)


def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(demos_file: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for out in (whole, killed):
        out.mkdir()
    run(training(demos_file), whole, keep_every=10)

    class Killed(Exception):
        pass

    first = training(demos_file)
    train_epoch = first.train_epoch

    def killed_in_the_third_epoch() -> float:
        loss = train_epoch()
        if first.epoch == 3:
            raise Killed
        return loss

    first.train_epoch = killed_in_the_third_epoch
    with pytest.raises(Killed):
        run(first, killed, keep_every=10)
    second = resumed(training(demos_file), killed / CHECKPOINT)
    assert second.epoch == 2
    run(second, killed, keep_every=10)

    expected, actual = (torch.load(out / "policy-3.pt", weights_only=True) for out in (whole, killed))
    assert actual["epoch"] == 3
    for name, weight in expected["weights"].items():
        assert torch.equal(actual["weights"][name], weight), name


def test_training_lowers_the_loss(demos_file: Path) -> None:
    trained = training(demos_file, Recipe(epochs=20, batch=16, warmup_steps=2, validation_episodes=1, widths=(8, 16)))
    losses = [trained.train_epoch() for _ in range(20)]
    assert losses[-1] < 0.8 * losses[0]


def test_measuring_does_not_disturb_the_run(demos_file: Path) -> None:
    measured, other = training(demos_file), training(demos_file)
    torch.manual_seed(1)
    losses = [measured.validation_loss(), measured.train_epoch()]
    torch.manual_seed(1)
    assert other.train_epoch() == losses[1]


def test_a_checkpoint_of_another_recipe_is_refused(demos_file: Path, tmp_path: Path) -> None:
    torch.save(training(demos_file).state(), tmp_path / CHECKPOINT)
    other = Recipe(epochs=4, batch=16, warmup_steps=2, validation_episodes=1, widths=(8, 16))
    with pytest.raises(ValueError, match=r"checkpoint\.pt: cannot go on from it, choose another --out"):
        resumed(training(demos_file, other), tmp_path / CHECKPOINT)


def test_a_checkpoint_of_other_demonstrations_is_refused(demos_file: Path, tmp_path: Path) -> None:
    torch.save(training(demos_file).state(), tmp_path / CHECKPOINT)
    demos = recordings.load(demos_file)
    demos.action[3, 0] += 1
    with pytest.raises(ValueError, match=r"checkpoint\.pt: .*trained on other demonstrations"):
        resumed(Training(demos, RECIPE), tmp_path / CHECKPOINT)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_a_foreign_checkpoint_is_refused(demos_file: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoint\.pt: cannot go on from it"):
        resumed(training(demos_file), tmp_path / CHECKPOINT)


def test_too_few_episodes_are_refused(demos_file: Path) -> None:
    with pytest.raises(ValueError, match="more than 3 episodes"):
        training(demos_file, Recipe(epochs=1, validation_episodes=3))
