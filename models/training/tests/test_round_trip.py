"""What `parapolicy demos export` writes: LeRobot loads it, and training reads the recording out of it, bit for bit."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from training import block, recordings
from training.tests.test_lerobot import episode

LENGTHS, SEEDS = (9, 1, 6), (3, -1, 5)
NAMES = ("state", "agent", "action", "keypoint")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> tuple[Path, dict[str, np.ndarray]]:
    """Episodes in gym-pusht, recorded as the viewer does: with velocities, rewards and seeds, the last one solved."""
    episodes = [episode(seed, steps) for seed, steps in enumerate(LENGTHS)]
    arrays = {
        name: np.concatenate([part[name] for part in episodes]) for name in ("state", "action", "keypoint", "image")
    }
    random = np.random.default_rng(0)
    steps = sum(LENGTHS)
    arrays |= {"reward": random.uniform(0, 1, steps), "agent_velocity": random.normal(0, 100, (steps, 2))}
    arrays["reward"][-1] = 1
    arrays |= {"episode_ends": np.cumsum(LENGTHS), "seed": np.array(SEEDS)}
    path = tmp_path_factory.mktemp("recorded") / "demos.npz"
    np.savez(path, **arrays)
    return path, arrays


@pytest.fixture(scope="module", params=[(), ("--images",)], ids=["numbers", "images"])
def exported(request, tmp_path_factory, program: Path, recorded: tuple[Path, dict[str, np.ndarray]]) -> Path:
    out = tmp_path_factory.mktemp("exported") / "pusht"
    command = [program, "demos", "export", "--format", "lerobot", *request.param, out, recorded[0]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def test_training_reads_the_recording_out_of_it(exported: Path, recorded: tuple[Path, dict[str, np.ndarray]]) -> None:
    before, after = (recordings.read(path, NAMES) for path in (recorded[0], exported))
    assert before.keys() == after.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)
    assert recordings.load(exported).digest() == recordings.load(recorded[0]).digest()


def test_lerobot_loads_every_number(exported: Path, recorded: tuple[Path, dict[str, np.ndarray]]) -> None:
    lerobot = pytest.importorskip("lerobot.datasets.lerobot_dataset")
    dataset, arrays = lerobot.LeRobotDataset("local/pusht", root=exported), recorded[1]
    assert (dataset.fps, dataset.num_episodes, dataset.num_frames) == (10, len(LENGTHS), sum(LENGTHS))
    frame = np.concatenate([np.arange(length) for length in LENGTHS])
    last = np.isin(np.arange(len(frame)) + 1, arrays["episode_ends"])
    state = arrays["state"]
    expected = {
        "observation.state": state[:, :2],
        "observation.environment_state": block.place(state[:, 2:], block.CORNERS).reshape(-1, 16),
        "action": arrays["action"],
        "next.reward": arrays["reward"],
        "next.success": arrays["reward"] >= 1,
        "next.done": last,
        "recording.keypoint": arrays["keypoint"].reshape(-1, 18),
        "timestamp": frame / 10,
        "frame_index": frame,
        "episode_index": np.repeat(np.arange(len(LENGTHS)), LENGTHS),
        "index": np.arange(len(frame)),
        "task_index": np.zeros(len(frame)),
    }
    expected |= {f"recording.{name}": arrays[name] for name in ("state", "action", "agent_velocity", "reward")}
    images = {"observation.image"} & dataset.features.keys()
    assert dataset.features.keys() == expected.keys() | images
    rows = [dataset[row] for row in range(len(dataset))]
    assert {row["task"] for row in rows} == {"Push the T-shaped blue block onto the T-shaped green target surface."}
    for name, values in expected.items():
        # LeRobot hands numbers over in single precision.
        loaded = np.stack([row[name].numpy() for row in rows])
        np.testing.assert_array_equal(loaded, values.astype(loaded.dtype), err_msg=name)
    for name in images:
        pictures = np.stack([row[name].numpy() for row in rows])
        assert pictures.shape == (len(frame), 3, 96, 96)
        read = recordings.read(exported, ("image",))["image"]
        np.testing.assert_array_equal(np.rint(255 * pictures).transpose(0, 2, 3, 1), read)
        # gym-pusht draws the same, but for the edges of things.
        assert np.abs(read.astype(int) - arrays["image"]).mean() < 3
    episodes = dataset.meta.episodes
    assert episodes["dataset_to_index"] == arrays["episode_ends"].tolist()
    assert episodes["length"] == list(LENGTHS)
    assert episodes["recording.seed"] == list(SEEDS)
    again = lerobot.LeRobotDataset("local/pusht", root=exported, episodes=[2])
    assert len(again) == LENGTHS[2]


def test_its_statistics_are_lerobots(exported: Path) -> None:
    statistics = pytest.importorskip("lerobot.datasets.compute_stats")
    utils = pytest.importorskip("lerobot.datasets.utils")
    features = utils.load_info(exported)["features"]
    table = pq.read_table(exported / "data/chunk-000/file-000.parquet")
    rows = pq.read_table(exported / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    episodes = []
    for row in rows:
        part = table.slice(row["dataset_from_index"], row["length"])
        arrays = {}
        for name in features:
            if features[name]["dtype"] == "image":
                continue
            # In double precision, as ours are; LeRobot's own sums are in the feature's.
            arrays[name] = np.array(part.column(name).to_pylist(), dtype=np.float64)
        episodes.append(statistics.compute_episode_stats(arrays, features))
        told = {name: {} for name in arrays}
        for column, value in row.items():
            _, name, figure = column.split("/") if column.startswith("stats/") else ("", "", "")
            if name in told:
                told[name][figure] = np.array(value)
        check(told, episodes[-1], episodes[-1])
    check(utils.load_stats(exported), statistics.aggregate_stats(episodes), episodes[0])


def check(told: dict, expected: dict, keys: dict) -> None:
    for name in keys:
        assert told[name].keys() == expected[name].keys()
        spread = (expected[name]["max"] - expected[name]["min"]).astype(float)
        for figure, value in expected[name].items():
            assert told[name][figure].shape == value.shape, (name, figure)
            # Rounding may put a number into the next of the 5000 bins that quantiles are read off.
            slack = 1e-7 * (1 + np.abs(value)) + (spread / 2500 if figure.startswith("q") else 0)
            assert (np.abs(told[name][figure] - value) <= slack).all(), (name, figure)


def test_images_have_the_statistics_of_their_channels(exported: Path) -> None:
    table = pq.read_table(exported / "data/chunk-000/file-000.parquet")
    if "observation.image" not in table.column_names:
        pytest.skip("a dataset without images")
    cells = table.column("observation.image").to_pylist()
    assert cells[1]["path"] == "frame-000001.png"
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in cells]) / 255
    told = pytest.importorskip("lerobot.datasets.utils").load_stats(exported)["observation.image"]
    assert told["mean"].shape == (3, 1, 1)
    for figure in ("min", "max", "mean", "std"):
        np.testing.assert_allclose(told[figure].ravel(), getattr(np, figure)(pixels, axis=(0, 1, 2)), atol=1e-9)
    np.testing.assert_array_equal(told["count"], [len(cells)])
