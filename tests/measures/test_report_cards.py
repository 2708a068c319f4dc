"""Report cards: thresholds and errors on read pairs, by hand, and the weights that are fitted beside them."""

import json
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest
from fakes import FakeEncoder, FakeNli

from homog_core import files
from homog_core.errors import InvalidInput
from homog_core.measures import report_cards
from homog_core.measures.clustering import PUBLISHED_COSINE_THRESHOLD, Clusterer
from homog_core.measures.combined import weights_of
from homog_core.measures.report_cards import (
    LONGEST,
    ReadPair,
    ReportCard,
    calibrate,
    default_clusterers,
    fewest_errors,
    fit_combined,
    is_outside_cards,
    joins,
    pair_similarity,
    read_report_cards,
    report_card,
    write_report_cards,
)
from homog_core.records import Question

CARD = ReportCard("jaccard", 0.4, 0.6, 0.5, 0.2, 0.1, 30, 40)
JACCARD, MASKED = Clusterer("jaccard", 0.4), Clusterer("embedding_masked", 0.4, "fake")


def pair(first, second, same, half="card", question="Which?"):
    return ReadPair(question, first, second, same, half, "base", "fake")


@pytest.mark.parametrize(
    ("first", "second", "length"),
    [
        ("red", "", "short"),
        ("a red fox", "seal", "short"),
        ("a red fox", "a very red fox", "sentence"),  # the longer one counts
        ("word " * 25, "red", "sentence"),
        ("word " * 26, "red", "long"),
        ("word " * LONGEST, "", "long"),
        ("word " * (LONGEST + 1), "", "long"),
        ("北京", "红狐狸", "short"),
    ],
)
def test_the_length_class_of_a_pair(first, second, length):
    assert pair(first, second, True).length == length


# Thresholds and cards by hand


@pytest.mark.parametrize(
    ("similarity", "same", "threshold"),
    [
        # no error from .30 to .69; of these forty the 21st
        ([0.2, 0.3, 0.7, 0.8], [0, 0, 1, 1], 0.5),
        # one error at best, from .40 to .49 (the second) and from .70 to .79 (the third)
        ([0.4, 0.5, 0.7, 0.8], [0, 1, 0, 1], 0.7),
        ([0.1, 0.2], [1, 1], 0.05),  # below .1
        ([0.1, 0.2], [0, 0], 0.6),  # from .2 on, eighty of them
        ([0.5], [1], 0.25),  # a pair at the threshold is not joined
    ],
)
def test_the_threshold_with_the_fewest_errors(similarity, same, threshold):
    assert fewest_errors(np.array(similarity), np.array(same, dtype=bool)) == threshold


def test_the_threshold_is_one_of_the_sliders():
    rng = np.random.default_rng(0)
    for _ in range(20):
        chosen = fewest_errors(rng.random(30), rng.random(30) < 0.5)
        assert chosen == round(chosen, 2)
        assert 0 <= chosen <= 0.99


@pytest.mark.parametrize(
    ("clusterer", "precision", "recall", "false_joins"),
    [
        (Clusterer("jaccard", 0.5), 2 / 3, 1.0, 0.5),  # .9 and both at .5
        (Clusterer("embedding", 0.5, "fake"), 1.0, 0.5, 0.0),  # .9 alone
        (Clusterer("combined", 0.5, "fake"), 1.0, 0.5, 0.0),
        (Clusterer("embedding", 0.0, "fake"), 0.5, 1.0, 1.0),
    ],
)
def test_report_card(clusterer, precision, recall, false_joins):
    similarity, same = np.array([0.9, 0.5, 0.5, 0.2]), np.array([True, True, False, False])

    card = report_card(clusterer, similarity, same)

    # .9 beats .5 and .2; .5 ties with .5 and beats .2: 3.5 of 4
    expected = ReportCard(clusterer.key, clusterer.threshold, 0.875, precision, recall, false_joins, 2, 2)
    assert card == expected
    assert card.reference_auc is None


def test_nothing_joined_has_no_precision():
    card = report_card(Clusterer("embedding", 0.9, "fake"), np.array([0.5, 0.2]), np.array([True, False]))
    assert np.isnan(card.precision)
    assert (card.recall, card.false_join_rate) == (0, 0)


@pytest.mark.parametrize("same", [True, False])
def test_pairs_of_one_kind_are_refused(same):
    with pytest.raises(InvalidInput, match="pairs that readers called the same and pairs that they called different"):
        report_card(JACCARD, np.array([0.5, 0.2]), np.array([same, same]))


def test_at_its_threshold_only_jaccard_joins():
    at = np.array([0.39, 0.4, 0.41])
    assert joins(JACCARD, at).tolist() == [False, True, True]
    assert joins(MASKED, at).tolist() == [False, False, True]


# Similarity of pairs


def test_the_similarity_of_a_pair_is_that_of_the_clusterer():
    same, other = pair("It is red.", "Red!", True, question="Is it?"), pair("7 foxes", "9 foxes", False)
    assert pair_similarity(JACCARD)(pair("a red fox", "a red seal", True)) == pytest.approx(1 / 3)
    masked = pair_similarity(MASKED, FakeEncoder())
    assert masked(pair("It is red.", "red", True, question="Is it?")) == 1  # "red" both times
    assert pair_similarity(replace(MASKED, method="embedding"), FakeEncoder())(same) < 0.6  # whole, they differ
    assert masked(other) == 0  # another number


def test_the_similarity_of_a_pair_under_nli_is_whether_it_is_joined():
    script = {("a", "b"): (0.9, 0.1, 0.0), ("b", "a"): (0.8, 0.1, 0.1), ("a", "c"): (0.9, 0.1, 0.0)}
    for entailment, joined in (("bidirectional", [1, 0]), ("either", [1, 1])):
        judge = pair_similarity(Clusterer("nli", 0.0, "scripted", entailment=entailment), nli=FakeNli(script))
        assert [judge(pair("a", other, True)) for other in "bc"] == joined


def test_nli_reads_the_question_before_both_texts():
    nli = FakeNli({}, context=True)
    pair_similarity(Clusterer("nli", 0.0, "scripted"), nli=nli)(pair("a", "b", True))
    assert nli.judged == [("Which? a", "Which? b"), ("Which? b", "Which? a")]


# Calibration


HALF = [
    ("a red fox", "red fox", True),
    ("blue whale", "the blue whale", True),
    ("7 seals", "seven seals", True),
    ("green frog", "green frog", True),
    ("7 seals", "9 seals", False),  # states something different
    ("a red fox", "a grey seal", False),
    ("blue whale", "green frog", False),
    ("blue sky", "blue whale", False),
]
READ = [pair(*row, half) for half in ("choose", "card") for row in HALF]


def test_a_calibration_by_hand():
    cards = {card.clusterer: card for card in calibrate(READ, FakeEncoder())}

    assert set(cards) == {"jaccard", "embedding/fake", "embedding_masked/fake", "combined/fake"}
    # bigrams: {a red, red fox} and {red fox}: ½; {the blue, blue whale} likewise; "7 seals", "seven seals" 0; 1.
    # The others have no bigram in common. .5, .5 and 1 win all of four; 0 ties with all four: (12 + 2)/16
    assert cards["jaccard"] == ReportCard("jaccard", 0.4, 14 / 16, 1.0, 0.75, 0.0, 4, 4)
    # masked, three of the same are equal texts; the threshold of the other half, which is alike, joins the fourth too
    masked = cards["embedding_masked/fake"]
    assert (masked.precision, masked.recall, masked.false_join_rate) == (1.0, 1.0, 0.0)
    assert masked.threshold < PUBLISHED_COSINE_THRESHOLD
    assert cards["combined/fake"].threshold == 0.5
    assert cards["combined/fake"].recall == 1  # the two sevens are one number
    assert all((card.n_same, card.n_different, card.reference_auc) == (4, 4, None) for card in cards.values())
    assert read_report_cards(files.cache() / "report_cards.json") == cards


def test_one_half_chooses_and_the_other_one_is_measured():
    """Where all pairs of the card's half are said to be the opposite, thresholds and weights stay what they were."""
    before = {card.clusterer: card for card in calibrate(READ, FakeEncoder())}
    weights = weights_of("fake")
    turned = [replace(p, same=not p.same) if p.half == "card" else p for p in READ]
    after = {card.clusterer: card for card in calibrate(turned, FakeEncoder())}
    assert weights_of("fake") == weights
    for key, card in after.items():
        assert card.threshold == before[key].threshold
        assert card.auc == pytest.approx(1 - before[key].auc)
        assert card.recall == before[key].false_join_rate


def test_pairs_that_others_judged_are_only_fitted_to():
    before = {card.clusterer: card for card in calibrate(READ, FakeEncoder())}
    weights = weights_of("fake")
    judged = [
        pair(f"a red fox of {word}", f"a grey seal of {word}", True, "judged") for word in ("sand", "snow", "wood")
    ]
    after = {card.clusterer: card for card in calibrate([*READ, *judged], FakeEncoder())}
    assert {key: card for key, card in after.items() if key != "combined/fake"} == {
        key: card for key, card in before.items() if key != "combined/fake"
    }
    assert after["combined/fake"].n_same == 4
    assert weights_of("fake") != weights


def test_weights_are_fitted_to_pairs_that_state_nothing_different():
    weights = fit_combined([p for p in READ if p.half == "choose"], FakeEncoder())
    agreeing = [p for p in READ if p.half == "choose" and "9 seals" not in (p.first, p.second)]
    assert fit_combined(agreeing, FakeEncoder()) == weights
    assert weights.same_number > 0
    assert weights.same_decision == 0  # nobody decided anything


def test_references_of_questions_stand_beside_the_cards():
    questions = [
        Question("q", "test", "Which?", ("red fox", "a red fox"), ("blue whale",)),
        Question("nothing wrong", "test", "Which?", ("a", "b")),
    ]
    cards = {card.clusterer: card for card in calibrate(READ, FakeEncoder(), questions=questions)}
    # bigrams: the two correct ones ½, correct and incorrect 0
    assert cards["jaccard"].reference_auc == 1
    assert cards["jaccard"].auc == 14 / 16  # nothing else changes
    without = calibrate(READ, FakeEncoder(), questions=questions[1:])
    assert {card.reference_auc for card in without} == {None}


def test_the_report_card_of_an_nli_model_by_hand():
    entails, neutral = (0.9, 0.1, 0.0), (0.1, 0.8, 0.1)
    both_ways = [HALF[0], HALF[2], HALF[7]]
    script = {row[:2]: entails for row in both_ways} | {row[1::-1]: entails for row in both_ways}
    script |= {HALF[1][:2]: entails, HALF[1][1::-1]: neutral}
    nli = FakeNli(script)
    cards = {card.clusterer: card for card in calibrate(READ, FakeEncoder(), nli)}
    # joined: two of the same and one that equals itself, and one of the others. Same over others: 3 of 4 are joined,
    # and win over 3 of 4 others, tie with 1; the fourth ties with 3 of 4: (3·(3 + ½) + 1·3·½)/16
    assert cards["nli/scripted"] == ReportCard("nli/scripted", 0.0, 12 / 16, 3 / 4, 3 / 4, 1 / 4, 4, 4)
    asked = Counter(frozenset(judged) for judged in nli.judged)
    assert asked[frozenset(HALF[0][:2])] == 2  # each way, of the card's half alone


@pytest.mark.parametrize("half", ["choose", "card"])
def test_both_halves_need_pairs_of_both_kinds(half):
    left = [p for p in READ if p.half != half or p.same]
    with pytest.raises(InvalidInput, match="pairs that readers called the same"):
        calibrate(left, FakeEncoder())


# The cards that there are


def test_cards_are_read_as_they_were_written_and_merged(tmp_path):
    path = tmp_path / "new folder" / "report_cards.json"
    other, newer = replace(CARD, clusterer="embedding/minilm", reference_auc=0.7), replace(CARD, threshold=0.5)

    write_report_cards(path, [CARD, other])
    write_report_cards(path, [newer])

    assert read_report_cards(path) == {"jaccard": newer, "embedding/minilm": other}
    assert [file.name for file in path.parent.iterdir()] == ["report_cards.json"]


def test_no_file_is_no_cards(tmp_path):
    assert read_report_cards(tmp_path / "report_cards.json") == {}


def test_cards_of_older_versions_are_left_out(tmp_path):
    older = {"clusterer": "jaccard", "threshold": 0.4, "auc": 0.6, "true_join_rate": 0.2, "n_agreeing": 3}
    path = tmp_path / "report_cards.json"
    path.write_text(json.dumps([older, asdict(replace(CARD, clusterer="embedding/minilm"))]))
    assert set(read_report_cards(path)) == {"embedding/minilm"}
    write_report_cards(path, [CARD])
    assert set(read_report_cards(path)) == {"jaccard", "embedding/minilm"}


def test_the_users_cards_go_before_the_shipped_ones():
    shipped = report_cards.report_cards()
    assert {"jaccard", "combined/minilm", "embedding/minilm", "embedding_masked/minilm"} <= set(shipped)
    own = replace(shipped["combined/minilm"], auc=0.01)
    write_report_cards(files.cache() / "report_cards.json", [own])
    assert report_cards.report_cards() == shipped | {"combined/minilm": own}
    assert default_clusterers()[-1].key == "combined/minilm"  # the worst card, so the last


def test_the_clusterers_stand_in_the_order_of_their_cards():
    found = default_clusterers(["minilm", "wordllama"])
    cards = report_cards.report_cards()
    assert [c.method for c in found].count("jaccard") == 1
    assert {(c.method, c.encoder) for c in found if c.encoder} == {
        (method, encoder)
        for method in ("embedding", "embedding_masked", "combined")
        for encoder in ("minilm", "wordllama")
    }
    aucs = [cards[c.key].auc for c in found]
    assert aucs == sorted(aucs, reverse=True)
    assert all(c.threshold == (0.4 if c.method == "jaccard" else cards[c.key].threshold) for c in found)


def test_an_encoder_without_cards_has_the_published_threshold_and_no_combined():
    found = {c.key: c.threshold for c in default_clusterers(["nobody"], "judge")}
    assert found == {
        "jaccard": 0.4,
        "embedding/nobody": PUBLISHED_COSINE_THRESHOLD,
        "embedding_masked/nobody": PUBLISHED_COSINE_THRESHOLD,
        "nli/judge": 0.0,
    }


@pytest.mark.parametrize(
    ("answer", "outside"),
    [
        ("Oslo", False),
        ("word " * LONGEST, False),
        ("word " * (LONGEST + 1), True),
        ("北京", True),
        ("القاهرة", True),
        ("", False),
        ("👍", False),
    ],
)
def test_what_is_outside_the_cards(answer, outside):
    assert is_outside_cards(answer) is outside
