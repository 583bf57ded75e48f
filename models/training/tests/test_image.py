"""The image policy: it begins with what the policy of states does, and a killed run goes on as if it had not been."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

pytest.importorskip("parapolicy")

from export import directory, trained
from export.policy import ExportError
from export.unet import ConditionalUnet
from training import keypoint_encoder, recordings
from training.demos import MinMax
from training.evaluate import run as run_episodes
from training.frames import TABLE, frames
from training.image import ImageTraining
from training.keypoint_encoder import KeypointTraining, errors
from training.policy import Policy
from training.states import StatePolicy
from training.train import CHECKPOINT, Recipe, resumed, run, save

SHIPPED = Path(__file__).parents[2] / "pusht"
SEEING = keypoint_encoder.Recipe(epochs=3, batches=2, batch=6, warmup_steps=1, validation_episodes=1, widths=(8, 8, 8))
RECIPE = Recipe(epochs=3, batch=16, warmup_steps=2, validation_episodes=1, widths=(8, 16))


def table(numbers: int) -> MinMax:
    return MinMax(np.zeros(numbers), np.full(numbers, float(TABLE)))


def looking(demos_file: Path, recipe: keypoint_encoder.Recipe = SEEING) -> KeypointTraining:
    return KeypointTraining(recordings.load_states(demos_file), table(18), recipe)


def training(demos_file: Path, recipe: Recipe = RECIPE) -> ImageTraining:
    torch.manual_seed(0)
    policy = StatePolicy(ConditionalUnet(2, 40, recipe.widths), table(18), table(2), table(2))
    return ImageTraining(recordings.load_states(demos_file), looking(demos_file).net, policy, recipe)


@pytest.mark.parametrize(("make", "kept"), [(looking, "sight"), (training, "policy")])
def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(demos_file: Path, tmp_path: Path, make, kept) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for out in (whole, killed):
        out.mkdir()
    run(make(demos_file), whole, keep_every=10)
    first = make(demos_file)
    for _ in range(2):
        first.train_epoch()
        first.validation_loss()
    save(first.state(), killed / CHECKPOINT)
    second = resumed(make(demos_file), killed / CHECKPOINT)
    assert second.epoch == 2
    run(second, killed, keep_every=10)
    expected, actual = (torch.load(out / f"{kept}-3.pt", weights_only=True) for out in (whole, killed))
    for name, weight in expected["weights"].items():
        assert torch.equal(actual["weights"][name], weight), name


def test_it_learns_to_see(demos_file: Path) -> None:
    recipe = replace(SEEING, epochs=4, batches=15, batch=12)
    run_ = looking(demos_file, recipe)
    before, losses = run_.validation_loss(), [run_.train_epoch() for _ in range(recipe.epochs)]
    assert losses[-1] < losses[0]
    assert run_.validation_loss() < before


def test_a_checkpoint_of_another_recipe_or_of_other_demonstrations_is_refused(
    demos_file: Path, tmp_path: Path, arrays: dict[str, np.ndarray]
) -> None:
    save(looking(demos_file).state(), tmp_path / CHECKPOINT)
    with pytest.raises(ValueError, match=r"checkpoint\.pt: cannot go on from it, choose another --out"):
        resumed(looking(demos_file, replace(SEEING, epochs=4)), tmp_path / CHECKPOINT)
    np.savez(demos_file, **{**arrays, "state": arrays["state"] + 1})
    with pytest.raises(ValueError, match=r"checkpoint\.pt: .*trained on other demonstrations"):
        resumed(looking(demos_file), tmp_path / CHECKPOINT)


def test_it_begins_with_the_policy_of_states_and_what_is_seen(demos_file: Path) -> None:
    started = training(demos_file)
    observation, action = next(started.training.epoch(3, torch.tensor([0, 5, 9])))
    timestep = torch.tensor([0, 50, 99])
    states = torch.from_numpy(started.training.states[[0, 5, 9]])
    images = torch.from_numpy(frames(states.reshape(-1, 5).numpy())).permute(0, 3, 1, 2) / 255 * 2 - 1
    with torch.no_grad():
        seen = started.seen(images).reshape(3, 2, 18)
        agent = (states[..., :2] / TABLE * 2 - 1).float()
        expected = started.policy.denoiser(action, timestep, torch.cat((seen, agent), dim=-1))
        torch.testing.assert_close(started.net(action, timestep, observation), expected)


def test_the_policy_of_states_is_read_back_from_its_graph() -> None:
    policy = StatePolicy.load(SHIPPED)
    random = np.random.default_rng(0)
    feed = {
        "sample": random.standard_normal((3, 16, 2), np.float32),
        "timestep": np.array([0, 50, 99]),
        "observation": random.uniform(-1, 1, (3, 2, 20)).astype(np.float32),
    }
    session = onnxruntime.InferenceSession(SHIPPED / "denoiser.onnx", providers=["CPUExecutionProvider"])
    with torch.no_grad():
        actual = policy.denoiser.eval()(*(torch.from_numpy(value) for value in feed.values()))
    np.testing.assert_allclose(actual, session.run(None, feed)[0], rtol=1e-4, atol=1e-5)
    manifest = json.loads((SHIPPED / "policy.json").read_text())
    assert policy.action.high.tolist() == manifest["actions"][0]["normalization"]["max"]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "copied"))


def test_a_policy_of_anything_else_is_refused(copied: Path) -> None:
    text = (copied / "policy.json").read_text()
    for wrong in ("", "{}", "[]", text.replace('"keypoints"', '"vertices"'), text.replace('"min"', '"mean"')):
        (copied / "policy.json").write_text(wrong)
        with pytest.raises(ValueError, match=r"policy\.json: not a policy that is told keypoints and agent"):
            StatePolicy.load(copied)


def test_a_graph_of_anything_else_is_refused(copied: Path) -> None:
    for graph in ((copied / "denoiser.onnx").read_bytes()[:1000], (SHIPPED.parent / "arm/denoiser.onnx").read_bytes()):
        (copied / "denoiser.onnx").write_bytes(graph)
        with pytest.raises(ValueError, match=r"denoiser\.onnx: not the graph of such a policy"):
            StatePolicy.load(copied)


def test_what_is_exported_sees_and_does_what_was_trained(demos_file: Path, tmp_path: Path) -> None:
    started = training(demos_file)
    started.train_epoch()
    save(started.weights(), tmp_path / "policy-1.pt")
    out = tmp_path / "out"
    assert directory.write(trained.load(tmp_path / "policy-1.pt"), out) <= 1e-4
    manifest = json.loads((out / "policy.json").read_text())
    entries = {entry["name"]: (entry["shape"], entry["normalization"]["mode"]) for entry in manifest["observations"]}
    assert entries == {"image": ([96, 96, 3], "identity"), "agent_pos": ([2], "min_max")}
    observation, action = next(started.training.epoch(2, torch.tensor([1, 7])))
    graphs = [onnxruntime.InferenceSession(out / name) for name in ("encoder.onnx", "denoiser.onnx")]
    features = graphs[0].run(None, {"observation": observation.numpy()})[0]
    feed = {"sample": action.numpy(), "timestep": np.array([3, 60]), "observation": features}
    with torch.no_grad():
        expected = started.averaged.eval()(action, torch.tensor([3, 60]), observation)
    np.testing.assert_allclose(graphs[1].run(None, feed)[0], expected, rtol=1e-3, atol=1e-4)

    policy = Policy(out, "ddim", 2, threads=1)
    assert len(run_episodes(policy, range(100_000, 100_001), {100_000: policy.generated(0)})) == 1


@pytest.mark.parametrize("missing", ["weights", "widths", "table"])
def test_what_is_seen_by_half_is_not_exported(demos_file: Path, tmp_path: Path, missing: str) -> None:
    whole = training(demos_file).weights()
    del whole["sight"][missing]
    torch.save(whole, tmp_path / "policy-1.pt")
    with pytest.raises(ExportError, match=rf"policy-1\.pt: sight: .*{missing}"):
        trained.load(tmp_path / "policy-1.pt")


def test_errors_are_distances_from_where_the_block_is(demos_file: Path) -> None:
    """A network that sees the block nowhere, in every frame at the table's middle, is as far off as the block is."""
    run_ = looking(demos_file)
    for weight in run_.net.parameters():
        torch.nn.init.zeros_(weight)
    middle = np.array([[50.0, 50, 256, 256, 0], [50.0, 50, 456, 256, 0]])
    near, far = errors(run_.net, middle).mean(axis=1)
    assert near < 100 < far
