"""The clusters of one model's answers: strip, map and distance matrix."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks
from dashboard.question.answers import choose_answer
from dashboard.question.picture import Map, Picture, map_method_control
from dashboard.text import plain
from homog_core.analysis.joint import mean_distance
from homog_core.figures import question as figures
from homog_core.figures.strips import cluster_strip
from homog_core.measures.clustering import medoids
from homog_core.measures.uncertainty import discrete_semantic_entropy
from homog_core.statistics.richness import effective_number
from homog_core.wording import question as say
from homog_core.wording.numbers import counted


def clusters(picture: Picture, shown_map: Map, method: str) -> None:
    """Map and distance matrix, from two answers on."""
    if len(picture.clustered) < 2:
        st.info(say.too_few(len(picture.clustered)))
        return
    left, right = st.columns(2, gap="large")
    with left:
        _map(picture, shown_map, method)
    with right:
        _matrix(picture)


def strip(picture: Picture, heading: str = "") -> None:
    """The cluster strip; `heading` names whose answers they are where there are several models."""
    if len(picture.clustered) < 2:
        st.info(f"{plain(heading)}: fewer than two answers that are not empty, so there are no clusters.")
        return
    counts, answers = np.bincount(picture.labels), picture.answers
    typical = [answers[i] for i in medoids(picture.similarity, picture.labels)]
    entropy = discrete_semantic_entropy(picture.labels)
    title = say.strip_title(len(picture.clustered), len(set(answers)), len(counts), picture.clusterer.method)
    blocks.chart(
        cluster_strip(counts.tolist(), typical, picture.color, narrow=blocks.is_narrow()),
        title=f"{plain(heading)}: {title}" if heading else title,
        how_to_read=say.strip_reading(entropy, effective_number(counts), picture.n_empty),
        recipe_line=picture.recipe,
        about=picture.question,
        data=pd.DataFrame({"cluster": range(1, len(counts) + 1), "answers": counts, "typical answer": typical}),
        key=f"strip-{picture.key}{'-named' if heading else ''}",
        alt=f"Cluster strip: {counted(len(counts), 'cluster')} of sizes {', '.join(map(str, counts))}",
    )


def _map(picture: Picture, shown_map: Map, method: str) -> None:
    key = f"map-{picture.key}"

    def select() -> None:
        if points := st.session_state[key].selection.points:
            choose_answer(int(points[0]["customdata"]))

    labels, answers = picture.labels, picture.answers
    blocks.chart(
        figures.answer_map(shown_map.coordinates, labels, answers, picture.clustered, picture.color),
        title=f"Where the answers lie ({shown_map.method.upper()})",
        how_to_read=(
            "Near means similar; shape and number are the cluster, × counts exact duplicates. Click a mark to inspect "
            "it. Clusters come from the original distances, not from this picture."
            + say.map_note(method, shown_map.method, shown_map.faithfulness)
        ),
        recipe_line=picture.recipe,
        about=picture.question,
        data=pd.DataFrame(
            {
                "answer": [i + 1 for i in picture.clustered],
                "cluster": labels + 1,
                "x": shown_map.coordinates[:, 0],
                "y": shown_map.coordinates[:, 1],
                "text": answers,
            }
        ),
        key=key,
        alt=f"Map of {counted(len(answers), 'answer')} in {counted(labels.max() + 1, 'cluster')}",
        on_select=select,
    )
    if shown_map.method == method:  # otherwise too few answers differ, and the other choice would change nothing
        map_method_control(f"projection-{picture.key}")


def _matrix(picture: Picture) -> None:
    """The sorted distance matrix."""
    names = [str(i + 1) for i in picture.clustered]
    distances = pd.DataFrame(np.round(1 - picture.similarity, 4), columns=names)
    distances.insert(0, "answer", names)
    blocks.chart(
        figures.distance_matrix(picture.similarity, picture.labels, picture.clustered, dark=blocks.is_dark()),
        title=say.distances_title(mean_distance(picture.similarity)),
        how_to_read=(
            "Distance of every two answers, sorted by cluster; lines separate clusters. 0 is the same, 1 has nothing "
            f"in common. The scale is the same for every question.{say.cells_note(len(names), figures.MOST_NAMED)}"
        ),
        recipe_line=picture.recipe,
        about=picture.question,
        data=distances,
        key=f"matrix-{picture.key}",
        alt=f"Matrix of distances between {counted(len(names), 'answer')}",
    )
