"""Our own JSONL, one line a question: what a line becomes, and the line and field that a complaint names."""

import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from fakes import FakeEncoder, edit_rows, make_row, write_rows

from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding, Identity, Provenance
from homog_core.runs.importers import import_samples
from homog_core.runs.questions import load_questions, question_ids_sha256
from homog_core.runs.score import score_run
from homog_core.runs.store import list_runs
from homog_core.runs.tables import question_of, response_of
from homog_core.runs.verify import verify

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


LOGPROBS_ALONE = {"token_logprobs": [[-1, -3], [-1]], "greedy_answer": "a", "greedy_token_logprobs": [-2]}


ENTROPIES_ALONE = {"token_entropies": [[1, 2], [4]], "greedy_answer": "a", "greedy_token_entropies": [3]}


def test_the_least_that_a_line_can_say(tmp_path):
    run = import_samples(write_rows(tmp_path / "My set!.jsonl", make_row("Why?", ["a", ""])), "Lab/model-7B")
    (question,) = run.questions().itertuples()
    assert (question.dataset, question.text, question.prompt) == ("my-set", "Why?", "Q: Why?\nA:")
    rows = run.responses()
    assert list(rows["text"]) == ["", "a", ""]  # greedy, 0, 1; the empty answer is kept
    assert list(rows["finish_reason"]) == ["error", "unknown", "unknown"]
    assert list(rows["entropy_kind"]) == ["exact"] * 3
    assert [len(tokens) for tokens in rows["tokens"]] == [0, 0, 0]
    assert run.identity == Identity(
        model="Lab/model-7B",
        revision=run.identity.revision,
        dtype="unknown",
        dataset="my-set",
        question_ids_sha256=question_ids_sha256([question.id]),
        n_questions=1,
        decoding=Decoding(n_samples=2, max_new_tokens=1024),
        prompt_style="unknown",
        prompts_sha256=run.identity.prompts_sha256,
    )
    assert run.provenance == Provenance(
        run.provenance.created,
        "complete",
        device="elsewhere",
        imported_from="My set!.jsonl",
        not_said=("temperature", "max_new_tokens"),
    )
    assert run.is_imported


@pytest.mark.parametrize(
    ("fields", "known", "unknown"),
    [
        (LOGPROBS_ALONE, {"perplexity": math.exp(2), "predictive_entropy": 2.5}, "mean_token_entropy"),  # (4 + 1) / 2
        (ENTROPIES_ALONE, {"mean_token_entropy": 3, "mean_token_entropy_sampled": 2.75}, "perplexity"),
    ],
    ids=["log-probabilities alone", "entropies alone"],
)
def test_log_probabilities_and_entropies_may_come_alone(fields, known, unknown, tmp_path):
    lines = [make_row("Why?", ["a b", "c"], **fields), make_row("How?", ["x", ""])]
    run = import_samples(write_rows(tmp_path / "a.jsonl", *lines), "m")
    scores = score_run(run.id, [FakeEncoder()], clusterers=[Clusterer("jaccard", 0.4)]).table("scores")
    row = scores.set_index("question_id").loc[run.questions()["id"].iloc[0]]
    assert {name: row[name] for name in known} == pytest.approx(known)
    assert math.isnan(row[unknown])
    if fields is LOGPROBS_ALONE:
        entropy_scores = ("max_token_entropy", "std_token_entropy", "high_entropy_ratio", "mean_token_entropy_sampled")
        assert row[list(entropy_scores)].isna().all()
    assert row["num_semantic_sets@jaccard"] == 2
    assert verify(run.id) == []


def test_verify_stays_strict_where_numbers_were_given(tmp_path):
    run = import_samples(write_rows(tmp_path / "a.jsonl", make_row(**LOGPROBS_ALONE)), "m")
    shard = next(run.folder.glob("responses-*"))
    rows = pq.read_table(shard).to_pylist()

    for changed in (
        {"token_logprobs": [math.nan, -1]},
        {"token_entropies": [1.0, math.nan]},
        {"entropy_kind": "exact"},
    ):
        edited = [row | (changed if row["sample_index"] == 0 else {}) for row in rows]
        edit_rows(run.folder, shard.name, lambda _, edited=edited: edited)
        assert any("sample 0: a number is not finite" in problem for problem in verify(run.id))


def test_numbers_without_tokens_get_empty_ones(tmp_path):
    fields = {"token_logprobs": [[-1.5, 5e-7]], "token_entropies": [[0.25, 10**20]]}
    run = import_samples(write_rows(tmp_path / "a.jsonl", make_row(answers=["a"], **fields)), "m")
    _, response = (response_of(row, run.leftovers) for row in run.responses().itertuples())
    assert response.tokens == ("", "")
    np.testing.assert_array_equal(response.token_logprobs, np.float32([-1.5, 5e-7]))
    np.testing.assert_array_equal(response.token_entropies, np.float32([0.25, 1e20]))
    assert response.own_tokens == slice(0, 2)  # nobody has said that the last one ended it
    assert run.provenance.n_tokens == 2


def test_the_greedy_answer_with_what_is_known_of_it(tmp_path):
    greedy = {
        "greedy_answer": "g",
        "greedy_token_logprobs": [-1],
        "greedy_token_entropies": [2],
        "greedy_tokens": ["g"],
    }
    run = import_samples(write_rows(tmp_path / "a.jsonl", make_row(**greedy, greedy_finish_reason="length")), "m")
    response = response_of(next(run.responses().itertuples()), run.leftovers)
    assert (response.text, response.tokens, response.finish_reason) == ("g", ("g",), "length")
    assert (list(response.token_logprobs), list(response.token_entropies)) == ([-1], [2])


def test_the_fields_of_a_question(tmp_path):
    fields = {"id": 7, "references": ["x", 3], "incorrect_references": "y; z", "category": "c", "answer_type": "number"}
    own = write_rows(tmp_path / "own.jsonl", make_row(**fields), make_row("How?"))
    run = import_samples(own, "m")
    assert [question_of(row) for row in run.questions().itertuples()] == load_questions(str(own))
    assert run.questions()["id"][0] == "7"


def test_null_is_as_good_as_absent(tmp_path):
    names = ["id", "references", "category", "answer_type", "prompt", "tokens", "finish_reasons", "greedy_answer"]
    null = dict.fromkeys([*names, "token_logprobs", "greedy_tokens"])
    run = import_samples(write_rows(tmp_path / "a.jsonl", make_row(**null), ""), "m")
    assert run.questions()["id"][0].startswith("a-")
    assert len(run.responses()) == 3


def test_reasoning_is_told_by_its_tokens(tmp_path):
    row = pair(answers=["<think>hm</think>a"], tokens=[["<think>hm</think>", "a"]])
    run = import_samples(write_rows(tmp_path / "a.jsonl", row), "m")
    response = response_of(list(run.responses().itertuples())[1], run.leftovers)
    assert list(response.token_entropies[response.own_tokens]) == [2]


@pytest.mark.parametrize(
    ("tokens", "own"),
    [
        ([" Pa", "ris"], [0.1, 5.0]),  # the token that ended it was not returned
        (["Paris", "</s>"], [0.1]),
        (["Paris", ".\n"], [0.1]),  # it ends the line
        (None, [0.1, 5.0]),  # nobody knows, so none is left out
    ],
)
def test_the_last_token_of_an_answer_is_not_taken_for_the_one_that_ended_it(tokens, own, tmp_path):
    text = "Paris." if tokens == ["Paris", ".\n"] else "Paris"
    row = make_row(answers=[text], finish_reasons=["stop"], token_entropies=[[0.1, 5.0]])
    path = write_rows(tmp_path / "own.jsonl", row | ({"tokens": [tokens]} if tokens else {}))
    run = import_samples(path, "theirs")
    response = response_of(next(run.responses().query("sample_index == 0").itertuples()), run.leftovers)
    assert response.token_entropies[response.own_tokens].tolist() == pytest.approx(own)


def pair(**fields):
    """Numbers of one answer with two tokens, some of them replaced."""
    numbers = {"token_logprobs": [[-1, -2]], "token_entropies": [[1, 2]]}
    return make_row(**({"answers": ["a b"]} | numbers | fields))


def noted(run):
    """What an import has noted, as one text a note."""
    return [f"{note.kind} | {note.count} | {note.first}" for note in run.provenance.import_notes]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"answers": ["a"]}, "there is no `question`; it must be there, or name the column that holds it"),
        ({"question": "Why?"}, "there is no `answers`; it must be there, or name the column that holds them"),
        (make_row(" \n"), "the question is empty"),
        (make_row(None), "`question`: it must be a text, not null"),
        (make_row(5), "`question`: it must be a text, not a number"),
        (make_row("x" * 100_001), "`question`: it has 100,001 characters and the limit is 100,000; cut it"),
        (make_row("Why\0?"), "`question`: it holds a null character"),
        (make_row("Why \udc00?"), "`question`: it holds half of a surrogate pair"),
        (make_row() | {"answers": "a"}, "`answers`: it must be a list, not a text"),
        (make_row() | {"answers": None}, "`answers`: it must be a list, not null"),
        ('{"question": "Why?", "answers": ["a"], "answers": ["b"]}', "the field 'answers' is there twice; keep one"),
        ('{"question": "Why?", "answers": ["a"], "scores": {"x": 1, "x": 2}}', "the field 'x' is there twice"),
        ([make_row()], "a row must be a JSON object, not a list"),
        ("{'question': 1}", "this is not JSON"),
        ('{"question": "Why?", "answers": ["a\0"]}', "this is not JSON"),
        ("[" * 200_000, "this is not JSON"),
        ('{"id": ' + "9" * 5000 + "}", "this is not JSON"),
    ],
)
def test_a_row_that_cannot_be_read_is_left_out_and_named(row, message, tmp_path):
    path = write_rows(tmp_path / "own.jsonl", make_row("Good?"), "", row)
    run = import_samples(path, "m")
    assert list(run.questions()["text"]) == ["Good?"]
    (note,) = run.provenance.import_notes
    assert (note.kind, note.count) == ("rows that could not be read, left out", 1)
    assert note.first.startswith("own.jsonl, line 3")
    assert message in note.first


@pytest.mark.parametrize(
    ("row", "kind", "message"),
    [
        (make_row(answers=["a", None]), "answers that are null, kept as empty", "answer 2"),
        (make_row(answers=["a", math.nan]), "answers that are null, kept as empty", "answer 2"),
        (make_row(answers=["a", {}]), "answers that are null, kept as empty", "answer 2"),
        (make_row(answers=["a", ["b"]]), "answers that are no text, kept as empty", "answer 2: it is a list"),
        (make_row(answers=["a", True]), "answers that are dates, or true or false, kept as text", "answer 2"),
        (make_row(answers=["a", 7]), "answers that are numbers, kept as text", "answer 2"),
        (make_row(answers=["a", "x" * 123_456]), "answers cut to 100,000", "answer 2: it has 123,456"),
        (make_row(answers=["a", "a\0b"]), "answers with characters that no text can hold", "answer 2"),
        (make_row(answers=["a", "\ud800"]), "answers with characters that no text can hold", "answer 2"),
        (make_row(greedy_answer=["a"]), "answers that are no text", "greedy answer: it is a list"),
        (make_row(id="\0"), "`id` that could not be read", "`id`: it holds a null character"),
        (make_row(id=True), "`id` that", "`id`: it must be a text or a whole number, not true or false"),
        (make_row(id="x" * 201), "`id` that", "`id`: it has 201 characters and the limit is 200; cut it"),
        (make_row(references=["a", "\0"]), "`references` that", "`references`, entry 2: it holds a null character"),
        (make_row(references={"a": 1}), "`references` that", "it must be a text or a list, not an object"),
        (make_row(references=["a", None]), "`references` that", "entry 2: it must be a text or a number, not null"),
        (make_row(references=[math.nan]), "`references` that", "entry 1: it must be a finite number"),
        (make_row(incorrect_references=[True]), "`incorrect_references` that", "entry 1: it must be a text or a num"),
        (make_row(category=["a"]), "`category` that", "`category`: it must be a text, not a list"),
        (make_row(answer_type="date"), "`answer_type` that", "it must be 'text', 'number' or 'draw', not 'date'"),
        (make_row(prompt=1), "`prompt` that", "`prompt`: it must be a text, not a number"),
        (make_row(greedy_tokens=["a"]), "numbers of a greedy answer that is not there", "line 3"),
        (make_row(finish_reasons=["stop"]), "`finish_reasons` without one entry per answer", "has 1 entries for 2"),
        (make_row(finish_reasons="stop"), "`finish_reasons` without one entry per answer", "it is a text"),
        (make_row(finish_reasons=["stop", "tired"]), "finish reasons that are not known", "answer 2: it is 'tired'"),
        (make_row(finish_reasons=["stop", ["stop"]]), "finish reasons that are not known", "answer 2: it is a list"),
        (make_row(tokens=[["a"], None]), "tokens without numbers, left out", "answer 1"),
        (make_row(refrences=["a"]), "'refrences' is not a field", "line 3"),
        (make_row(refrences=["a"]), "did you mean `references`?", "line 3"),
        (make_row(greedy="a"), "did you mean `greedy_answer`?", "line 3"),
        (make_row(answer="a"), "did you mean `answers`?", "line 3"),
        (make_row(**{"": 1}), "'' is not a field that an import reads", "line 3"),
    ],
)
def test_what_is_wrong_with_a_row_is_noted_and_the_row_stays(row, kind, message, tmp_path):
    run = import_samples(write_rows(tmp_path / "own.jsonl", make_row("Good?"), "", row), "m")
    assert list(run.questions()["text"]) == ["Good?", row["question"]]
    assert len(run.responses()) == 2 * 3
    (note,) = run.provenance.import_notes
    assert kind in note.kind
    assert note.count == 1
    assert note.first.startswith("own.jsonl, line 3")
    assert message in note.first
    assert len(verify(run.id)) == 5  # it is not scored, and nothing else


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (pair(token_entropies=None, tokens=[["a"]]), "there are 1 tokens, 2 token_logprobs and 2 token_entropies"),
        (pair(entropy_kinds=["none"]), "its entropy kind is 'none' and token_entropies are there; leave"),
        (pair(token_logprobs=[[-1]]), "answer 1: there are 1 tokens, 1 token_logprobs and 2 token_entropies"),
        (pair(answers=["<think>hm</think>a"]), "the numbers of its reasoning cannot be told from its own; give the"),
    ],
)
def test_numbers_that_do_not_fit_together_are_missing(row, message, tmp_path):
    run = import_samples(write_rows(tmp_path / "own.jsonl", row), "m")
    response = response_of(next(run.responses().query("sample_index == 0").itertuples()), run.leftovers)
    assert (response.text, response.tokens) == (row["answers"][0], ())
    assert any(f"own.jsonl, line 1, answer 1: {message}" in note or message in note for note in noted(run))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"token_logprobs": [[-1, -9999.0]]}, "1 | own.jsonl, line 1, answer 1, `token_logprobs`: number 2 is -9999"),
        (
            {"token_logprobs": [[-math.inf, -9999]]},
            "2 | own.jsonl, line 1, answer 1, `token_logprobs`: number 1 is -inf",
        ),
        ({"token_logprobs": [[-1, 2e-6]]}, "number 2 is 2e-06; a log-probability is at most 0, and finite"),
        ({"token_logprobs": [[math.nan, -1]]}, "number 1 is nan; a log-probability"),
        ({"token_logprobs": [[None, -1]]}, "number 1 is nan; a log-probability"),
        ({"token_logprobs": [["-1", -1]]}, "`token_logprobs`: a text"),
        ({"token_logprobs": [[True, -1]]}, "`token_logprobs`: true or false"),
        ({"token_logprobs": [-1]}, "`token_logprobs`: a number"),
        ({"token_logprobs": [[-(10**400), -1]]}, "number 1 is nan; a log-probability"),
    ],
)
def test_one_log_probability_that_cannot_be_makes_those_of_its_answer_missing(fields, message, tmp_path):
    run = import_samples(write_rows(tmp_path / "own.jsonl", pair(**fields)), "m")
    response = response_of(next(run.responses().query("sample_index == 0").itertuples()), run.leftovers)
    assert np.isnan(response.token_logprobs).all()
    np.testing.assert_array_equal(response.token_entropies, [1, 2])  # they stay
    assert message in noted(run)[0]
    assert len(verify(run.id)) == 5


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([1, -0.1], "number 2 is -0.1; an entropy is at least 0, and finite"),
        ([math.inf, 1], "number 1 is inf; an entropy"),
        ([10**40, 1], "number 1 is 1e+40; an entropy"),  # no float32
    ],
)
def test_an_entropy_that_cannot_be_makes_those_of_its_answer_missing(numbers, message, tmp_path):
    run = import_samples(write_rows(tmp_path / "own.jsonl", pair(token_entropies=[numbers])), "m")
    response = response_of(next(run.responses().query("sample_index == 0").itertuples()), run.leftovers)
    np.testing.assert_array_equal(response.token_logprobs, [-1, -2])
    assert response.entropy_kind == "none"
    assert message in noted(run)[0]


def test_log_probabilities_of_half_of_the_answers_are_kept_and_the_others_missing(tmp_path):
    row = make_row("Why?", ["a b", "c", "d"], token_logprobs=[[-1, -3], None, [-2]], greedy_answer="a")
    run = import_samples(write_rows(tmp_path / "own.jsonl", row), "m")
    lengths = [len(numbers) for numbers in run.responses()["token_logprobs"]]
    assert lengths == [0, 2, 0, 1]  # greedy, then the samples
    scores = score_run(run.id, [FakeEncoder()], clusterers=[Clusterer("jaccard", 0.4)]).table("scores")
    assert math.isnan(scores["perplexity"][0])  # of the greedy answer, which has none
    assert verify(run.id) == []


def test_a_long_reasoning_does_not_cut_the_answer_after_it(tmp_path):
    text = f"<think>{'so ' * 40_000}</think>\n\nMars."
    run = import_samples(write_rows(tmp_path / "own.jsonl", make_row(answers=[text, "x " * 150])), "m")
    responses = [response_of(row, run.leftovers) for row in run.responses().itertuples()]
    assert [response.answer for response in responses[1:]] == ["Mars.", ("x " * 150).strip()]
    assert noted(run) == []


def test_a_reasoning_of_millions_of_characters_is_left_out_and_its_answer_stays(tmp_path):
    text = f"<think>{'so ' * 400_000}</think>Mars."
    run = import_samples(write_rows(tmp_path / "own.jsonl", make_row(answers=[text])), "m")
    assert list(run.responses()["text"]) == ["", "Mars."]
    assert noted(run)[0].startswith("answers after more than 1,000,000 characters of reasoning")


@pytest.mark.parametrize("rows", [[], ["", "  "]])
def test_a_file_without_rows_is_refused(rows, tmp_path):
    with pytest.raises(InvalidInput, match=r"own\.jsonl has no rows with answers; give at least one question"):
        import_samples(write_rows(tmp_path / "own.jsonl", *rows), "m")
    assert list_runs() == []


def test_a_file_of_which_nothing_reads_is_refused_with_its_first_complaint(tmp_path):
    rows = [{"question": "Why?", "answers": "a"}, {"question": " ", "answers": ["a"]}]
    with pytest.raises(InvalidInput, match=r"own\.jsonl, line 1, `answers`: it must be a list, not a text"):
        import_samples(write_rows(tmp_path / "own.jsonl", *rows), "m")
    assert list_runs() == []


def test_no_more_answers_than_can_be_compared_are_kept(tmp_path):
    run = import_samples(write_rows(tmp_path / "own.jsonl", make_row(answers=["a"] * 501)), "theirs")
    assert run.decoding.n_samples == 500
    assert noted(run) == [
        "questions with more than 500 answers, of which so many are kept | 1 | own.jsonl, line 1: 501"
    ]
