import ast
import json
import operator
import re
from collections import Counter

import pytest
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from homog_core.catalogue.datasets import DATASETS
from homog_core.files import PROJECT
from homog_core.runs.dataset_files import dataset_file
from homog_core.runs.questions import load_questions

ROWS = [
    json.loads(line)
    for line in (PROJECT / "homog_core" / "questions" / "starter.jsonl").read_text("utf-8").splitlines()
]
WITH_WORDS = [row for row in ROWS if row["answer_type"] == "text"]
WITH_NUMBERS = [row for row in ROWS if row["answer_type"] == "number"]
BENCHMARKS = [name for name in DATASETS if name != "starter"]

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def value_of(working):
    """The value of a sum written with numbers, + − · / and brackets."""

    def value(node):
        if isinstance(node, ast.Constant):
            return node.value
        return OPERATORS[type(node.op)](value(node.left), value(node.right))

    return value(ast.parse(working, mode="eval").body)


def content_words(text):
    return set(re.findall(r"\w+", text.lower())) - ENGLISH_STOP_WORDS


def test_it_is_read_whole_by_our_own_reader():
    assert [question.id for question in load_questions("starter")] == [row["id"] for row in ROWS]


def test_it_holds_three_families_of_at_least_fifty():
    categories = Counter(row["category"] for row in ROWS)

    assert len(ROWS) >= 150
    assert len(categories) == 3
    assert min(categories.values()) >= 50


@pytest.mark.parametrize("field", ["id", "text"])
def test_every_question_is_there_once(field):
    counts = Counter(row[field].lower() for row in ROWS)

    assert [value for value, count in counts.items() if count > 1] == []


def test_the_families_with_words_have_references_of_both_kinds():
    assert len({row["category"] for row in WITH_WORDS}) == 2
    assert [row["id"] for row in WITH_WORDS if len(set(row["references"])) < 2] == []
    assert [row["id"] for row in WITH_WORDS if len(set(row["incorrect_references"])) < 2] == []


def test_no_reference_is_both_correct_and_incorrect():
    assert [row["id"] for row in WITH_WORDS if set(row["references"]) & set(row["incorrect_references"])] == []


@pytest.mark.parametrize("row", WITH_NUMBERS, ids=lambda row: row["id"])
def test_the_number_is_the_value_of_its_working(row):
    (reference,) = row["references"]

    assert float(reference) == pytest.approx(value_of(row["working"]))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_no_question_is_worded_like_one_of_a_benchmark(name):
    if dataset_file(DATASETS[name]) is None:
        pytest.skip(f"{name} is not on this machine")
    theirs = [(question.text, content_words(question.text)) for question in load_questions(name)]

    alike = [
        (row["text"], text)
        for row in ROWS
        for ours in [content_words(row["text"])]
        for text, words in theirs
        if len(ours & words) >= 0.5 * len(ours | words)
    ]

    assert alike == []
