"""TODO dashboard.controls."""

from collections.abc import Sequence

import streamlit as st

from dashboard.url import url_choice, url_number
from homog_core.measures import report_cards
from homog_core.measures.clustering import MAX_THRESHOLD, PUBLISHED_COSINE_THRESHOLD, Clusterer
from homog_core.measures.report_cards import ReportCard
from homog_core.wording.recipes import encoder_title

CLUSTERER_TITLES = {
    "jaccard": "in the same words (Jaccard)",
    "embedding": "about the same thing (embedding)",
    "embedding_masked": "the same answer (masked embedding)",
    "nli": "implied by each other (NLI)",
}


CLUSTERER_NOTES = {
    "jaccard": "Compares pairs of neighbouring words.",
    "embedding": "Compares sentence embeddings of whole answers, as published; they also measure the question.",
    "embedding_masked": "Compares sentence embeddings without function words and the words of the question.",
    "nli": "A model trained on entailment reads each pair in both directions.",
}


ENTAILMENTS = {
    "bidirectional": "each implies the other",
    "non_contradiction": "they do not contradict each other",
    "either": "one implies the other",
}


def clusterer_title(clusterer: Clusterer) -> str:
    """A clusterer as it stands in a list to choose from."""
    encoder = f" · {encoder_title(clusterer.encoder)}" if clusterer.encoder else ""
    return CLUSTERER_TITLES[clusterer.method] + encoder


def clusterer_controls(available: Sequence[Clusterer]) -> Clusterer:
    """Choose clusterer, threshold and rule; all in the URL. Shows the report card where the choice is made."""
    by_key = {clusterer.key: clusterer for clusterer in available}
    left, middle, right = st.columns([5, 4, 3], vertical_alignment="bottom", gap="large")
    with left:
        key = url_choice(
            "Two answers count as the same when they are",
            list(by_key),
            "clusterer",
            format_func=lambda k: clusterer_title(by_key[k]),
            help="How answers are put into clusters. The first has the best report card.",
        )
    default = by_key[key]
    threshold, rule, entailment = default.threshold, "components", "bidirectional"
    with middle:
        if default.method == "nli":
            entailment = url_choice("Joined when", list(ENTAILMENTS), "entailment", format_func=ENTAILMENTS.get)
        else:
            threshold = url_number(
                "Threshold τ: how similar they must be",
                "tau",
                default.threshold,
                0.0,
                MAX_THRESHOLD,
                0.01,
                help=f"Default for this clusterer: {default.threshold:g}. Clusters follow at once.",
            )
    if default.method == "jaccard":
        with right:
            rule = url_choice(
                "Assignment",
                ["components", "first_member"],
                "rule",
                format_func={"components": "connected components", "first_member": "first matching member"}.get,
                help="First matching member is the published greedy rule; it depends on the order of the answers.",
            )
    card = report_cards.report_cards().get(default.key)
    st.caption(f"{CLUSTERER_NOTES[default.method]} {_card_sentence(card, default, threshold)}")
    return Clusterer(default.method, threshold, default.encoder, rule, entailment)


def _card_sentence(card: ReportCard | None, default: Clusterer, threshold: float) -> str:
    published = f" The published threshold is {PUBLISHED_COSINE_THRESHOLD:g}." if default.is_linkage else ""
    if card is None:
        return "No report card: this clusterer has not been calibrated." + published
    now = "" if threshold == default.threshold else f" (You have moved τ to {threshold:g}.)"
    return (
        f"**Report card** on {card.n_agreeing:,} agreeing and {card.n_contradicting:,} contradicting pairs of "
        f"reference answers: AUC {card.auc:.2f} (0.5 is chance); at τ = {card.threshold:g} it joins "
        f"{card.true_join_rate:.0%} of the agreeing and {card.false_join_rate:.0%} of the contradicting pairs."
        + published
        + now
    )
