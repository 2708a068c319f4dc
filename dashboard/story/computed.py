"""What the story is made of, computed once: the two runs, the cascade, and the other question sets."""

import streamlit as st

from dashboard.cache import Version, loaded, shipped_first, version
from homog_core.analysis import story as analysis
from homog_core.analysis.advice import Advice
from homog_core.analysis.advice import advice as advice_on
from homog_core.analysis.compare import common_clusterers
from homog_core.analysis.control import Control, control_of, find_controls
from homog_core.analysis.story import Detection, Measured, Story
from homog_core.errors import InvalidInput
from homog_core.measures.clustering import Clusterer
from homog_core.runs import store


def the_story() -> Story | None:
    """The story of the runs that are here; None where there are not the two that tell it."""
    pair = analysis.find_pair(shipped_first(store.list_runs()))
    return _story(version(pair.base), version(pair.aligned)) if pair else None


def control(story: Story) -> Control | None:
    """What a control of the aligned model shows, over all training seeds."""
    pairs = find_controls(shipped_first(store.list_runs()), story.aligned.run)
    return _control(tuple((version(a), version(b)) for a, b in pairs), version(story.base.run)) if pairs else None


def advice(story: Story) -> Advice | InvalidInput:
    """What the cascade is worth on the aligned model's run, or why that cannot be said."""
    return _advice(version(story.aligned.run))


def other_question_sets(story: Story) -> dict[str, Detection]:
    """What hesitation is worth on the other question sets that the aligned model has been asked, by data set."""
    runs = analysis.other_question_sets(shipped_first(store.list_runs()), story.aligned.run)
    found = {run.identity.dataset: _hesitation(version(run), story.clusterer.key) for run in runs}
    return {dataset: detection for dataset, detection in found.items() if detection}


def measured_rates(story: Story) -> list[Measured]:
    """The single-cluster rates of all runs that are like the aligned model's."""
    runs = tuple(map(version, shipped_first(store.list_runs())))
    return _measured_rates(runs, story.aligned.run.id, story.clusterer)


@st.cache_resource(max_entries=2, show_spinner=False)
def _measured_rates(runs: tuple[Version, ...], like: str, clusterer: Clusterer) -> list[Measured]:
    opened = [store.open_run(run.run_id) for run in runs]
    return analysis.measured_rates(opened, store.open_run(like), clusterer)


@st.cache_resource(max_entries=2, show_spinner="Reading the runs …")
def _story(base: Version, aligned: Version) -> Story:
    return analysis.story_of(loaded(base), loaded(aligned))


@st.cache_data(max_entries=2, show_spinner="Reading the control …")
def _control(pairs: tuple[tuple[Version, Version], ...], base: Version) -> Control | None:
    found = [(loaded(one), loaded(other)) for one, other in pairs]
    scored = [pair for pair in found if all(run.is_scored for run in pair)]
    if not scored:
        return None
    clusterer = common_clusterers([loaded(base), *(run for pair in scored for run in pair)])[0]
    clusters = loaded(base).cluster_frame(clusterer)["num_semantic_sets"].mean()
    return control_of(scored, float(clusters), clusterer)


@st.cache_resource(max_entries=2, show_spinner="Weighing cost against quality …")
def _advice(run: Version) -> Advice | InvalidInput:
    return advice_on(loaded(run))


@st.cache_data(max_entries=4, show_spinner="Reading the other question sets …")
def _hesitation(run: Version, clusterer_key: str) -> Detection | None:
    scored = loaded(run)
    clusterer = next((known for known in scored.clusterers() if known.key == clusterer_key), None)
    if clusterer is None:
        return None
    found = analysis.detections(analysis.graded(scored, clusterer))
    return next(d for d in found if (d.signal, d.questions) == ("hesitation", "all"))
