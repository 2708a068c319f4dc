"""A run directory: what is written reads back, nothing is stored twice, and damage is found and named."""

import errno
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from fakes import FAKE_SPEC, edit_manifest, edit_rows, make_identity, make_question, make_responses

from homog_core.errors import CorruptRun, HomogError, NotFound
from homog_core.files import cache
from homog_core.records import Decoding, Provenance, Question, Response, ResponseSet
from homog_core.runs import write
from homog_core.runs.manifest import prompts_sha256, run_id_of
from homog_core.runs.store import list_runs, open_run
from homog_core.runs.tables import SCHEMAS, parquet_bytes, read_parquet, response_set
from homog_core.runs.verify import verify
from homog_core.runs.write import write_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")

DECODING = Decoding(n_samples=2, stop=("\n",))
QUESTIONS = [make_question("one"), make_question("two"), make_question("three")]


def identity_of(questions=QUESTIONS, model="fake"):
    prompts = prompts_sha256({question.id: prompt_of(question) for question in questions})
    return replace(make_identity(questions, model, decoding=DECODING), prompts_sha256=prompts)


def prompt_of(question):
    return f"Q: {question.text}\nA:"


def writer_of(questions=QUESTIONS, model="fake", created="2025-01-01"):
    provenance = Provenance(created, "sampling")
    return write_run(identity_of(questions, model), provenance, [(q, prompt_of(q)) for q in questions])


def answers_to(question: Question) -> ResponseSet:
    return make_responses(question, ["red fox", "blue whale"], DECODING)


@pytest.fixture
def good_run():
    """A complete run of three questions with two samples each, and its tables."""
    with writer_of() as writer:
        for question in QUESTIONS:
            writer.append(answers_to(question))
        writer.update(status="complete")
        frame = pd.DataFrame({"question_id": [q.id for q in QUESTIONS]})
        of_answer = frame.assign(sample_index=0, clusterer="jaccard")
        tables = {
            "similarities": frame.assign(clusterer="jaccard", similarity=[[0.5]] * 3),
            "clusters": of_answer.assign(label=0),
            "grades": frame.assign(sample_index=0, grade="correct", grade_policy="text"),
            "scores": frame,
            "maps": of_answer.assign(method="mds", x=0.0, y=0.0, faithfulness=1.0),
        }
        writer.run.write_tables(tables)
        return writer.run


def shard_of(run, question_id):
    shards = [path for path in run.folder.glob("responses-*.parquet") if question_id in str(pq.read_table(path)[0])]
    return shards[0]


# Round trip


def test_a_response_set_reads_back_as_it_was_written():
    cut = Response("Grüße 🎉", ("Grüße", " 🎉"), np.float32([0.1, 2.5]), np.float32([-0.1, -3]), "length", "top_k:20")
    empty = Response("", (), np.zeros(0, "float32"), np.zeros(0, "float32"), "error")
    written = ResponseSet("one", FAKE_SPEC.key, "Q: What is one?\nA:", DECODING, (cut, empty), cut)
    with writer_of() as writer:
        writer.append(written)
    run = open_run(run_id_of(identity_of()))
    prompt = run.questions().set_index("id").loc["one", "prompt"]
    read = response_set(run.responses().itertuples(), prompt, run.identity.model, run.decoding, run.leftovers)
    for name in ("question_id", "model_key", "prompt", "decoding"):
        assert getattr(read, name) == getattr(written, name)
    for one, other in zip((*read.responses, read.greedy), (cut, empty, cut), strict=True):
        assert (one.text, one.tokens) == (other.text, other.tokens)
        assert (one.finish_reason, one.entropy_kind) == (other.finish_reason, other.entropy_kind)
        np.testing.assert_array_equal(one.token_entropies, other.token_entropies)
        np.testing.assert_array_equal(one.token_logprobs, other.token_logprobs)


def test_questions_read_back_as_they_were_written():
    question = Question("q", "test", "How many?", ("two", "2"), ("three",), "numbers", "number")
    with writer_of([question]) as writer:
        row = writer.run.questions().iloc[0]
    assert (row.id, row.text, row.category, row.answer_type) == ("q", "How many?", "numbers", "number")
    assert (list(row.references), list(row.incorrect_references)) == (["two", "2"], ["three"])
    assert row.prompt == "Q: How many?\nA:"


def test_embeddings_read_back_at_half_precision(good_run):
    vectors = [np.float16([0.6, 0.8]), np.float16([1, 0])]
    frame = pd.DataFrame({"question_id": "one", "sample_index": [0, 1], "view": "answer", "vector": vectors})
    good_run.write_table("embeddings-fake", frame)
    assert good_run.encoders() == ["fake"]
    np.testing.assert_array_equal(np.stack(good_run.embeddings("fake")["vector"]), np.stack(vectors))
    assert good_run.embeddings("another") is None


def test_rows_come_sorted_by_question_and_sample(good_run):
    rows = good_run.responses()
    assert list(zip(rows["question_id"], rows["sample_index"], strict=True)) == [
        (question_id, index) for question_id in ("one", "three", "two") for index in (-1, 0, 1)
    ]


# Writing


def test_a_question_is_stored_once():
    with writer_of() as writer:
        writer.append(answers_to(QUESTIONS[0]))
        writer.append(make_responses(QUESTIONS[0], ["something else"], DECODING))
        rows = writer.run.responses()
    assert list(rows["text"]) == ["red fox", "red fox", "blue whale"]  # greedy, 0, 1


def test_many_questions_are_stored_in_few_files(monkeypatch):
    monkeypatch.setattr(write, "SHARD_QUESTIONS", 2)
    with writer_of() as writer:
        writer.append(answers_to(QUESTIONS[1]))
        writer.append_many(answers_to(question) for question in [*QUESTIONS, QUESTIONS[0]])  # two of them again
        assert writer.sampled == {"one", "two", "three"}
        one_by_one = writer.run.responses()
        shards = [pq.read_table(path).num_rows for path in writer.run.folder.glob("responses-*")]
    assert sorted(shards) == [3, 6]  # three rows a question
    assert verify(writer.run.id)[0].startswith("The run is sampling")
    with writer_of(model="other") as other:
        for question in QUESTIONS:
            other.append(answers_to(question))
    pd.testing.assert_frame_equal(other.run.responses(), one_by_one)


def test_a_shard_is_written_before_it_grows_too_large(monkeypatch):
    monkeypatch.setattr(write, "SHARD_BYTES", 1)
    with writer_of() as writer:
        writer.append_many(map(answers_to, QUESTIONS))
    assert len(list(writer.run.folder.glob("responses-*"))) == 3


def test_what_stops_the_writing_of_many_keeps_the_whole_shards(monkeypatch):
    def broken():
        yield from map(answers_to, QUESTIONS)
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "SHARD_QUESTIONS", 2)
    with writer_of() as writer:
        with pytest.raises(KeyboardInterrupt):
            writer.append_many(broken())
        assert writer.sampled == open_run(writer.run.id).sampled_ids() == {"one", "two"}
        writer.append_many(map(answers_to, QUESTIONS))
    assert open_run(writer.run.id).sampled_ids() == {"one", "two", "three"}


def test_a_run_is_not_written_under_the_id_of_another(good_run, monkeypatch):
    monkeypatch.setattr(write, "run_id_of", lambda identity: good_run.id)
    with pytest.raises(HomogError, match=f"Another run is stored as {good_run.id}"), writer_of(model="other"):
        pass


def test_a_partial_file_is_neither_read_nor_kept():
    with writer_of() as writer:
        writer.append(answers_to(QUESTIONS[0]))
        folder = writer.run.folder
    (folder / "responses-abc.parquet.partial").write_bytes(b"half a sh")
    assert open_run(folder.name).sampled_ids() == {"one"}
    with writer_of() as writer:
        assert writer.sampled == {"one"}
    assert not list(folder.glob("*.partial"))


def test_a_write_that_fails_leaves_the_old_file(good_run, monkeypatch):
    def full_disk(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        with pytest.raises(HomogError, match=r"scores.parquet .* \(No space .*make room"):
            good_run.write_table("scores", pd.DataFrame({"question_id": ["two"]}))
    assert list(good_run.folder.glob("*.partial")) == []
    assert list(good_run.table("scores")["question_id"]) == ["one", "two", "three"]
    assert verify(good_run.id) == []


def test_a_run_is_gone_on_with():
    with writer_of(created="first") as writer:
        writer.append(answers_to(QUESTIONS[0]))
    with writer_of(created="second") as writer:
        assert writer.sampled == {"one"}
        writer.append(answers_to(QUESTIONS[1]))
        assert writer.run.provenance.created == "first"
    assert open_run(writer.run.id).sampled_ids() == {"one", "two"}


def test_merging_keeps_every_response_in_one_file(good_run):
    before = good_run.responses()
    with writer_of() as writer:
        writer.merge()
    assert [path.name for path in good_run.folder.glob("responses-*")] == ["responses-merged.parquet"]
    pd.testing.assert_frame_equal(good_run.responses(), before)
    assert verify(good_run.id) == []


def test_an_interrupted_merge_loses_nothing_and_is_finished_by_the_next(good_run, monkeypatch):
    unlink = type(good_run.folder).unlink

    def interrupted(path, **options):
        if path.suffix == ".parquet":
            raise KeyboardInterrupt
        unlink(path, **options)

    before = good_run.responses()
    with writer_of() as writer, monkeypatch.context() as patch:
        patch.setattr(type(good_run.folder), "unlink", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.merge()
    assert len(list(good_run.folder.glob("responses-*"))) == 4  # three shards and the merged one
    pd.testing.assert_frame_equal(good_run.responses(), before)
    assert verify(good_run.id) == ["9 responses are stored twice."]  # 3 questions · (2 samples + greedy)
    with writer_of() as writer:
        writer.merge()
    pd.testing.assert_frame_equal(good_run.responses(), before)
    assert verify(good_run.id) == []


def test_a_second_writer_is_refused(good_run):
    with writer_of(), pytest.raises(HomogError, match="written by another process"), writer_of():
        pass
    with writer_of() as writer:  # the lock was given back
        assert writer.run.id == good_run.id


# Finding


def test_a_path_is_not_a_run_id(good_run, own_cache):
    (own_cache / "x").mkdir()
    (own_cache / "x" / "manifest.json").write_text((good_run.folder / "manifest.json").read_text())
    for name in ("../x", str(good_run.folder), "", "."):
        with pytest.raises(NotFound, match="lists all 1"):
            open_run(name)
        with pytest.raises(NotFound):
            verify(name)


def test_own_and_shipped_runs_are_listed_newest_first(no_shipped_runs, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("HOMOG_CACHE", str(no_shipped_runs))
        with writer_of(model="shipped", created="2025-01-02"), writer_of(model="shipped-early", created="2025-01-01"):
            pass
    with writer_of(model="own", created="2025-01-03"):
        pass
    assert [run.identity.model for run in list_runs()] == ["own", "shipped", "shipped-early"]
    shipped = open_run(run_id_of(identity_of(model="shipped")))
    assert shipped.folder.is_relative_to(no_shipped_runs)
    assert cache() != no_shipped_runs


def test_ids_are_readable_and_depend_on_the_whole_identity():
    identity = identity_of(model="My Model/7B")
    assert run_id_of(identity).startswith("my-model-7b--test--")
    assert run_id_of(identity) != run_id_of(replace(identity, prompt_style="chat"))


# Damage


def test_a_good_run_has_no_problems(good_run):
    assert verify(good_run.id) == []


def test_a_truncated_shard_is_named_and_can_be_sampled_again(good_run):
    shard = shard_of(good_run, "two")
    shard.write_bytes(shard.read_bytes()[:200])
    with pytest.raises(CorruptRun, match=rf"{shard.name} of run {good_run.id} is damaged.*the same `sample` command"):
        good_run.responses()
    assert len(verify(good_run.id)) == 1
    assert shard.name in verify(good_run.id)[0]
    shard.unlink()  # the remedy that the sentence names
    with writer_of() as writer:
        assert writer.sampled == {"one", "three"}
        writer.append(answers_to(QUESTIONS[1]))
    assert verify(good_run.id) == []


def first_changed(**values):
    return lambda rows: [rows[0] | values, *rows[1:]]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: rows[1:], r"Question two has the samples \[-1, 1\], not \[-1, 0, 1\]"),
        (lambda rows: [*rows, rows[0]], "1 responses are stored twice"),
        (first_changed(token_entropies=[float("nan")] * 3), "Question two, sample 0: a number is not finite"),
        (first_changed(token_logprobs=[float("-inf")] * 3), "Question two, sample 0: a number is not finite"),
        (first_changed(tokens=["a", "b"]), "Question two, sample 0: tokens and numbers differ in length"),
        (lambda rows: [row | {"question_id": "four"} for row in rows], r"does not have: \['four'\]"),
    ],
)
def test_verify_names_what_is_wrong_with_the_responses(good_run, change, problem):
    edit_rows(good_run.folder, shard_of(good_run, "two").name, change)
    assert any(pd.Series(verify(good_run.id)).str.contains(problem))


def test_verify_misses_a_question(good_run):
    shard_of(good_run, "two").unlink()
    (problem,) = verify(good_run.id)
    assert "has no responses-" in problem
    with writer_of() as writer:  # it forgets the file, since the questions are sampled again
        assert "1 questions have no responses, the first is two." in verify(writer.run.id)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda m: m["identity"]["decoding"].update(temperature=0.5), "identity hashes to .*, not to"),
        (lambda m: m["provenance"].update(status="interrupted"), "The run is interrupted; `sample`"),
        (lambda m: m["provenance"].update(status="importing"), "The run is importing; import the same file under the"),
        (lambda m: m["identity"].update(question_ids_sha256="0"), "question ids are not those"),
        (lambda m: m.update(format=99), "has format 99; this version reads 1"),
        (lambda m: m.pop("identity"), r"manifest\.json of run .* is damaged \(identity: "),
    ],
)
def test_verify_names_what_is_wrong_with_the_manifest(good_run, change, problem):
    edit_manifest(good_run.folder, change)
    assert any(pd.Series(verify(good_run.id), dtype=str).str.contains(problem))


def test_a_damaged_manifest_hides_only_its_own_run(good_run):
    with writer_of(model="other") as writer:
        pass
    (good_run.folder / "manifest.json").write_text('{"format": 1,')
    assert [run.id for run in list_runs()] == [writer.run.id]
    with pytest.raises(CorruptRun, match=good_run.id):
        open_run(good_run.id)


def test_a_run_that_is_not_there_is_said_with_the_nearest_names(good_run):
    for name in (good_run.id[:-3], good_run.id[:6], good_run.id.upper().lower() + "0"):
        with pytest.raises(NotFound, match=f"Did you mean {good_run.id}"):
            open_run(name)
    with pytest.raises(NotFound) as caught:
        open_run("nope")
    assert good_run.id not in str(caught.value)


def test_of_an_unfinished_run_it_is_said_once_how_to_go_on():
    with writer_of() as writer:
        writer.append(answers_to(QUESTIONS[1]))
    assert verify(writer.run.id) == ["The run is sampling; `sample` with the same options goes on with it."]


def test_verify_looks_at_the_tables(good_run):
    (good_run.folder / "scores.parquet").unlink()
    (good_run.folder / "maps.parquet").write_bytes(b"PAR1 and no more")
    good_run.write_table("clusters", good_run.table("clusters").assign(question_id="five"))
    problems = verify(good_run.id)
    assert len(problems) == 3
    assert f"maps.parquet of run {good_run.id} is damaged" in problems[0]
    assert "clusters.parquet has questions that were not sampled: ['five']" in problems[1]
    assert f"no scores.parquet; run `python -m homog_core score {good_run.id}`" in problems[2]


@pytest.mark.parametrize("name", ["scores", "similarities"])
def test_verify_misses_a_question_in_a_table(good_run, name):
    good_run.write_table(name, good_run.table(name).iloc[:-1])
    (problem,) = verify(good_run.id)
    assert problem == f"{name}.parquet lacks 1 questions; run `python -m homog_core score {good_run.id}`."


def test_questions_that_were_damaged_and_deleted_are_written_again(good_run):
    before = good_run.questions()
    (good_run.folder / "questions.parquet").unlink()
    with writer_of():
        pass
    pd.testing.assert_frame_equal(good_run.questions(), before)


def test_a_file_that_may_not_be_read_is_not_called_damaged(good_run, monkeypatch):
    def forbidden(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pq, "ParquetFile", forbidden)
    with pytest.raises(HomogError, match=r"could not be read \(Permission denied\)") as caught:
        good_run.questions()
    assert not isinstance(caught.value, CorruptRun)


def similarities_of(ids, n_pairs):
    """A row for each question and two clusterers."""
    numbers = np.random.default_rng(0).random((2 * len(ids), n_pairs), dtype=np.float32)
    columns = {"question_id": np.repeat(ids, 2), "clusterer": ["jaccard", "nli/x"] * len(ids)}
    return pa.table({**columns, "similarity": list(numbers)}, schema=SCHEMAS["similarities"])


@pytest.mark.parametrize(("n_pairs", "read_with"), [(40_000, ["q7"]), (10_000, ["q7", "q8", "q9"]), (1, "all")])
def test_similarities_of_one_question_are_read_without_most_others(tmp_path, n_pairs, read_with):
    ids = [f"q{i}" for i in range(10)]
    table, path = similarities_of(ids, n_pairs), tmp_path / "similarities.parquet"
    path.write_bytes(parquet_bytes(table, "run"))
    assert read_parquet(path, "run").equals(table)
    near = read_parquet(path, "run", near="q7")
    found = near["question_id"].unique().to_pylist()
    assert found == (ids if read_with == "all" else read_with)
    assert near.equals(table.filter(pc.is_in(table["question_id"], pa.array(found))))
    assert read_parquet(path, "run", near="zz").num_rows == 0


def test_similarities_in_one_piece_are_read_as_a_whole(tmp_path):
    table, path = similarities_of(["q0", "q1"], 40_000), tmp_path / "similarities.parquet"
    pq.write_table(table, path)  # as versions before wrote them
    assert read_parquet(path, "run", near="q1").equals(table)
    pq.write_table(table, path, write_statistics=False, row_group_size=2)  # or somebody else may
    assert read_parquet(path, "run", near="q1").equals(table)


def test_no_similarities_at_all_are_written_and_read(tmp_path):
    table, path = SCHEMAS["similarities"].empty_table(), tmp_path / "similarities.parquet"
    path.write_bytes(parquet_bytes(table, "run"))
    assert read_parquet(path, "run").equals(table)
    assert read_parquet(path, "run", near="q1").equals(table)
