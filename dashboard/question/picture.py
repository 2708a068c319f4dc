"""What is shown of one model's answers to one question: the answers, their clusters, and their map."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from homog_core.measures.clustering import Clusterer
from homog_core.measures.projection import project
from homog_core.records import GREEDY, Response


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Coordinates of the clustered answers, and what to say about them."""

    coordinates: np.ndarray  # (N, 2)
    method: str  # the one that was used: "umap" or "mds"
    faithfulness: float


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What is shown of one model's answers to one question."""

    key: str  # prefix of widget keys
    question: str
    responses: dict[int, Response]  # by sample index; GREEDY is the greedy one
    clustered: list[int]  # sample indices of the valid responses, as in `similarity`
    similarity: np.ndarray  # (N, N)
    labels: np.ndarray  # (N,) cluster of each clustered answer, 0 the largest
    clusterer: Clusterer
    recipe: str
    color: str

    @property
    def answers(self) -> list[str]:
        """The N clustered answers."""
        return [self.responses[i].answer for i in self.clustered]

    @property
    def n_empty(self) -> int:
        """Sampled answers that are in no cluster."""
        return len(self.responses) - (GREEDY in self.responses) - len(self.clustered)


def computed_map(similarity: np.ndarray, method: str) -> Map:
    """A map computed now."""
    projection = project(np.clip(1 - similarity, 0, None), method)
    return Map(projection.coordinates, projection.method, projection.faithfulness)


def map_method() -> str:
    """Which projection the visitor wants."""
    return st.session_state.get("map_method") or "umap"


def map_method_control(key: str) -> None:
    """Choose the projection, for all maps of all pages."""
    st.segmented_control(
        "Projection",
        ["umap", "mds"],
        default=map_method(),
        key=key,
        format_func=str.upper,
        on_change=lambda: st.session_state.update(map_method=st.session_state[key]),
        label_visibility="collapsed",
        required=True,
    )
