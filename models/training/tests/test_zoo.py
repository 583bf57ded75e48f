"""Networks to try samplers on are what they are said to be."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from training import zoo
from training.widen import widen


def predictions(folder, feed: dict) -> np.ndarray:
    session = onnxruntime.InferenceSession(folder / "denoiser.onnx", providers=["CPUExecutionProvider"])
    return session.run(None, feed)[0]


def feed() -> dict:
    random = np.random.default_rng(0)
    return {
        "sample": random.normal(size=(5, 16, 2)).astype(np.float32),
        "timestep": np.array([0, 3, 40, 70, 99]),
        "observation": random.uniform(-1, 1, (5, 2, 20)).astype(np.float32),
    }


@pytest.mark.parametrize("factor", [2, 3])
def test_a_wider_network_has_the_answers_of_the_narrow_one(factor, tmp_path):
    widen(zoo.PUSHT, factor, tmp_path)
    given = feed()
    narrow, wide = (predictions(folder, given) for folder in (zoo.PUSHT, tmp_path))
    assert np.abs(wide - narrow).max() < 1e-5 < np.abs(narrow).max()
    sizes = [
        sum(np.prod(tensor.dims) for tensor in onnx.load(folder / "denoiser.onnx").graph.initializer)
        for folder in (zoo.PUSHT, tmp_path)
    ]
    assert 0.8 * factor**2 < sizes[1] / sizes[0] <= factor**2
    assert json.loads((tmp_path / "policy.json").read_text())["name"] == f"pusht-keypoints-wide-{factor}"


def test_a_transformer_sees_everything_that_it_is_given(tmp_path):
    zoo.untrained("small", lambda: zoo.dit(size=64, layers=2), tmp_path)
    given = feed()
    whole = predictions(tmp_path, given)
    assert whole.shape == (5, 16, 2)
    for name in given:
        other = predictions(tmp_path, given | {name: np.roll(given[name], 1, axis=0)})
        assert np.abs(other - whole).max(axis=(1, 2)).min() > 0, name
