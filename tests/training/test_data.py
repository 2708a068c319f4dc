"""What the recipe learns from: sentences by hand, disjoint parts, and nothing that models are judged by."""

import pytest
from fakes import make_question

from homog_core.catalogue.datasets import DATASETS, TRAINING_DATASETS
from homog_core.errors import HomogError
from homog_core.measures.numbers import stated_number
from homog_core.runs.dataset_files import dataset_file
from homog_core.runs.questions import load_questions
from homog_core.training import data
from homog_core.training.data import (
    FORBIDDEN,
    N_QUESTIONS,
    OVERLAP,
    Example,
    answer_sentence,
    check_for_leaks,
    overlaps,
    solution_sentence,
    training_examples,
    without_overlap,
)

NEEDED = [(DATASETS | TRAINING_DATASETS)[name] for name in (*FORBIDDEN, "webquestions-train", "gsm8k-train")]
with_datasets = pytest.mark.skipif(
    not all(dataset_file(spec) for spec in NEEDED), reason="the public data sets are not on this machine"
)


@pytest.mark.parametrize(
    ("question", "answers", "sentence"),
    [
        ("Who plays marlo on the wire?", ["Jamie Hector"], "It is Jamie Hector."),
        ("What did captain scott die of?", ["Starvation"], "It was Starvation."),
        ("What countries share borders with spain?", ["Andorra", "France"], "They are Andorra and France."),
        ("Who were the kinks?", ["Ray", "Dave", "Mick Jr."], "They were Ray, Dave and Mick Jr."),
    ],
)
def test_an_answer_as_a_sentence(question, answers, sentence):
    assert answer_sentence(question, answers) == sentence


@pytest.mark.parametrize(
    ("solution", "sentence"),
    [
        (
            "Half is 24.\nSo she sold 48+24 = <<48+24=72>>72 clips in all.\n#### 72",
            "So she sold 48+24 = 72 clips in all.",
        ),
        ("35-25 = <<35-25=10>>10 students did not dance\n#### 10", "35-25 = 10 students did not dance."),
        ("12 * 3 = <<12*3=36>>36\n#### 36", None),  # no words
        ("#### 5", None),
        (f"{'very ' * 30}long 5\n#### 5", None),
    ],
)
def test_a_solution_as_a_sentence(solution, sentence):
    assert solution_sentence(solution) == sentence


def test_overlap_is_the_jaccard_index_of_content_words():
    others = ["What is the capital of Norway?", "Who wrote Hamlet?"]
    # content words: {capital, norway} against {capital, norway, today} 2/3; {is, it, the}: none
    found = overlaps(["the CAPITAL of Norway", "capital of norway today", "is it the?"], others)
    assert found.tolist() == pytest.approx([1, 2 / 3, 0])


def test_questions_that_overlap_are_left_out():
    examples = [
        Example(make_question(key, text), "It is.") for key, text in (("a", "Who wrote Hamlet?"), ("b", "Why?"))
    ]
    assert [example.question.id for example in without_overlap(examples, ["who wrote hamlet"])] == ["b"]


@with_datasets
def test_parts_are_disjoint_complete_and_seeded():
    parts = {part: training_examples(part) for part in ("sft", "dpo")}
    ids = {part: {example.question.id for example in examples} for part, examples in parts.items()}
    assert not ids["sft"] & ids["dpo"]
    assert {part: len(found) for part, found in ids.items()} == {p: sum(n.values()) for p, n in N_QUESTIONS.items()}
    assert {len(example.question.references) for example in parts["dpo"]} == {1}
    assert parts["sft"] == training_examples("sft")
    assert parts["sft"] != training_examples("sft", seed=1)


@with_datasets
def test_no_training_question_is_one_that_models_are_judged_by():
    texts = [example.question.text for part in ("sft", "dpo") for example in training_examples(part)]
    assert max(check_for_leaks(texts).values()) < OVERLAP


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
        training_examples("sft")


@with_datasets
def test_answers_of_arithmetic_end_with_the_right_number():
    rows = [example for example in training_examples("sft") if example.question.dataset == "gsm8k"]
    assert len(rows) == N_QUESTIONS["sft"]["gsm8k"]
    for example in rows:
        assert stated_number(example.answer) == float(example.question.references[0])
        assert "<<" not in example.answer
