"""How far a long export is: a line on a terminal, written again and again."""

import sys
from collections.abc import Callable

# What is done, how much of it, and of how much in all.
Progress = Callable[[str, int, int], None]
WIDTH = 30


def silent(what: str, done: int, of: int) -> None:
    """For who is not interested."""


def line(what: str, done: int, of: int) -> str:
    """A bar of so many of `WIDTH`, and per cent."""
    filled = WIDTH * done // of
    return f"{what:24} [{'#' * filled}{' ' * (WIDTH - filled)}] {100 * done // of:3} %"


def shown() -> Progress:
    """On the terminal, if errors go to one; it ends in a line of its own."""
    if not sys.stderr.isatty():
        return silent

    def show(what: str, done: int, of: int) -> None:
        print(f"\r\x1b[K{line(what, done, of)}", end="\n" if done == of else "", file=sys.stderr, flush=True)

    return show
