"""The tree of answers: what a count over the stored tokens gives, and what is folded."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homog_core.analysis.token_tree import branches, branching_factor, token_tree, vanished
from homog_core.records import Response


def answer(*tokens, entropies=None, ended=True):
    """An answer; one that ended has an end token, which its own tokens leave out."""
    pieces = (*tokens, "\n") if ended else tokens
    own = np.arange(len(pieces), dtype=np.float32) if entropies is None else np.array(entropies, dtype=np.float32)
    text = "".join(tokens)
    return Response(text, pieces, own, np.zeros(len(pieces), np.float32), "stop" if ended else "length")


def tree_of(*answers):
    return token_tree(dict(enumerate(answers)))


def test_answers_that_begin_alike_share_a_branch_and_what_does_not_branch_is_folded():
    root = tree_of(answer(" New", " York", "."), answer(" New", " York", " City", "."), answer(" Boston"))
    frame = branches(root)
    assert frame["text"].to_list() == ["", "New York", "Boston", ".", " City."]
    assert frame["n"].to_list() == [3, 2, 1, 1, 1]
    assert frame["parent"].to_list() == [-1, 0, 0, 1, 1]
    assert frame["path"].to_list()[-1] == "New York City."


def test_the_colour_is_the_entropy_of_the_choice_after_the_branch():
    root = tree_of(answer(" A", " b", entropies=[1, 2, 3]), answer(" A", " c", entropies=[1, 4, 5]))
    assert root.text == "A"  # nothing branches before it
    assert root.entropy == 3  # of the second token: 2 and 4
    assert [child.entropy for child in root.children.values()] == [3, 5]


def test_an_end_where_others_go_on_is_a_branch():
    root = tree_of(answer(" A"), answer(" A", " b"), answer(" A", ended=False))
    assert [(child.text, child.is_end, child.count) for child in root.children.values()] == [
        ("", True, 1),
        (" b", False, 1),
    ]
    assert root.count == 3  # the third was cut, so it is in no branch


def test_answers_without_tokens_are_cut_into_words():
    texts = [("the red fox",), ("the red whale",)]
    unknown = [Response(t, (t,), np.full(1, np.nan), np.full(1, np.nan), "unknown", "none") for (t,) in texts]
    root = tree_of(*unknown)
    assert root.text == "the red"
    assert sorted(child.text for child in root.children.values()) == [" fox", " whale"]
    assert np.isnan(root.entropy)


def test_the_branching_factor_is_by_position_over_the_answers_that_are_there():
    found = branching_factor([answer(" A", " b", entropies=[0, np.log(4), 9]), answer(" A", entropies=[0, 9])])
    assert found == pytest.approx([1, 4])


def test_first_words_that_the_aligned_model_no_longer_uses_are_named_the_commonest_first():
    base = ["In Rome", "In Pisa", "Paris", "oslo", "Oslo!", "Lima", ""]
    assert vanished(base, ["paris is it", "Paris."]) == ["in", "oslo", "lima"]
    assert vanished(base, base) == []


PIECES = st.lists(st.sampled_from([" a", " b", " c"]), min_size=1, max_size=6).map(tuple)


@given(st.lists(PIECES, min_size=1, max_size=12))
def test_widths_are_counts_over_the_stored_tokens(said):
    frame = branches(tree_of(*(answer(*pieces) for pieces in said)))
    starts = Counter("".join(own[:length]).lstrip() for own in said for length in range(len(own) + 1))
    ends = Counter("".join(own).lstrip() for own in said)
    for row in frame.itertuples():
        assert row.n == (ends[row.path] if row.is_end else starts[row.path])
    children = frame.groupby("parent")["n"].sum().drop(-1)
    assert (children == frame["n"][children.index]).all()  # an answer goes on, or its end is a branch


def test_a_piece_without_text_is_no_end():
    root = tree_of(answer("", " é"), answer("", " ü"))  # the first half of a character
    assert [child.text for child in root.children.values()] == [" é", " ü"]
    assert not any(child.is_end for child in root.children.values())


def test_two_hundred_long_answers_are_a_tree_at_once():
    rng = np.random.default_rng(0)
    answers = [answer(*(f" {word}" for word in rng.integers(0, 40, 64))) for _ in range(200)]
    frame = branches(tree_of(*answers))
    assert frame["n"][0] == 200
    assert frame["is_leaf"].sum() >= 190
