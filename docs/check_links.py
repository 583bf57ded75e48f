"""Checks links without a network: relative ones lead to a file, and to an anchor where they name one.

    python docs/check_links.py BOOK

checks the pages of the built book in the folder BOOK, and every Markdown file of the repository.
"""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
# Made for printing and for a page that was not found: their links are those of other pages, from elsewhere.
COPIES = {"print.html", "404.html", "toc.html"}


class Page(HTMLParser):
    """A page's links and anchors."""

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is not None and (name in ("href", "src")) and tag != "base":
                self.links.append(value)
            elif value is not None and name in ("id", "name"):
                self.anchors.add(value)


def html_page(path: Path) -> tuple[list[str], set[str]]:
    page = Page(path.read_text(encoding="utf-8"))
    return page.links, page.anchors


def prose(text: str) -> str:
    """Markdown without its code."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^(?: {4}|\t).*$", "", text, flags=re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def markdown_page(path: Path) -> tuple[list[str], set[str]]:
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)", prose(text))
    links += re.findall(r"^\[[^\]]+\]:\s*(\S+)", prose(text), flags=re.MULTILINE)
    headings = re.findall(r"^#{1,6} +(.+?) *#*$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), flags=re.M)
    return links, {slug(heading) for heading in headings}


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub and mdBook name it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


READERS = {".html": html_page, ".md": markdown_page}


def problems(page: Path, root: Path) -> list[str]:
    """What is wrong with the links of a page; none leads out of `root`."""
    found = []
    for link in READERS[page.suffix](page)[0]:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = page if not parts.path else (page.parent / unquote(parts.path)).resolve()
        if target != page and not target.is_relative_to(root):
            found.append(f"{link}: leads out of {root.name}")
        elif not target.exists():
            found.append(f"{link}: no such file")
        elif parts.fragment and target.suffix in READERS:
            anchors = READERS[target.suffix](target)[1]
            if unquote(parts.fragment) not in anchors:
                found.append(f"{link}: no such heading")
    return found


def markdown_files() -> list[Path]:
    """Those of the repository; the book's sources are checked where they are pages."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    paths = [ROOT / name for name in names if not name.startswith("docs/src/")]
    return [path for path in paths if path.exists()]


def main() -> int:
    book = Path(sys.argv[1]).resolve()
    pages = sorted(page for page in book.rglob("*.html") if page.name not in COPIES)
    checked = [(page, book) for page in pages] + [(page, ROOT) for page in markdown_files()]
    wrong = [f"{page.relative_to(root)}: {problem}" for page, root in checked for problem in problems(page, root)]
    print("\n".join(wrong) if wrong else f"{len(checked)} pages: every link leads somewhere")
    return 1 if wrong or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
