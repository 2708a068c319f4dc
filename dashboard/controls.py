"""Controls that several pages share: how answers are put into clusters."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from dashboard import url
from homog_core.measures.clustering import MAX_THRESHOLD, Clusterer
from homog_core.wording.labels import encoder_title
from homog_core.wording.recipes import report_card_sentence

CLUSTERER_TITLES = {  # short, since the encoder follows
    "jaccard": "same words (Jaccard)",
    "embedding": "same topic",
    "embedding_masked": "same meaning",
    "combined": "same answer",
    "nli": "each implies the other",
    "judge": "a chat model says so",
}
CLUSTERER_NOTES = {
    "jaccard": "Compares pairs of neighbouring words.",
    "embedding": "Embedding: compares embeddings of whole answers, as published; the question's words count too.",
    "embedding_masked": "Masked embedding: compares embeddings of answers without function words and the question's "
    "words.",
    "combined": "Combined signs: how likely readers call two answers the same, by meaning, shared words, numbers, "
    "names, yes or no.",
    "nli": "NLI: a model trained on entailment reads each pair in both directions.",
    "judge": "Judge: a chat model was asked once a question which of the answers mean the same.",
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

    Its report card is the tooltip of the choice. One row.
    """
    by_key = {clusterer.key: clusterer for clusterer in available}
    default = next(iter(by_key))
    key = url.get("clusterer", default)
    shown = by_key.get(key, by_key[default])
    more = shown.method == "jaccard"
    places = st.columns([5, 4, 4] if more else [5, 4], vertical_alignment="bottom", gap="medium")
    with places[0]:
        key = url.choice(
            "Treat answers as the same if",
            list(by_key),
            "clusterer",
            lambda key: clusterer_title(by_key[key]),
            help=f"{CLUSTERER_NOTES[shown.method]} {report_card_sentence(shown)}",
        )
    given = chosen = by_key[key]
    with places[1]:
        if given.method == "nli":
            entailment = url.choice(
                "Joined when", list(ENTAILMENTS), "entailment", ENTAILMENTS.get, default=given.entailment
            )
            chosen = replace(chosen, entailment=entailment)
        elif given.has_threshold:
            threshold = url.number(
                "Threshold τ",
                "tau",
                given.threshold,
                0.0,
                MAX_THRESHOLD,
                0.01,
                help="How similar two answers must be to count as the same. Clusters follow at once. "
                f"Default for this clusterer: {given.threshold:g}.",
            )
            chosen = replace(chosen, threshold=threshold)
    if more:
        with places[2]:
            rule = url.choice(
                "Assignment",
                list(RULES),
                "rule",
                RULES.get,
                default=given.rule,
                help="First matching member is the published greedy rule; it depends on the order of the answers.",
            )
            chosen = replace(chosen, rule=rule)
    return chosen


def clusterer_params(clusterer: Clusterer) -> dict[str, str]:
    """The parameters of a URL that choose this clusterer."""
    params = {"clusterer": clusterer.key, "tau": f"{clusterer.threshold:g}", "rule": clusterer.rule}
    return params | {"entailment": clusterer.entailment} if clusterer.method == "nli" else params
