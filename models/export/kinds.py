"""What the numbers of an action are, where no line leads between them: grippers and rotations."""

import re
from dataclasses import dataclass, replace

from export.policy import Entry, ExportError, Policy

# How many numbers each has, if the kind says it.
KINDS = {"position": None, "gripper": None, "quaternion": 4, "rotation_6d": 6}
STATED = re.compile(r"(?P<name>[^=]+)=(?P<kind>\w+)(:(?P<first>\d+)\.\.(?P<end>\d+))?")


@dataclass(frozen=True)
class Part:
    """Numbers of an action, from `first` to before `end`, that are an entry of their own."""

    name: str
    kind: str
    first: int
    end: int


def stated(policy: Policy, given: list[str]) -> Policy:
    """The policy with the kinds that a user states: `NAME=KIND` of an entry of its actions, or `NAME=KIND:FROM..TO` of
    numbers of an action, which become an entry of this name. Raises `ExportError` with what makes no sense."""
    return replace(policy, actions=parted(policy.actions, [part(policy.actions, text) for text in given]))


def part(actions: list[Entry], text: str) -> Part:
    found = STATED.fullmatch(text)
    if found is None:
        raise ExportError(f"--kind {text}: must be NAME=KIND, or NAME=KIND:FROM..TO")
    name, kind = found["name"], found["kind"]
    if found["first"] is not None:
        return Part(name, kind, int(found["first"]), int(found["end"]))
    first = 0
    for entry in actions:
        if entry.name == name:
            return Part(name, kind, first, first + entry.length)
        first += entry.length
    known = ", ".join(entry.name for entry in actions)
    raise ExportError(
        f"--kind {text}: an action has no entry {name}, but {known}; {name}={kind}:FROM..TO makes one of its numbers"
    )


def parted(actions: list[Entry], parts: list[Part]) -> list[Entry]:
    """The entries of actions, with each part an entry of its own; what is left of an entry keeps its name, with a
    number if there is more than one piece of it."""
    for part in parts:
        checked(part, parts)
    pieces, first = [], 0
    for entry in actions:
        end = first + entry.length
        pieces += split(entry, first, [part for part in parts if part.first < end and part.end > first])
        first = end
    for part in parts:
        if part.end > first:
            raise ExportError(
                f"kind of {part.name}: {part.first}..{part.end} is beyond an action, which has {first} numbers"
            )
    names = [entry.name for entry in pieces]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ExportError(f"kind of {twice}: there are two entries of this name")
    return pieces


def checked(part: Part, parts: list[Part]) -> None:
    name, numbers = f"kind of {part.name}", part.end - part.first
    if part.kind not in KINDS:
        raise ExportError(f"{name}: is {part.kind!r}, which is not known; use {', '.join(KINDS)}")
    if numbers < 1 or KINDS[part.kind] not in (None, numbers):
        wanted = f"{KINDS[part.kind]} numbers" if KINDS[part.kind] else "a number at least"
        raise ExportError(f"{name}: a {part.kind} has {wanted}, but {part.first}..{part.end} are {numbers}")
    others = (other for other in parts if other is not part)
    other = next((other for other in others if other.first < part.end and part.first < other.end), None)
    if other is not None:
        raise ExportError(f"{name}: {part.first}..{part.end} overlaps {other.name}")


def split(entry: Entry, first: int, parts: list[Part]) -> list[Entry]:
    """An entry, whose numbers begin at `first`, as its parts and what is left of it."""
    end = first + entry.length
    outside = next((part for part in parts if part.first < first or part.end > end), None)
    if outside is not None:
        raise ExportError(
            f"kind of {outside.name}: {outside.first}..{outside.end} is not within one entry of an action"
        )
    whole = next((part for part in parts if (part.first, part.end) == (first, end)), None)
    if whole is not None:
        return [piece(entry, whole.name, whole, 0, entry.length, entry.shape)]
    found, at = [], first
    for part in [*sorted(parts, key=lambda part: part.first), None]:
        until = end if part is None else part.first
        if at < until:
            found.append((None, at, until))
        if part is not None:
            found.append((part, part.first, part.end))
            at = part.end
    left = sum(part is None for part, _, _ in found)
    pieces, count = [], 0
    for part, begin, until in found:
        count += part is None
        name = part.name if part is not None else entry.name if left == 1 else f"{entry.name}_{count}"
        pieces.append(piece(entry, name, part, begin - first, until - first))
    return pieces if parts else [entry]


def piece(
    entry: Entry, name: str, part: Part | None, begin: int, end: int, shape: tuple[int, ...] | None = None
) -> Entry:
    """Numbers of an entry, as an entry of their own."""
    statistics = {
        key: value[begin:end] if isinstance(value, list) else value for key, value in entry.normalization.items()
    }
    of, relative = entry.kind if part is None else kind(part), relative_to(entry, begin, end)
    if relative and KINDS.get(of) is not None:
        raise ExportError(f"kind of {name}: a {of} is no sum, but these numbers are relative to the state")
    return Entry(name, shape or (end - begin,), statistics, entry.unit, of, relative)


def relative_to(entry: Entry, begin: int, end: int) -> dict | None:
    """What these numbers of an entry are relative to; None where they are absolute."""
    if entry.relative_to is None:
        return None
    components = entry.relative_to["components"][begin:end]
    return entry.relative_to | {"components": components} if any(c is not None for c in components) else None


def kind(part: Part) -> str | None:
    """As the manifest has it: positions, which most are, are left out."""
    return None if part.kind == "position" else part.kind
