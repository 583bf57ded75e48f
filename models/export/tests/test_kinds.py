"""Kinds of actions: stated by a user, or by where the policy comes from."""

import re

import pytest
from torch import nn

from export import kinds
from export.diffusion_policy import common
from export.fields import Fields
from export.policy import Entry, ExportError, Policy, Shape, identity, mean_std, min_max


def policy(*actions: Entry) -> Policy:
    return Policy("arm", Shape(), [Entry("seen", (2,), identity())], list(actions), {}, nn.Identity())


def arm(numbers: int = 10) -> Entry:
    """Each statistic says which number it is of."""
    return Entry("action", (numbers,), min_max(list(range(numbers)), [100 + n for n in range(numbers)]), "m")


def described(found: Policy) -> list[tuple]:
    return [(entry.name, entry.shape, entry.kind, entry.normalization["min"]) for entry in found.actions]


def test_an_entry_is_of_the_kind_that_is_stated() -> None:
    found = kinds.stated(policy(arm(3), Entry("gripper", (1,), mean_std([0.5], [0.1]))), ["gripper=gripper"])
    assert [entry.kind for entry in found.actions] == [None, "gripper"]
    assert found.schema_version == 5
    assert "kind" not in found.actions[0].described()
    assert found.actions[1].described()["kind"] == "gripper"


def test_numbers_of_an_action_become_entries() -> None:
    found = kinds.stated(policy(arm()), ["hand=gripper:9..10", "turn=rotation_6d:3..9"])
    assert described(found) == [
        ("action", (3,), None, [0, 1, 2]),
        ("turn", (6,), "rotation_6d", [3, 4, 5, 6, 7, 8]),
        ("hand", (1,), "gripper", [9]),
    ]
    assert [entry.unit for entry in found.actions] == ["m"] * 3
    middle = kinds.stated(policy(arm(6)), ["turn=quaternion:1..5"])
    assert [entry[0] for entry in described(middle)] == ["action_1", "turn", "action_2"]
    whole = kinds.stated(policy(arm(4)), ["turn=quaternion:0..4"])
    assert described(whole) == [("turn", (4,), "quaternion", [0, 1, 2, 3])]


def test_nothing_stated_changes_nothing() -> None:
    before = policy(arm(), Entry("more", (2, 3), identity()))
    after = kinds.stated(before, [])
    assert (after.actions, after.schema_version) == (before.actions, 3)


WRONG = {
    "gripper": "--kind gripper: must be NAME=KIND",
    "hand=gripper": "--kind hand=gripper: an action has no entry hand, but action; hand=gripper:FROM..TO makes one",
    "action=claw": "kind of action: is 'claw', which is not known; use position, gripper, quaternion, rotation_6d",
    "action=quaternion": "kind of action: a quaternion has 4 numbers, but 0..10 are 10",
    "hand=gripper:10..11": "kind of hand: 10..11 is beyond an action, which has 10 numbers",
    "hand=gripper:9..11": "kind of hand: 9..11 is not within one entry of an action",
    "hand=gripper:9..9": "kind of hand: a gripper has a number at least, but 9..9 are 0",
    "action=gripper:9..10": "kind of action: there are two entries of this name",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ExportError, match=re.escape(WRONG[text])):
        kinds.stated(policy(arm()), [text])


def test_parts_may_not_overlap() -> None:
    with pytest.raises(ExportError, match=r"kind of a: 2\.\.6 overlaps b"):
        kinds.stated(policy(arm()), ["a=quaternion:2..6", "b=gripper:5..7"])


def test_absolute_actions_of_robomimic_have_kinds() -> None:
    def actions(numbers: int, task: dict) -> list[tuple]:
        cfg = Fields("cfg", {"task": task})
        return [(entry.name, entry.length, entry.kind) for entry in common.actions(cfg, arm(numbers))]

    one = [("position", 3, None), ("rotation", 6, "rotation_6d"), ("gripper", 1, "gripper")]
    assert actions(10, {"abs_action": True}) == one
    assert actions(10, {"dataset": {"abs_action": True, "rotation_rep": "rotation_6d"}}) == one
    two = [(f"robot{robot}_{name}", length, kind) for robot in (0, 1) for name, length, kind in one]
    assert actions(20, {"abs_action": True}) == two
    for numbers, task in [
        (10, {"abs_action": False}),
        (10, {}),
        (7, {"abs_action": True}),
        (10, {"abs_action": True, "dataset": {"rotation_rep": "axis_angle"}}),
    ]:
        assert actions(numbers, task) == [("action", numbers, None)]
