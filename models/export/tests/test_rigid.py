"""Keypoints of a rigid body, seen in an image."""

import numpy as np
import pytest
import torch

from export import graph_file, rigid
from export.graph_file import disagreement, write
from export.rigid import RigidKeypoints, closest


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    return points @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).T


def kabsch(body: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The same by singular values, in any dimension (Kabsch 1976, doi.org/10.1107/S0567739476001873)."""
    arms, found = body - body.mean(axis=0), points - points.mean(axis=0)
    left, _, right = np.linalg.svd(arms.T @ found)
    flip = np.diag([1, np.sign(np.linalg.det(left @ right))])
    return arms @ left @ flip @ right + points.mean(axis=0)


@pytest.mark.parametrize("seed", range(20))
def test_the_closest_body_is_the_one_that_singular_values_find(seed: int) -> None:
    random = np.random.default_rng(seed)
    body = random.normal(size=(9, 2))
    points = turned(body, random.uniform(0, 7)) + random.normal(size=2) + 0.5 * random.normal(size=body.shape)
    found = closest(torch.from_numpy(body), torch.from_numpy(points)[None])[0].numpy()
    np.testing.assert_allclose(found, kabsch(body, points), atol=1e-9)


def test_a_body_in_shape_is_found_as_it_is() -> None:
    body = np.random.default_rng(0).normal(size=(5, 2))
    moved = np.stack([turned(body, angle) + np.array([angle, -3]) for angle in np.linspace(0, 6, 13)])
    np.testing.assert_allclose(closest(*map(torch.from_numpy, (body, moved))).numpy(), moved, atol=1e-9)


@pytest.fixture
def sight() -> RigidKeypoints:
    torch.manual_seed(0)
    body = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 30.0]])
    low, high = torch.zeros(6), torch.tensor([50.0, 100.0] * 3)
    return RigidKeypoints((48, 32), (100.0, 50.0), body, low, high, (8, 8, 16)).eval()


def test_keypoints_are_sought_all_over_the_table(sight: RigidKeypoints) -> None:
    grid = sight.pool.pos_grid.reshape(12, 8, 2)
    assert grid[0, 0].tolist() == [0, 0] and grid[0, -1].tolist() == [50, 0] and grid[-1, -1].tolist() == [50, 100]


def test_what_is_described_can_be_remade(sight: RigidKeypoints) -> None:
    images = torch.rand(2, 3, 48, 32)
    with torch.no_grad():
        assert torch.equal(rigid.remade(sight.described()).eval()(images), sight(images))


def test_the_graph_sees_what_the_network_sees(sight: RigidKeypoints, tmp_path) -> None:
    """An observation of two steps: an image, row by row with its channels innermost, then two numbers."""
    encoder = rigid.encoder(sight, after=2).eval()
    network = graph_file.encoder(encoder, (2, 48 * 32 * 3 + 2))
    write(network, tmp_path / "encoder.onnx")
    image = torch.randint(256, (48, 32, 3)).float()
    observation = torch.cat((image.flatten(), torch.tensor([7.0, -8.0])))[None, None]
    with torch.no_grad():
        expected = sight(image.permute(2, 0, 1)[None] / 255 * 2 - 1)
        features = encoder(observation)
    torch.testing.assert_close(features[0, 0, :-2], expected[0])
    assert features[0, 0, -2:].tolist() == [7, -8]
    assert disagreement(network, tmp_path / "encoder.onnx") <= 1e-4
