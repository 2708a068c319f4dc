"""The documents that the Methods page is made from: they parse, and their examples say what the functions say."""

import doctest
import re

import pytest

from dashboard import handbook
from dashboard.handbook import Term, columns_of, slug

TERMS = handbook.glossary().terms
EXPECTED = {
    "response-homogenization",
    "single-cluster-rate",
    "cluster",
    "clusterer",
    "threshold",
    "report-card",
    "token-entropy",
    "semantic-entropy",
    "auroc",
    "coverage",
    "selective-accuracy",
    "cascade",
    "alignment",
    "sft",
    "dpo",
    "interval",
}


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.key)
def test_the_example_of_a_word_is_what_the_functions_compute(term: Term):
    test = doctest.DocTestParser().get_doctest(term.code, {}, term.name, None, None)
    runner = doctest.DocTestRunner(verbose=False)
    said: list[str] = []

    runner.run(test, out=said.append)

    assert test.examples
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.key)
def test_what_an_example_prints_stands_in_its_sentence(term: Term):
    printed = [e.want.strip() for e in doctest.DocTestParser().get_examples(term.code) if e.want]

    assert printed
    for value in printed:
        parts = [value] if value in term.example else [part.strip("() ") for part in value.split(",")]
        assert all(part in term.example for part in parts), f"{value} is not in: {term.example}"


def test_every_word_of_the_brief_is_explained_once():
    keys = [key for term in TERMS for key in term.keys]

    assert set(keys) >= EXPECTED
    assert len(keys) == len(set(keys))


def test_a_word_is_found_by_its_abbreviation():
    assert handbook.glossary().find("SCR").key == "single-cluster-rate"
    assert handbook.glossary().find("nothing") is None


def test_definitions_are_short():
    assert max(len(term.definition.split()) for term in TERMS) <= 80


def test_every_section_of_the_methods_is_found():
    text = handbook.METHODS.read_text(encoding="utf-8")
    sections = handbook.methods()

    assert len(sections) == len(re.findall(r"^## ", text, flags=re.MULTILINE))
    rebuilt = {line.strip() for section in sections for block in section.blocks for line in block.splitlines()}
    body = text.partition("\n## ")[2].splitlines()[1:]
    assert {line.strip() for line in body if line.strip() and not line.startswith("## ")} == rebuilt
    assert handbook.preface()


def test_every_table_of_the_methods_has_the_same_number_of_cells_in_every_row():
    tables = [block for section in handbook.methods() for block in section.blocks if columns_of(block)]

    assert len(tables) > 8
    for table in tables:
        cells = {len(re.split(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert cells == {len(columns_of(table)) + 2}, table.splitlines()[0]


def test_people_named_in_the_methods_are_among_the_sources():
    named = re.findall(r"([A-Z][\w-]+) et al\.|([A-Z][\w-]+) & [A-Z]\w+", handbook.METHODS.read_text(encoding="utf-8"))
    sources = handbook.glossary().sources

    assert named
    assert [name for pair in named for name in pair if name and name not in sources] == []


def test_columns_of_a_table():
    assert columns_of("| a | `b` | c \\| d |\n|---|:--|---|\n| 1 | 2 | 3 |") == ["a", "b", "c \\| d"]
    assert columns_of("no table") == []
    assert columns_of("| a |\nno table") == []


@pytest.mark.parametrize(("name", "expected"), [("Cohen's d", "cohens-d"), ("AUROC", "auroc"), ("A  b–c", "a-b-c")])
def test_names_in_urls(name, expected):
    assert slug(name) == expected
