"""Demonstrations: what is refused, and how windows are cut."""

from pathlib import Path

import numpy as np
import pytest

from export.policy import Shape
from training import recordings
from training.demos import Batches, MinMax, windows


def test_a_whole_file_is_read(demos_file: Path, arrays: dict[str, np.ndarray]) -> None:
    demos = recordings.load(demos_file)
    np.testing.assert_array_equal(demos.observation[:, :18], arrays["keypoint"].reshape(-1, 18))
    np.testing.assert_array_equal(demos.observation[:, 18:], arrays["state"][:, :2])
    np.testing.assert_array_equal(demos.action, arrays["action"])


def broken(name: str, change) -> pytest.param:
    return pytest.param(name, change, id=f"{name}-{change.__name__}")


def nan(array: np.ndarray) -> np.ndarray:
    return np.where(np.arange(array.size).reshape(array.shape) == 1, np.nan, array)


def flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1)


def words(array: np.ndarray) -> np.ndarray:
    return array.astype(str)


def shorter(array: np.ndarray) -> np.ndarray:
    return array[:-1]


def reversed_(array: np.ndarray) -> np.ndarray:
    return array[::-1]


def empty(array: np.ndarray) -> np.ndarray:
    return array[:0]


def scalar(array: np.ndarray) -> np.ndarray:
    return array[0]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *(broken(name, change) for name in ("state", "action", "keypoint") for change in (nan, flat, words, shorter)),
        *(broken("episode_ends", change) for change in (nan, words, shorter, reversed_, empty, scalar)),
    ],
)
def test_a_broken_array_is_refused_by_name(demos_file: Path, arrays: dict[str, np.ndarray], name: str, change) -> None:
    np.savez(demos_file, **{**arrays, name: change(arrays[name])})
    with pytest.raises(ValueError, match=rf"demos\.npz: .*{name}"):
        recordings.load(demos_file)


@pytest.mark.parametrize("name", ["state", "action", "keypoint", "episode_ends"])
def test_a_missing_array_is_named(demos_file: Path, arrays: dict[str, np.ndarray], name: str) -> None:
    np.savez(demos_file, **{key: array for key, array in arrays.items() if key != name})
    with pytest.raises(ValueError, match=f"no array named {name}"):
        recordings.load(demos_file)


@pytest.mark.parametrize("keep", [0, 1, 100, 1000])
def test_a_truncated_file_is_refused(demos_file: Path, keep: int) -> None:
    demos_file.write_bytes(demos_file.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"demos\.npz: not a whole \.npz file"):
        recordings.load(demos_file)


def test_a_dimension_that_never_changes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[1\] never change"):
        MinMax.of(np.array([[0.0, 5.0], [1.0, 5.0]]))


def test_normalisation_goes_both_ways() -> None:
    ranges = MinMax(np.array([0.0, -10.0]), np.array([512.0, 10.0]))
    rows = np.array([[0.0, 10.0], [256.0, 0.0]])
    np.testing.assert_array_equal(ranges.normalise(rows), [[-1, 1], [0, 0]])
    np.testing.assert_array_equal(ranges.denormalise(ranges.normalise(rows)), rows)


def test_windows_of_a_small_case_by_hand() -> None:
    """Diffusion Policy's `SequenceSampler` with pad_before 1 and pad_after 1: episodes of 4 and 3 steps, horizon 4."""
    shape = Shape(n_obs_steps=2, horizon=4, n_action_steps=2)
    rows = windows(np.array([4, 7]), np.array([0, 1]), shape)
    expected = [[0, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 3], [4, 4, 5, 6], [4, 5, 6, 6]]
    np.testing.assert_array_equal(rows, expected)


def sequence_sampler(length: int, shape: Shape) -> list[list[int]]:
    """`create_indices` and `sample_sequence` of Diffusion Policy's `sampler.py`, for one episode."""
    pad_before, pad_after = shape.n_obs_steps - 1, shape.n_action_steps - 1
    found = []
    for start in range(-pad_before, length - shape.horizon + pad_after + 1):
        begin, end = max(start, 0), min(start + shape.horizon, length)
        before, after = begin - start, start + shape.horizon - end
        found.append([begin] * before + list(range(begin, end)) + [end - 1] * after)
    return found


@pytest.mark.parametrize("length", [9, 16, 40])
def test_windows_are_those_of_diffusion_policy(length: int) -> None:
    shape = Shape()
    rows = windows(np.array([length]), np.array([0]), shape)
    np.testing.assert_array_equal(rows, sequence_sampler(length, shape))


def test_a_batch_holds_normalised_windows(demos_file: Path) -> None:
    demos = recordings.load(demos_file)
    observation, action = MinMax.of(demos.observation), MinMax.of(demos.action)
    batches = Batches.of(demos, np.array([1]), Shape(), observation, action)
    assert batches.observation.shape == (len(batches), 2, 20)
    assert batches.action.shape == (len(batches), 16, 2)
    np.testing.assert_allclose(batches.action[1], action.normalise(demos.action[20:36]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(batches.observation[0, 0], batches.observation[0, 1])
