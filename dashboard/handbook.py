"""docs/methods.md and docs/glossary.md → words, sections and tables, for the page that explains them.

The documents are the one source: nothing of them is written down twice. It knows Markdown as far as these two use it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from homog_core.errors import HomogError
from homog_core.files import PROJECT

GLOSSARY, METHODS = PROJECT / "docs" / "glossary.md", PROJECT / "docs" / "methods.md"


@dataclass(frozen=True, slots=True)
class Term:
    """One word of the glossary."""

    name: str  # as in the heading: "Single-cluster rate (SCR)"
    definition: str  # Markdown
    example: str  # Markdown, a sentence or two
    code: str  # a doctest

    @property
    def key(self) -> str:
        """Its name in a URL: "single-cluster-rate"."""
        return slug(self.name.partition(" (")[0])

    @property
    def text(self) -> str:
        """All of it."""
        return "\n\n".join((self.name, self.definition, self.example, self.code))

    @property
    def keys(self) -> list[str]:
        """All names that it is found by; an abbreviation in brackets is one."""
        return [self.key, *(slug(short) for short in re.findall(r"\(([^)]*)\)", self.name))]


@dataclass(frozen=True, slots=True)
class Section:
    """One section of docs/methods.md."""

    title: str
    code: str  # the modules and commands that it is about, as Markdown; "" where none are named
    blocks: tuple[str, ...]  # paragraphs, lists and tables, as Markdown

    @property
    def key(self) -> str:
        """Its name in a URL."""
        return slug(self.title)

    @property
    def text(self) -> str:
        """All of it."""
        return "\n\n".join((self.title, self.code, *self.blocks))


@dataclass(frozen=True, slots=True)
class Glossary:
    """docs/glossary.md."""

    terms: tuple[Term, ...]
    limits: str  # Markdown
    sources: str  # Markdown

    def find(self, key: str) -> Term | None:
        """The word of that name in a URL."""
        return next((term for term in self.terms if slug(key) in term.keys), None)


def slug(name: str) -> str:
    """A name as it stands in a URL."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("'", "")).strip("-")


def glossary() -> Glossary:
    """Read the glossary. Raises `HomogError` where it is missing or lacks a part."""
    parts = dict(_split(_read(GLOSSARY), "## "))
    try:
        terms = tuple(_term(name, body) for name, body in _split(parts["Words"], "### "))
        return Glossary(terms, parts["Limits"], parts["Sources"])
    except (KeyError, ValueError) as error:
        raise HomogError(f"{GLOSSARY} is not as it should be: {error}.") from error


def methods() -> list[Section]:
    """Read the sections of docs/methods.md. Raises `HomogError` where it is missing."""
    found = []
    for heading, body in _split(_read(METHODS), "## "):
        title, _, code = heading.partition(" — ")
        found.append(Section(title, code, tuple(re.split(r"\n{2,}", body))))
    return found


def preface() -> str:
    """What stands above the sections of docs/methods.md."""
    return _read(METHODS).partition("\n## ")[0].partition("\n")[2].strip()


def columns_of(block: str) -> list[str]:
    """The heads of a table's columns; none where the block is no table."""
    lines = block.splitlines()
    if len(lines) < 2 or not re.fullmatch(r"\|(\s*:?-+:?\s*\|)+", lines[1].strip()):
        return []
    return [re.sub(r"[`*]", "", cell).strip() for cell in re.split(r"(?<!\\)\|", lines[0].strip())[1:-1]]


def matches(text: str, words: str) -> bool:
    """Whether a text has all of the words, whatever their case."""
    return all(word in text.lower() for word in words.lower().split())


def _read(path: Path) -> str:
    if not path.is_file():
        raise HomogError(f"{path} is missing; it belongs to the project.")
    return path.read_text(encoding="utf-8")


def _split(text: str, mark: str) -> list[tuple[str, str]]:
    """(heading, body) of every part that begins with such a heading."""
    parts = re.split(rf"^{re.escape(mark)}", text, flags=re.MULTILINE)[1:]
    return [(part.partition("\n")[0].strip(), part.partition("\n")[2].strip()) for part in parts]


def _term(name: str, body: str) -> Term:
    found = re.fullmatch(r"(.+?)\n\nExample\. (.+?)\n\n```python\n(.+?)\n```", body, flags=re.DOTALL)
    if not found:
        raise ValueError(f"{name!r} needs a definition, an example and its code")
    return Term(name, *found.groups())
