"""Which answers are on the map, and where: read and joined once for these versions of the runs."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from dashboard import blocks
from dashboard.cache import Version, loaded, version
from homog_core.analysis.answer_map import map_points, with_places
from homog_core.analysis.compare import common_clusterers
from homog_core.analysis.scored_run import ScoredRun
from homog_core.measures.clustering import Clusterer
from homog_core.runs.answer_maps import Header, Source, StoredMap, kept_source
from homog_core.wording import recipes, run_names
from homog_core.wording.answer_map import method


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """All answers of the runs that the visitor chose, without places."""

    runs: list[ScoredRun]
    versions: tuple[Version, ...]
    names: list[str]
    clusterer: Clusterer
    points: pd.DataFrame  # as `analysis.answer_map.map_points`
    sources: tuple[Source, ...]

    @property
    def colors(self) -> list[str]:
        """The colour of each run."""
        return blocks.run_colors(self.runs)

    @property
    def questions(self) -> pd.Series:
        """The sentences of the questions by id; the id where there is no sentence here."""
        texts = pd.concat([scored.questions["text"] for scored in self.runs])
        texts = texts[~texts.index.duplicated()]
        return texts.where(texts != "", texts.index.to_series())


@dataclass(frozen=True, slots=True, eq=False)
class OnMap:
    """The answers with their places."""

    answers: Answers
    header: Header
    points: pd.DataFrame  # with x and y

    @property
    def stamp(self) -> tuple:
        """What is the same as long as the same marks are shown."""
        return self.answers.versions, self.header.id, self.header.created

    @property
    def recipe(self) -> str:
        """The recipe line."""
        own = self.answers
        n_questions = self.points["question_id"].nunique()
        runs = [scored.run for scored in own.runs]
        return f"{recipes.side_by_side(own.names, runs, own.clusterer, n_questions)} · {method(self.header)}"


def answers_of(scored: Sequence[ScoredRun]) -> Answers:
    """The answers of some runs, by the clusterer with the best report card that they share."""
    runs = [one.run for one in scored]
    versions = tuple(map(version, runs))
    clusterer = [*common_clusterers(scored), scored[0].clusterer][0]
    names = list(run_names.names(runs).values())
    return Answers(
        list(scored), versions, names, clusterer, _points(versions, clusterer), tuple(map(_source, versions))
    )


def on_map(answers: Answers, found: StoredMap) -> OnMap:
    """The answers on a map that has them all."""
    return OnMap(answers, found.header, _placed(answers.versions, answers.clusterer, found.header, found))


@st.cache_resource(max_entries=8, show_spinner="Reading the answers …")
def _points(versions: tuple[Version, ...], clusterer: Clusterer) -> pd.DataFrame:
    return map_points([loaded(one) for one in versions], clusterer)


@st.cache_data(max_entries=64, show_spinner="Reading the answers …")
def _source(one: Version) -> Source:
    return kept_source(loaded(one).run)


@st.cache_resource(max_entries=8, show_spinner=False)
def _placed(versions: tuple[Version, ...], clusterer: Clusterer, header: Header, _found: StoredMap) -> pd.DataFrame:
    return with_places(_points(versions, clusterer), _found, [one.run_id for one in versions])
