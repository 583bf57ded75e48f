"""The policy by LeRobot's own commands and factories, and its server by LeRobot's own robot client."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import parapolicy
import pytest
import torch
from lerobot.policies.factory import make_policy, make_pre_post_processors
from lerobot.policies.rtc.action_queue import ActionQueue
from lerobot.policies.rtc.configuration_rtc import RTCConfig

from lerobot_policy_parapolicy import ParapolicyConfig
from lerobot_policy_parapolicy.modeling_parapolicy import ParapolicyPolicy

MODELS = Path(__file__).parents[4] / "models"
PUSHT = MODELS / "pusht"
KEYS = {"keypoints": "observation.environment_state", "agent": "observation.state"}
HOW = {"device": "cpu", "threads": 1, "solver": "ddim", "steps": 10}


def config(**fields) -> ParapolicyConfig:
    return ParapolicyConfig(**{"folder": str(PUSHT), "keys": KEYS, **HOW, **fields})


def batch(*numbers: float) -> dict[str, torch.Tensor]:
    return {
        "observation.environment_state": torch.tensor([[number] * 18 for number in numbers]),
        "observation.state": torch.tensor([[number + 30, number] for number in numbers]),
    }


def row(number: float) -> np.ndarray:
    return np.array([number] * 18 + [number + 30, number])


def plan(history: list[np.ndarray], seed: int) -> np.ndarray:
    policy = parapolicy.Policy(PUSHT, threads=1)
    # Two rows are rounded as more are, and one is not.
    return policy.sample_many(np.stack([history] * 2), seeds=[seed] * 2, sampler="picard", solver="ddim", steps=10)[
        0
    ].actions


def test_actions_are_those_of_the_plans():
    policy = ParapolicyPolicy(config(noise_seed=7))
    found = torch.stack([policy.select_action(batch(200.0 + step, 300.0)) for step in range(9)])
    first = plan([row(200)] * 2, 7)
    second = plan([row(207), row(208)], 9)
    np.testing.assert_allclose(found[:8, 0], first[1:9], rtol=0, atol=0.01)
    np.testing.assert_allclose(found[8, 0], second[1], rtol=0, atol=0.01)
    policy.reset()
    begun = policy.select_action(batch(200.0))
    np.testing.assert_allclose(begun[0], plan([row(200)] * 2, 11)[1], rtol=0, atol=0.01)


def test_chunks_are_of_one_observation_or_of_a_history():
    one = ParapolicyPolicy(config()).predict_action_chunk(batch(210.0))
    assert one.shape == (1, 15, 2)
    np.testing.assert_allclose(one[0], plan([row(210)] * 2, 0)[1:], rtol=0, atol=0.01)
    both = {key: torch.stack([batch(205.0)[key], batch(210.0)[key]], dim=1) for key in KEYS.values()}
    two = ParapolicyPolicy(config()).predict_action_chunk(both)
    np.testing.assert_allclose(two[0], plan([row(205), row(210)], 0)[1:], rtol=0, atol=0.01)


def test_chunks_are_continued_in_real_time():
    """LeRobot's own queue, whose chunks arrive three control steps late."""
    delay, taken = 3, []
    policy = ParapolicyPolicy(config())
    policy.init_rtc_processor()
    queue = ActionQueue(RTCConfig(enabled=True))
    for chunk in range(3):
        left, before = queue.get_left_over(), queue.get_action_index()
        late = 0 if left is None else delay
        found = policy.predict_action_chunk(
            batch(210.0 + 5 * chunk), inference_delay=late, prev_chunk_left_over=left, execution_horizon=10
        )[0]
        taken += [queue.get() for _ in range(late)]  # the loop goes on meanwhile
        if left is not None:
            # Held to the bit where it is normalised; raw units are of 512 pixels.
            np.testing.assert_allclose(found[:delay], left[:delay], rtol=0, atol=1e-3)
            again = ParapolicyPolicy(config(noise_seed=chunk)).predict_action_chunk(batch(210.0 + 5 * chunk))[0]
            assert (again[:delay] - left[:delay]).abs().max() > 0.1, "without it, the plan begins elsewhere"
        queue.merge(found, found, late, before)
        taken += [queue.get() for _ in range(5)]
    assert len(taken) == 3 * 5 + 2 * delay and all(torch.isfinite(action).all() for action in taken)
    with pytest.raises(ValueError, match="inference_delay is -1"):
        policy.predict_action_chunk(batch(210.0), inference_delay=-1, prev_chunk_left_over=torch.zeros(4, 2))
    with pytest.raises(ValueError, match="committed action has 3 numbers"):
        policy.predict_action_chunk(batch(210.0), inference_delay=2, prev_chunk_left_over=torch.zeros(4, 3))


def test_images_are_as_the_policy_has_them():
    policy = ParapolicyPolicy(config(folder=str(MODELS / "pusht-image"), keys={}, image_maximum=255.0))
    image = np.random.default_rng(0).integers(256, size=(96, 96, 3), dtype=np.uint8)
    given = {
        "observation.image": torch.from_numpy(image).movedim(-1, 0)[None] / 255,
        "observation.state": torch.tensor([[30.0, 40.0]]),
    }
    np.testing.assert_allclose(policy.rows(given)[0], [*image.reshape(-1), 30.0, 40.0], rtol=0, atol=1e-4)
    given["observation.image"] = given["observation.image"][..., :48]
    with pytest.raises(
        ValueError, match=r"observation.image has shape \[3, 96, 48\], but the policy's entry image has"
    ):
        policy.rows(given)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="give one of --policy.folder"):
        ParapolicyConfig(device="cpu").directory()
    with pytest.raises(ValueError, match=r"the policy has no entry \['other'\]"):
        config(keys={"other": "observation.state"}).entries()
    policy = ParapolicyPolicy(config())
    with pytest.raises(ValueError, match="observation.environment_state is not observed; observed are"):
        policy.select_action({"observation.state": torch.zeros(1, 2)})
    with pytest.raises(NotImplementedError, match="cannot be trained"):
        policy.forward({})


def test_lerobots_factories_make_it():
    from lerobot.envs.configs import PushtEnv

    made = make_policy(config(), env_cfg=PushtEnv(obs_type="environment_state_agent_pos"))
    before, after = make_pre_post_processors(made.config)
    assert isinstance(made, ParapolicyPolicy)
    assert after(made.select_action(before({**batch(250.0)}))).shape == (1, 2)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DiffusionPolicy with random weights, saved by LeRobot."""
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
    from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
    from lerobot.policies.diffusion.processor_diffusion import make_diffusion_pre_post_processors

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("checkpoint")
    seen = {
        "observation.state": PolicyFeature(FeatureType.STATE, (2,)),
        "observation.environment_state": PolicyFeature(FeatureType.ENV, (16,)),
    }
    action = {"action": PolicyFeature(FeatureType.ACTION, (2,))}
    small = {"horizon": 8, "n_action_steps": 4, "down_dims": (16, 32), "diffusion_step_embed_dim": 16}
    fields = DiffusionConfig(input_features=seen, output_features=action, device="cpu", **small)
    ranges = {
        key: {"min": torch.zeros(shape), "max": torch.full(shape, 512.0)}
        for key, shape in {"observation.state": (2,), "observation.environment_state": (16,), "action": (2,)}.items()
    }
    DiffusionPolicy(fields).save_pretrained(folder)
    for processor in make_diffusion_pre_post_processors(fields, dataset_stats=ranges):
        processor.save_pretrained(folder)
    return folder


def evaluate(*arguments: str, out: Path) -> dict:
    """What ``lerobot-eval`` reports."""
    command = Path(sys.executable).with_name("lerobot-eval")
    options = ["--env.type=pusht", "--eval.use_async_envs=false", "--policy.device=cpu", f"--output_dir={out}"]
    done = subprocess.run([command, *options, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((out / "eval_info.json").read_text())["overall"]


def test_lerobot_eval_plays_a_folder(tmp_path: Path):
    found = evaluate(
        "--policy.type=parapolicy",
        f"--policy.folder={MODELS / 'pusht-image'}",
        "--policy.image_maximum=255",
        "--policy.solver=ddim",
        "--policy.steps=10",
        "--eval.n_episodes=2",
        "--eval.batch_size=2",
        "--env.episode_length=24",
        out=tmp_path / "out",
    )
    assert found["n_episodes"] == 2


def test_lerobot_eval_plays_a_checkpoint(tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PARAPOLICY_CACHE", str(tmp_path / "cache"))
    for run in ("exported", "exported before"):
        found = evaluate(
            "--policy.type=parapolicy",
            f"--policy.checkpoint={checkpoint}",
            "--env.obs_type=environment_state_agent_pos",
            "--policy.solver=ddim",
            "--policy.steps=10",
            "--eval.n_episodes=1",
            "--eval.batch_size=1",
            "--env.episode_length=8",
            out=tmp_path / run,
        )
        assert found["n_episodes"] == 1
    assert len(list((tmp_path / "cache" / "lerobot").iterdir())) == 1
    (tmp_path / "none").mkdir()
    with pytest.raises(FileNotFoundError, match="no config.json"):
        ParapolicyConfig(checkpoint=str(tmp_path / "none"), device="cpu")
