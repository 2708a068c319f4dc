"""What the visitor compares, and what is computed of it once for these versions of the runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
import streamlit as st

from dashboard import background, blocks
from dashboard.cache import Version, loaded, version
from dashboard.question.picture import Map, computed_map
from dashboard.vectors import vectors
from homog_core.analysis.changes import Changes, agreed_of
from homog_core.analysis.changes import changes as compute_changes
from homog_core.analysis.compare import Comparison, compare
from homog_core.analysis.joint import Grouped, Joint, grouped, has_vectors, joint, joint_clusterer
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.encoders import ENCODERS
from homog_core.figures.html import model_heading
from homog_core.measures.clustering import Clusterer
from homog_core.progress import OnProgress
from homog_core.wording import recipes, run_names
from homog_core.wording.comparison import short_names


class JointMap(NamedTuple):
    """All runs' answers to one question with their distances, and their map; None where distances are not known."""

    joint: Joint
    map: Map | None


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

    def grouped(self, question_id: str) -> Grouped | None:
        """All runs' answers to one question with their clusters; None where a run has none that go with its answers."""
        return _grouped(self.versions, self.clusterer, question_id)

    def joint_map(self, question_id: str, method: str) -> JointMap | None:
        """One similarity and one map of all of them; None, with a bar, until it is there."""

        def compute(on_progress: OnProgress) -> JointMap:
            on_progress("Comparing the answers", 0, 0)
            found = _joint(self.versions, self.clusterer, question_id)
            if len(found.similarity) < 2:
                return JointMap(found, None)
            on_progress("Drawing their map", 0, 0)
            return JointMap(found, computed_map(found.similarity, method))

        return background.computed(("joint map", self.versions, self.clusterer, question_id, method), compute)

    def recipe(self, n: int, interval: str = "", clusterer: Clusterer | None = None) -> str:
        """One recipe for all runs, or one each where they were not sampled in the same way."""
        runs = [scored.run for scored in self.runs]
        return recipes.side_by_side(self.names, runs, clusterer or self.clusterer, n, interval)


def shown(scored: Sequence[ScoredRun], clusterer: Clusterer) -> Shown:
    """Some runs under one clusterer, with their names."""
    runs = [one.run for one in scored]
    return Shown(list(scored), tuple(map(version, runs)), list(run_names.names(runs).values()), clusterer)


def _runs(versions: Sequence[Version]) -> list[ScoredRun]:
    return [loaded(found) for found in versions]


@st.cache_resource(max_entries=64, show_spinner="Counting the clusters …")
def _changes(versions: tuple[Version, ...], clusterer: Clusterer) -> Changes:
    return compute_changes(_runs(versions), clusterer, _agreed(versions))


@st.cache_resource(max_entries=64, show_spinner=False)
def _agreed(versions: tuple[Version, ...]) -> pd.Series:
    return agreed_of(_runs(versions))


@st.cache_resource(max_entries=64, show_spinner="Testing the differences …")
def _comparison(versions: tuple[Version, ...], clusterer: Clusterer) -> Comparison:
    return compare(_runs(versions), clusterer)


@st.cache_resource(max_entries=256, show_spinner=False)
def _grouped(versions: tuple[Version, ...], clusterer: Clusterer, question_id: str) -> Grouped | None:
    return grouped(_runs(versions), question_id, clusterer)


def _joint(versions: tuple[Version, ...], clusterer: Clusterer, question_id: str) -> Joint:
    runs = _runs(versions)
    has_text = all(scored.questions.loc[question_id, "text"] for scored in runs)  # masking needs the question's words
    by = joint_clusterer(runs, clusterer, tuple(ENCODERS) if has_text else ())
    found = [vectors(run, by.encoder, question_id) for run in versions] if has_vectors(by) else []
    return joint(runs, question_id, clusterer, found, by)
