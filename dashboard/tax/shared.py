"""What models share, computed question by question: what is done stays, so that leaving the page loses nothing."""

from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard.cache import Version, load_run
from dashboard.scoring import progress
from dashboard.tax.selection import Selection
from dashboard.vectors import vectors
from homog_core.analysis import lineage
from homog_core.analysis.joint import has_vectors, joint_clusterer, joint_similarity
from homog_core.analysis.many import asked_of_all, same_answers
from homog_core.catalogue.encoders import ENCODERS
from homog_core.measures.clustering import Clusterer, square
from homog_core.statistics.between_models import BetweenModels, between_models


def joint_by(chosen: Selection) -> Clusterer:
    """What compares answers of different models: the chosen clusterer, or the nearest one that can."""
    runs = list(chosen.views.values())
    has_text = all(scored.questions["text"].astype(bool).all() for scored in runs)
    return joint_clusterer(runs, chosen.clusterer, tuple(ENCODERS) if has_text else ())


def between(chosen: Selection, by: Clusterer) -> BetweenModels | None:
    """What the chosen models share, with a bar while it is computed; None without a common question."""
    runs, versions = list(chosen.views.values()), tuple(chosen.versions.values())
    ids = asked_of_all(runs, chosen.category)
    if not ids:
        return None
    place = st.empty()
    report, kind = progress(place), replace(by, threshold=0.0)
    for done, question_id in enumerate(ids, start=1):
        _similarity(versions, kind, question_id)
        report("Comparing the answers of all models to a question", done, len(ids))
    place.empty()
    return _between(versions, by, tuple(ids))


@st.cache_resource(max_entries=16, show_spinner="Counting what models share …")
def _between(versions: tuple[Version, ...], by: Clusterer, ids: tuple[str, ...]) -> BetweenModels:
    runs, kind = [load_run(found.run_id) for found in versions], replace(by, threshold=0.0)
    tables = []
    for question_id in ids:
        n = sum(len(scored.valid(question_id)) for scored in runs)
        tables.append(same_answers(runs, question_id, square(_similarity(versions, kind, question_id), n), by))
    return between_models(np.stack(tables), [lineage.family(scored.run) for scored in runs])


@st.cache_resource(max_entries=600, show_spinner=False)
def _similarity(versions: tuple[Version, ...], by: Clusterer, question_id: str) -> np.ndarray:
    """The condensed similarity of all runs' answers to a question, which no threshold changes."""
    runs = [load_run(found.run_id) for found in versions]
    found = [vectors(run, by.encoder, question_id) for run in versions] if has_vectors(by) else []
    similarity = joint_similarity(runs, question_id, by, found)
    return similarity[np.triu_indices(len(similarity), 1)].astype(np.float32)
