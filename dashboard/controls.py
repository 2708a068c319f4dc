"""Controls that several pages share: how answers are put into clusters."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from dashboard import url
from homog_core.measures.clustering import MAX_THRESHOLD, Clusterer
from homog_core.wording.labels import encoder_title
from homog_core.wording.recipes import report_card_sentence

CLUSTERER_TITLES = {
    "jaccard": "same words (Jaccard)",
    "embedding": "same topic (embedding)",
    "embedding_masked": "same meaning (masked embedding)",
    "combined": "same answer (combined signs)",
    "nli": "each implies the other (NLI)",
    "judge": "a chat model says so (judge)",
}
CLUSTERER_NOTES = {
    "jaccard": "Compares pairs of neighbouring words.",
    "embedding": "Compares sentence embeddings of whole answers, as published; the question's words count too.",
    "embedding_masked": "Compares sentence embeddings of answers, leaving out function words and the question's words.",
    "combined": "How likely readers call two answers the same: meaning, shared words, numbers, names, yes or no.",
    "nli": "A model trained on entailment reads each pair in both directions.",
    "judge": "A chat model was asked once a question which of the answers mean the same.",
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
        elif given.has_threshold:
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
    st.caption(f"{CLUSTERER_NOTES[chosen.method]} {report_card_sentence(chosen)}")
    return chosen


def clusterer_params(clusterer: Clusterer) -> dict[str, str]:
    """The parameters of a URL that choose this clusterer."""
    params = {"clusterer": clusterer.key, "tau": f"{clusterer.threshold:g}", "rule": clusterer.rule}
    return params | {"entailment": clusterer.entailment} if clusterer.method == "nli" else params
