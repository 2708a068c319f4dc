"""What the chain learns from, and that it is nothing that models are judged by."""

import pytest
from fakes import make_question

from homog_core.catalogue.datasets import DATASETS, TRAINING_DATASETS
from homog_core.errors import HomogError
from homog_core.runs.dataset_files import dataset_file
from homog_core.runs.questions import load_questions
from homog_core.training import data
from homog_core.training.data import FORBIDDEN, OVERLAP, check_for_leaks, overlaps, training_questions

NEEDED = [(DATASETS | TRAINING_DATASETS)[name] for name in FORBIDDEN]
with_datasets = pytest.mark.skipif(
    not all(dataset_file(spec) for spec in NEEDED), reason="the public data sets are not on this machine"
)


def test_overlap_is_the_jaccard_index_of_content_words():
    others = ["What is the capital of Norway?", "Who wrote Hamlet?"]
    # content words: {capital, norway} against {capital, norway, today} 2/3; {is, it, the}: none
    found = overlaps(["the CAPITAL of Norway", "capital of norway today", "is it the?"], others)
    assert found.tolist() == pytest.approx([1, 2 / 3, 0])


def test_questions_that_overlap_are_left_out(monkeypatch):
    sets = {name: [make_question(name, "Who wrote Hamlet?")] for name in FORBIDDEN}
    sets["facts-train"] = [make_question("a", "who WROTE Hamlet"), make_question("b", "Who wrote Emma?")]
    monkeypatch.setattr(data, "load_questions", sets.get)
    assert [question.id for question in training_questions()] == ["b"]


@with_datasets
def test_no_training_question_is_one_that_models_are_judged_by():
    questions = training_questions()
    assert len(questions) >= 0.95 * len(load_questions("facts-train"))
    assert max(check_for_leaks([question.text for question in questions]).values()) < OVERLAP


@with_datasets
@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_question_that_leaks_is_refused(name):
    leaked = load_questions(name)[7].text
    with pytest.raises(HomogError, match="too close to one of"):
        check_for_leaks(["What is an entirely harmless thing?", leaked.lower()])


@with_datasets
@pytest.mark.parametrize("name", FORBIDDEN)
def test_without_a_dataset_to_check_against_nothing_is_trained_on(monkeypatch, name):
    load = load_questions

    def gone(asked):
        if asked == name:
            raise HomogError("gone")
        return load(asked)

    monkeypatch.setattr(data, "load_questions", gone)
    with pytest.raises(HomogError, match="gone"):
        training_questions()
