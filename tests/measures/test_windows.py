"""Long answers in windows: how a text is cut, and one array of vectors for each answer."""

import numpy as np
import pytest
from fakes import FakeEncoder
from hypothesis import given
from hypothesis import strategies as st

from homog_core.measures.encoders import WINDOW, encode, masked_windows, mean_vectors, windows
from homog_core.measures.words import words_of


def sentence(first, n_words):
    return " ".join([first, *["word"] * (n_words - 1)]) + "."


@pytest.mark.parametrize("text", ["", "Oslo", " two  spaces ", "A fox. A seal.", sentence("One", WINDOW)])
def test_a_short_text_is_one_window_as_it_is(text):
    assert windows(text) == [text]


def test_sentences_stay_together_as_long_as_they_fit():
    a, b, c, d = (sentence(name, n) for name, n in (("A", 60), ("B", 40), ("C", 30), ("D", 71)))
    assert windows(f"{a} {b} {c} {d}") == [f"{a} {b}", c, d]  # 60 + 40, 30, 71: 30 + 71 is too much


def test_a_longer_sentence_is_cut():
    words = [f"w{i}" for i in range(2 * WINDOW + 1)]
    assert windows(" ".join(words)) == [" ".join(words[i : i + WINDOW]) for i in (0, WINDOW, 2 * WINDOW)]


def test_a_text_without_spaces_is_cut_by_characters():
    assert windows("狐" * (WINDOW + 1)) == ["狐" * WINDOW, "狐"]
    assert windows("狐" * 60 + "。" + "豹" * 60 + "。") == ["狐" * 60 + "。", "豹" * 60 + "。"]


@given(st.lists(st.sampled_from(["fox", "seal.", "whale!", "狐狸", "👍", "3.5"]), min_size=1, max_size=400))
def test_nothing_is_lost_and_no_window_is_long(words):
    text = " ".join(words)
    found = windows(text)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
    assert words_of(" ".join(found)) == words_of(text)
    assert all(found)
    if all(len(words_of(word)) == 1 for word in words):
        assert max(len(words_of(window)) for window in found) <= WINDOW


def test_each_window_is_masked():
    start, end = sentence("The red fox", WINDOW), "It is a grey seal."
    assert masked_windows(f"{start} {end}", "Is it a red word?") == ["fox", "grey seal"]
    assert masked_windows("A red word", "Is it a red word?") == ["A red word"]  # nothing left: whole


# Vectors


LONG = f"{sentence('Start', WINDOW)} The end is near."


def test_an_answer_has_a_vector_for_each_window():
    encoder = FakeEncoder()
    found = encode(encoder, "What is it?", ["a fox", LONG, "a fox"])
    assert {view: [own.shape for own in vectors] for view, vectors in found.items()} == {
        "answer": [(1, 64), (2, 64), (1, 64)],
        "masked": [(1, 64), (2, 64), (1, 64)],
    }
    for view, cut in (("answer", windows), ("masked", lambda answer: masked_windows(answer, "What is it?"))):
        for own, answer in zip(found[view], ["a fox", LONG, "a fox"], strict=True):
            np.testing.assert_array_equal(own, encoder.encode(cut(answer)))


def test_the_two_views_of_an_answer_differ():
    found = encode(FakeEncoder(), "Is it a fox?", ["a red fox"])
    np.testing.assert_array_equal(found["masked"][0], FakeEncoder().encode(["red"]))
    np.testing.assert_array_equal(found["answer"][0], FakeEncoder().encode(["a red fox"]))


def test_no_answers_have_no_vectors():
    assert encode(FakeEncoder(), "What is it?", []) == {"answer": [], "masked": []}


def test_mean_vectors_by_hand():
    x, y, z = np.eye(3, dtype=np.float32)
    found = mean_vectors([np.array([x]), np.array([x, y]), np.array([x, x, y * 0.6 + z * 0.8])])
    # (1, 1, 0)/2 and (2, .6, .8)/3, of length 1 again: /√2 and /√(4 + 1)
    expected = [[1, 0, 0], np.array([1, 1, 0]) / np.sqrt(2), np.array([2, 0.6, 0.8]) / np.sqrt(5)]
    assert found == pytest.approx(np.array(expected))


def test_mean_vectors_at_the_edges():
    x = np.array([[1.0, 0.0]], dtype=np.float32)
    assert len(mean_vectors([])) == 0
    assert mean_vectors([np.concatenate([x, -x])]).tolist() == [[0, 0]]  # they cancel out: similar to nothing
    rounded = np.array([[0.70703125, 0.70703125]], dtype=np.float32)  # as float16 stores it: not quite of length 1
    assert mean_vectors([rounded]).tolist() == rounded.tolist()
