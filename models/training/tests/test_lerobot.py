"""Datasets that LeRobot itself wrote: read as they were recorded, and refused by name where they are not PushT's."""

import json
from pathlib import Path
from shutil import copytree

import gymnasium
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training import recordings
from training.block import KEYPOINTS
from training.pusht import reset_state
from training.sources.lerobot import CORNERS, IMAGE

LENGTHS = (9, 6)
EVERYTHING = ("state", "agent", "action", "keypoint", "image")


def episode(seed: int, steps: int) -> dict[str, np.ndarray]:
    """What an observer of gym-pusht sees while the agent goes for the block."""
    env = gymnasium.make("gym_pusht/PushT-v0", obs_type="environment_state_agent_pos", disable_env_checker=True)
    seen, _ = env.reset(options={"reset_to_state": reset_state(seed)})
    block, rows = env.unwrapped.block, []
    for _ in range(steps):
        action = np.array(block.position) + 30
        rows.append(
            {
                "agent": seen["agent_pos"],
                "corners": seen["environment_state"],
                "keypoint": np.array([block.local_to_world(point) for point in KEYPOINTS]),
                "state": np.array([*seen["agent_pos"], *block.position, block.angle % (2 * np.pi)]),
                "image": env.unwrapped._render(),
                "action": action,
            }
        )
        seen, *_ = env.step(action)
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


@pytest.fixture(scope="module")
def episodes() -> list[dict[str, np.ndarray]]:
    return [episode(seed, steps) for seed, steps in enumerate(LENGTHS)]


@pytest.fixture(scope="module", params=["video", "image"])
def written(request, tmp_path_factory, episodes: list[dict[str, np.ndarray]]) -> Path:
    """The features of LeRobot's own PushT datasets, those of images and those of keypoints together."""
    lerobot = pytest.importorskip("lerobot.datasets.lerobot_dataset")
    features = {
        "observation.state": {"dtype": "float32", "shape": (2,), "names": {"axes": ["x", "y"]}},
        "action": {"dtype": "float32", "shape": (2,), "names": {"axes": ["x", "y"]}},
        CORNERS: {"dtype": "float32", "shape": (16,), "names": ["keypoints"]},
        IMAGE: {"dtype": request.param, "shape": (96, 96, 3), "names": ["height", "width", "channels"]},
    }
    path = tmp_path_factory.mktemp(request.param) / "pusht"
    dataset = lerobot.LeRobotDataset.create("local/pusht", 10, features, path, vcodec="h264")
    for arrays in episodes:
        for row in range(len(arrays["action"])):
            frame = {"observation.state": "agent", "action": "action", CORNERS: "corners"}
            frame = {name: arrays[key][row].astype(np.float32) for name, key in frame.items()}
            dataset.add_frame(frame | {IMAGE: arrays["image"][row], "task": "Push the block onto its goal."})
        dataset.save_episode()
    dataset.finalize()
    return path


def test_what_lerobot_wrote_is_read(written: Path, episodes: list[dict[str, np.ndarray]]) -> None:
    recorded = {name: np.concatenate([arrays[name] for arrays in episodes]) for name in EVERYTHING}
    read = recordings.read(written, EVERYTHING)
    np.testing.assert_array_equal(read["episode_ends"], np.cumsum(LENGTHS))
    for name in ("agent", "action"):
        np.testing.assert_array_equal(read[name], recorded[name].astype(np.float32))
    for name in ("state", "keypoint"):
        np.testing.assert_allclose(read[name], recorded[name], rtol=0, atol=1e-4)
    assert read["image"].shape == recorded["image"].shape
    apart = np.abs(read["image"].astype(int) - recorded["image"])
    # A video is compressed with loss. Another frame of the same episode is further off than that.
    assert apart.mean() < 3 if (written / "videos").exists() else not apart.any()
    others = [np.abs(read["image"][row].astype(int) - recorded["image"][row + 1]).mean() for row in range(5)]
    assert (apart.mean(axis=(1, 2, 3))[:5] < others).all()


def test_it_is_trained_on(written: Path) -> None:
    demos = recordings.load(written)
    assert demos.observation.shape == (sum(LENGTHS), 20)
    np.testing.assert_array_equal(demos.observation[:, 18:], recordings.read(written, ("agent",))["agent"])


def of_info(change):
    def rewrite(path: Path) -> None:
        file = path / "meta/info.json"
        info = json.loads(file.read_text())
        change(info)
        file.write_text(json.dumps(info))

    return rewrite


def of_table(folder: str, change):
    def rewrite(path: Path) -> None:
        file = path / folder / "chunk-000/file-000.parquet"
        pq.write_table(change(pq.read_table(file)), file)

    return rewrite


def replaced(name: str, values):
    def change(table: pa.Table) -> pa.Table:
        old = table.column(name).to_pylist()
        return table.set_column(
            table.column_names.index(name), name, pa.array([values(row, old) for row in range(len(old))])
        )

    return change


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-100])
    return path


BROKEN = {
    "no JSON": (lambda path: cut(path / "meta/info.json"), r"meta/info\.json: not what LeRobot writes there"),
    "older": (of_info(lambda info: info.update(codebase_version="v2.1")), "codebase_version is v2.1, only v3 is read"),
    "faster": (of_info(lambda info: info.update(fps=30)), r"meta/info\.json: fps is 30, PushT is demonstrated at 10"),
    "no features": (of_info(lambda info: info.update(features=[])), r"meta/info\.json: not what LeRobot writes there"),
    "an arm": (
        of_info(lambda info: info["features"]["observation.state"].update(shape=[14])),
        r"observation\.state has shape \[14\], expected \[2\]",
    ),
    "no action": (of_info(lambda info: info["features"].pop("action")), "features: there is no action"),
    "no corners": (of_info(lambda info: info["features"].pop(CORNERS)), f"there is no {CORNERS}: the block's corners"),
    "no image": (of_info(lambda info: info["features"].pop(IMAGE)), f"there is no {IMAGE} that is an image or a video"),
    "no column": (
        of_table("data", lambda table: table.drop_columns(["action"])),
        r"file-000\.parquet: there is no column",
    ),
    "cut short": (lambda path: cut(path / "data/chunk-000/file-000.parquet"), r"data/chunk-000/file-000\.parquet: "),
    "no data": (lambda path: (path / "data/chunk-000/file-000.parquet").unlink(), "there are no parquet files in it"),
    "NaN": (
        of_table("data", replaced("action", lambda row, old: [np.nan, 1.0] if row == 3 else old[row])),
        "data: action holds values that are not finite",
    ),
    "ragged": (
        of_table("data", replaced("action", lambda row, old: old[row][: 1 + row % 2])),
        "data: action has rows that differ in length",
    ),
    "null": (
        of_table("data", replaced("action", lambda row, old: None if row == 3 else old[row])),
        "data: action",
    ),
    "narrow": (
        of_table("data", replaced("action", lambda row, old: old[row][:1])),
        r"data: action is float64 \[15, 1\]",
    ),
    "bent": (
        of_table("data", replaced(CORNERS, lambda row, old: [0.0, *old[row][1:]])),
        f"data: {CORNERS}: row 0 holds no corners of PushT's block",
    ),
    "lost frames": (of_table("data", lambda table: table.slice(0, 12)), "dataset_to_index: .* to 12"),
    "shuffled": (
        of_table("data", lambda table: table.take([1, 0, *range(2, 15)])),
        "data: index is wrong in row 0, 0 is due there",
    ),
    "skipped": (
        of_table("data", replaced("timestamp", lambda row, old: old[row] + 0.1 * (row > 4))),
        "data: timestamp is wrong in row 5",
    ),
    "backwards": (
        of_table("meta/episodes", replaced("dataset_to_index", lambda row, old: [15, 9][row])),
        "meta/episodes: dataset_to_index",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_dataset_is_refused_by_name(tmp_path: Path, written: Path, name: str) -> None:
    path = copytree(written, tmp_path / "pusht")
    change, told = BROKEN[name]
    change(path)
    with pytest.raises(ValueError, match=told):
        recordings.read(path, EVERYTHING)


def test_a_broken_video_is_refused_by_name(tmp_path: Path, written: Path) -> None:
    if not (written / "videos").exists():
        pytest.skip("a dataset of images")
    path = copytree(written, tmp_path / "pusht")
    file = path / "videos" / IMAGE / "chunk-000/file-000.mp4"
    of_table("meta/episodes", replaced(f"videos/{IMAGE}/from_timestamp", lambda row, old: old[row] + 1))(path)
    with pytest.raises(ValueError, match=r"file-000\.mp4: no frame at 1\.\d+ s, of 15 asked for"):
        recordings.read(path, EVERYTHING)
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"file-000\.mp4: not a readable video"):
        recordings.read(path, EVERYTHING)
    file.unlink()
    with pytest.raises(ValueError, match=r"file-000\.mp4: there is no such file"):
        recordings.read(path, EVERYTHING)
    assert recordings.load(path).observation.shape == (sum(LENGTHS), 20), "images are only read if they are asked for"
