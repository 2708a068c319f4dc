"""What the visitor compares, and what is computed of it once for these versions of the runs."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import blocks
from dashboard.cache import Version, load_run, version
from dashboard.question.picture import Map, computed_map
from dashboard.vectors import vectors
from homog_core.analysis.changes import Changes
from homog_core.analysis.changes import changes as compute_changes
from homog_core.analysis.compare import Comparison, compare
from homog_core.analysis.joint import Joint, has_vectors, joint, joint_clusterer
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.encoders import ENCODERS
from homog_core.figures.html import model_heading
from homog_core.measures.clustering import Clusterer
from homog_core.wording import recipes, run_names
from homog_core.wording.comparison import short_names


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What the visitor compares, and how."""

    runs: list[ScoredRun]
    versions: tuple[Version, ...]
    names: list[str]
    clusterer: Clusterer

    @property
    def colors(self) -> list[str]:
        """The colour of each run."""
        return blocks.run_colors(self.runs)

    @property
    def headings(self) -> list[str]:
        """HTML of the models' names beside their colours; of more than two the stages, if those tell them apart."""
        short = short_names([scored.run for scored in self.runs])
        names = short if len(short) > 2 and short[0] != "A" else self.names
        return [model_heading(*part) for part in zip(names, self.colors, strict=True)]

    @property
    def changes(self) -> Changes:
        """Clusters and entropies of every question under every run."""
        return _changes(self.versions, self.clusterer)

    @property
    def comparison(self) -> Comparison:
        """Estimates and paired tests."""
        return _comparison(self.versions, self.clusterer)

    def joint(self, question_id: str) -> Joint:
        """All runs' answers to one question, with one similarity."""
        return _joint(self.versions, self.clusterer, question_id)

    def joint_map(self, question_id: str, method: str) -> Map:
        """One map of all of them."""
        return _joint_map(self.versions, self.clusterer, question_id, method)

    def recipe(self, n: int, interval: str = "", clusterer: Clusterer | None = None) -> str:
        """One recipe for all runs, or one each where they were not sampled in the same way."""
        runs = [scored.run for scored in self.runs]
        return recipes.side_by_side(self.names, runs, clusterer or self.clusterer, n, interval)


def shown(scored: Sequence[ScoredRun], clusterer: Clusterer) -> Shown:
    """Some runs under one clusterer, with their names."""
    runs = [one.run for one in scored]
    return Shown(list(scored), tuple(map(version, runs)), list(run_names.names(runs).values()), clusterer)


def _runs(versions: Sequence[Version]) -> list[ScoredRun]:
    return [load_run(found.run_id) for found in versions]


@st.cache_data(max_entries=64, show_spinner="Counting the clusters …")
def _changes(versions: tuple[Version, ...], clusterer: Clusterer) -> Changes:
    return compute_changes(_runs(versions), clusterer)


@st.cache_data(max_entries=64, show_spinner="Testing the differences …")
def _comparison(versions: tuple[Version, ...], clusterer: Clusterer) -> Comparison:
    return compare(_runs(versions), clusterer)


@st.cache_data(max_entries=256, show_spinner="Comparing the answers …")
def _joint(versions: tuple[Version, ...], clusterer: Clusterer, question_id: str) -> Joint:
    runs = _runs(versions)
    has_text = all(scored.questions.loc[question_id, "text"] for scored in runs)  # masking needs the question's words
    by = joint_clusterer(runs, clusterer, tuple(ENCODERS) if has_text else ())
    found = [vectors(run, by.encoder, question_id) for run in versions] if has_vectors(by) else []
    return joint(runs, question_id, clusterer, found, by)


@st.cache_data(max_entries=256, show_spinner=False)
def _joint_map(versions: tuple[Version, ...], clusterer: Clusterer, question_id: str, method: str) -> Map:
    return computed_map(_joint(versions, clusterer, question_id).similarity, method)
