"""Answers that others sampled, read from files as they have published them."""

import json

import pytest

from homog_core.errors import NotFound
from homog_core.runs import public_answers as module
from homog_core.runs.public_answers import (
    JUDGED_SYSTEMS,
    STAGES,
    judged_answers,
    judged_pairs,
    public_answers,
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder public/ of a folder of data with nothing in it."""
    monkeypatch.setattr(module, "dataset_folders", lambda: [tmp_path / "nothing here", tmp_path])
    return tmp_path / "public"


def write(folder, name, *rows):
    path = folder / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def test_triviaqa(folder):
    row = {"id": "t1", "question": "Which animal?", "references": ["Fox", "A fox"], "answers": ["Fox</s>", " Seal\n"]}
    write(folder, "triviaqa-llama-13b/answers", row, row | {"id": "t2"})
    first, second = public_answers("triviaqa-llama-13b/answers")
    assert (first.source, first.stage) == ("triviaqa-llama-13b/answers", "base")
    assert (first.question.id, first.question.dataset, first.question.text) == ("t1", "triviaqa", "Which animal?")
    assert first.question.references == ("Fox", "A fox")
    assert first.samples == ("Fox", "Seal")
    assert (first.greedy, first.partition) == (None, ())
    assert second.question.id == "t2"


@pytest.mark.parametrize(
    "prompt",
    [
        "# Query:\n```Which animal?```\n\n# Answer:\n```",
        "<s>[INST] Which animal? [/INST]",
        "<|user|>\nWhich   animal?</s>\n<|assistant|>\n",
    ],
)
def test_chains_are_read_without_their_template(folder, prompt):
    outputs = [{"generated_text": text} for text in ("A fox.\n```", "A fox.</s>", "▁A▁seal")]
    write(folder, "alignment-chains/lima-mistral-sft", {"prompt": prompt, "outputs": outputs})
    (found,) = public_answers("alignment-chains/lima-mistral-sft")
    assert found.question.text == "Which animal?"
    assert (found.question.id, found.question.dataset, found.stage) == ("0", "lima", "sft")
    assert found.samples == ("A fox.", "A fox.", "A seal")


def test_the_survey_says_each_answer_as_often_as_it_was_given(folder):
    clusters = {"c1": {"answers": ["fox", "a fox"]}, "c2": {"answers": ["seal"]}}
    row = {
        "metadata": {"id": "r1"},
        "question": {"original": "Name an animal."},
        "answers": {"raw": {"fox": 3, "seal": 2}, "clusters": clusters},
    }
    write(folder, "human-survey/dev.crowdsourced", row)
    (found,) = public_answers("human-survey/dev.crowdsourced")
    assert found.samples == ("fox", "fox", "fox", "a fox", "seal", "seal")  # "a fox" is counted nowhere: once
    assert found.partition == (0, 0, 0, 0, 1, 1)
    assert found.stage == "people"


def test_novelty_bench_has_its_own_partition(folder):
    row = {"id": "n1", "prompt": "Name an animal.", "generations": ["fox", "a fox", "seal"], "partition": [0, 0, 1]}
    write(folder, "novelty-bench/a.partitions", row)
    (found,) = public_answers("novelty-bench/a.partitions")
    assert (found.samples, found.partition) == (("fox", "a fox", "seal"), (0, 0, 1))
    assert found.stage == "instruct"


def judged(question, *answers, **fields):
    """A row of EVOUNA: what each of the first systems answered, and whether people judged it right."""
    row = {"question": question, "golden_answer": "Fox", "improper": False}
    for system, (answer, right) in zip(JUDGED_SYSTEMS, answers, strict=False):
        row |= {f"answer_{system}": answer, f"judge_{system}": right}
    return row | fields


@pytest.fixture
def evouna(folder):
    """Forty questions with a right, a right and a wrong answer, and what is left out."""
    rows = [judged(f"Question {n}?", ("a fox", True), ("the fox", True), ("a seal", False)) for n in range(40)]
    rows += [judged("Improper?", ("a fox", True), ("the fox", True), improper=True)]
    rows += [judged("Both wrong?", ("a seal", False), ("a whale", False))]
    rows += [judged("The same?", ("a fox", True), ("a fox", True))]
    for name, own in (("NQ", rows[:20]), ("TQ", rows[20:])):
        path = folder.parent / "equivalence" / "evouna" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(own), encoding="utf-8")


@pytest.mark.usefixtures("evouna")
def test_pairs_that_people_judged_are_the_same_where_both_are_right():
    found = [*judged_pairs(for_fitting=True), *judged_pairs(for_fitting=False)]
    expected = [("a fox", "the fox", True), ("a fox", "a seal", False), ("the fox", "a seal", False)]
    assert sorted(found) == sorted((f"Question {n}?", *pair) for n in range(40) for pair in expected)


@pytest.mark.usefixtures("evouna")
def test_no_question_is_for_fitting_and_for_measuring():
    fitted, measured = ({pair[0] for pair in judged_pairs(for_fitting=part)} for part in (True, False))
    assert not fitted & measured
    assert min(len(fitted), len(measured)) >= 10  # about half of forty each
    assert fitted == {pair[0] for pair in judged_pairs(for_fitting=True)}


@pytest.mark.usefixtures("evouna")
def test_improper_questions_are_left_out():
    assert "Improper?" not in {row["question"] for name in ("NQ", "TQ") for row in judged_answers(name)}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("astrology/answers", "no public set 'astrology'; there are triviaqa-llama-13b, alignment-chains"),
        ("alignment-chains/lima-zephyr", r"public.alignment-chains.lima-zephyr.jsonl is on none of .*HOMOG_DATA"),
    ],
)
def test_what_is_not_there_is_named(name, message):
    with pytest.raises(NotFound, match=message):
        public_answers(name)


def test_every_stage_is_one_of_a_set_that_is_read():
    assert {name.partition("/")[0] for name in STAGES} == {"triviaqa-llama-13b", "alignment-chains", "human-survey"}
    assert set(STAGES.values()) == {"base", "sft", "dpo", "instruct", "people"}
