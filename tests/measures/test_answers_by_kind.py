"""Answers in many languages and ways of writing, as a reader reads them: which are graded as he does, by kind.

`answers_by_kind.tsv` was written down before the rules were made for it. A row is a question with its references, right
answers and wrong ones; several stand with " | " between them, and ⏎ is a line break. What is still graded wrongly is
listed here, and nothing else may be.
"""

from pathlib import Path

import pandas as pd
import pytest

from homog_core.measures.grading import grade
from homog_core.records import Question

TABLE = pd.read_csv(Path(__file__).with_name("answers_by_kind.tsv"), sep="\t", dtype=str, quoting=3)
KINDS = list(dict.fromkeys(TABLE["kind"]))

# (first reference, answer): right ones that are not found
STILL_MISSED = {
    ("1200000", "1.2m"),  # metres as well
    ("Super Bowl 50", "Super Bowl L"),  # one L, C, D or M is a letter
    ("the 1960s", "the sixties"),
    ("7", "It is 7 of 10."),
    ("1500", "1.500"),  # one group after a point is a decimal
}
# and wrong ones that are taken for right: more stands before or behind, or less
STILL_TAKEN = {
    ("C", "Objective-C"),
    ("O(n log n)", "O(n)"),
    ("O(n log n)", "O(n^2)"),
    ("O(n log n)", "O(log n)"),
    ("1/2", "1/2%"),  # a reference may leave the sign out
    ("1914", "1914-1918 BC"),
    ("42", "42x"),
    ("Spider-Man", "a spider"),
    ("Coca-Cola", "Coca"),
    ("St. Louis", "Louis"),
    ("rock and roll", "rock"),
    ("rock and roll", "roll"),
    ("Simon & Garfunkel", "Simon"),
    ("Paris", "London, Paris"),
    ("Paris", "Paris is wrong."),
    ("No", "Certainly not unsafe"),
    ("Paris", "Paris Hilton"),
    ("Paris", "Paris, Texas"),
    ("Virginia", "West Virginia"),
    ("Virginia", "Virginia Woolf"),
    ("Guinea", "Equatorial Guinea"),
    ("Guinea", "Papua New Guinea"),
    ("The Godfather Part II", "The Godfather"),
    ("Lake Victoria", "Queen Victoria"),
    ("New York", "York"),
    ("vitamin C", "a vitamin"),
}


def read_answers(kind, column):
    """The answers in a column of a kind, each with its question."""
    for i, row in enumerate(TABLE[TABLE["kind"] == kind].itertuples()):
        question = Question(
            f"q{i}", "test", row.question, tuple(row.references.split(" | ")), answer_type=row.answer_type
        )
        for answer in getattr(row, column).split(" | "):
            yield question, answer.replace("⏎", "\n")


def graded_otherwise(kind, column):
    """Those of them that are not graded as the column says, each with the first reference."""
    found = ((question, answer, grade(question, answer).verdict) for question, answer in read_answers(kind, column))
    return {(q.references[0], answer) for q, answer, verdict in found if (verdict == "correct") != (column == "right")}


def listed(kind, column, answers):
    """Those of a list that are in a column of a kind."""
    return answers & {(question.references[0], answer) for question, answer in read_answers(kind, column)}


@pytest.mark.parametrize("kind", KINDS)
def test_right_answers_are_found(kind):
    assert graded_otherwise(kind, "right") == listed(kind, "right", STILL_MISSED)


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_answers_are_not_taken_for_right(kind):
    assert graded_otherwise(kind, "wrong") == listed(kind, "wrong", STILL_TAKEN)


def test_the_table_is_as_long_as_the_documents_say():
    assert [sum(len(list(read_answers(kind, column))) for kind in KINDS) for column in ("right", "wrong")] == [470, 412]
    assert (len(STILL_MISSED), len(STILL_TAKEN)) == (5, 26)
