"""Stored embeddings of long answers: a row for each window, in order, computed once."""

import numpy as np
import pytest
from fakes import FakeEncoder, FakeSampler, make_question

from homog_core.measures.encoders import WINDOW, encode, masked_windows, windows
from homog_core.records import Decoding
from homog_core.runs import evidence
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run

pytestmark = pytest.mark.usefixtures("no_shipped_runs")
LONG = " ".join(f"w{i}" for i in range(2 * WINDOW)) + ". The end is near."
DECODING = Decoding(n_samples=3)
ANSWERS = ("red fox", LONG, "grey seal")


@pytest.fixture
def long_run():
    return sample_run(FakeSampler({"fox": ANSWERS}), [make_question("fox")], DECODING, "plain")


def counts(frame):
    return frame.groupby(["sample_index", "view"]).size().to_dict()


def test_a_long_answer_has_a_row_for_each_window(long_run):
    assert len(windows(LONG)) == 3
    frame = evidence.embed_run(long_run, FakeEncoder())
    assert counts(frame) == {
        (-1, "question"): 1,
        **{(0, view): 1 for view in ("answer", "masked")},
        **{(1, view): 3 for view in ("answer", "masked")},
        **{(2, view): 1 for view in ("answer", "masked")},
    }


def test_windows_are_stored_in_their_order(long_run):
    encoder = FakeEncoder()
    frame = evidence.embed_run(long_run, encoder)
    for view, cut in (("answer", windows(LONG)), ("masked", masked_windows(LONG, "What is fox?"))):
        stored = np.stack(list(frame.query(f"sample_index == 1 and view == '{view}'")["vector"]))
        np.testing.assert_array_equal(stored, encoder.encode(cut))


def test_stored_vectors_are_those_of_encoding_again(long_run):
    stored = evidence.stored_vectors(evidence.embed_run(long_run, FakeEncoder()))
    again = encode(FakeEncoder(), "What is fox?", ANSWERS)
    assert list(stored) == list(again) == ["answer", "masked"]
    for view, found in stored.items():
        assert [own.shape for own in found] == [(1, 64), (3, 64), (1, 64)]
        for own, expected in zip(found, again[view], strict=True):
            np.testing.assert_array_equal(own, expected)


def test_a_question_without_rows_has_no_vectors():
    assert evidence.stored_vectors(None) == {"answer": [], "masked": []}


def test_windows_are_encoded_once(long_run):
    encoder = FakeEncoder()
    evidence.embed_run(long_run, encoder)
    assert len(encoder.encoded) == len(set(encoder.encoded)) == 9  # equal texts of both views are one
    evidence.embed_run(long_run, encoder)
    assert len(encoder.encoded) == 9


def test_answers_that_were_stored_whole_are_encoded_again(long_run):
    """As by an older version: one vector for a long answer."""
    encoder = FakeEncoder()
    frame = evidence.embed_run(long_run, encoder)
    older = frame.drop_duplicates(["question_id", "sample_index", "view"])
    assert len(older) == len(frame) - 4
    long_run.write_table("embeddings-fake", older)
    again = evidence.embed_run(long_run, encoder)
    assert set(encoder.encoded[9:]) == {*windows(LONG), *masked_windows(LONG, "What is fox?")}
    assert counts(again) == counts(frame)
    stored, fresh = evidence.stored_vectors(again), evidence.stored_vectors(frame)
    for view in stored:
        for own, expected in zip(stored[view], fresh[view], strict=True):
            np.testing.assert_array_equal(own, expected)


def test_the_end_of_a_long_answer_is_part_of_its_similarity():
    answers = {"fox": (f"{LONG} So it is no fox.", f"{LONG} So it is a seal.", LONG)}
    run = sample_run(FakeSampler(answers), [make_question("fox")], DECODING, "plain")
    score_run(run.id, [FakeEncoder()])
    stored = run.table("similarities").set_index("clusterer").loc["embedding/fake", "similarity"]
    # two of three windows are the same, and the last one is another: about 2/3, and not 1
    assert stored == pytest.approx([2 / 3] * 3, abs=0.1)
