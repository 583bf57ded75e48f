"""Every source of demonstrations: the same arrays from each, and what is refused, by name."""

import json
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import zarr
from numcodecs import Blosc

from training import block, recordings
from training.pusht import reset_state

# As `pusht_cchi_v7_replay.zarr` was written: format 2, single precision, 161 steps a chunk, Zstandard with bit shuffle.
CHUNK = 161
COMPRESSOR = Blosc(cname="zstd", clevel=5, shuffle=Blosc.BITSHUFFLE)


def write_zarr(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    root = zarr.open_group(path, mode="w", zarr_format=2)
    for name, array in arrays.items():
        place = f"meta/{name}" if name == "episode_ends" else f"data/{name}"
        chunks = (min(CHUNK, len(array)), *array.shape[1:])
        root.create_array(place, data=array, chunks=chunks, compressors=COMPRESSOR)
    return path


@pytest.fixture
def published(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of the published file: floats in single precision, images too, and contacts that nobody reads."""
    steps = len(arrays["state"])
    images = np.random.default_rng(1).integers(0, 256, (steps, 8, 8, 3))
    singles = {
        name: array.astype("<f4") for name, array in (arrays | {"img": images}).items() if name != "episode_ends"
    }
    return singles | {"n_contacts": np.ones((steps, 1), "<f4"), "episode_ends": arrays["episode_ends"].astype("<i8")}


def test_the_published_layout_is_read(tmp_path: Path, published: dict[str, np.ndarray]) -> None:
    long = {name: np.concatenate([array] * 4) for name, array in published.items()}
    long["episode_ends"] = np.cumsum(np.diff(published["episode_ends"], prepend=0).tolist() * 4)
    path = write_zarr(tmp_path / "pusht_cchi_v7_replay.zarr", long)
    assert json.loads((path / "data/state/.zarray").read_text())["compressor"]["cname"] == "zstd"
    assert len(list((path / "data/state").glob("[0-9]*"))) == 2, "several chunks"
    read = recordings.read(path, ("state", "agent", "action", "keypoint", "image"))
    for name, called in (("state", "state"), ("action", "action"), ("keypoint", "keypoint"), ("image", "img")):
        np.testing.assert_array_equal(read[name], long[called])
    np.testing.assert_array_equal(read["agent"], long["state"][:, :2])
    np.testing.assert_array_equal(read["episode_ends"], long["episode_ends"])
    assert read["image"].dtype == np.uint8


def test_what_is_trained_on_does_not_depend_on_the_source(
    tmp_path: Path, demos_file: Path, arrays: dict[str, np.ndarray]
) -> None:
    starts = np.concatenate(([0], arrays["episode_ends"][:-1]))
    folder = tmp_path / "demos"
    folder.mkdir()
    (folder / "notes.txt").write_text("not a recording")
    for number, (start, end) in enumerate(zip(starts, arrays["episode_ends"], strict=True)):
        episode = {name: array[start:end] for name, array in arrays.items() if name != "episode_ends"}
        np.savez(folder / f"demo-{number}.npz", **episode, episode_ends=[end - start])
    digest = recordings.load(demos_file).digest()
    assert recordings.load(folder).digest() == digest
    assert recordings.load(write_zarr(tmp_path / "demos.zarr", arrays)).digest() == digest


def test_the_block_is_found_by_its_corners() -> None:
    env = gymnasium.make("gym_pusht/PushT-v0", obs_type="environment_state_agent_pos", disable_env_checker=True)
    states, corners = [], []
    for seed in range(20):
        seen, _ = env.reset(options={"reset_to_state": reset_state(seed)})
        world = env.unwrapped.block
        states.append((*world.position, world.angle % (2 * np.pi)))
        corners.append(seen["environment_state"].reshape(8, 2))
    np.testing.assert_allclose(block.pose(np.array(corners)), states, rtol=0, atol=1e-9)
    single = np.array(corners, dtype=np.float32).astype(float)
    placed = block.place(block.pose(single), block.KEYPOINTS)
    np.testing.assert_allclose(placed, block.place(np.array(states), block.KEYPOINTS), rtol=0, atol=1e-4)
    single[3, 5, 0] += 1
    with pytest.raises(ValueError, match="row 3 holds no corners"):
        block.pose(single)


def nan(array: np.ndarray) -> np.ndarray:
    return np.where(np.arange(array.size).reshape(array.shape) == 1, np.nan, array).astype("<f4")


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("state", None, "no array named state"),
        ("episode_ends", None, "no array named episode_ends"),
        ("keypoint", lambda array: array[:, :8], r"keypoint is float32 \[63, 8, 2\], expected numbers \[steps, 9, 2\]"),
        ("action", nan, "action holds values that are not finite"),
        ("action", lambda array: array[:-1], "arrays differ in steps: .*action 62"),
        ("episode_ends", lambda array: array[::-1], "episode_ends must be integers that rise from above 0 to 63"),
        ("episode_ends", lambda array: array + 1, "episode_ends must be integers that rise from above 0 to 63"),
        ("img", lambda array: array + 1, "img has channels outside of 0 to 255"),
        ("img", lambda array: array[..., :1], r"img is float32 .*expected numbers \[steps, any, any, 3\]"),
    ],
)
def test_a_broken_zarr_is_refused_by_name(
    tmp_path: Path, published: dict[str, np.ndarray], name: str, change, told: str
) -> None:
    broken = {key: array for key, array in published.items() if key != name}
    if change is not None:
        broken[name] = change(published[name])
    path = write_zarr(tmp_path / "demos.zarr", broken)
    with pytest.raises(ValueError, match=rf"demos\.zarr: {told}"):
        recordings.read(path, ("state", "action", "keypoint", "image"))


def test_a_zarr_that_lost_or_broke_chunks_is_refused(tmp_path: Path, published: dict[str, np.ndarray]) -> None:
    path = write_zarr(tmp_path / "demos.zarr", published)
    chunk = path / "data/action/0.0"
    content = chunk.read_bytes()
    chunk.write_bytes(content[:40])
    with pytest.raises(ValueError, match=rf"data/action/0\.0: has 40 bytes of {len(content)}"):
        recordings.load(path)
    chunk.write_bytes(content[:1] + bytes([255] * 11) + content[12:])
    with pytest.raises(ValueError, match=r"data/action: cannot be read"):
        recordings.load(path)
    chunk.unlink()
    with pytest.raises(ValueError, match=r"data/action: 1 of 1 chunks are missing"):
        recordings.load(path)
    (path / "data/action/.zarray").write_text("{")
    with pytest.raises(ValueError, match=r"demos\.zarr: not a readable \.zarr folder"):
        recordings.load(path)


def test_what_is_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such file or folder"):
        recordings.load(tmp_path / "none")
    with pytest.raises(ValueError, match=r"neither a \.zarr folder, nor a LeRobot dataset, and no \.npz files"):
        recordings.load(tmp_path)
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(ValueError, match=r"empty\.zarr: not a readable \.zarr folder"):
        recordings.load(tmp_path / "empty.zarr")
