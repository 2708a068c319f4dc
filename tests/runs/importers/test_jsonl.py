"""Our own JSONL, one line a question: what a line becomes, and the line and field that a complaint names."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes import FakeEncoder, make_row, write_rows

from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.records import Decoding, Identity, Provenance
from homog_core.runs.importers import import_samples
from homog_core.runs.questions import load_questions, question_ids_sha256
from homog_core.runs.score import score_run
from homog_core.runs.store import list_runs
from homog_core.runs.tables import SCHEMAS, question_of, response_of, write_parquet
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
        decoding=Decoding(n_samples=2),
        prompt_style="unknown",
        prompts_sha256=run.identity.prompts_sha256,
    )
    assert run.provenance == Provenance(
        run.provenance.created, "complete", device="elsewhere", imported_from="My set!.jsonl"
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
        write_parquet(shard, pa.Table.from_pylist(edited, schema=SCHEMAS["responses"]))
        assert any("sample 0: a number is not finite" in problem for problem in verify(run.id))


def test_numbers_without_tokens_get_empty_ones(tmp_path):
    fields = {"token_logprobs": [[-1.5, 5e-7]], "token_entropies": [[0.25, 10**20]]}
    run = import_samples(write_rows(tmp_path / "a.jsonl", make_row(answers=["a"], **fields)), "m")
    _, response = (response_of(row) for row in run.responses().itertuples())
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
    response = response_of(next(run.responses().itertuples()))
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
    response = response_of(list(run.responses().itertuples())[1])
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
    response = response_of(next(run.responses().query("sample_index == 0").itertuples()))
    assert response.token_entropies[response.own_tokens].tolist() == pytest.approx(own)


def pair(**fields):
    """Numbers of one answer with two tokens, some of them replaced."""
    numbers = {"token_logprobs": [[-1, -2]], "token_entropies": [[1, 2]]}
    return make_row(**({"answers": ["a b"]} | numbers | fields))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"answers": ["a"]}, "there is no `question`; `question` and `answers` must be there"),
        ({"question": "Why?"}, "there is no `answers`; `question` and `answers` must be there"),
        (make_row(" \n"), "the question is empty"),
        (make_row(None), "`question`: it must be a text, not null"),
        (make_row(5), "`question`: it must be a text, not a number"),
        (make_row("x" * 100_001), "`question`: it has 100,001 characters and the limit is 100,000; cut it"),
        (make_row() | {"answers": "a"}, "`answers`: it must be a list, not a text"),
        (make_row() | {"answers": None}, "`answers`: it must be a list, not null"),
        (make_row() | {"answers": []}, "the question has 0 answers; give 1 to 500"),
        (make_row(answers=["a", None]), "`answers`, entry 2: it must be a text, not null."),
        (make_row(answers=["a", {}]), "`answers`, entry 2: it must be a text, not an object"),
        (
            make_row(answers=["a", "x" * 123_456]),
            "`answers`, entry 2: it has 123,456 characters and the limit is 100,000; cut it",
        ),
        (make_row(answers=["a\0b"]), "`answers`, entry 1: it holds a null character; take that out"),
        (make_row(answers=["a", "\ud800"]), "`answers`, entry 2: it holds half of a surrogate pair; write the whole"),
        (make_row("Why\0?"), "`question`: it holds a null character"),
        (make_row("Why \udc00?"), "`question`: it holds half of a surrogate pair"),
        (make_row(id="\0"), "`id`: it holds a null character"),
        (make_row(references=["a", "\0"]), "`references`, entry 2: it holds a null character"),
        (make_row(id=True), "`id`: it must be a text or a whole number, not true or false"),
        (make_row(id=[1]), "`id`: it must be a text or a whole number, not a list"),
        (make_row(references={"a": 1}), "`references`: it must be a text or a list, not an object"),
        (make_row(category=["a"]), "`category`: it must be a text, not a list"),
        (make_row(answer_type="date"), "answer_type 'date'; use 'text', 'number' or 'draw'"),
        (make_row(prompt=1), "`prompt`: it must be a text, not a number"),
        (make_row(greedy_answer=["a"]), "`greedy_answer`: it must be a text, not a list"),
        (make_row(greedy_answer="x" * 100_001), "`greedy_answer`: it has 100,001 characters"),
        (make_row(greedy_tokens=[]), "`greedy_tokens`: there is no `greedy_answer`; give both or neither"),
        (make_row(finish_reasons=["stop"]), "`finish_reasons`: it has 1 entries for 2 answers; give one per answer"),
        (
            make_row(finish_reasons=["stop", "tired"]),
            "`finish_reasons`, entry 2: it must be 'stop', 'length', 'error' or 'unknown', not 'tired'",
        ),
        (
            make_row(finish_reasons=["stop", ["stop"]]),
            "`finish_reasons`, entry 2: it must be 'stop', 'length', 'error' or 'unknown', not a list",
        ),
        (make_row(finish_reasons="stop"), "`finish_reasons`: it must be a list, not a text"),
        (
            make_row(entropy_kinds=["exact", "top_k"]),
            "entry 2: it must be 'exact', 'none' or 'top_k:<k>', as in 'top_k:20', not 'top_k'",
        ),
        (
            make_row(tokens=[["a"], ["b"]]),
            "answer 1: there are tokens and no numbers; give token_logprobs, token_entro",
        ),
        (pair(token_entropies=None, tokens=[["a"]]), "answer 1: there are 1 tokens, 2 token_logprobs and 2 token_ent"),
        (pair(entropy_kinds=["none"]), "answer 1: its entropy kind is 'none' and token_entropies are there; leave"),
        (
            pair(token_entropies=None, entropy_kinds=["exact"]),
            "its entropy kind is 'exact' and token_entropies are not",
        ),
        (
            make_row(token_logprobs=[[-1]], token_entropies=[[1], [1]]),
            "`token_logprobs`: it has 1 entries for 2 answers",
        ),
        (
            pair(token_logprobs=[None]),
            "`token_logprobs`, entry 1: it must be a list, not null; give all of them or leave `token_logprobs` out",
        ),
        (pair(token_logprobs=[-1]), "`token_logprobs`, entry 1: it must be a list, not a number"),
        (pair(token_logprobs=[[-1]]), "answer 1: there are 1 tokens, 1 token_logprobs and 2 token_entropies"),
        (pair(tokens=[["a"]]), "answer 1: there are 1 tokens, 2 token_logprobs and 2 token_entropies; give as many"),
        (pair(tokens=[["a", 1]]), "`tokens`, answer 1, entry 2: it must be a text, not a number"),
        (pair(tokens=[["a", "\0"]]), "`tokens`, answer 1, entry 2: it holds a null character"),
        (
            pair(token_entropies=[[1, None]]),
            "`token_entropies`, answer 1, entry 2: it must be a number, not null; give all of",
        ),
        (
            pair(token_entropies=[[True, 1]]),
            "`token_entropies`, answer 1, entry 1: it must be a number, not true or false",
        ),
        (pair(token_entropies=[[1, "2"]]), "`token_entropies`, answer 1, entry 2: it must be a number, not a text"),
        (
            pair(token_entropies=[[1, -0.1]]),
            "`token_entropies`, entry 1: number 2 is -0.1; an entropy is at least 0, and finite",
        ),
        (pair(token_entropies=[[math.nan, 1]]), "number 1 is nan; an entropy is at least 0, and finite"),
        (pair(token_entropies=[[math.inf, 1]]), "number 1 is inf; an entropy"),
        (pair(token_entropies=[[10**40, 1]]), "number 1 is 1e+40; an entropy"),  # no float32
        (pair(token_logprobs=[[-1, 2e-6]]), "number 2 is 2e-06; a log-probability is at most 0, and finite"),
        (pair(token_logprobs=[[-math.inf, -1]]), "number 1 is -inf; a log-probability"),
        (pair(token_logprobs=[[math.nan, -1]]), "number 1 is nan; a log-probability"),
        (
            pair(answers=["<think>hm</think>a"]),
            "answer 1: the numbers of its reasoning cannot be told from its own; give the tokens as pieces of the text",
        ),
        (make_row(greedy_answer="g", greedy_tokens=["g"]), "line 3, greedy answer: there are tokens and no numbers"),
        (pair(token_entropies=[[10**400, 1]]), "it must be a number, not one of hundreds of digits"),
        (
            make_row(references=["a", None]),
            "`references`, entry 2: it must be a text or a number, not null; give all of",
        ),
        (make_row(references=[math.nan]), "`references`, entry 1: it must be a finite number"),
        (make_row(incorrect_references=[True]), "`incorrect_references`, entry 1: it must be a text or a number, not"),
        (make_row(id="x" * 201), "`id`: it has 201 characters and the limit is 200; cut it"),
        (make_row(refrences=["a"]), "'refrences' is not a field that an import reads; did you mean `references`?"),
        (make_row(model="m"), "'model' is not a field that an import reads; take it out"),
        (make_row(**{"": 1}), "'' is not a field that an import reads; take it out"),
        (make_row(**{"\ud800\n" * 99: 1}), r"'\ud800\n\ud800\n"),
        ('{"question": "Why?", "answers": ["a"], "answers": ["b"]}', "the field 'answers' is there twice; keep one"),
        ('{"question": "Why?", "answers": ["a"], "scores": {"x": 1, "x": 2}}', "the field 'x' is there twice"),
        ([make_row()], "a row must be a JSON object, not a list"),
        ("{'question': 1}", "this is not JSON"),
        ('{"question": "Why?", "answers": ["a\0"]}', "this is not JSON"),
        ("[" * 200_000, "this is not JSON"),
        ('{"id": ' + "9" * 5000 + "}", "this is not JSON"),
    ],
)
def test_a_complaint_names_the_line(row, message, tmp_path):
    good = make_row("Good?", ["a"] * len(row["answers"]) if isinstance(row, dict) and row.get("answers") else ["a"])
    path = write_rows(tmp_path / "own.jsonl", good, "", row)
    with pytest.raises(InvalidInput) as caught:
        import_samples(path, "m")
    assert str(caught.value).startswith("own.jsonl, line 3")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 250
    assert list_runs() == []  # the good line before it is not stored either


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [make_row(), make_row("How?", ["a"])],
            "line 2: the question has 1 answers, but that of line 1 has 2; a run needs",
        ),
        ([make_row(id="q"), make_row("How?", id="q")], "line 2: the id 'q' already stands in line 1"),
        ([make_row(id=1), make_row("How?", id="1")], "line 2: the id '1' already stands in line 1"),
        ([make_row(id="a"), make_row(" Why? ", id="b")], "line 2: the question already stands in line 1; keep one"),
        ([make_row(), make_row()], "line 2: the id 'own-[0-9a-f]{10}' already stands in line 1"),
        ([], "own.jsonl has no rows; give at least one question"),
        (["", "  "], "own.jsonl has no rows"),
    ],
)
def test_lines_that_do_not_go_together(rows, message, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        import_samples(write_rows(tmp_path / "own.jsonl", *rows), "m")
    assert list_runs() == []


def test_a_list_of_wrong_entries_makes_one_error(tmp_path):
    path = write_rows(tmp_path / "own.jsonl", pair(tokens=[[0] * 100_000], token_logprobs=[["x"] * 100_000]))
    with pytest.raises(InvalidInput, match="`tokens`, answer 1, entry 1: it must be a text, not a number") as caught:
        import_samples(path, "m")
    assert caught.value.__cause__.error_count() == 2  # of two fields


def test_more_answers_than_can_be_compared_are_refused(tmp_path):
    path = write_rows(tmp_path / "own.jsonl", make_row(answers=["a"] * 501))
    with pytest.raises(InvalidInput, match="line 1: the question has 501 answers; give 1 to 500"):
        import_samples(path, "theirs")
