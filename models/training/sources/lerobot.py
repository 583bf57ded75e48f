"""LeRobot's datasets, version 3: https://github.com/huggingface/lerobot; PushT's as `Source`, and columns of any other.
Images are only read if they are asked for."""

import io
import json
import math
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, UnidentifiedImageError

from training import block
from training.sources import video
from training.sources.arrays import ROWS, checked, checked_ends

FPS = 10
# How far a timestamp may be from its frame's, in seconds.
TOLERANCE = 1e-4
AGENT, CORNERS, IMAGE = "observation.state", "observation.environment_state", "observation.image"


def read(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """As `Source`."""
    dataset = Dataset(path)
    if dataset.fps != FPS:
        raise ValueError(f"{dataset.where}: fps is {dataset.fps}, PushT is demonstrated at {FPS}")
    return {name: array(dataset, name) for name in names} | {"episode_ends": dataset.ends}


def array(dataset: "Dataset", name: str) -> np.ndarray:
    """Parapolicy's own recorded arrays, bit for bit, or else arrays derived from gym-pusht's observations."""
    recorded = "recording.state" if name == "agent" else f"recording.{name}"
    if recorded in dataset.features:
        width = int(np.prod(ROWS["state" if name == "agent" else name]))
        rows = dataset.column(recorded, width)
        return rows[:, :2] if name == "agent" else rows.reshape(-1, *ROWS[name])
    match name:
        case "agent":
            return dataset.column(AGENT, 2)
        case "action":
            return dataset.column("action", 2)
        case "state":
            return np.concatenate((dataset.column(AGENT, 2), dataset.pose), axis=1)
        case "keypoint":
            return block.place(dataset.pose, block.KEYPOINTS)
        case _:
            return dataset.images


class Dataset:
    """A dataset's folder. Every field of `meta/info.json` that is needed is validated before use."""

    def __init__(self, path: Path):
        self.path, self.where = path, path / "meta" / "info.json"
        try:
            info = json.loads(self.where.read_text(encoding="utf-8"))
            version, self.fps = info["codebase_version"], info["fps"]
            self.features = {name: dict(feature) for name, feature in info["features"].items()}
        except (AttributeError, ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{self.where}: not what LeRobot writes there ({error!r})") from error
        if not str(version).startswith("v3."):
            convert = "convert it first: python -m lerobot.datasets.v30.convert_dataset_v21_to_v30"
            raise ValueError(f"{self.where}: codebase_version is {version}, only v3 is read; {convert}")
        if not isinstance(self.fps, int | float) or isinstance(self.fps, bool) or not 0 < self.fps < math.inf:
            raise ValueError(f"{self.where}: fps is {self.fps!r}, expected a number above 0")

    def table(self, folder: str, columns: list[str]) -> pa.Table:
        """Columns of all files of a folder, one file after the other."""
        files = sorted((self.path / folder).glob("*/*.parquet"))
        if not files:
            raise ValueError(f"{self.path / folder}: there are no parquet files in it")
        tables = []
        for file in files:
            try:
                with pq.ParquetFile(file) as opened:
                    missing = [column for column in columns if column not in opened.schema_arrow.names]
                    if missing:
                        raise ValueError(f"there is no column {missing[0]}")
                    tables.append(opened.read(columns=columns))
            except (pa.ArrowException, OSError, ValueError) as error:
                raise ValueError(f"{file}: {error}") from error
        return pa.concat_tables(tables)

    def column(self, name: str, width: int) -> np.ndarray:
        """A feature, `[steps, width]`."""
        if name not in self.features:
            raise ValueError(f"{self.where}: features: there is no {name}, only {', '.join(sorted(self.features))}")
        shape = self.features[name].get("shape")
        if list(shape or ()) != [width]:
            raise ValueError(f"{self.where}: features: {name} has shape {shape}, expected [{width}]")
        return self.numbers("data", name, (width,))

    def numbers(self, folder: str, name: str, row: tuple[int, ...] = ()) -> np.ndarray:
        where = f"{self.path / folder}: {name}"
        try:
            array = np.array(self.table(folder, [name]).column(name).to_pylist())
        except ValueError as error:
            if "inhomogeneous" not in str(error):
                raise
            raise ValueError(f"{where} has rows that differ in length, expected {row}") from error
        return checked(where, array, row)

    @cached_property
    def ends(self) -> np.ndarray:
        """One past each episode's last step, as `meta/episodes` says and the frames' own numbers agree."""
        ends, frames = self.numbers("meta/episodes", "dataset_to_index"), self.numbers("data", "index")
        checked_ends(f"{self.path / 'meta/episodes'}: dataset_to_index", ends, {"data": len(frames)})
        steps = np.arange(len(frames))
        episode = np.searchsorted(ends, steps, side="right")
        frame = steps - np.concatenate(([0], ends))[episode]
        expected = {"index": steps, "episode_index": episode, "frame_index": frame, "timestamp": frame / self.fps}
        for name, values in expected.items():
            apart = np.abs(self.numbers("data", name) - values) > TOLERANCE
            if apart.any():
                row = int(np.argmax(apart))
                raise ValueError(f"{self.path / 'data'}: {name} is wrong in row {row}, {values[row]} is due there")
        return ends

    @cached_property
    def pose(self) -> np.ndarray:
        """Where the block is, from its corners."""
        if CORNERS not in self.features:
            instead = "the block's corners cannot be told from images; lerobot/pusht_keypoints has them"
            raise ValueError(f"{self.where}: features: there is no {CORNERS}: {instead}")
        corners = self.column(CORNERS, 2 * len(block.CORNERS)).reshape(-1, len(block.CORNERS), 2)
        try:
            return block.pose(corners)
        except ValueError as error:
            raise ValueError(f"{self.path / 'data'}: {CORNERS}: {error}") from error

    @cached_property
    def images(self) -> np.ndarray:
        """Pictures of the table, from the parquet files or the videos."""
        kind = self.features.get(IMAGE, {}).get("dtype")
        if kind not in ("image", "video"):
            raise ValueError(f"{self.where}: features: there is no {IMAGE} that is an image or a video")
        pictures = self.stored() if kind == "image" else self.filmed()
        where = f"{self.path}: {IMAGE}"
        if len({picture.shape for picture in pictures}) > 1:
            raise ValueError(f"{where} has images of different sizes")
        return checked(where, np.stack(pictures), ROWS["image"])

    def stored(self) -> list[np.ndarray]:
        """Images within the table."""
        pictures = []
        for row, cell in enumerate(self.table("data", [IMAGE]).column(IMAGE).to_pylist()):
            try:
                pictures.append(np.asarray(Image.open(io.BytesIO(cell["bytes"])).convert("RGB")))
            except (TypeError, KeyError, OSError, UnidentifiedImageError) as error:
                raise ValueError(f"{self.path / 'data'}: {IMAGE}: no image in row {row} ({error})") from error
        return pictures

    def filmed(self) -> list[np.ndarray]:
        """Frames of videos, each of which may hold several episodes, one after the other."""
        columns = {name: f"videos/{IMAGE}/{name}" for name in ("chunk_index", "file_index", "from_timestamp")}
        chunks, files, begins = (self.numbers("meta/episodes", column) for column in columns.values())
        starts = np.concatenate(([0], self.ends[:-1]))
        lengths = self.ends - starts
        pictures = []
        for chunk, file in dict.fromkeys(zip(chunks.tolist(), files.tolist(), strict=True)):
            here = np.flatnonzero((chunks == chunk) & (files == file))
            times = np.concatenate([begins[episode] + np.arange(lengths[episode]) / self.fps for episode in here])
            path = self.path / "videos" / IMAGE / f"chunk-{chunk:03d}" / f"file-{file:03d}.mp4"
            if not path.exists():
                raise ValueError(f"{path}: there is no such file")
            pictures.extend(video.frames(path, times))
        return pictures
