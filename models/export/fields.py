"""Reads untrusted configurations field by field; errors name the field."""

import math
from pathlib import Path

from export.errors import ExportError

# More than any size of a network, of an image or of a schedule; more of them in a list than any has.
LARGEST, LONGEST = 1 << 20, 64


class Fields:
    """The fields of an object in `where`, each of the type that is asked for."""

    def __init__(self, where: Path | str, values: dict):
        self.where, self.values = where, values

    def refuse(self, name: str, problem: str) -> ExportError:
        return ExportError(f"{self.where}: {name} {problem}")

    def known(self, names: set[str], defaults: dict) -> "Fields":
        """The same with defaults filled in; fields that are neither are refused."""
        for name in sorted(self.values.keys() - names - defaults.keys()):
            raise self.refuse(name, "is not known: it may change what the policy does")
        return Fields(self.where, defaults | self.values)

    def under(self, name: str) -> "Fields":
        """The fields of the object in the field `name`."""
        joint = ": " if isinstance(self.where, Path) else "."
        return Fields(f"{self.where}{joint}{name}", self.table(name))

    def get(self, name: str) -> object:
        if name not in self.values:
            raise self.refuse(name, "is missing")
        return self.values[name]

    def one_of(self, name: str, *known: object) -> object:
        value = self.get(name)
        if not any(type(value) is type(choice) and value == choice for choice in known):
            raise self.refuse(name, f"is {value!r}, which is not supported; supported: {', '.join(map(repr, known))}")
        return value

    def flag(self, name: str) -> bool:
        return self.one_of(name, False, True)

    def count(self, name: str, most: int = LARGEST) -> int:
        value = self.get(name)
        if not whole(value, most):
            raise self.refuse(name, f"is {value!r}, but must be a whole number, at least 1, at most {most}")
        return value

    def counts(self, name: str, length: int | None = None) -> tuple[int, ...]:
        value = self.get(name)
        listed = isinstance(value, list | tuple) and all(whole(size, LARGEST) for size in value)
        if not listed or not 1 <= len(value) <= LONGEST or length not in (None, len(value)):
            wanted = "a list of" if length is None else f"{length}"
            raise self.refuse(
                name, f"is {value!r}, but must be {wanted} whole numbers, each at least 1, at most {LARGEST}"
            )
        return tuple(value)

    def number(self, name: str) -> float:
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.refuse(name, f"is {value!r}, but must be a number")
        return float(value)

    def table(self, name: str) -> dict:
        value = self.get(name)
        if not isinstance(value, dict):
            raise self.refuse(name, f"is {value!r}, but must be an object")
        return value


def whole(value: object, most: int) -> bool:
    return type(value) is int and 1 <= value <= most
