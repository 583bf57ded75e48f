"""A file that is written weight by weight is the one that `onnx` writes whole, and can be mapped."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from export import graph_file, onnx_file


@pytest.fixture
def network() -> graph_file.Network:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(50, 70), nn.Tanh(), nn.Linear(70, 3), nn.Linear(3, 400)).eval()
    return graph_file.Network(net, lambda batch: {"sample": torch.randn(batch, 50)}, "prediction", (1, 3))


def test_the_file_holds_the_weights_where_they_can_be_used(network: graph_file.Network, tmp_path: Path) -> None:
    path = tmp_path / "whole.onnx"
    graph_file.write(network, path)
    content, large = path.read_bytes(), 0
    for tensor in onnx.load_from_string(onnx_file.outline(path)).graph.initializer:
        where = {entry.key: entry.value for entry in tensor.external_data}
        weight = network.net.get_parameter(tensor.name).detach().numpy()
        if not where:
            assert np.array_equal(onnx.numpy_helper.to_array(tensor), weight)
            continue
        start, length = int(where["offset"]), int(where["length"])
        assert where["location"] == path.name and start % onnx_file.ALIGNED == 0
        assert np.array_equal(np.frombuffer(content[start : start + length], "<f4"), weight.ravel())
        large += 1
    assert large == 2


def test_the_whole_file_and_its_outline_are_one_model(network: graph_file.Network, tmp_path: Path) -> None:
    path, again = tmp_path / "whole.onnx", tmp_path / "again.onnx"
    graph_file.write(network, path)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert len(model.graph.input) == 1
    onnx.save(model, again)
    given = {"sample": torch.randn(5, 50).numpy()}
    sessions = [onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]) for file in (path, again)]
    whole, saved, mapped = (session.run(None, given)[0] for session in (*sessions, graph_file.opened(path)))
    assert np.array_equal(whole, saved)
    np.testing.assert_allclose(mapped, whole, rtol=1e-5, atol=1e-6)
    assert graph_file.disagreement(network, path) < 1e-5


def test_progress_goes_from_nothing_to_all(network: graph_file.Network, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    graph_file.write(network, tmp_path / "a.onnx", lambda *step: told.append(step))
    graph_file.disagreement(network, tmp_path / "a.onnx", lambda *step: told.append(step))
    parts = ["a: describing", "a: writing", "a: comparing"]
    assert list(dict.fromkeys(what for what, _, _ in told)) == parts
    for part in parts:
        done = [(done, of) for what, done, of in told if what == part]
        assert done == sorted(done) and done[-1][0] == done[-1][1]
