"""A run directory ↔ records."""

import json
import multiprocessing

import numpy as np
import pytest
from conftest import FakeSampler, make_question, make_responses

from homog_core import store
from homog_core.errors import CorruptRun, HomogError, NotFound
from homog_core.pipeline import plan_run, sample_run
from homog_core.records import GREEDY, Decoding

QUESTIONS = [make_question("a"), make_question("b"), make_question("c")]
DECODING = Decoding(n_samples=2)


@pytest.fixture
def run(no_shipped_runs):
    return sample_run(FakeSampler({"b": ("x y z", "w")}), QUESTIONS, DECODING, "plain")


def plan(decoding=DECODING):
    return plan_run(FakeSampler(), QUESTIONS, decoding, "plain")


def test_what_is_written_reads_back(run):
    rows = run.responses()
    stored = store.response_set(rows[rows["question_id"] == "b"], "p", "fake", DECODING)
    written = make_responses(QUESTIONS[1], ("x y z", "w"), DECODING)
    assert [r.text for r in stored.responses] == ["x y z", "w"]
    assert stored.greedy.tokens == written.greedy.tokens == ("x", " y", " z", "")
    np.testing.assert_array_equal(stored.greedy.token_entropies, written.greedy.token_entropies)
    assert run.questions()["text"].tolist() == [q.text for q in QUESTIONS]
    assert run.decoding == DECODING


def test_the_shards_are_merged_into_one(run):
    assert [path.name for path in run.folder.glob("responses-*")] == ["responses-merged.parquet"]


def test_a_question_is_stored_once(no_shipped_runs):
    with plan().open() as writer:
        writer.append(make_responses(QUESTIONS[0], ("a",), DECODING))
        writer.append(make_responses(QUESTIONS[0], ("another",), DECODING))
        assert set(writer.run.responses()["text"]) == {"a"}


def test_a_run_that_is_opened_again_knows_what_it_has(no_shipped_runs):
    with plan().open() as writer:
        writer.append(make_responses(QUESTIONS[0], ("a",), DECODING))
        (writer.run.folder / "responses-x.parquet.partial").write_bytes(b"half a shard")
    with plan().open() as writer:
        assert writer.sampled == {"a"}
        assert not list(writer.run.folder.glob("*.partial"))


def test_an_interrupted_merge_loses_and_doubles_nothing(run):
    shard = run.folder / "responses-merged.parquet"
    (run.folder / "responses-leftover.parquet").write_bytes(shard.read_bytes())
    assert len(run.responses()) == 9  # three questions, two samples and the greedy response each
    assert any("9 responses are stored twice" in problem for problem in store.verify(run.id))


def test_verify_finds_nothing_wrong_with_a_good_run_but_that_it_is_not_scored(run):
    assert all("run `python -m homog_core score" in problem for problem in store.verify(run.id))


def test_a_truncated_shard_is_named_with_the_remedy(run):
    shard = run.folder / "responses-merged.parquet"
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(CorruptRun, match=r"responses-merged\.parquet .* is damaged\. Delete that file"):
        run.responses()
    assert "is damaged" in store.verify(run.id)[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m["identity"].update(model="another"), "hashes to"),
        (lambda m: m["identity"].update(question_ids_sha256="0"), "question ids are not those"),
        (lambda m: m["provenance"].update(status="interrupted"), "goes on with it"),
    ],
)
def test_verify_notices_a_changed_manifest(run, change, words):
    path = run.folder / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    assert any(words in problem for problem in store.verify(run.id))


@pytest.mark.parametrize("drop", [("a", 1), ("c", GREEDY)])
def test_verify_notices_a_missing_response(run, drop):
    rows = run.responses()
    rows = rows[(rows["question_id"] != drop[0]) | (rows["sample_index"] != drop[1])]
    run.write_table("responses-merged", rows)
    assert any(f"Question {drop[0]} has the samples" in problem for problem in store.verify(run.id))


def test_verify_notices_numbers_that_are_none(run):
    rows = run.responses()
    rows["token_entropies"] = [np.full(len(v), np.nan, "float32") for v in rows["token_entropies"]]
    run.write_table("responses-merged", rows)
    assert any("not finite" in problem for problem in store.verify(run.id))


def test_a_manifest_that_is_no_json_is_skipped_in_the_list_and_reported_by_verify(run):
    (run.folder / "manifest.json").write_text("{")
    assert store.list_runs() == []
    assert "manifest.json" in store.verify(run.id)[0]


@pytest.mark.parametrize("run_id", ["../../etc", "nothing", ""])
def test_an_id_is_never_a_path(run, run_id):
    with pytest.raises(NotFound, match="There is no run"):
        store.open_run(run_id)


def _open(queue):
    try:
        with plan().open():
            queue.put("opened")
    except HomogError as error:
        queue.put(str(error))


def test_a_run_has_one_writer(no_shipped_runs):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    with plan().open():
        other = context.Process(target=_open, args=(queue,))
        other.start()
        assert "being written by another process" in queue.get(timeout=60)
        other.join()


def test_the_identity_names_the_run(no_shipped_runs):
    assert store.run_id_of(plan().identity) == store.run_id_of(plan().identity)
    assert store.run_id_of(plan().identity) != store.run_id_of(plan(Decoding(n_samples=2, seed=1)).identity)
