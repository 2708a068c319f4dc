"""The sentences above the charts, for one and for many, for all, some and none."""

import math

import pandas as pd
import pytest

from homog_core.analysis.enough import Shortfall
from homog_core.analysis.selective import Coverage
from homog_core.analysis.signals import Undefined
from homog_core.records import Estimate
from homog_core.wording import chart_titles, numbers

NAN = math.nan
BASE, DPO = "tiny (base)", "tiny-dpo"


def rates(*rows):
    return pd.DataFrame(rows, columns=["label", "stage", "value", "n"])


@pytest.mark.parametrize(
    ("before", "after", "p", "title"),
    [
        (0, 0.14, 1e-6, "After DPO 14 % of the questions get a single answer; with the base model, none"),
        (0.03, 0.14, 0.001, "After DPO 14 % of the questions get a single answer; with the base model, 3 %"),
        (0, 0, 1, "After DPO no question gets a single answer, as before"),
        (0.1, 0, 0.01, "After DPO no question gets a single answer; with the base model, 10 %"),
        (
            0,
            0.01,
            0.5,
            "After DPO 1 % of the questions get a single answer; with the base model, none (may be chance: p = 0.50)",
        ),
    ],
)
def test_single_cluster_rates_before_and_after(before, after, p, title):
    frame = rates((BASE, "base", before, 100), (DPO, "dpo", after, 100))
    assert chart_titles.single_cluster(frame, (BASE, DPO), p).startswith(title)


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([("a", None, NAN, 0)], "Undefined: no question has two answers that are not empty"),
        ([("a", None, 0.5, 8)], "a: 50 % of the questions get a single answer"),
        ([("a", None, 0.0, 8)], "a: no question gets a single answer"),
        ([("a", None, 1.0, 1)], "a: the only question gets a single answer"),
        ([("a", None, 0.0, 1)], "a: the only question gets several answers"),
        ([("a", None, 0.0, 9), ("b", None, 0.0, 9)], "In all 2 runs no question gets a single answer"),
        ([("a", None, 0.1, 9), ("b", None, 0.3, 9)], "From 10 % (a) to 30 % (b) of the questions get a single answer"),
    ],
)
def test_single_cluster_rates_without_a_pair(rows, title):
    assert chart_titles.single_cluster(rates(*rows), None, 1.0) == title


def curve(**values):
    return pd.DataFrame({"threshold": [0.1, 0.4, 0.9], **values})


def test_threshold_titles():
    curves = {BASE: curve(value=[0.5, 0.0, 0.0]), DPO: curve(value=[0.9, 0.3, 0.1])}
    assert chart_titles.threshold(curves, DPO, BASE, 0.41) == (
        "tiny-dpo is furthest above tiny (base) at τ = 0.1: 90 % against 50 %; at τ = 0.41 it is 30 %"
    )
    assert chart_titles.threshold(curves, DPO, None, 0.4).startswith(
        "tiny-dpo: 30 % of the questions get a single answer at τ = 0.4"
    )
    assert "At no threshold" in chart_titles.threshold({BASE: curves[BASE], DPO: curves[BASE]}, DPO, BASE, 0.4)
    assert chart_titles.threshold({DPO: curve(value=[NAN] * 3)}, DPO, None, 0.4).startswith("Undefined")
    assert chart_titles.threshold({}, DPO, None, 0.4).startswith("Undefined")


def test_budget_titles():
    frame = pd.DataFrame({"n_samples": [2, 3, 10], "value": [0.5, 0.3, 0.2], "entropy_value": [0.1, 0.3, 1.0]})
    assert chart_titles.budget(frame, "a", 3) == (
        "a: with 3 samples instead of 10, 30 % of the questions would show a single answer instead of 20 %, and "
        "semantic entropy would be 0.30 instead of 1.00 nats"
    )
    assert chart_titles.budget(frame, "a", 99).startswith("a: with all 10 samples 20 %")
    assert chart_titles.budget(frame.assign(value=NAN), "a", 3).startswith("Undefined")


def test_clusterer_and_temperature_titles():
    columns = ["label", "method", "encoder", "value"]
    rows = [("a", "combined", e, v) for e, v in (("one", 0.1), ("two", 0.3))]
    frame = pd.DataFrame([*rows, ("a", "jaccard", "", 0.05)], columns=columns)
    reach = "a: from 5 % to 30 %, depending on the clusterer and its threshold"
    assert chart_titles.by_clusterer(frame, "a") == f"{reach}; two encoders say 10 % (one) and 30 % (two)"
    others = frame.replace("combined", "embedding_masked")
    assert chart_titles.by_clusterer(others, "a") == reach
    assert chart_titles.by_clusterer(frame.iloc[2:], "a") == "a: 5 % by the only clusterer that is stored"
    assert chart_titles.by_clusterer(frame, "b").startswith("Undefined")
    heat = pd.DataFrame({"group": "a", "temperature": [0.3, 1.0], "value": [0.7, 0.1]})
    assert chart_titles.temperature(heat) == "a: from temperature 0.3 to 1 the share falls from 70 % to 10 %"
    assert "is 70 % at temperature 0.3 and at 1" in chart_titles.temperature(heat.assign(value=0.7))
    assert chart_titles.temperature(heat.iloc[:1]).startswith("Undefined")


def scores(single_why=Undefined.ALL_TIE, n_single=4):
    rows = [
        ("mean_token_entropy", "all", 0.7, 30, "", 0.5, 0.1),
        ("discrete_semantic_entropy", "all", 0.6, 30, "", 0.9, 0.2),
        ("mean_token_entropy", "single", 0.7, n_single, "", NAN, NAN),
        ("discrete_semantic_entropy", "single", 0.5, n_single, single_why, NAN, NAN),
    ]
    frame = pd.DataFrame(rows, columns=["score", "subset", "value", "n", "undefined", "d_value", "d_low"])
    return frame.assign(low=frame["value"] - 0.1, high=frame["value"] + 0.1, d_high=1.2, pooled=frame["value"] + 0.1)


def test_by_category_the_title_has_the_range_of_the_run_in_question():
    frame = pd.DataFrame(
        {"label": ["a", "a", "b"], "category": ["x", "y", "x"], "value": [0.3, 0.05, 0.9], "n": [40, 20, 10]}
    )
    assert chart_titles.by_category(frame, "a") == (
        "a: from 5 % (y, n = 20) to 30 % (x, n = 40) of the questions get a single answer"
    )
    assert chart_titles.by_category(frame, "b") == "b: 90 % of the questions get a single answer in every category"
    assert chart_titles.by_category(frame, "c").startswith("Undefined")


def test_auroc_titles():
    lead = "Within categories, AUROC of token entropy 0.70 [0.60, 0.80], of semantic entropy 0.60 [0.50, 0.70]; "
    four = lead + "on the 4 comparable questions with a single cluster "
    assert chart_titles.aurocs(scores()) == four + "1 of 2 scores ties"
    assert chart_titles.aurocs(scores("")) == four + "no score ties"
    assert chart_titles.aurocs(scores(n_single=1)).startswith(lead + "on the one question")
    assert chart_titles.aurocs(scores(n_single=0)) == lead + "no graded question has a single cluster"
    undefined = scores().assign(value=NAN, undefined=Undefined.ALL_CORRECT, n_correct=3, n_incorrect=0)
    assert chart_titles.aurocs(undefined) == "No AUROC: all 3 correct"
    too_few = scores().assign(undefined=Undefined.TOO_FEW, n_correct=3, n_incorrect=27)  # there is a value all the same
    assert chart_titles.aurocs(too_few) == "No AUROC: fewer than ten correct or incorrect"
    tie = scores().assign(undefined=Undefined.ALL_TIE, value=0.5)
    assert chart_titles.aurocs(tie).startswith("Within categories, AUROC of token entropy 0.50")


def differences(*rows):
    frame = pd.DataFrame(rows, columns=["run", "value", "pvalue_holm"])
    return frame.assign(subset="all", n_graded=30, pvalue=frame["pvalue_holm"] / max(len(frame), 1))


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([("a", NAN, NAN)], "No difference to test: no run has ten correct and ten incorrect answers"),
        ([("a", 0.2, NAN)], "No difference to test: no run has ten correct and ten incorrect answers"),  # too few
        ([("a", 0.2, 0.01), ("b", 0.3, NAN)], "a: token entropy is ahead of semantic entropy by 0.20"),
        ([("a", 0.2, 0.01)], "a: token entropy is ahead of semantic entropy by 0.20"),
        ([("a", -0.2, 0.01)], "a: semantic entropy is ahead of token entropy by 0.20"),
        ([("a", 0.2, 0.5)], "a: token entropy and semantic entropy cannot be told apart (+0.20)"),
        (
            [("a", 0.2, 0.01), ("b", -0.2, 0.01), ("c", 0.1, 0.9)],
            "Token entropy is ahead of semantic entropy in 1 of 3 runs, behind in 1; in the other 1 chance may do it "
            "(allowing for 3 comparisons)",
        ),
        (
            [("a", 0.2, 0.01), ("b", 0.2, 0.01)],
            "Token entropy is ahead of semantic entropy in 2 of 2 runs, behind in none (allowing for 2 comparisons)",
        ),
        (
            [("a", 0.2, 0.9), ("b", 0.2, 0.9)],
            "In none of 2 runs can token entropy and semantic entropy be told apart (allowing for 2 comparisons)",
        ),
        (  # taken by itself the first has p = 0.04, and its whisker leaves out 0
            [("a", 0.2, 0.08), ("b", 0.2, 0.9)],
            "In none of 2 runs can token entropy and semantic entropy be told apart (allowing for 2 comparisons; "
            "1 whisker leaves out 0, each taken by itself)",
        ),
    ],
)
def test_difference_titles(rows, title):
    assert chart_titles.differences(differences(*rows)) == title


def test_without_graded_answers_no_number_of_them_is_asked_for():
    rows = differences(("a", NAN, NAN)).assign(n_graded=0)
    assert chart_titles.differences_verdict(rows) == "No difference to test: no run has graded greedy answers"


@pytest.mark.parametrize(
    ("base", "aligned", "verdict"),
    [
        ((0.0, 0.9), (-0.1, 0.2), "is not shown to be better than comparing samples"),
        ((0.0, 0.9), (0.1, 0.01), "is better than comparing samples for b alone"),
        ((0.2, 0.01), (0.1, 0.01), "is better than comparing samples"),
        ((-0.2, 0.01), (-0.1, 0.01), "is worse than comparing samples"),
        ((0.0, 0.9), (-0.1, 0.01), "is not shown to be better than comparing samples"),
    ],
)
def test_the_difference_of_a_base_and_its_aligned_model_stands_in_the_title(base, aligned, verdict):
    rows = differences(("a", *base), ("c", 0.5, 0.001), ("b", *aligned))
    rows = rows.assign(low=rows["value"] - 0.1, high=rows["value"] + 0.1)
    said = chart_titles.differences(rows, ("a", "b"))
    assert said.startswith(f"Token entropy {verdict}: AUROC differs by {numbers.signed(base[0])} [")
    assert said.endswith(
        f"{numbers.signed(aligned[0])} [{numbers.signed(aligned[0] - 0.1)}, {numbers.signed(aligned[0] + 0.1)}] for b, "
        "within categories"
    )
    assert chart_titles.differences(rows, ("a", "x")) == chart_titles.differences_verdict(rows)


def test_effect_and_category_titles():
    assert chart_titles.effects(scores()) == (
        "Over all questions, which also tells categories apart, the largest effect: semantic entropy, d = 0.90 "
        "[0.20, 1.20]; token entropy 0.50 [0.10, 1.20]"
    )
    assert chart_titles.effects(scores().assign(d_low=NAN)) == (
        "No effect size: it needs ten correct and ten incorrect answers"
    )
    rows = pd.DataFrame(
        {
            "score": "mean_token_entropy",
            "category": ["a", "b", "c"],
            "value": [0.8, 0.6, 0.3],
            "low": [0.6, 0.4, 0.2],
            "high": [0.9, 0.7, 0.4],
            "undefined": Undefined.NOT,
        }
    )
    assert chart_titles.categories(rows) == (
        "Token entropy is better than chance in 1 of 3 categories and worse in 1, each taken by itself"
    )
    one = {name: chart_titles.categories(rows[rows["category"] == name]) for name in "abc"}
    assert one["a"] == "Within “a” token entropy is better than chance: AUROC 0.80 [0.60, 0.90]"
    assert "not told from chance" in one["b"]
    assert "worse than chance" in one["c"]
    assert chart_titles.categories(rows.iloc[:0]) == "No category has 30 correct and 30 incorrect answers"


def test_what_the_category_alone_gives_stands_beside_the_best_score():
    said = chart_titles.category_caution(Estimate(0.75, 0.6, 0.9, 50, ""), scores())
    assert said.startswith("**The category of a question alone gives an AUROC of 0.75 [0.60, 0.90]**; the best score ")
    assert "here: 0.80 (token entropy)" in said
    above = chart_titles.category_caution(Estimate(0.85, 0.8, 0.9, 50, ""), scores())
    assert "no score here does better: 0.80" in above
    assert chart_titles.category_caution(Estimate(0.55, 0.5, 0.6, 50, ""), scores()) == ""
    assert chart_titles.category_caution(Estimate(NAN, NAN, NAN, 0, ""), scores()) == ""


def test_what_a_ranking_lacks():
    assert chart_titles.too_few(Shortfall("incorrect", 24, 240, 60)) == (
        "24 incorrect answers; a ranking needs 30: about 60 more questions like these"
    )
    assert chart_titles.too_few(Shortfall("correct", 29, 100, 4)).endswith("about 4 more questions like these")
    assert chart_titles.too_few(Shortfall("correct", 1, 43, 1247)).startswith("1 correct answer; ")
    assert "about 1,300 more" in chart_titles.too_few(Shortfall("correct", 1, 43, 1247))  # rounded up to two digits
    assert chart_titles.too_few(Shortfall("correct", 0, 100, math.inf)) == (
        "no correct answer among 100 questions; a ranking needs 30"
    )


def covered(half, whole, low=0.0, high=1.0):
    points = pd.DataFrame({"coverage": [0.5, 1.0], "value": [half, whole], "low": low, "high": high})
    return Coverage(pd.DataFrame(), points, no_signal=half == whole)


def test_titles_of_what_can_be_won_back():
    found = {"mean_token_entropy": covered(0.6, 0.4), "perplexity": covered(0.5, 0.4)}
    assert chart_titles.coverage(found) == (
        "Answering only the half that token entropy is most certain of: 60 % [0 %, 100 %] correct instead of 40 %; may "
        "be chance"
    )
    sure = {"mean_token_entropy": covered(0.6, 0.4, 0.5, 0.7)}
    assert chart_titles.coverage(sure).endswith("60 % [50 %, 70 %] correct instead of 40 %")
    assert chart_titles.coverage({"perplexity": covered(0.4, 0.4)}).startswith("No score helps")
    assert chart_titles.coverage({}).startswith("Undefined")
    summary = pd.DataFrame({"measure": "ECE", "when": ["before", "after"], "value": [0.3, 0.1]})
    summary = summary.assign(low=summary["value"] - 0.05, high=summary["value"] + 0.05)
    assert chart_titles.calibration(summary, "perplexity").startswith(
        "Platt scaling lowers the calibration error of perpl"
    )
    worse = summary.assign(when=["after", "before"])
    assert chart_titles.calibration(worse, "perplexity").startswith("Platt scaling raises")
    unclear = summary.assign(low=0.0, high=0.5)
    assert chart_titles.calibration(unclear, "perplexity").startswith("Platt scaling is not shown to change")
    assert "constant" in chart_titles.calibration(summary.assign(value=[NAN, 0.1]), "perplexity")
    assert chart_titles.calibration(summary.assign(value=NAN), "perplexity").startswith("Calibration is undefined")
    pairs = pd.DataFrame(
        {"first": "perplexity", "second": ["sindex", "eccentricity"], "kind": "pearson", "value": [0.2, -0.9]}
    )
    assert chart_titles.correlations(pairs) == "Most alike: perplexity and graph: eccentricity, r = −0.90"
    assert chart_titles.correlations(pairs.iloc[:1]) == "Perplexity and SINdex, r = 0.20"
    assert chart_titles.correlations(pairs.assign(value=NAN)).startswith("No correlation")


def test_grades_are_counted_and_so_is_what_they_leave_out():
    assert chart_titles.grades("tiny", {"correct": 18, "incorrect": 140}) == (
        "158 graded answers of tiny: 18 correct, 140 incorrect."
    )
    assert chart_titles.grades("tiny", {"incorrect": 1, "abstained": 2, "ungraded": 3}) == (
        "1 graded answer of tiny: 0 correct, 1 incorrect; left out: 2 abstained, 3 ungraded."
    )


def test_calibration_errors_stand_with_their_intervals():
    rows = [("ECE", "before", 0.5, 0.4, 0.6), ("ECE", "after", 0.1, NAN, NAN)]
    rows += [("Brier", "before", 0.3, 0.2, 0.4), ("Brier", "after", 0.25, 0.2, 0.3)]
    said = chart_titles.calibration_errors(pd.DataFrame(rows, columns=["measure", "when", "value", "low", "high"]))
    assert said == (
        "**Calibration error (ECE)** 0.50 [0.40, 0.60] before, 0.10 after. "
        "**Brier score** 0.30 [0.20, 0.40] before, 0.25 [0.20, 0.30] after."
    )
