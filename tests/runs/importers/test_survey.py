"""Which questions of a file make the run, with how many answers, and under which ids."""

import pytest
from fakes import make_row, texts_of, write_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homog_core.runs.importers import import_samples
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


def imported(tmp_path, *rows):
    """The run, and what was noted as one text a note."""
    run = import_samples(write_rows(tmp_path / "a.jsonl", *rows), "m")
    return run, [f"{note.kind} | {note.count} | {note.first}" for note in run.provenance.import_notes]


def test_the_most_common_number_of_answers_counts(tmp_path):
    rows = [make_row("1?", "abc"), make_row("2?", "ab"), make_row("3?", "abc"), make_row("4?", "abcd", id="q")]
    run, noted = imported(tmp_path, *rows)
    assert run.decoding.n_samples == 3
    assert list(run.questions()["text"]) == ["1?", "3?", "4?"]
    assert [text for (key, i), text in texts_of(run).items() if key == "q" and i >= 0] == ["a", "b", "c"]
    assert noted[0].startswith("questions with fewer than 3 answers, left out | 1 | a.jsonl, line 2: 2 answers; a-")
    assert noted[1] == "questions with more than 3 answers, of which the first 3 are kept | 1 | a.jsonl, line 4"
    assert len(verify(run.id)) == 5  # it is not scored, and nothing else


def test_of_numbers_that_are_as_common_the_smallest_counts_since_it_leaves_no_question_out(tmp_path):
    run, noted = imported(tmp_path, make_row("1?", "abc"), make_row("2?", "ab"))
    assert (run.decoding.n_samples, run.identity.n_questions) == (2, 2)
    assert len(noted) == 1


def test_questions_without_an_answer_do_not_count(tmp_path):
    run, noted = imported(tmp_path, make_row("1?", []), make_row("2?", []), make_row("3?", "ab"))
    assert (run.decoding.n_samples, run.identity.n_questions) == (2, 1)
    assert noted == ["questions without an answer, left out | 2 | a.jsonl, line 1"]


def test_a_question_that_comes_again_is_left_out(tmp_path):
    run, noted = imported(tmp_path, make_row("1?", "ab", id="x"), make_row(" 1? ", "cd", id="y"))
    assert list(run.questions()["id"]) == ["x"]
    assert noted == [
        "questions that come again with the same prompt, left out | 1 | a.jsonl, line 2: as in a.jsonl, line 1"
    ]


def test_one_question_with_two_prompts_is_two_questions_with_ids_of_their_prompts(tmp_path):
    first, second = make_row("Which is true?", prompt="A. x"), make_row("Which is true?", ["c", "d"], prompt="A. u")
    run, noted = imported(tmp_path, first, second)
    assert len(set(run.questions()["id"])) == 2
    assert sorted(run.questions()["prompt"]) == ["A. u", "A. x"]
    again, _ = imported(tmp_path, second, first)  # in another order they are the same questions
    assert set(again.questions()["id"]) == set(run.questions()["id"])
    assert noted[0].startswith("questions that share an id: theirs are made of the prompts | 2 | a.jsonl, line 1")
    own, noted = imported(tmp_path, first | {"id": "mmlu-1"}, second | {"id": "mmlu-2"})
    assert (list(own.questions()["id"]), noted) == (["mmlu-1", "mmlu-2"], [])


@pytest.mark.parametrize(
    ("first", "second"), [({"id": "q"}, {"id": "q"}), ({"id": 1}, {"id": "1"})], ids=["texts", "a number"]
)
def test_two_questions_under_one_id_are_both_kept(first, second, tmp_path):
    run, noted = imported(tmp_path, make_row("1?", **first), make_row("2?", **second))
    assert len(set(run.questions()["id"])) == 2
    assert len(noted) == 1


@given(st.lists(st.integers(0, 6), min_size=1, max_size=12).filter(any))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_question_is_kept_or_counted(tmp_path, numbers):
    rows = [make_row(f"{i}?", [f"{i}-{j}" for j in range(n)]) for i, n in enumerate(numbers)]
    run, _ = imported(tmp_path, *rows)
    left_out = sum(n.count for n in run.provenance.import_notes if n.kind.endswith("left out"))
    assert run.identity.n_questions + left_out == len(numbers)
    kept = {i for i, n in enumerate(numbers) if n >= run.decoding.n_samples}
    assert {int(text[:-1]) for text in run.questions()["text"]} == kept
    assert len(run.responses()) == len(kept) * (run.decoding.n_samples + 1)
