"""What is said when a policy cannot be exported: one line, whatever the file holds."""

# Longer texts are cut: they quote what a file holds.
LONGEST = 1000


class ExportError(Exception):
    """The policy cannot be exported, and why."""

    def __str__(self) -> str:
        return one_line(super().__str__())


def one_line(text: str) -> str:
    """The text in one line, at most `LONGEST` characters; characters that a terminal obeys, or hides, are escaped."""
    cut = text if len(text) <= LONGEST else text[:LONGEST] + " …"
    words = " ".join(cut.split())
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in words)
