"""Plans from Python are the plans that the program draws."""

import inspect
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import parapolicy
from conftest import MODEL, ROOT

QUICK = {"solver": "ddim", "steps": 10}


def program():
    """The `parapolicy` program, which `cargo test --workspace` builds."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = target / "debug" / "parapolicy"
    if not path.exists():
        pytest.skip(f"{path}: build it first, cargo build -p parapolicy-cli")
    return path


def test_the_package_says_its_version():
    printed = subprocess.run([program(), "--version"], check=True, capture_output=True, text=True).stdout
    assert parapolicy.__version__ == printed.split()[-1]


@pytest.mark.parametrize(
    "options",
    [{}, {"sampler": "sequential", **QUICK}, {"window": 8, "tolerance": 0.05, "steps": 50}, {"within": "0.5px"}],
)
def test_the_program_draws_the_same_plan(policy, observation, options, tmp_path):
    np.savez(tmp_path / "input.npz", observation=observation)
    flags = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    paths = ["--model", MODEL, "--input", tmp_path / "input.npz", "--output", tmp_path / "plan.npz"]
    command = [program(), "sample", "--threads", "1", "--seed", "3", *paths, *flags]
    printed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    sample = policy.sample(observation, seed=3, **options)
    with np.load(tmp_path / "plan.npz") as file:
        np.testing.assert_array_equal(sample.actions, file["actions"])
    assert (sample.rounds, sample.evaluations) == (printed["rounds"], printed["evaluations"])


def test_a_tolerance_may_be_in_the_unit_of_the_actions(policy, observation):
    tight = policy.sample(observation, seed=3, within="1e-9px")
    exact = policy.sample(observation, seed=3, sampler="sequential")
    np.testing.assert_allclose(tight.actions, exact.actions, atol=1e-3)
    with pytest.raises(ValueError, match='within is in "mm", but the actions of policy `pusht-keypoints` are in px'):
        policy.sample(observation, within="1mm")


def test_a_plan_goes_through_committed_actions(policy, observation):
    now = policy.n_obs_steps - 1
    actions = np.array([[100.0, 200.0], [120.0, 210.0], [140.0, 220.0]])
    sample = policy.sample(observation, seed=3, committed=actions, **QUICK)
    # Normalised in 32 bits, to about 512 pixels.
    np.testing.assert_allclose(sample.actions[now : now + 3], actions, rtol=0, atol=1e-3)
    free = policy.sample(observation, seed=3, **QUICK)
    assert np.abs(free.actions[now : now + 3] - actions).max() > 1, "the next plan is committed to nothing"
    for wrong, words in [
        (actions[:, :1], "committed: a committed action has 1 numbers, but the policy's actions have 2"),
        (actions * np.nan, "committed: a committed action has NaN, but must be finite"),
    ]:
        with pytest.raises(ValueError, match=words):
            policy.sample(observation, committed=wrong, **QUICK)
    np.testing.assert_array_equal(policy.sample(observation, seed=3, **QUICK).actions, free.actions)
    # The last steps of both end with the same weight, so half of it leaves the plan between.
    half = policy.sample(observation, seed=3, committed=actions, weights=[1.0, 1.0, 0.5], **QUICK)
    np.testing.assert_allclose(half.actions[now : now + 2], actions[:2], rtol=0, atol=1e-3)
    held, loose = (np.abs(plan.actions[now + 2] - actions[2]).max() for plan in (half, free))
    assert 1e-2 < held < loose
    for weights, words in [
        ([1.0], "there are 1 weights for 3 committed actions, but each must have one"),
        ([1.0, 1.0, 1.5], "the weight of a committed action is 1.5, but must be from 0 to 1"),
    ]:
        with pytest.raises(ValueError, match=words):
            policy.sample(observation, committed=actions, weights=weights, **QUICK)
    with pytest.raises(ValueError, match="weights: there are no committed actions"):
        policy.sample(observation, weights=[1.0], **QUICK)


def test_a_tuned_plan_is_that_of_the_program(policy, observation, tmp_path, monkeypatch):
    monkeypatch.setenv("PARAPOLICY_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="tuned: nothing was measured of this policy with the provider native here"):
        policy.sample(observation, tuned="10s")
    few = ["--reference-steps=60", "--solver=ddim", "--steps=2", "--sampler=sequential"]
    few += ["--observations=2", "--plans=2"]
    small = ["--drawn", "--threads=1", "--precision=f32", "--force", "--within=10s", "--distance-margin=100"]
    tune = [program(), "tune", "--model", MODEL, "--out", tmp_path / "tune", *few, *small]
    subprocess.run(tune, check=True, capture_output=True)
    tuned = policy.sample(observation, seed=3, tuned="10s")
    np.testing.assert_array_equal(
        tuned.actions, policy.sample(observation, seed=3, sampler="sequential", solver="ddim", steps=2).actions
    )
    np.savez(tmp_path / "input.npz", observation=observation)
    paths = ["--model", MODEL, "--input", tmp_path / "input.npz", "--output", tmp_path / "plan.npz"]
    command = [program(), "sample", "--threads=1", "--seed=3", "--tuned=10s", *paths]
    subprocess.run(command, check=True, capture_output=True)
    with np.load(tmp_path / "plan.npz") as file:
        np.testing.assert_array_equal(tuned.actions, file["actions"])
    with pytest.raises(ValueError, match="leave `steps` out"):
        policy.sample(observation, tuned="10s", steps=2)
    with pytest.raises(ValueError, match="no setting draws 95 % of its plans within 1ns"):
        policy.sample(observation, tuned="1ns")
    with parapolicy.Controller(MODEL, initial=[0.0, 0.0], tuned="10s") as controller:
        assert not controller.health().planning


def test_a_plan_says_what_it_took(policy, observation):
    sample = policy.sample(observation, seed=0, sampler="sequential", **QUICK)
    assert (sample.actions.dtype, sample.actions.shape) == (np.float64, (16, 2))
    assert (sample.rounds, sample.evaluations, sample.together, sample.residual) == (10, 10, 1, None)
    assert sample.latency > 0.0
    assert sample.executed.base is not None
    np.testing.assert_array_equal(sample.executed, sample.actions[1:9])


def test_the_same_seed_gives_the_same_bytes_whatever_was_drawn_between(policy, observation):
    first = policy.sample(observation, seed=5)
    policy.sample(observation + 1.0, seed=6)
    policy.sample(observation, seed=5, sampler="sequential", **QUICK)
    again = policy.sample(observation, seed=5)
    assert first.actions.tobytes() == again.actions.tobytes()
    assert (first.actions != policy.sample(observation, seed=6).actions).any()


def test_arrays_of_any_layout_are_taken(policy, observation):
    expected = policy.sample(observation, **QUICK).actions
    strided = np.asfortranarray(np.repeat(observation, 2, axis=1))[:, ::2]
    for same in (observation.tolist(), strided, np.broadcast_to(observation, observation.shape)):
        np.testing.assert_array_equal(policy.sample(same, **QUICK).actions, expected)
    single = policy.sample(observation.astype(np.float32), **QUICK).actions
    np.testing.assert_allclose(single, expected, atol=1e-2)


def test_plans_drawn_together_are_those_drawn_alone(policy, observation):
    observations = np.stack([observation, observation + 5.0, observation - 5.0])
    together = policy.sample_many(observations, seeds=[7, 8, 9], **QUICK)
    assert [plan.together for plan in together] == [3, 3, 3]
    for plan, one, seed in zip(together, observations, [7, 8, 9], strict=True):
        alone = policy.sample(one, seed=seed, **QUICK)
        # ONNX Runtime may sum a batch of another size in another order.
        np.testing.assert_allclose(plan.actions, alone.actions, atol=0.05)
        assert plan.evaluations == pytest.approx(alone.evaluations, abs=5)
    # One observation, several plans, no copies made to say so.
    several = policy.sample_many(np.broadcast_to(observation, (2, 2, 20)), seeds=[7, 10], **QUICK)
    np.testing.assert_allclose(several[0].actions, together[0].actions, atol=0.05)


def test_a_budget_cuts_a_plan_short(policy, observation):
    cut = policy.sample(observation, rounds=3)
    assert cut.rounds == 3
    assert cut.residual > 0.0
    assert policy.sample(observation, deadline=1e-9).rounds == 1


def test_the_engine_draws_the_plan_of_onnx_runtime(policy, observation):
    reference = parapolicy.Policy(MODEL, provider="cpu", threads=1).sample(observation, seed=3, **QUICK)
    np.testing.assert_allclose(policy.sample(observation, seed=3, **QUICK).actions, reference.actions, atol=0.05)
    with pytest.raises(ValueError, match="provider: `gpu` is not known; use native, cpu"):
        parapolicy.Policy(MODEL, provider="gpu")


def test_the_manifest_can_be_read(policy):
    written = json.loads((MODEL / "policy.json").read_text())
    assert list(policy.manifest) == list(written)
    assert policy.manifest["denoiser"] == written["denoiser"]
    assert [entry["shape"] for entry in policy.manifest["observations"]] == [[9, 2], [2]]
    # The scheduler's defaults are spelled out.
    assert policy.manifest["scheduler"].items() >= written["scheduler"].items()
    sizes = (policy.n_obs_steps, policy.observation_dim, policy.horizon, policy.n_action_steps, policy.action_dim)
    assert sizes == (2, 20, 16, 8, 2)
    assert policy.name == "pusht-keypoints"


def test_others_run_while_a_plan_is_drawn(policy, observation):
    """With the interpreter's lock held, the other thread would not count at all."""
    count, done = 0, False

    def tick():
        nonlocal count
        while not done:
            count += 1
            time.sleep(1e-4)

    thread = threading.Thread(target=tick)
    thread.start()
    counted = []
    try:
        # A busy machine may not run the other thread during one of them.
        while len(counted) < 50 and max(counted, default=0) < 10:
            before = count
            policy.sample(observation, sampler="sequential")
            counted.append(count - before)
    finally:
        done = True
        thread.join()
    assert max(counted) >= 10


def test_threads_may_share_a_policy(policy, observation):
    expected = [policy.sample(observation, seed=seed, **QUICK).actions for seed in range(4)]
    found = [None] * 4

    def draw(seed):
        found[seed] = policy.sample(observation, seed=seed, **QUICK).actions

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sampler": "parallel"}, ValueError, "strategy: `parallel` is not supported; use sequential, paradigms"),
        ({"solver": "euler"}, ValueError, "solver: `euler` is not supported; use ddpm"),
        ({"steps": 0}, ValueError, "steps is 0, but must be between 1 and num_train_timesteps"),
        ({"window": 0}, ValueError, "window is 0, but must be at least 1"),
        ({"tolerance": np.nan}, ValueError, "tolerance is NaN, but must be finite"),
        ({"rounds": 0}, ValueError, "rounds is 0, but must be at least 1"),
        ({"deadline": 0.0}, ValueError, "deadline is 0, but must be more than 0"),
        ({"deadline": -1.0}, ValueError, "deadline is -1, but must be a number of seconds"),
        ({"seed": -1}, OverflowError, "negative int"),
        ({"stpes": 10}, TypeError, "unexpected keyword argument 'stpes'"),
        ({"steps": "many"}, TypeError, "integer"),
    ],
)
def test_settings_that_cannot_be_are_refused(policy, observation, options, error, message):
    with pytest.raises(error, match=message):
        policy.sample(observation, **options)


def test_timesteps_that_the_graph_does_not_take_are_refused(observation, tmp_path):
    """A flow's are seldom whole numbers."""
    shutil.copy(MODEL / "denoiser.onnx", tmp_path)
    manifest = json.loads((MODEL / "policy.json").read_text())
    flow = {"time": "train_timesteps", "noise_at": 1, "velocity": "noise_minus_data"}
    manifest["scheduler"] = {
        "num_train_timesteps": 1000,
        "timestep_spacing": "linspace",
        "prediction_type": "flow_prediction",
        "flow": flow,
    }
    (tmp_path / "policy.json").write_text(json.dumps(manifest))
    policy = parapolicy.Policy(tmp_path, threads=1)
    euler = {"sampler": "sequential", "solver": "euler", "steps": 7}
    message = r"`timestep` takes whole numbers \(int64\), but a timestep is "
    with pytest.raises(ValueError, match=message):
        policy.sample(observation, **euler)
    with pytest.raises(ValueError, match=message):
        policy.sample_many(np.stack([observation]), seeds=[0], **euler)


def test_observations_that_cannot_be_are_refused(policy, observation):
    with pytest.raises(ValueError, match=r"shape is \[1, 20\], but the policy sees \[2, 20\]"):
        policy.sample(observation[:1])
    observation[1, 18] = np.nan
    with pytest.raises(ValueError, match=r"`agent`\[0\] of step 1 is NaN"):
        policy.sample(observation)
    with pytest.raises(ValueError, match="plan 1: observation: `agent`"):
        policy.sample_many(np.stack([np.zeros((2, 20)), observation]), seeds=[1, 2])
    with pytest.raises(ValueError, match="seeds: 1 were given for 2 observations"):
        policy.sample_many(np.zeros((2, 2, 20)), seeds=[1])
    with pytest.raises(TypeError):
        policy.sample(np.zeros(20))


def test_what_is_shown_is_in_pythons_words(policy, observation, tmp_path):
    assert repr(policy) == f"Policy({policy.name!r}, n_obs_steps=2, horizon=16)"
    whole, cut = (policy.sample(observation, sampler="picard", rounds=rounds) for rounds in (None, 1))
    for sample in (whole, cut):
        assert repr(sample) == (
            f"Sample(actions=(16, 2), rounds={sample.rounds}, evaluations={sample.evaluations}, "
            f"latency={sample.latency:.4f}, residual={sample.residual})"
        )
    assert whole.residual is None and cut.residual is not None
    for file in MODEL.iterdir():
        (tmp_path / file.name).symlink_to(file)
    manifest = json.loads((MODEL / "policy.json").read_text()) | {"name": "it's one"}
    (tmp_path / "policy.json").unlink()
    (tmp_path / "policy.json").write_text(json.dumps(manifest))
    assert repr(parapolicy.Policy(tmp_path, threads=1)) == 'Policy("it\'s one", n_obs_steps=2, horizon=16)'


def test_directories_that_hold_no_policy_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="policy.json: is not there; .* A policy is a directory"):
        parapolicy.Policy(tmp_path)
    manifest = json.loads((MODEL / "policy.json").read_text())
    (tmp_path / "policy.json").write_text(json.dumps(manifest | {"horizon": 0}))
    with pytest.raises(ValueError, match="policy.json: `horizon`"):
        parapolicy.Policy(tmp_path)
    (tmp_path / "policy.json").write_text(json.dumps(manifest))
    with pytest.raises(FileNotFoundError, match="denoiser.onnx: cannot be read"):
        parapolicy.Policy(tmp_path)
    (tmp_path / "denoiser.onnx").write_bytes(b"not a graph")
    with pytest.raises(ValueError, match="denoiser.onnx: SHA-256 is"):
        parapolicy.Policy(tmp_path)


def entries(policy, observation):
    """An observation by the names of the policy's entries."""
    named, begin = {}, 0
    for entry in policy.manifest["observations"]:
        end = begin + int(np.prod(entry["shape"]))
        named[entry["name"]] = observation[..., begin:end].reshape(*observation.shape[:-1], *entry["shape"])
        begin = end
    return named


def test_observations_by_name_are_the_same_as_in_one_array(policy, observation):
    expected = policy.sample(observation, seed=2, **QUICK).actions
    named = entries(policy, observation)
    np.testing.assert_array_equal(policy.sample(named, seed=2, **QUICK).actions, expected)
    backwards = {name: value.astype(np.float64).tolist() for name, value in reversed(named.items())}
    np.testing.assert_array_equal(policy.sample(backwards, seed=2, **QUICK).actions, expected)
    together = policy.sample_many(entries(policy, np.stack([observation] * 2)), seeds=[2, 3], **QUICK)
    np.testing.assert_allclose(together[0].actions, expected, atol=1e-2)
    first, *others = named
    with pytest.raises(ValueError, match=f"observation: `{first}` is missing"):
        policy.sample({name: named[name] for name in others}, **QUICK)
    with pytest.raises(ValueError, match="observation: `other` is no entry of the policy's observations; they are "):
        policy.sample(named | {"other": 1.0}, **QUICK)
    with pytest.raises(ValueError, match=f"observation: `{first}` has shape"):
        policy.sample(named | {first: named[first][:1]}, **QUICK)
    with pytest.raises(TypeError, match=f"observation: `{first}` is no array of numbers"):
        policy.sample(named | {first: "text"}, **QUICK)


def test_given_noise_takes_the_place_of_that_of_a_seed(policy, observation):
    rng = np.random.default_rng(1)
    initial = rng.standard_normal((policy.horizon, policy.action_dim)).astype(np.float32)
    steps = rng.standard_normal((10, policy.horizon, policy.action_dim)).astype(np.float32)
    given = {"initial_noise": initial, "step_noise": steps, "sampler": "sequential", "solver": "ddpm", "steps": 10}
    drawn = policy.sample(observation, seed=1, **given)
    np.testing.assert_array_equal(drawn.actions, policy.sample(observation, seed=2, **given).actions)
    other = policy.sample(observation, seed=1, **given | {"initial_noise": initial + 0.1})
    assert np.abs(other.actions - drawn.actions).max() > 0.01
    with pytest.raises(ValueError, match=r"initial_noise: its shape is \[2, 16\], but .* ask for \[16, 2\]"):
        policy.sample(observation, **given | {"initial_noise": initial.T})
    with pytest.raises(ValueError, match="step_noise holds a value that is not finite"):
        policy.sample(observation, **given | {"step_noise": steps * np.nan})


def test_where_no_sampler_is_named_few_steps_are_drawn_one_after_the_other(policy, observation):
    assert policy.sample(observation, solver="ddim", steps=10).evaluations == 10
    assert policy.sample(observation, solver="ddim", steps=10, rounds=9).evaluations != 9
    assert policy.sample(observation, steps=11).rounds < 11


def test_auto_is_one_of_the_samplers(policy, observation, tmp_path, monkeypatch):
    monkeypatch.setenv("PARAPOLICY_CACHE", str(tmp_path))
    asked = {"seed": 3, "solver": "ddim", "steps": 6}
    sample = policy.sample(observation, sampler="auto", **asked)
    assert any(tmp_path.rglob("*.json")), "what was measured is kept"
    np.testing.assert_array_equal(policy.sample(observation, sampler="auto", **asked).actions, sample.actions)
    # Whichever it is, its plan ends within the tolerance (0.1, normalised; a unit is about 240 pixels).
    reference = policy.sample(observation, sampler="sequential", **asked)
    assert np.abs(sample.actions - reference.actions).max() < 60.0
    with pytest.raises(ValueError, match="steps"):
        policy.sample(observation, sampler="auto", steps=0)


def test_calls_say_what_they_take():
    for of, words in [
        (parapolicy.Policy, ("provider", "devices")),
        (parapolicy.Policy.sample, ("committed", "initial_noise", "sampling")),
        (parapolicy.Controller, ("initial", "watchdog", "log", "sampling")),
    ]:
        signature = str(inspect.signature(of))
        assert all(word in signature for word in words), signature
    for of in (parapolicy.Policy, parapolicy.Controller):
        for name, member in vars(of).items():
            assert name.startswith("_") or member.__doc__, f"{of.__name__}.{name} has no documentation"
    for sampling in ("sampler", "solver", "steps", "within", "deadline", "tuned"):
        assert f"``{sampling}``" in parapolicy.Policy.sample.__doc__
