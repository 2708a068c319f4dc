"""Controls that several pages share: how answers are put into clusters."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from dashboard import url
from homog_core.measures import report_cards
from homog_core.measures.clustering import MAX_THRESHOLD, PUBLISHED_COSINE_THRESHOLD, Clusterer
from homog_core.measures.report_cards import ReportCard
from homog_core.wording.recipes import encoder_title

CLUSTERER_TITLES = {
    "jaccard": "same words (Jaccard)",
    "embedding": "same topic (embedding)",
    "embedding_masked": "same meaning (masked embedding)",
    "nli": "each implies the other (NLI)",
}
CLUSTERER_NOTES = {
    "jaccard": "Compares pairs of neighbouring words.",
    "embedding": "Compares sentence embeddings of whole answers, as published; the question's words count too.",
    "embedding_masked": "Compares sentence embeddings of answers, leaving out function words and the question's words.",
    "nli": "A model trained on entailment reads each pair in both directions.",
}
RULES = {"components": "connected components", "first_member": "first matching member"}
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
    """Choose a clusterer and what it joins, all in the URL; what it does not hold stays as in the given clusterer.

    Shows the report card where the choice is made.
    """
    by_key = {clusterer.key: clusterer for clusterer in available}
    left, middle, right = st.columns([5, 4, 3], vertical_alignment="bottom", gap="large")
    with left:
        key = url.choice(
            "Treat answers as the same if",
            list(by_key),
            "clusterer",
            lambda key: clusterer_title(by_key[key]),
            help="How answers are put into clusters. The first has the best report card.",
        )
    given = chosen = by_key[key]
    with middle:
        if given.method == "nli":
            entailment = url.choice(
                "Joined when", list(ENTAILMENTS), "entailment", ENTAILMENTS.get, default=given.entailment
            )
            chosen = replace(chosen, entailment=entailment)
        else:
            threshold = url.number(
                "Threshold τ: how similar they must be",
                "tau",
                given.threshold,
                0.0,
                MAX_THRESHOLD,
                0.01,
                help=f"Default for this clusterer: {given.threshold:g}. Clusters follow at once.",
            )
            chosen = replace(chosen, threshold=threshold)
    if given.method == "jaccard":
        with right:
            rule = url.choice(
                "Assignment",
                list(RULES),
                "rule",
                RULES.get,
                default=given.rule,
                help="First matching member is the published greedy rule; it depends on the order of the answers.",
            )
            chosen = replace(chosen, rule=rule)
    card = report_cards.report_cards().get(chosen.key)
    st.caption(f"{CLUSTERER_NOTES[chosen.method]} {_card_sentence(card, chosen)}")
    return chosen


def _card_sentence(card: ReportCard | None, chosen: Clusterer) -> str:
    published = f" The published threshold is {PUBLISHED_COSINE_THRESHOLD:g}." if chosen.is_linkage else ""
    if card is None:
        return "No report card: this clusterer has not been calibrated." + published
    joins = "it joins" if chosen.method == "nli" else f"at τ = {card.threshold:g} it joins"
    now = "" if chosen.threshold == card.threshold else f" (Here τ is {chosen.threshold:g}.)"
    return (
        f"**Report card** on {card.n_agreeing:,} agreeing and {card.n_contradicting:,} contradicting pairs of "
        f"reference answers: AUC {card.auc:.2f} (0.5 is chance); {joins} "
        f"{card.true_join_rate:.0%} of the agreeing and {card.false_join_rate:.0%} of the contradicting pairs."
        + published
        + now
    )
