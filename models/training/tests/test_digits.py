"""Digits: the run, the graph, and the program's samples against diffusers' own loop."""

import inspect
import json
import subprocess
from pathlib import Path
from unittest import mock

import numpy as np
import onnxruntime
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from diffusers.schedulers import scheduling_ddpm

from training import closed_form, digits, frechet
from training.digits import SCHEDULER, Recipe, Training, resumed, run, write
from training.train import CHECKPOINT

COUNT = 3


@pytest.fixture(scope="module")
def mixture(tmp_path_factory) -> Path:
    """The exact denoiser of the digits."""
    folder = tmp_path_factory.mktemp("mixture")
    closed_form.write(folder)
    return folder


def small(recipe: Recipe | None = None) -> Training:
    """A run that takes no time."""
    images, labels = digits.digits()
    return Training(images[:96], labels[:96], recipe or Recipe(widths=(8, 16), batch=32, warmup_steps=5))


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for out, epochs in ((whole, 3), (killed, 2)):
        out.mkdir()
        run(small(), epochs, out)
    run(resumed(small(), killed / CHECKPOINT), 3, killed)
    expected, actual = (torch.load(out / CHECKPOINT, weights_only=True)["net"] for out in (whole, killed))
    assert all(torch.equal(actual[name], weight) for name, weight in expected.items())
    with pytest.raises(ValueError, match="of another recipe or other images"):
        resumed(small(Recipe(widths=(8, 16), batch=16)), killed / CHECKPOINT)


def test_training_lowers_the_loss() -> None:
    training = small()
    losses = [training.train_epoch() for _ in range(20)]
    assert losses[-1] < 0.8 * losses[0]


def test_the_program_draws_labels_from_what_is_written(tmp_path: Path, program: Path) -> None:
    write(small().averaged(), "small", tmp_path / "model")
    out = tmp_path / "out.npz"
    options = ["--solver=ddim", "--steps=10", "--sampler=sequential", "--count=4", "--label=3,7", f"--output={out}"]
    subprocess.run([program, "sample", "--model", tmp_path / "model", *options], check=True, capture_output=True)
    with np.load(out) as drawn:
        assert drawn["label"].tolist() == [3, 7, 3, 7]
        assert drawn["sample"].shape == (4, 1, 8, 8)
        assert np.abs(drawn["sample"]).max() <= 1


def scheduler(kind: type) -> object:
    """With the fields that it knows."""
    known = inspect.signature(kind).parameters
    return kind(**{name: value for name, value in SCHEDULER.items() if name in known})


def reference(model: Path, kind: type, steps: int, initial: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """diffusers' loop, with the graph on ONNX Runtime; `initial` is `[n, ...]`, `noise` `[n, steps, ...]`."""
    session = onnxruntime.InferenceSession(model / "denoiser.onnx", providers=["CPUExecutionProvider"])
    solver = scheduler(kind)
    solver.set_timesteps(steps)
    sample = torch.from_numpy(initial)
    for step, timestep in enumerate(solver.timesteps):
        feed = {"sample": sample.numpy(), "timestep": np.full(len(sample), int(timestep), np.int64)}
        [prediction] = session.run(None, feed)
        drawn = torch.from_numpy(noise[:, step])
        with mock.patch.object(scheduling_ddpm, "randn_tensor", lambda *_, drawn=drawn, **__: drawn):
            sample = solver.step(torch.from_numpy(prediction), timestep, sample).prev_sample
    return sample.numpy()


@pytest.mark.parametrize(
    ("solver", "kind", "steps"),
    [
        ("ddpm", DDPMScheduler, 1000),
        ("ddim", DDIMScheduler, 200),
        ("dpmsolver++", DPMSolverMultistepScheduler, 200),
    ],
)
def test_sequential_is_what_diffusers_draws(
    solver: str, kind: type, steps: int, mixture: Path, tmp_path: Path, program: Path
) -> None:
    random = np.random.default_rng(0)
    initial = random.standard_normal((COUNT, *digits.SHAPE)).astype(np.float32)
    noise = random.standard_normal((COUNT, steps, *digits.SHAPE)).astype(np.float32)
    given, out = tmp_path / "noise.npz", tmp_path / "out.npz"
    np.savez(given, initial_noise=initial, step_noise=noise)
    options = ["--sampler=sequential", f"--solver={solver}", f"--steps={steps}", f"--input={given}", f"--output={out}"]
    subprocess.run([program, "sample", "--model", mixture, "--threads=1", *options], check=True, capture_output=True)
    with np.load(out) as drawn:
        np.testing.assert_allclose(drawn["sample"], reference(mixture, kind, steps, initial, noise), atol=1e-4)


def test_what_a_denoiser_cannot_do_is_refused_by_name(mixture: Path, tmp_path: Path, program: Path) -> None:
    for command in (["run", "--model", mixture], ["calibrate", "--model", mixture]):
        said = subprocess.run([program, *command], capture_output=True, text=True, cwd=tmp_path)
        assert said.returncode == 2 and "denoiser.json: describes a denoiser that is no policy" in said.stderr
    options = ["--output=x.npz", "--label=3"]
    said = subprocess.run([program, "sample", "--model", mixture, *options], capture_output=True, text=True)
    assert said.returncode == 2 and "labels are given, but the denoiser takes none" in said.stderr


def test_the_bench_counts_samples_of_a_denoiser(mixture: Path, program: Path) -> None:
    options = ["--solver=ddim", "--steps=20", "--sampler=picard", "--observations=5", "--json"]
    said = subprocess.run([program, "bench", "--model", mixture, *options], check=True, capture_output=True)
    sequential, picard = json.loads(said.stdout)["rows"]
    assert (sequential["plans"], sequential["rounds_mean"], sequential["deviation"]["max"]) == (5, 20, 0)
    assert picard["plans"] == 5 and picard["deviation"]["max"] > 0


def test_the_frechet_distance_is_that_of_normal_distributions() -> None:
    # Diagonal covariances: sum of (difference of means)^2 + (difference of deviations)^2.
    one, other = (np.zeros(2), np.diag([1.0, 4.0])), (np.array([3.0, 0.0]), np.diag([9.0, 4.0]))
    assert frechet.frechet(one, other) == pytest.approx(9 + 4)
    assert frechet.frechet(one, one) == pytest.approx(0, abs=1e-12)


def test_worse_images_are_farther_from_the_digits() -> None:
    images, _ = digits.digits()
    random = np.random.default_rng(0)
    with mock.patch.object(frechet, "EPOCHS", 10):
        worse = frechet.compare(images, images + random.normal(0, 0.7, images.shape), resamples=50)
        same = frechet.compare(images, images, resamples=10)
    low, high = worse["difference_interval"]
    assert 0 < low <= worse["difference"] * 1.5 and low < high and worse["classes_changed"] > 0.02
    assert same["difference"] == 0 and same["classes_changed"] == 0
