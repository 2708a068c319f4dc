"""Many models at once: sorted by their rates, against their sizes, and what they share with each other."""

from itertools import combinations

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks, controls, studies, url
from dashboard.tax import computed, shared
from dashboard.tax.elsewhere import elsewhere
from dashboard.tax.marks import bounds, hover, marks, span
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis import lineage
from homog_core.analysis.many import size_series
from homog_core.figures import dots, series
from homog_core.figures.axes import Panel
from homog_core.figures.dots import Row
from homog_core.figures.many import by_size, pair_matrix
from homog_core.figures.theme import ROLE_COLORS
from homog_core.measures.clustering import Clusterer
from homog_core.statistics.between_models import BetweenModels, similar_order
from homog_core.wording import chart_titles
from homog_core.wording import many as say
from homog_core.wording.labels import ROLE_TITLES
from homog_core.wording.numbers import UNDEFINED, counted, number, parameters, percent, with_care

SHOWN = {"same": "Chance of the same answer", "overlap": "Overlap"}
ORDERS = {"similar": "Similar ones together", "family": "By family and size"}


# Sorted


def by_rate(chosen: Selection) -> None:
    """Every run by its single-cluster rate, with family and size, as dots and as a table."""
    frame = computed.model_rows(chosen.named, *chosen.how)
    names = [say.row_name(row) for _, row in frame.iterrows()]
    roles = dict(zip(chosen.views, lineage.roles([view.run for view in chosen.views.values()]), strict=True))
    looks = [
        series.Series(str(role), ROLE_TITLES[role] or "stage not known", ROLE_COLORS[role])
        for role in dict.fromkeys(roles.values())
    ]
    blocks.chart(
        dots.dots(
            [Row(name) for name in names],
            _rate_marks(frame.assign(role=[str(roles[label]) for label in frame["label"]])),
            [
                Panel("questions with a single answer", range=(-0.02, 1.02), percent=True),
                Panel("different answers per question", range=(0.7, max(10.3, frame["clusters_high"].max()))),
                Panel("two answers are the same", range=(-0.02, 1.02), percent=True),
            ],
            looks,
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.single_cluster(frame, None, 1.0)),
        how_to_read=(
            "Every run, the one with most single-answer questions on top; a colour is a stage of training. Left: the "
            "share of questions whose answers all count as the same. Middle: different answers per question. Right: "
            "the chance that two answers of the model to a question are the same." + with_care(frame["n"].min())
        ),
        recipe_line=chosen.recipe(span(frame["n"]), "whiskers: 95 % Wilson (left), t (others)"),
        data=frame,
        key="many-rates",
        alt=f"Single-cluster rate of {counted(len(frame), 'run')}, the highest first",
    )
    st.dataframe(say.table(frame, [roles[label] for label in frame["label"]]), hide_index=True, key="many-table")


def _rate_marks(frame: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for place, row in enumerate(frame.itertuples()):
        common = {"row": place, "series": row.role, "words": UNDEFINED if np.isnan(row.value) else "", "n": row.n}
        size = "" if np.isnan(row.n_parameters) else f", {parameters(row.n_parameters)} parameters"
        name = f"{row.label}\n{row.family}{size}"
        said = (
            ("", f"{row.n_single} of {counted(row.n, 'question')}: {percent(row.value)}", percent),
            ("clusters_", f"{number(row.clusters_value)} clusters on average", number),
            ("same_", f"two answers are the same in {percent(row.same_value)}", percent),
        )
        for panel, (prefix, words, show) in enumerate(said):
            shown = hover(row, name, words, prefix=prefix, show=show)
            rows.append({**common, "panel": panel, **bounds(row, prefix), "hover": shown})
    return marks(rows)


# Against size


def sizes(chosen: Selection) -> None:
    """Single-cluster rates against the number of parameters, a line a family and stage."""
    runs = {label: view.run for label, view in chosen.views.items()}
    lines = size_series(runs)
    if not lines:
        others = elsewhere(lambda runs: bool(size_series({run.id: run for run in runs})), chosen.dataset)
        st.info(
            "No two of the chosen runs are of one family and stage, in different known sizes. "
            f"{plain(others)} An import says them by `--family` and `--parameters`."
        )
        return
    frame = computed.model_rows(chosen.named, *chosen.how)
    by_label = frame.set_index("label")
    rows = [
        {
            "series": name,
            "run": label,
            "x": row.n_parameters,
            **bounds(row),
            "n": row.n,
            "hover": hover(row, label, f"{parameters(row.n_parameters)}: {percent(row.value)}", show=percent),
        }
        for name, own in lines.items()
        for label in own
        for row in [by_label.loc[label]]
    ]
    points = pd.DataFrame(rows)
    tests = computed.size_tests(chosen.named, *chosen.how)
    looks = series.run_series(list(lines), lineage.roles([runs[own[0]] for own in lines.values()]))
    blocks.chart(
        by_size(points, looks, narrow=blocks.is_narrow()),
        title=plain(say.size_title(tests, frame)),
        how_to_read=say.size_reading(tests, int(frame["n_parameters"].isna().sum())) + with_care(frame["n"].min()),
        recipe_line=chosen.recipe(span(points["n"]), "whiskers: 95 % Wilson", list(dict.fromkeys(points["run"]))),
        data=points.drop(columns="hover").rename(columns={"x": "n_parameters"}),
        key="many-sizes",
        alt=f"Single-cluster rate against size in {counted(len(lines), 'family', 'families')}",
    )


# Between models


def between(chosen: Selection) -> None:
    """What every two models share, as a matrix, and links to the pairs that are most and least alike."""
    if len(chosen.views) < 2:
        st.info("Choose at least two runs: this is about what models share.")
        return
    if bare := [view.run for view in chosen.views.values() if view.run.lacks_answers]:
        studies.sentences(bare)  # stand-ins of different models cannot be compared
        return
    by, ids = shared.joint_by(chosen), shared.asked(chosen)
    if not ids:
        st.info("These runs have no question in common: choose runs over the same questions.")
        return
    left, right = st.columns(2)
    with left:
        shown = url.choice("Shown", list(SHOWN), "cells", SHOWN.get)
    with right:
        order_by = url.choice("Order", list(ORDERS), "order", ORDERS.get)
    if found := shared.between(chosen, by, ids):
        _matrix(chosen, by, found, shown, order_by)


def _matrix(chosen: Selection, by: Clusterer, found: BetweenModels, shown: str, order_by: str) -> None:
    frame = computed.model_rows(chosen.named, *chosen.how).set_index("label").loc[list(chosen.views)]
    order = similar_order(found.overlap.value)
    if order_by == "family":
        sizes_known_first = frame["n_parameters"].fillna(np.inf)
        order = sorted(range(len(frame)), key=lambda i: (frame["family"].iloc[i], sizes_known_first.iloc[i]))
    families = frame["family"].iloc[order].tolist()
    edges = [i for i in range(1, len(order)) if families[i] != families[i - 1]] if order_by == "family" else []
    names, n_questions = list(chosen.views), int(found.n.max())
    cells = found.same.value.copy() if shown == "same" else found.overlap.value.copy()
    if shown == "overlap":
        np.fill_diagonal(cells, np.nan)  # 1, whatever the model
    read = say.overlap_reading if shown == "overlap" else say.same_reading
    blocks.chart(
        pair_matrix(
            cells[np.ix_(order, order)],
            [names[i] for i in order],
            [[say.pair_hover(found, names, i, j) for j in order] for i in order],
            SHOWN[shown].lower(),
            edges=edges,
            whole=shown == "overlap",
            dark=blocks.is_dark(),
            narrow=blocks.is_narrow(),
        ),
        title=plain(say.between_title(found)),
        how_to_read=read(n_questions, len(names)) + _by_another(chosen, by) + with_care(n_questions),
        recipe_line=chosen.recipe(n_questions, "95 % bootstrap over questions", clusterer=by),
        data=_pairs(found, names),
        key="many-between",
        alt=f"{SHOWN[shown]} of every two of {counted(len(names), 'run')}",
    )
    if sentence := say.families_sentence(found):
        st.caption(plain(sentence))
    _links(chosen, found, names)


def _by_another(chosen: Selection, by: Clusterer) -> str:
    if by.key == chosen.clusterer.key:
        return ""
    title = plain(controls.clusterer_title(by))
    return f" The chosen clusterer has compared no answers of different models, so here it is “{title}”."


def _pairs(found: BetweenModels, names: list[str]) -> pd.DataFrame:
    """One row a pair of models, and one a model with itself."""
    rows = []
    for i in range(len(names)):
        for j in range(i, len(names)):
            row = {"one": names[i], "other": names[j], "questions": int(found.n[i, j])}
            for name in ("same", "overlap"):
                matrix = getattr(found, name)
                row |= {
                    name: matrix.value[i, j],
                    f"{name}_low": matrix.low[i, j],
                    f"{name}_high": matrix.high[i, j],
                }
            rows.append(row)
    return pd.DataFrame(rows)


def _links(chosen: Selection, found: BetweenModels, names: list[str]) -> None:
    """To Compare, with the two models that overlap most, and with those that overlap least."""
    pairs = [pair for pair in combinations(range(len(names)), 2) if not np.isnan(found.overlap.value[pair])]
    if not pairs:
        return
    ends = {
        "Most alike": max(pairs, key=lambda pair: found.overlap.value[pair]),
        "Least alike": min(pairs, key=lambda pair: found.overlap.value[pair]),
    }
    with st.container(horizontal=True):
        for what, pair in ends.items():
            ids = ",".join(chosen.views[names[i]].run.id for i in pair)
            st.page_link(
                "pages/compare.py",
                label=f"{what}: {plain(say.closest(found, names, pair))}",
                icon=":material/compare_arrows:",
                query_params={"runs": ids, **controls.clusterer_params(chosen.clusterer)},
                width="content",
            )
