"""What is said of the map of all answers."""

import pytest

from homog_core.runs.answer_maps import Header, Source
from homog_core.wording import answer_map as say

HEADER = Header((Source("a", "1"), Source("b", "2")), "test", "minilm", 1500, 0.904, "2026-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("names", "means", "words"),
    [
        (["base"], [9.66], "base uses 9.7 different wordings in 10 answers to a question"),
        (
            ["base", "sft", "dpo"],
            [9.66, 7, 5.63],
            "dpo uses 5.6 different wordings in 10 answers to a question, base 9.7",
        ),
        (["base", "dpo"], [2, 2.04], "dpo uses 2.0 different wordings in 10 answers to a question, as base does"),
        (
            ["base", "dpo"],
            [float("nan"), 2],
            "dpo uses 2.0 different wordings in 10 answers to a question, base undefined",
        ),
    ],
)
def test_the_title_says_how_many_wordings(names, means, words):
    assert say.finding(names, means, 10) == words


def test_how_to_read_says_how_faithful_the_map_is():
    assert "trustworthiness 0.90" in say.how_to_read(HEADER, "model", 1)
    few = Header(HEADER.sources, "test", "minilm", 3, None, HEADER.created)
    assert "too few texts" in say.how_to_read(few, "model", 1)
    assert "All panels" in say.how_to_read(HEADER, "model", 2)
    assert "legend" in say.how_to_read(HEADER, "grade", 2)
    assert not {"legend", "All panels"} & set(say.how_to_read(HEADER, "answers", 2).split())


def test_how_it_was_made_and_how_long_it_takes():
    assert say.method(HEADER) == "UMAP of 1,500 different texts, 2 runs together, all-MiniLM-L6-v2"
    assert say.how_long(1500, 34) == "1,500 different texts: that takes about 30 s on two processor cores."
    assert say.how_long(15186, 171) == "15,186 different texts: that takes about 3 minutes on two processor cores."
    assert say.how_long(1, 20) == "1 different text: that takes about 20 s on two processor cores."


def test_what_a_mark_says_beside_its_text():
    assert say.about("dpo", "correct", "capitals") == "dpo · ✓ correct · capitals"
    assert say.about("dpo", "ungraded", "") == "dpo · not graded"
