"""What readers said of answers and of pairs of answers: the tables in `catalogue/readings`, with their texts.

The texts of our own models' answers are in the tables. Those of public sets are read from HOMOG_DATA, and the rows
whose texts are not on this machine are left out.
"""

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from homog_core.catalogue.datasets import DATASETS
from homog_core.errors import HomogError
from homog_core.files import PACKAGE
from homog_core.measures.grading import grade
from homog_core.measures.report_cards import ReadPair
from homog_core.records import Question
from homog_core.runs.dataset_files import dataset_file
from homog_core.runs.public_answers import Answers, judged_pairs, public_answers
from homog_core.runs.questions import load_questions

FOLDER = PACKAGE / "catalogue" / "readings"


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """One answer, and what readers said of it."""

    sample: int  # 1: the reading that the rules of `grading` were made with; 2: the one after
    source: str
    stage: str
    question: Question
    answer: str
    verdict: str  # of the readers: correct, incorrect, abstained or unclear
    graded_before: str  # what the version before the reading graded it


@dataclass(frozen=True, slots=True)
class StageErrors:
    """What readers said of questions that a clusterer puts into one cluster or two, answers of one wording apart."""

    accepted: int  # of those with one cluster: readers see one answer
    n_single: int
    missed: int  # of those with two clusters: readers see one answer
    n_two: int


@cache
def stage_errors(clusterer: str, path: Path = FOLDER / "questions.csv") -> dict[str, StageErrors]:
    """The errors of a clusterer (by its key) on whole questions, by stage; none where nobody read any."""
    rows = pd.read_csv(path, dtype={"question_id": str})
    rows = rows[rows["clusterer"] == clusterer].replace({"stage": {"control": "sft"}})
    return {
        stage: StageErrors(
            int(own.loc[own["n_clusters"] == 1, "one"].sum()),
            int((own["n_clusters"] == 1).sum()),
            int(own.loc[own["n_clusters"] == 2, "one"].sum()),
            int((own["n_clusters"] == 2).sum()),
        )
        for stage, own in rows.groupby("stage")
    }


@dataclass(frozen=True, slots=True)
class GradeErrors:
    """What readers said of the grades of a stage's answers, on the sample that did not shape the rules."""

    both: int  # graded correct and read as correct
    graded: int  # graded correct
    read: int  # read as correct


@cache
def grade_errors(path: Path = FOLDER / "answers.csv") -> dict[str, GradeErrors]:
    """The errors of the grades on our own models' answers, by stage; the control is a model of the stage sft.

    The table says how each answer is graded, so that no dataset has to be here and every machine finds the same.
    """
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows = rows[(rows["sample"] == "2") & ~rows["source"].str.contains("/")].replace({"stage": {"control": "sft"}})
    graded, read = rows["graded"] == "correct", rows["verdict"] == "correct"
    return {
        stage: GradeErrors(int((graded & read)[own].sum()), int(graded[own].sum()), int(read[own].sum()))
        for stage, own in rows.groupby("stage").groups.items()
    }


def grade_readings(path: Path = FOLDER / "answers.csv") -> int:
    """Write into the table how each answer is graded now, as far as its question is on this machine; how many are not.

    To be run after a change of the rules of `grading`.
    """
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    found = [_answer(row) for row in rows.itertuples()]
    rows["graded"] = [
        grade(answer.question, answer.answer).verdict if answer else before
        for answer, before in zip(found, rows["graded"], strict=True)
    ]
    rows.to_csv(path, index=False)
    return found.count(None)


def read_pairs(path: Path = FOLDER / "pairs.csv") -> list[ReadPair]:
    """The pairs of answers that readers compared, as far as their texts are on this machine."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    return [pair for row in rows.itertuples() if (pair := _pair(row))]


def pairs_judged_elsewhere(n: int = 500) -> list[ReadPair]:
    """Pairs of answers of larger models that people judged: both right, or one of the two. None without the files.

    They help to fit `combined` to whole sentences; no card is measured on them.
    """
    try:
        found = list(judged_pairs(for_fitting=True))
    except HomogError:
        return []
    drawn = random.Random(1).sample(found, min(n, len(found)))
    return [ReadPair(*pair, "judged", "", "evouna") for pair in drawn]


def read_answers(path: Path = FOLDER / "answers.csv") -> list[ReadAnswer]:
    """The answers that readers graded, as far as their questions are on this machine."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    return [answer for row in rows.itertuples() if (answer := _answer(row))]


def _pair(row: object) -> ReadPair | None:
    texts = row.first, row.second
    if "/" in row.source:
        public = _public(row.source).get(row.question_id)
        question = public.question if public else None
        texts = (public.samples[int(row.i)], public.samples[int(row.j)]) if public else texts
    else:
        question = _questions(row.dataset).get(row.question_id)
    if question is None:
        return None
    return ReadPair(question.text, *texts, row.same == "1", row.half, row.stage, row.source)


def _answer(row: object) -> ReadAnswer | None:
    text = row.answer
    if "/" in row.source:
        public = _public(row.source).get(row.question_id)
        question = public.question if public else None
        text = public.samples[0] if public else text
    else:
        question = _questions(row.dataset).get(row.question_id)
    if question is None:
        return None
    return ReadAnswer(int(row.sample), row.source, row.stage, question, text, row.verdict, row.graded_before)


@cache
def _public(source: str) -> dict[str, Answers]:
    try:
        return {answers.question.id: answers for answers in public_answers(source)}
    except HomogError:
        return {}


@cache
def _questions(dataset: str) -> dict[str, Question]:
    if dataset in DATASETS and dataset_file(DATASETS[dataset]) is None:
        return {}  # nobody has asked for it, so it is not fetched
    try:
        return {question.id: question for question in load_questions(dataset)}
    except HomogError:
        return {}
