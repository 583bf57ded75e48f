"""Actions that are relative to the state: LeRobot's `relative_actions_processor` and `absolute_actions_processor`.

To each number of an action, unnormalised, the number of the state of the same index is added, as the robot gives it,
the same for all actions of a plan; not to those whose name holds one of `exclude_joints`.
"""

from dataclasses import replace

from export.fields import Fields
from export.lerobot.processors import RELATIVE, Normalizer
from export.policy import Entry


def agreed(before: Normalizer, after: Normalizer) -> Fields | None:
    """The settings of the step, which both processors have, or none."""
    if (before.relative is None) != (after.relative is None):
        settings = before.relative or after.relative
        here, there = RELATIVE if after.relative is None else reversed(RELATIVE)
        raise settings.refuse("enabled", f"is True of {here}, but {there} is off or missing: they go together")
    return before.relative


def action(entry: Entry, settings: Fields | None, state: Entry) -> Entry:
    """The entry of the action, relative to the state as the settings say."""
    if settings is None:
        return entry
    if state.length < entry.length:
        raise settings.refuse(
            "enabled", f"is True, but {state.name} has {state.length} numbers, fewer than an action: {entry.length}"
        )
    excluded = exclusions(settings, entry.length)
    components = [None if out else index for index, out in enumerate(excluded)]
    if all(excluded):
        return entry
    return replace(entry, relative_to={"observation": state.name, "components": components})


def exclusions(settings: Fields, length: int) -> list[bool]:
    """Whether each number of an action is excluded: stays absolute."""
    parts = [part.lower() for part in names(settings, "exclude_joints") if part]
    if not parts:
        return [False] * length
    if settings.values.get("action_names") is None:
        raise settings.refuse("exclude_joints", f"is {parts!r}, but action_names does not say which numbers these are")
    joints = names(settings, "action_names")
    if len(joints) != length:
        raise settings.refuse("action_names", f"has {len(joints)} names, but an action {length} numbers")
    return [any(part in joint.lower() for part in parts) for joint in joints]


def names(settings: Fields, name: str) -> list[str]:
    """A list of names, empty where there is none."""
    value = settings.values.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise settings.refuse(name, f"is {value!r}, but must be a list of names")
    return value
