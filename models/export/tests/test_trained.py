"""Export: the files are whole and agree with PyTorch, or there are none."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from export import directory, graph_file, trained
from export.policy import ExportError
from training import recordings
from training.policy import Policy
from training.train import Recipe, Training


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, np.ndarray]) -> Path:
    """A small untrained network, its weights moved away from their first values so that all of them count."""
    folder = tmp_path_factory.mktemp("weights")
    np.savez(folder / "demos.npz", **arrays)
    recipe = Recipe(epochs=1, validation_episodes=1, widths=(16, 32))
    trained = Training(recordings.load(folder / "demos.npz"), recipe).weights()
    for weight in trained["weights"].values():
        weight += 0.1 * torch.randn_like(weight)
    torch.save(trained, folder / "policy-1.pt")
    return folder / "policy-1.pt"


@pytest.fixture(scope="module")
def exported(weights: Path) -> Path:
    out = weights.parent / "out"
    assert directory.write(trained.load(weights), out) <= directory.TOLERANCE
    return out


@pytest.fixture
def copied(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "copied"))


def test_the_graph_is_clean_and_its_batch_is_dynamic(exported: Path) -> None:
    assert sorted(path.name for path in exported.iterdir()) == ["denoiser.onnx", "policy.json"]
    model = onnx.load(exported / "denoiser.onnx", load_external_data=False)
    for value in (*model.graph.input, *model.graph.output):
        first, *rest = value.type.tensor_type.shape.dim
        assert first.dim_param == "batch"
        assert all(dimension.HasField("dim_value") for dimension in rest)
    assert not {node.op_type for node in model.graph.node} & {"Shape", "Gather", "Slice", "Expand", "Where"}
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    assert all(len(weight.dims) == 4 for weight in model.graph.initializer if weight.name.endswith("shortcut.weight"))
    # ONNX Runtime 1.17 reads up to IR version 9 and opset 20.
    assert model.ir_version <= 9
    assert [opset.version for opset in model.opset_import] == [18]


def test_rows_do_not_depend_on_their_batch(exported: Path) -> None:
    session = onnxruntime.InferenceSession(exported / "denoiser.onnx", providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    feed = {
        "sample": random.standard_normal((9, 16, 2), np.float32),
        "timestep": np.arange(9),
        "observation": random.standard_normal((9, 2, 20), np.float32),
    }
    together = session.run(None, feed)[0]
    alone = [session.run(None, {name: value[row : row + 1] for name, value in feed.items()})[0][0] for row in range(9)]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


def test_the_manifest_says_what_the_weights_were_trained_with(weights: Path, exported: Path) -> None:
    manifest = json.loads((exported / "policy.json").read_text())
    trained = torch.load(weights, weights_only=True)
    assert [entry["shape"] for entry in manifest["observations"]] == [[9, 2], [2]]
    low = [value for entry in manifest["observations"] for value in entry["normalization"]["min"]]
    assert low == trained["observation"]["min"]
    assert manifest["actions"][0]["normalization"]["max"] == trained["action"]["max"]
    assert manifest["denoiser"]["sha256"] == hashlib.sha256((exported / "denoiser.onnx").read_bytes()).hexdigest()
    assert (manifest["n_obs_steps"], manifest["horizon"], manifest["n_action_steps"]) == (2, 16, 8)


def test_a_wrong_graph_leaves_nothing(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast_form = graph_file.fast_form

    def other(net: nn.Module) -> nn.Module:
        fast = fast_form(net)
        fast.head[1].bias = nn.Parameter(fast.head[1].bias + 0.01)
        return fast

    monkeypatch.setattr(graph_file, "fast_form", other)
    with pytest.raises(ExportError, match=r"differ by .*: nothing written"):
        directory.write(trained.load(weights), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("found", [2e-4, float("nan")])
def test_disagreement_leaves_the_last_export(
    weights: Path, exported: Path, copied: Path, monkeypatch: pytest.MonkeyPatch, found: float
) -> None:
    before = {path: path.read_bytes() for path in copied.iterdir()}
    monkeypatch.setattr(graph_file, "write", lambda _, path, *__: shutil.copy(exported / path.stem, path))
    monkeypatch.setattr(graph_file, "disagreement", lambda *_: found)
    with pytest.raises(ExportError):
        directory.write(trained.load(weights), copied)
    assert {path: path.read_bytes() for path in copied.iterdir()} == before


@pytest.mark.parametrize("content", [None, b"", b"not weights"])
def test_foreign_weights_are_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "policy-1.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExportError, match=r"policy-1\.pt"):
        trained.load(path)


@pytest.mark.parametrize(
    "damage",
    [{"observation": {}}, {"action": {"min": [0.0], "max": [1.0]}}, {"weights": {}}, {"shape": {"steps": 2}}],
    ids=["missing statistics", "wrong action dimension", "missing weights", "unknown shape"],
)
def test_damaged_weights_are_refused(weights: Path, tmp_path: Path, damage: dict) -> None:
    path = tmp_path / "policy-1.pt"
    torch.save(torch.load(weights, weights_only=True) | damage, path)
    with pytest.raises(ExportError, match=r"policy-1\.pt: not what `python -m training.train` wrote"):
        trained.load(path)


class Executes:
    """Unpickled, it makes a folder."""

    def __init__(self, made: Path):
        self.made = made

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.made),)


def test_a_pickle_that_executes_is_refused(tmp_path: Path) -> None:
    path, made = tmp_path / "policy-1.pt", tmp_path / "made"
    torch.save({"weights": Executes(made)}, path)
    with pytest.raises(ExportError, match=r"policy-1\.pt: not weights written by"):
        trained.load(path)
    assert not made.exists()


def test_a_checkpoint_is_not_weights(tmp_path: Path) -> None:
    torch.save({"net": {}}, tmp_path / "checkpoint.pt")
    with pytest.raises(ExportError, match="not the checkpoint"):
        trained.load(tmp_path / "checkpoint.pt")


def test_a_graph_of_another_manifest_is_refused(copied: Path) -> None:
    with (copied / "denoiser.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ValueError, match=r"not the graph that policy\.json belongs to"):
        Policy(copied, "ddpm", 10, threads=1)
