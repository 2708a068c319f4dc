"""What the readings say of the grades: precision and recall of "correct", by sample and stage."""

from collections.abc import Sequence
from itertools import groupby

import pandas as pd
from sklearn.metrics import cohen_kappa_score

from homog_core.measures.grading import grade
from homog_core.reports.tables import Table
from homog_core.runs.readings import FOLDER, ReadAnswer, read_answers
from homog_core.statistics.intervals import wilson_interval
from homog_core.wording.numbers import number, percent, with_interval

_STAGES = ("base", "first sft", "first control", "first dpo", "sft", "control", "dpo", "instruct")


def tables() -> list[Table]:
    """Agreement of the readers, and precision and recall of both samples."""
    found = sorted(read_answers(), key=lambda answer: (answer.sample, _STAGES.index(answer.stage), answer.source))
    rows = [row for _, own in groupby(found, key=lambda answer: answer.sample) for row in _rows(list(own))]
    note = (
        "`python -m benchmarks.reading tables`. Answers drawn at random; sample 1 shaped the rules, sample 2 was read "
        "after they were fixed. Ambiguous answers count as not graded correct; `graded before` is the rule of the "
        "version before. 95 % Wilson intervals."
    )
    return [
        Table("Readers of answers", "Two readers, and a third where they differ.", [_agreement()]),
        Table("Grades against readings", note, rows),
    ]


def _rows(own: Sequence[ReadAnswer]) -> list[dict[str, str]]:
    groups: dict[tuple[str, str], list[ReadAnswer]] = {}
    for answer in own:
        groups.setdefault((answer.stage, _model(answer.source)), []).append(answer)
    groups["all", "all"] = list(own)
    return [_row(own[0].sample, *key, answers) for key, answers in groups.items()]


def _row(sample: int, stage: str, model: str, answers: Sequence[ReadAnswer]) -> dict[str, str]:
    graded = [grade(answer.question, answer.answer).verdict for answer in answers]
    read = [answer.verdict == "correct" for answer in answers]
    before = [answer.graded_before == "correct" for answer in answers]
    now = [verdict == "correct" for verdict in graded]
    return {
        "sample": str(sample),
        "stage": stage,
        "model": model,
        "n": str(len(answers)),
        "read correct": str(sum(read)),
        "ambiguous": str(graded.count("ambiguous")),
        "precision before": _share(read, before),
        "precision": _share(read, now),
        "recall before": _share(before, read),
        "recall": _share(now, read),
    }


def _share(what: Sequence[bool], among: Sequence[bool]) -> str:
    """The share of `what` among `among`, as counts with its interval."""
    hits, n = sum(w and a for w, a in zip(what, among, strict=True)), sum(among)
    return f"{hits}/{n}" + (f" = {with_interval(wilson_interval(hits, n))}" if n else "")


def _agreement() -> dict[str, str]:
    rows = pd.read_csv(FOLDER / "answers.csv", dtype=str, keep_default_na=False)
    same = (rows["reader_1"] == rows["reader_2"]).mean()
    return {
        "answers": str(len(rows)),
        "the readers agree": percent(same),
        "Cohen's κ": number(cohen_kappa_score(rows["reader_1"], rows["reader_2"])),
        "read correct": str((rows["verdict"] == "correct").sum()),
    }


def _model(source: str) -> str:
    return source.removesuffix("/answers")
