"""LeRobot's actions that are relative to the state: what is exported adds it as LeRobot's own steps do."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from export import directory, kinds, lerobot
from export.policy import Entry, ExportError, identity
from export.tests.noise import apart
from export.tests.test_lerobot import ACTION, STATE, Checkpoint, edit

NAMES = ["shoulder.pos", "Gripper.pos", "wrist.pos"]
# What is excluded, and what of an action's numbers the state is added to.
MASKS = {
    "nothing excluded": ({}, [True, True, True]),
    "nothing by name": ({"exclude_joints": [], "action_names": None}, [True, True, True]),
    "the gripper": ({"exclude_joints": ["gripper", ""], "action_names": NAMES}, [True, False, True]),
    "two": ({"exclude_joints": ["WRIST", "der.p"], "action_names": NAMES}, [False, True, False]),
    "a name that none has": ({"exclude_joints": ["elbow"], "action_names": NAMES}, [True, True, True]),
    "all": ({"exclude_joints": ["pos"], "action_names": NAMES}, [False, False, False]),
}


class Relative(Checkpoint):
    """A policy whose processors have the steps of relative actions, where LeRobot's own policies have them."""

    def __init__(self, folder: Path, settings: dict | None = None, **config: object):
        super().__init__(folder, **({"state": 4} | config))
        self.change("pre", lambda steps: steps.insert(-1, step("relative", **(settings or {}))))
        self.change("post", lambda steps: steps.insert(1, step("absolute")))

    def change(self, side: str, change: Callable[[list], object]) -> None:
        edit(self.folder / f"policy_{side}processor.json", lambda file: change(file["steps"]))


def step(name: str, **settings: object) -> dict:
    return {"registry_name": f"{name}_actions_processor", "config": {"enabled": True} | settings}


def at(steps: list, name: str) -> dict:
    return next(step for step in steps if step["registry_name"].startswith(name))


@pytest.fixture
def relative(tmp_path: Path) -> Relative:
    return Relative(tmp_path / "checkpoint")


def absolute(actions: np.ndarray, state: torch.Tensor, settings: dict, mask: list[bool]) -> np.ndarray:
    """Actions with the state added, by LeRobot's own steps where it has them (0.6), and in closed form."""
    expected = actions + np.where(mask, state[:3].numpy(), 0)
    try:
        from lerobot.processor import TransitionKey
        from lerobot.processor.relative_action_processor import (
            AbsoluteActionsProcessorStep,
            RelativeActionsProcessorStep,
        )
    except ImportError:
        return expected
    subtracts = RelativeActionsProcessorStep(enabled=True, **settings)
    subtracts({TransitionKey.OBSERVATION: {STATE: state[None]}})
    adds = AbsoluteActionsProcessorStep(enabled=True, relative_step=subtracts)
    theirs = adds({TransitionKey.ACTION: torch.from_numpy(actions)[None]})[TransitionKey.ACTION][0].numpy()
    assert apart(expected, theirs) < 1e-6
    return theirs


@pytest.mark.parametrize(("settings", "mask"), MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("config", [{}, {"n_obs_steps": 1, "modes": {"STATE": "MIN_MAX", "ACTION": "MEAN_STD"}}])
def test_the_newest_state_is_added_to_all_actions_of_a_plan(
    config: dict, settings: dict, mask: list[bool], tmp_path: Path, sample: Callable[..., np.ndarray]
) -> None:
    checkpoint = Relative(tmp_path / "checkpoint", settings, **config)
    directory.write(checkpoint.exported, tmp_path / "out")
    inputs, first = checkpoint.inputs(), checkpoint.config.n_obs_steps - 1
    theirs = absolute(checkpoint.predicted(inputs), checkpoint.seen[STATE][-1], settings, mask)
    ours = sample(tmp_path / "out", *checkpoint.options(), **inputs)
    assert apart(ours[first : first + checkpoint.config.n_action_steps], theirs) < 1e-4


def test_the_manifest_says_what_actions_are_relative_to(tmp_path: Path) -> None:
    settings, _ = MASKS["the gripper"]
    checkpoint = Relative(tmp_path / "checkpoint", settings)
    rename = {"arm": STATE}
    checkpoint.change("pre", lambda steps: at(steps, "rename")["config"].update(rename_map=rename))
    (action,), version = checkpoint.exported.actions, checkpoint.exported.schema_version
    assert (action.relative_to, version) == ({"observation": "arm", "components": [0, None, 2]}, 6)
    assert action.described()["relative_to"] == action.relative_to


@pytest.mark.parametrize("side", ["pre", "post"])
def test_steps_that_are_off_change_nothing(relative: Relative, side: str) -> None:
    for off in ({"enabled": False}, {}):
        for name, key in (("pre", "relative"), ("post", "absolute")):
            relative.change(name, lambda steps, key=key, off=off: at(steps, key).update(config=off))
        policy = lerobot.load(relative.folder)
        assert policy.actions[0].relative_to is None and policy.schema_version == 3
    relative.change(side, lambda steps: steps.remove(next(s for s in steps if "_actions_" in s["registry_name"])))
    assert lerobot.load(relative.folder).actions == policy.actions


WRONG = {
    "only relative": (
        "post",
        lambda s: at(s, "absolute")["config"].update(enabled=False),
        "absolute_.* is off or missing",
    ),
    "only absolute": ("pre", lambda s: s.remove(at(s, "relative")), "relative_.* is off or missing"),
    "neither true nor false": ("pre", lambda s: at(s, "relative")["config"].update(enabled=1), "enabled is 1,"),
    "after the normaliser": ("pre", lambda s: s.append(s.pop(-2)), "must be relative_.* before normalizer"),
    "before the names": ("pre", lambda s: s.insert(0, s.pop(-2)), "rename_.*, which must be there once, before"),
    "before the unnormaliser": ("post", lambda s: s.insert(0, s.pop(1)), "must be absolute_.* after unnormalizer"),
    "on the other side": ("pre", lambda s: s.insert(-1, step("absolute")), "second step of relative actions"),
    "absolute before": (
        "pre",
        lambda s: at(s, "relative").update(step("absolute")),
        "is absolute_.*, enabled, but it must be relative_",
    ),
    "twice": ("post", lambda s: s.append(step("absolute")), "the second step of relative actions"),
    "no names": (
        "pre",
        lambda s: at(s, "relative")["config"].update(exclude_joints=["gripper"]),
        "action_names does not say which",
    ),
    "too few names": (
        "pre",
        lambda s: at(s, "relative")["config"].update(exclude_joints=["x"], action_names=NAMES[:2]),
        "action_names has 2 names, but an action 3 numbers",
    ),
    "names that are none": (
        "pre",
        lambda s: at(s, "relative")["config"].update(exclude_joints=[3]),
        "exclude_joints is .3., but must be a list of names",
    ),
    "another field": ("pre", lambda s: at(s, "relative")["config"].update(scale=2.0), "scale is not known"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_fit_is_named(relative: Relative, wrong: str) -> None:
    side, change, message = WRONG[wrong]
    relative.change(side, change)
    with pytest.raises(ExportError, match=message):
        lerobot.load(relative.folder)


def test_a_state_of_too_few_numbers_is_named(tmp_path: Path) -> None:
    checkpoint = Relative(tmp_path / "checkpoint", state=2)
    with pytest.raises(ExportError, match="has 2 numbers, fewer than an action: 3"):
        lerobot.load(checkpoint.folder)


def test_an_action_that_never_changed_is_named(tmp_path: Path) -> None:
    settings = {"exclude_joints": ["shoulder"], "action_names": NAMES}
    lerobot.load(Relative(tmp_path / "excluded", settings, constant=True).folder)
    with pytest.raises(ExportError, match="number 0 of action is relative to the state, but never changed"):
        lerobot.load(Relative(tmp_path / "relative", constant=True).folder)


def test_parts_of_an_action_stay_relative() -> None:
    related = {"observation": STATE, "components": [0, 1, 2, None, None, None, None, 7]}
    action = Entry(ACTION, (8,), identity(), relative_to=related)

    def parted(*parts: str) -> list[tuple[str, list | None]]:
        entries = kinds.parted([action], [kinds.part([action], part) for part in parts])
        return [(entry.name, entry.relative_to and entry.relative_to["components"]) for entry in entries]

    assert parted("turn=quaternion:3..7", "hand=gripper:7..8") == [(ACTION, [0, 1, 2]), ("turn", None), ("hand", [7])]
    assert parted("action=gripper") == [(ACTION, related["components"])]
    with pytest.raises(ExportError, match="kind of turn: a quaternion is no sum"):
        parted("turn=quaternion:2..6")
