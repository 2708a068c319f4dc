"""The two examples of the Methods page that move with a slider: an AUROC and a threshold.

The numbers are invented, few enough to count by hand; what is computed from them is computed by the real functions.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks, url
from homog_core.figures import lessons, question
from homog_core.figures.theme import ROLE_COLORS
from homog_core.measures.clustering import Clusterer, by_size, medoids
from homog_core.statistics.discrimination import auroc
from homog_core.wording.numbers import counted, given, number

RIGHT_SCORES = (0.31, 0.58, 0.83, 0.97, 1.12, 1.34, 1.66, 2.03)  # uncertainty of eight right answers
TOY_QUESTION = "What is the capital of Australia?"
TOY_ANSWERS = (
    "The capital is Canberra",
    "The capital is Canberra of course",
    "The capital city is Canberra",
    "The capital is Sydney",
    "It is Sydney",
    "Melbourne",
)


@dataclass(frozen=True, slots=True, eq=False)
class ToyAuroc:
    """Eight wrong answers against eight right ones, pair by pair."""

    wrong: np.ndarray  # (8,) scores, the highest first
    right: np.ndarray  # (8,) scores, the highest first
    won: np.ndarray  # (8, 8) 1 where the wrong answer has the higher score, ½ where both are equal, else 0
    auroc: float
    false_alarms: np.ndarray  # the ROC curve, in numbers of right answers …
    hits: np.ndarray  # … and of wrong ones


def toy_auroc(separation: float) -> ToyAuroc:
    """The scores of the wrong answers are those of the right ones plus `separation`."""
    from sklearn.metrics import roc_curve

    right = np.sort(np.array(RIGHT_SCORES))[::-1]
    wrong = np.round(right + separation, 9)
    difference = wrong[:, np.newaxis] - right[np.newaxis, :]
    won = (difference > 1e-9) + 0.5 * (np.abs(difference) <= 1e-9)
    incorrect = np.repeat([1, 0], len(right))
    scores = np.concatenate([wrong, right])
    false_alarms, hits, _ = roc_curve(incorrect, scores, drop_intermediate=False)
    return ToyAuroc(wrong, right, won, auroc(scores, incorrect), len(right) * false_alarms, len(right) * hits)


@dataclass(frozen=True, slots=True, eq=False)
class ToyClusters:
    """`TOY_ANSWERS` in clusters."""

    similarity: np.ndarray  # (6, 6)
    labels: np.ndarray  # (6,) 0 is the largest cluster
    typical: np.ndarray  # (K,) index of the most typical answer of each cluster


def toy_clusters(threshold: float) -> ToyClusters:
    """Clusters of `TOY_ANSWERS` by shared pairs of words (Jaccard) at a threshold."""
    clusterer = Clusterer("jaccard", threshold)
    similarity = clusterer.similarity("", TOY_ANSWERS, {})
    labels = by_size(clusterer.labels(similarity))
    return ToyClusters(similarity, labels, medoids(similarity, labels))


def auroc_lesson() -> None:
    """Move the scores of the wrong answers, and watch the pairs that they win."""
    separation = url.number(
        "Move the wrong answers: how much more uncertain they are than the right ones",
        "separation",
        0.5,
        -1.0,
        2.0,
        0.05,
    )
    found = toy_auroc(separation)
    color, top = ROLE_COLORS["base"], max(RIGHT_SCORES) + 2.1
    rows = [_dot_row("wrong", found.wrong), _dot_row("right", found.right)]
    scores = lessons.dot_rows(rows, color, "uncertainty", top, low=-0.8).update_layout(height=300)
    grid = lessons.pair_grid(found.won, found.false_alarms, found.hits, color, dark=blocks.is_dark())
    blocks.panels(
        [("<b>The scores</b>", scores), ("<b>Every pair, and the ROC curve</b>", grid)],
        title=f"The wrong answer is higher in {given(found.won.sum())} of {found.won.size} pairs: "
        f"AUROC {number(found.auroc)}",
        how_to_read="A cell is a pair: 1 if the wrong answer has the higher score, ½ for a tie, 0 otherwise. Sorted "
        "like this, the cells with 1 are the area under the ROC curve.",
        recipe_line=f"invented scores of {len(found.wrong)} wrong and {len(found.right)} right answers",
        data=pd.DataFrame({"wrong": found.wrong, "right": found.right}),
        key="toy-auroc",
        alt=["Dots: scores of wrong and right answers", "Grid: every pair of a wrong and a right answer"],
    )


def threshold_lesson() -> None:
    """Move the threshold, and watch the clusters."""
    threshold = url.number("Move the threshold τ", "toy-tau", 0.5, 0.0, 0.99, 0.01)
    found = toy_clusters(threshold)
    n = len(found.labels)
    clusters = counted(len(found.typical), "cluster")
    left, right = st.columns(2, gap="large")
    with left:
        blocks.chart(
            question.distance_matrix(found.similarity, found.labels, list(range(n)), dark=blocks.is_dark()),
            title=f"At τ = {number(threshold)}, {n} answers form {clusters}",
            how_to_read="Distance between every two answers: 1 minus their similarity. Answers at most 1 − τ apart are "
            "joined, directly or through other answers.",
            recipe_line=f"invented answers to “{TOY_QUESTION}” · jaccard, τ = {number(threshold)} · components",
            data=pd.DataFrame({"answer": TOY_ANSWERS, "cluster": found.labels + 1}),
            key="toy-threshold",
            alt=f"Matrix of distances between {n} answers in {clusters}",
        )
    with right:
        st.markdown("**The clusters**")
        st.html(lessons.answer_piles(_piles(found), ROLE_COLORS["base"], dark=blocks.is_dark(), least_width="100%"))
        st.caption(
            "There should be three: Canberra, Sydney, Melbourne. No threshold finds them with this similarity, because "
            "shared words are not shared meaning. That is what a report card measures."
        )


LESSONS = {"auroc": auroc_lesson, "threshold": threshold_lesson}  # by the key of the glossary's word


def _dot_row(name: str, scores: np.ndarray) -> lessons.DotRow:
    ones = np.ones(len(scores), dtype=int)
    notes = [f"score {number(score)}" for score in scores]
    return lessons.DotRow(name, scores, ones, ones.astype(bool), [name] * len(scores), notes, {})


def _piles(found: ToyClusters) -> list[lessons.Pile]:
    members = [np.flatnonzero(found.labels == cluster) for cluster in range(len(found.typical))]
    return [
        lessons.Pile(
            f"Cluster {cluster + 1}: {counted(len(inside), 'answer')}",
            "\n".join(f"{i + 1}  {TOY_ANSWERS[i]}" for i in inside),
        )
        for cluster, inside in enumerate(members)
    ]
