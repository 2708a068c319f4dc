"""Answers of people with their counts."""

import json

import pytest

from homog_core.errors import InvalidInput
from homog_core.runs.importers import import_file
from homog_core.runs.importers.notes import About

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def line(key, counts, clusters):
    answers = {"raw": counts, "clusters": {str(i): {"count": 0, "answers": own} for i, own in enumerate(clusters)}}
    return json.dumps({"metadata": {"id": key}, "question": {"original": f"Name one, {key}."}, "answers": answers})


def test_every_answer_comes_as_often_as_it_was_given_and_a_cut_takes_from_all_clusters(tmp_path):
    path = tmp_path / "people.jsonl"
    path.write_text("\n".join(line(key, {"fox": 30, "hare": 30}, [["fox"], ["hare"]]) for key in ("a", "b")))
    run = import_file(path, About(model="people", n_samples=20))
    counts = run.responses().groupby("question_id")["text"].value_counts().unstack()
    assert (counts.sum(axis=1) == 21).all()  # and the greedy one, which nobody gave
    assert (counts[["fox", "hare"]] > 0).all(axis=None)


def test_more_answers_than_anybody_gave_is_a_clear_mistake(tmp_path):
    path = tmp_path / "people.jsonl"
    path.write_text(line("a", {"fox": 3}, [["fox"]]))
    with pytest.raises(InvalidInput, match="at most 3 answers"):
        import_file(path, About(model="people", n_samples=4))
