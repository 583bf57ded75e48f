"""Reads untrusted configurations field by field; errors name the field."""

import math
from pathlib import Path

from export.policy import ExportError


class Fields:
    """The fields of an object in `where`, each of the type that is asked for."""

    def __init__(self, where: Path | str, values: dict):
        self.where, self.values = where, values

    def refuse(self, name: str, problem: str) -> ExportError:
        return ExportError(f"{self.where}: {name} {problem}")

    def get(self, name: str) -> object:
        if name not in self.values:
            raise self.refuse(name, "is missing")
        return self.values[name]

    def one_of(self, name: str, *known: object) -> object:
        value = self.get(name)
        if not any(value == choice and type(value) is type(choice) for choice in known):
            raise self.refuse(name, f"is {value!r}, which is not supported; supported: {', '.join(map(repr, known))}")
        return value

    def flag(self, name: str) -> bool:
        return self.one_of(name, False, True)

    def count(self, name: str) -> int:
        value = self.get(name)
        if type(value) is not int or value < 1:
            raise self.refuse(name, f"is {value!r}, but must be a whole number, at least 1")
        return value

    def counts(self, name: str, length: int | None = None) -> tuple[int, ...]:
        value = self.get(name)
        whole = isinstance(value, list | tuple) and all(type(size) is int and size >= 1 for size in value)
        if not whole or not value or length not in (None, len(value)):
            wanted = "a list of" if length is None else f"{length}"
            raise self.refuse(name, f"is {value!r}, but must be {wanted} whole numbers, each at least 1")
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
