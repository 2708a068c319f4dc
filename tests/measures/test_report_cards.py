from dataclasses import replace

import numpy as np
import pytest

from homog_core.errors import InvalidInput
from homog_core.measures.report_cards import (
    PairSimilarities,
    ReportCard,
    pair_similarities,
    read_report_cards,
    report_card,
    threshold_at_false_join_rate,
    write_report_cards,
)
from homog_core.records import Question

CARD = ReportCard("jaccard", 0.4, 0.6, 0.2, 0.1, 30, 40, "starter")
PAIRS = PairSimilarities(agreeing=np.array([0.9, 0.5]), contradicting=np.array([0.5, 0.2]))


def question(id, right, wrong):
    return Question(id, "d", "Why?", tuple(right), tuple(wrong))


def closeness(question, texts):
    """1 − the difference of the numbers that the texts are."""
    values = np.array([float(text) for text in texts])
    return 1 - np.abs(values[:, None] - values[None, :])


def test_pairs_by_hand():
    questions = [
        question("both", [".1", ".2", ".4"], [".9", ".6"]),
        question("one of each", [".5"], [".5"]),
        question("nothing wrong", [".1", ".1"], []),  # takes no part
    ]

    pairs = pair_similarities(questions, closeness)

    # .1–.2, .1–.4, .2–.4
    assert pairs.agreeing == pytest.approx([0.9, 0.7, 0.8])
    # .1–.9, .1–.6, .2–.9, .2–.6, .4–.9, .4–.6 and .5–.5
    assert pairs.contradicting == pytest.approx([0.2, 0.5, 0.3, 0.6, 0.5, 0.8, 1.0])


def test_the_similarity_function_is_handed_the_question():
    asked = question("q", ["a", "b"], ["c"])

    pairs = pair_similarities([asked], lambda q, texts: np.full((3, 3), float(q is asked and texts == ["a", "b", "c"])))

    assert pairs.agreeing.tolist() == [1.0]


@pytest.mark.parametrize(
    "questions",
    [
        [],
        [question("nothing wrong", [".1", ".2"], [])],
        [question("one right", [".1"], [".2"])],  # contradicting pairs only
        [question("nothing right", [], [".2"])],
    ],
)
def test_without_pairs_of_both_kinds_there_is_nothing_to_calibrate_on(questions):
    with pytest.raises(InvalidInput, match="two correct and one incorrect reference"):
        pair_similarities(questions, closeness)


@pytest.mark.parametrize(
    ("rate", "threshold"),
    [
        # .005, .055 … .955: three of twenty lie above .805 and on, so above .81 of the slider
        (0.15, 0.81),
        (0.0, 0.96),
        (1.0, 0.0),
        (0.5, 0.46),  # ten of twenty, .505 … .955, lie above .455
    ],
)
def test_threshold_joins_the_given_share_of_contradicting_pairs(rate, threshold):
    pairs = PairSimilarities(agreeing=np.array([1.0]), contradicting=np.arange(20) / 20 + 0.005)

    assert threshold_at_false_join_rate(pairs, rate) == threshold


def test_threshold_is_of_15_percent_unless_told_otherwise():
    pairs = PairSimilarities(agreeing=np.array([1.0]), contradicting=np.arange(20) / 20 + 0.005)

    assert threshold_at_false_join_rate(pairs) == threshold_at_false_join_rate(pairs, 0.15)


def test_a_pair_at_the_threshold_is_not_joined():
    # at .3 one of two is joined, the other is at .3 exactly; at .29 both are
    pairs = PairSimilarities(agreeing=np.array([1.0]), contradicting=np.array([0.3, 0.8]))

    assert threshold_at_false_join_rate(pairs, 0.5) == 0.3


@pytest.mark.parametrize(("joins_at_equality", "true_join", "false_join"), [(False, 0.5, 0.0), (True, 1.0, 0.5)])
def test_report_card(joins_at_equality, true_join, false_join):
    card = report_card("jaccard", PAIRS, 0.5, "starter", joins_at_equality=joins_at_equality)

    # .9 beats .5 and .2; .5 ties with .5 and beats .2: 3.5 of 4
    assert card == ReportCard("jaccard", 0.5, 0.875, true_join, false_join, 2, 2, "starter")


def test_cards_are_read_as_they_were_written_and_merged(tmp_path):
    path = tmp_path / "new folder" / "report_cards.json"
    other, newer = replace(CARD, clusterer="embedding/minilm"), replace(CARD, threshold=0.5)

    write_report_cards(path, [CARD, other])
    write_report_cards(path, [newer])

    assert read_report_cards(path) == {"jaccard": newer, "embedding/minilm": other}
    assert [file.name for file in path.parent.iterdir()] == ["report_cards.json"]


def test_no_file_is_no_cards(tmp_path):
    assert read_report_cards(tmp_path / "report_cards.json") == {}
