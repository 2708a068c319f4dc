"""The sentences of the story, for what is found, what is not, and what is too little to say."""

import re

import pytest

from homog_core import files
from homog_core.analysis.advice import Advice, Way
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.story import Detection, Typical, find_pair, story_of
from homog_core.catalogue.published import PUBLISHED
from homog_core.measures.report_cards import ReportCard
from homog_core.records import Estimate
from homog_core.runs import store
from homog_core.wording import story as say
from homog_core.wording.published import published_rates


@pytest.fixture(scope="module")
def shipped():
    pair = find_pair([run for run in store.list_runs() if run.folder.parent == files.SHIPPED / "runs"])
    return story_of(ScoredRun(pair.base), ScoredRun(pair.aligned))


def test_the_first_sentences_count_and_say_how_typical_they_are(shipped):
    assert re.match(
        r"We asked the same question 10 times. The base model gave \*\*\d+\*\* different", say.lead(shipped)
    )
    assert f"Of all {shipped.typical.n} questions" in say.is_it_typical(shipped.typical, 10)
    assert "It can make the answers alike" in say.in_short(shipped)


def test_a_rate_stands_with_its_interval_in_brackets():
    rate, mean = estimate(0.09, 0.05, 0.14), estimate(4.94, 4.5, 5.4)
    said = say.is_it_typical(
        Typical(162, estimate(0.0, 0.0, 0.023), rate, estimate(8.1), mean, rate, rate, 128, 20), 10
    )
    assert "answer to 9 % [5 %, 14 %], the base model to 0 % [0 %, 2 %]" in said
    assert "on average 4.9 of 10 instead of 8.1" in said
    assert said.endswith("(95 % confidence interval in brackets.)")


def test_what_counts_as_the_same_is_said_with_its_errors():
    said = say.what_is_the_same(ReportCard("combined/minilm", 0.5, 0.9, 0.73, 0.788, 0.109, 66, 174))
    assert "Of 240 pairs of answers, readers called 66 the same." in said
    assert said.endswith("puts 79 % of these on one pile, and 11 % of the others.")


def test_hesitation_that_does_not_fall_is_not_said_to():
    assert "Aligning lowers it too, from 1.20 to 0.80" in say.hesitation_falls(estimate(1.2), estimate(0.8))
    assert "Aligning does not lower it, from 0.80 to 1.20" in say.hesitation_falls(estimate(0.8), estimate(1.2))


@pytest.mark.parametrize(
    ("cost", "words"), [(0, "no extra cost"), (7.6, "7.6 tokens more"), (1270, "1,270 tokens more")]
)
def test_a_cost_in_words(cost, words):
    assert say.extra_cost(cost) == words


def estimate(value, low=float("nan"), high=float("nan"), n=100):
    return Estimate(value, low, high, n, "test")


def detection(auroc, n_wrong=50, n_right=50, no_signal=False, pooled=0.8):
    return Detection("hesitation", "all", auroc, pooled, n_wrong, n_right, no_signal)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (detection(estimate(0.7, 0.6, 0.8)), "70 of 100 pairs [60, 80], better than guessing"),
        (detection(estimate(0.6, 0.4, 0.8)), "60 of 100 pairs [40, 80], not shown to be better than guessing"),
        (detection(estimate(0.3, 0.2, 0.4)), "30 of 100 pairs [20, 40], worse than guessing"),
        (detection(estimate(0.7, 0.6, 0.8, n=20)), "70 of 100 pairs [60, 80], better than guessing; only 20 answers"),
        (
            detection(estimate(0.7, 0.6, 0.8), n_right=1),
            "70 of 100 pairs [60, 80], better than guessing; only 1 right answer",
        ),
        (detection(estimate(0.5, 0.5, 0.5), no_signal=True), "no signal: all scores tie"),
        (detection(estimate(float("nan")), n_right=0), "undefined, with 50 wrong and 0 right answers"),
        (detection(estimate(0.4)), "40 of 100 pairs, too few answers for an interval"),
    ],
)
def test_an_auroc_in_words(found, expected):
    assert say.pairs(found) == expected


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [("no gain", "Not here"), ("kept", "Yes, here"), ("lost", "In part"), ("unclear", "Unclear"), ("no cost", "free")],
)
def test_every_verdict_has_its_words(verdict, expected):
    way, saving = Way(10.0, estimate(0.7, 0.6, 0.8)), estimate(0.5, 0.4, 0.6, 80)

    assert expected in say.verdict(Advice((0.0,), (1.0,), way, way, way, saving, verdict, 40, 40))


def test_published_rates_are_said_to_be_published():
    sentence = say.how_strong(268_000_000, PUBLISHED)

    assert "268 million" in sentence
    assert published_rates(PUBLISHED) in sentence
    assert "None of that was measured here" in sentence
    assert "published" not in say.how_strong(None, ())


@pytest.mark.parametrize(
    ("one", "several", "expected"),
    [
        (
            (32, 192),
            (237, 166),
            "still tells something: with one pile 86 % (192 of 224) of the answers are right, with",
        ),
        ((10, 12), (9, 11), "is not shown to tell something"),
        ((0, 0), (9, 11), ""),
    ],
)
def test_whether_one_pile_or_several_tells_something_follows_from_the_intervals(one, several, expected):
    said = say.one_or_several(*(detection(estimate(0.5), *counts) for counts in (one, several)))

    assert expected in said if expected else said == ""


def test_pairs_of_any_kind_are_said_to_tell_kinds_apart_too():
    assert say.of_any_kind(detection(estimate(0.6))).startswith("Among questions of any kind it is 80 of 100 pairs;")
    assert say.of_any_kind(detection(estimate(0.5), no_signal=True)) == ""
    assert say.of_any_kind(detection(estimate(0.5), pooled=float("nan"))) == ""


def typical(base, aligned):
    rate = estimate(0.1, 0.0, 0.2)
    return Typical(9, rate, rate, rate, rate, base, aligned, 1, 1)


@pytest.mark.parametrize(
    ("base", "aligned", "expected"),
    [
        (estimate(0.2, 0.1, 0.3), estimate(0.5, 0.4, 0.6), "also right more often: 50 % [40 %, 60 %] of them instead"),
        (estimate(0.5, 0.4, 0.6), estimate(0.2, 0.1, 0.3), "also right less often: 20 %"),
        (estimate(0.4, 0.3, 0.5), estimate(0.5, 0.4, 0.6), "are not shown to be right more often: 50 %"),
        (estimate(float("nan")), estimate(0.5, 0.4, 0.6), "was not judged"),
    ],
)
def test_better_is_said_where_the_intervals_do_not_meet(base, aligned, expected):
    assert expected in say.are_they_better(typical(base, aligned))


def test_the_shipped_story_says_what_the_hesitation_is_worth_where_asking_again_is_blind(shipped):
    inside = say.pairs(shipped.detection("hesitation", "one"))
    assert f"there it gets {inside}." in say.in_short(shipped)
