"""The questions of the chain: three parts that share nothing, balanced, and gradable by their own references."""

import ast
import json
import operator
import re
from collections import Counter

import pytest

from homog_core.catalogue.datasets import DATASETS
from homog_core.files import PACKAGE
from homog_core.measures.grading import grade
from homog_core.measures.short_answers import is_polar
from homog_core.runs.dataset_files import dataset_file
from homog_core.runs.questions import load_questions
from homog_core.training.data import overlaps

PARTS = ("facts", "facts-choosing", "facts-train")
ROWS = {
    part: [json.loads(line) for line in (PACKAGE / "questions" / f"{part}.jsonl").read_text("utf-8").splitlines()]
    for part in PARTS
}
EVERY = [row for rows in ROWS.values() for row in rows]
BENCHMARKS = [name for name in DATASETS if name not in PARTS]
NEAR = {"starter": 0.5}  # the largest overlap with its questions; with those of others 0.75


def decided(rows):
    return Counter(row["references"][0] for row in rows if row["references"] in (["Yes"], ["No"]))


def test_they_are_read_whole_by_our_own_reader():
    for part in PARTS:
        assert [question.id for question in load_questions(part)] == [row["id"] for row in ROWS[part]]
        assert {question.dataset for question in load_questions(part)} == {part}


def test_there_are_enough_of_them():
    assert len(EVERY) >= 1000
    assert len(ROWS["facts"]) >= 500


@pytest.mark.parametrize("field", ["id", "text"])
def test_every_question_is_there_once(field):
    assert [value for value, n in Counter(row[field].lower() for row in EVERY).items() if n > 1] == []


def test_the_parts_share_no_entity():
    found = [{row["entity"] for row in ROWS[part]} for part in PARTS]
    assert not found[0] & found[1]
    assert not found[0] & found[2]
    assert not found[1] & found[2]


def test_some_families_are_in_the_test_part_alone():
    families = {part: {row["category"] for row in ROWS[part]} for part in PARTS}
    assert len(families["facts"] - families["facts-train"]) >= 4
    assert families["facts-train"] <= families["facts"]


@pytest.mark.parametrize("part", PARTS)
def test_no_is_the_answer_half_again_as_often_as_yes(part):
    counts = decided(ROWS[part])
    assert counts["No"] >= 1.2 * counts["Yes"] > 0
    assert decided(EVERY)["No"] >= 1.5 * decided(EVERY)["Yes"]


def test_difficulty_varies_within_each_family():
    for family in {row["category"] for row in EVERY}:
        assert len({row["difficulty"] for row in EVERY if row["category"] == family}) == 3


@pytest.mark.parametrize("row", [row for row in EVERY if row["category"] == "sums"], ids=lambda row: row["id"])
def test_a_sum_is_right(row):
    a, sign, b = re.search(r"(\d+) (plus|minus|times) (\d+)", row["text"]).groups()
    work = {"plus": operator.add, "minus": operator.sub, "times": operator.mul}[sign]
    assert row["references"] == [str(work(ast.literal_eval(a), ast.literal_eval(b)))]


def test_every_reference_is_graded_correct_by_itself():
    wrong = []
    for part in PARTS:
        for question in load_questions(part):
            wrong += [(question.text, r) for r in question.references if grade(question, r).verdict != "correct"]
    assert wrong == []


def test_yes_or_no_questions_are_known_as_such():
    assert [row["text"] for row in EVERY if row["references"] in (["Yes"], ["No"]) and not is_polar(row["text"])] == []


@pytest.mark.parametrize("name", BENCHMARKS)
def test_no_question_is_worded_like_one_of_another_set(name):
    if dataset_file(DATASETS[name]) is None:
        pytest.skip(f"{name} is not on this machine")
    texts = [row["text"] for row in EVERY]
    found = overlaps(texts, [question.text for question in load_questions(name)])
    assert [text for text, overlap in zip(texts, found, strict=True) if overlap >= NEAR.get(name, 0.75)] == []
