"""One question's answers on the screen, the same for stored and for live ones: strip, map, matrix, list, inspector."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks, url
from dashboard.cache import umap_warm_up
from dashboard.text import plain
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.signals import score_ranks
from homog_core.catalogue.datasets import DATASETS
from homog_core.figures import question
from homog_core.figures.html import entropy_legend, token_heat_map
from homog_core.measures.clustering import Clusterer, by_size, medoids
from homog_core.measures.projection import MIN_DISTINCT_FOR_UMAP, project
from homog_core.measures.uncertainty import discrete_semantic_entropy, mean_token_entropy
from homog_core.records import GREEDY, Response
from homog_core.wording import recipes


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
    responses: dict[int, Response]  # by sample index; GREEDY is the greedy one
    clustered: list[int]  # sample indices of the valid responses, as in `similarity`
    similarity: np.ndarray  # (N, N)
    labels: np.ndarray  # (N,) cluster of each clustered answer, 0 the largest
    clusterer: Clusterer
    recipe: str
    color: str


def stored_question(scored: ScoredRun, question_id: str, clusterer: Clusterer) -> None:
    """Everything about one question of a stored run."""
    answers = scored.answers(question_id)
    responses = {**dict(enumerate(answers.responses)), GREEDY: answers.greedy}
    picture = Picture(
        key=question_id,
        responses=responses,
        clustered=scored.valid(question_id),
        similarity=scored.similarity(question_id, clusterer),
        labels=by_size(scored.labels(question_id, clusterer)),
        clusterer=clusterer,
        recipe=recipes.run_recipe(scored.run, clusterer, 1),
        color=blocks.model_color(),
    )
    question_head(scored, question_id)
    if len(picture.similarity) != len(picture.clustered):
        remedy = f"python -m homog_core score {scored.run.id}"
        st.info(f"This question has been answered since the run was scored. Run `{remedy}`.")
        return
    method = map_method()
    pictures(picture, stored_or_computed_map(scored, question_id, picture, method), method)
    answer_list(picture)
    inspector(picture)


def stored_or_computed_map(scored: ScoredRun, question_id: str, picture: Picture, method: str) -> Map:
    """The map of the run, or one computed now; by MDS where UMAP has not been compiled yet."""
    stored = scored.coordinates(question_id, picture.clusterer, method)
    if len(stored) and len(stored) == len(picture.clustered):
        return Map(stored[["x", "y"]].to_numpy(), stored["method"].iloc[0], float(stored["faithfulness"].iloc[0]))
    return computed_map(picture.similarity, method if umap_warm_up().ready.is_set() else "mds")


def computed_map(similarity: np.ndarray, method: str) -> Map:
    """A map computed now."""
    projection = project(np.clip(1 - similarity, 0, None), method)
    return Map(projection.coordinates, projection.method, projection.faithfulness)


def map_method() -> str:
    """Which projection the visitor wants."""
    return st.session_state.get("map_method") or "umap"


def stepper(ids: list[str], question_id: str, order: str = "") -> None:
    """Previous and next in a list of questions, by button and by the keys P and N."""
    here = ids.index(question_id) if question_id in ids else None

    def go(step: int) -> None:
        url.put(question=ids[(here if here is not None else -step) + step], answer=None)

    left, middle, right = st.columns([1, 4, 1], vertical_alignment="center")
    left.button(
        "Previous",
        icon=":material/arrow_back:",
        on_click=go,
        args=(-1,),
        disabled=not here,
        width="stretch",
        shortcut="P",
    )
    place = f"question {here + 1} of {len(ids)}" if here is not None else f"not among the {len(ids)} that are listed"
    middle.markdown(f"{place} {order}".strip(), text_alignment="center")
    right.button(
        "Next",
        icon=":material/arrow_forward:",
        icon_position="right",
        on_click=go,
        args=(1,),
        disabled=here == len(ids) - 1,
        width="stretch",
        shortcut="N",
    )


def question_head(scored: ScoredRun, question_id: str) -> None:
    """The question, what is known about its answer, and the exact prompt."""
    row = scored.questions.loc[question_id]
    st.markdown(f"#### {plain(row['text'] or question_id)}")
    if not row["text"]:
        st.caption(where_sentences_come_from(row["dataset"]))
    grade_line(scored, question_id)
    left, middle, right = st.columns(3)
    with left.expander("What is correct", icon=":material/fact_check:"):
        references("Correct", row["references"])
        references("Incorrect", row["incorrect_references"])
    with middle.expander("Every score of this question", icon=":material/format_list_numbered:"):
        score_table(scored, question_id)
    with right.expander("The exact prompt", icon=":material/terminal:"):
        st.code(row["prompt"] or "not shipped", language=None, wrap_lines=True)


def where_sentences_come_from(dataset: str) -> str:
    """What to do where the sentences of a dataset are missing."""
    spec = DATASETS.get(dataset)
    if spec is None:
        return "The sentences of this dataset are not on this machine, so the question's id stands here."
    return (
        f"The sentences of {spec.title} are not stored with the runs: name the folder of {' or '.join(spec.files)} in "
        "HOMOG_DATA to see them. Until then the question's id stands here."
    )


GRADE_SIGNS = {"correct": "✓", "incorrect": "✗", "ambiguous": "?", "abstained": "–"}


POLICIES = {
    "refusal": "it declines to answer",
    "number": "by its last number",
    "phrase_or_f1": "by the words of the references",
    "supported_margin": "by its closeness to correct and incorrect references",
}


def grade_line(scored: ScoredRun, question_id: str) -> None:
    """The grade of the greedy answer in words, and the rule behind it."""
    if not scored.is_scored:
        return
    row = scored.scores.loc[question_id]
    if row["grade"] in GRADE_SIGNS:
        rule = POLICIES.get(row["grade_policy"].partition("/")[0], row["grade_policy"])
        st.markdown(f"{GRADE_SIGNS[row['grade']]} The greedy answer is graded **{row['grade']}**, {rule}.")


def score_table(scored: ScoredRun, question_id: str) -> None:
    """Every score of a question with its rank in the run."""
    if not scored.is_scored:
        st.caption("The run has not been scored.")
        return
    st.dataframe(
        score_ranks(scored, question_id),
        hide_index=True,
        column_config={
            "score": "Score",
            "value": st.column_config.NumberColumn("Value", format="%.3f"),
            "rank": st.column_config.NumberColumn("Rank", format="%d", help="1 is the most uncertain; ties share it"),
            "n": st.column_config.NumberColumn("of", format="%d", help="questions where the score is defined"),
        },
        alt="Every score of this question with its rank in the run",
    )


def references(title: str, texts: Sequence[str]) -> None:
    """Reference answers under a word."""
    if len(texts):
        st.caption(title)
        for text in texts:
            st.text(text)


def pictures(picture: Picture, shown_map: Map, method: str) -> None:
    """Strip, map and distance matrix."""
    if len(picture.clustered) < 2:
        st.info(
            f"{len(picture.clustered)} of the answers {'is' if len(picture.clustered) == 1 else 'are'} not empty. "
            "Clusters need at least two."
        )
        return
    strip(picture)
    answers = [picture.responses[i].answer for i in picture.clustered]
    left, right = st.columns(2, gap="large")
    with left:
        answers_map(picture, answers, shown_map, method)
    with right:
        matrix(picture)


def strip(picture: Picture, heading: str = "") -> None:
    """The cluster strip; `heading` names whose answers they are where there are several models."""
    if len(picture.clustered) < 2:
        st.info(f"{plain(heading)}: fewer than two answers that are not empty, so there are no clusters.")
        return
    answers = [picture.responses[i].answer for i in picture.clustered]
    n_invalid = len(picture.responses) - (GREEDY in picture.responses) - len(picture.clustered)
    labels = picture.labels
    counts = np.bincount(labels)
    shown = [answers[i] for i in medoids(picture.similarity, labels)]
    entropy = discrete_semantic_entropy(labels)
    invalid = f" {n_invalid} empty answer{'s' if n_invalid > 1 else ''} left out." if n_invalid else ""
    blocks.chart(
        question.cluster_strip(counts.tolist(), shown, picture.color),
        title=f"{f'{plain(heading)}: ' if heading else ''}{len(answers)} answers, {meanings(len(counts))}",
        how_to_read=(
            "One block per cluster of answers that count as the same; its width is how often it came, its text the "
            f"most typical answer. Semantic entropy {entropy:.2f} nats (0 when all agree).{invalid}"
        ),
        recipe_line=picture.recipe,
        data=pd.DataFrame({"cluster": range(1, len(counts) + 1), "answers": counts, "typical answer": shown}),
        key=f"strip-{picture.key}{'-named' if heading else ''}",
        alt=f"Cluster strip: {len(counts)} clusters of sizes {', '.join(map(str, counts))}",
    )


def meanings(k: int) -> str:
    """K in words."""
    return "one meaning" if k == 1 else f"{k} different ones"


def answers_map(picture: Picture, answers: Sequence[str], shown_map: Map, method: str) -> None:
    """The two-dimensional map."""
    key = f"map-{picture.key}"

    def select() -> None:
        points = st.session_state[key].selection.points
        if points:
            choose_answer(int(points[0]["customdata"]))

    labels = picture.labels
    kept = "" if np.isnan(shown_map.faithfulness) else f" It keeps the distances to ρ = {shown_map.faithfulness:.2f}."
    few = method == "umap" and shown_map.method == "mds"
    why = f" Fewer than {MIN_DISTINCT_FOR_UMAP} distinct answers: classical MDS instead of UMAP." if few else ""
    blocks.chart(
        question.answer_map(shown_map.coordinates, labels, answers, picture.clustered, picture.color),
        title=f"Where the answers lie ({shown_map.method.upper()})",
        how_to_read=(
            "Near means similar; shape and number are the cluster, × counts exact duplicates. Click a mark to inspect "
            f"it. Clusters come from the original distances, not from this picture.{kept}{why}"
        ),
        recipe_line=picture.recipe,
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
        alt=f"Map of {len(answers)} answers in {labels.max() + 1} clusters",
        on_select=select,
    )
    st.segmented_control(
        "Projection",
        ["umap", "mds"],
        default=method,
        key=f"projection-{picture.key}",
        format_func=str.upper,
        on_change=lambda: st.session_state.update(map_method=st.session_state[f"projection-{picture.key}"]),
        label_visibility="collapsed",
        required=True,
    )


def matrix(picture: Picture) -> None:
    """The sorted distance matrix."""
    names = [str(i + 1) for i in picture.clustered]
    similarity = picture.similarity
    spread = 1 - similarity[np.triu_indices(len(similarity), 1)].mean()
    blocks.chart(
        question.distance_matrix(similarity, picture.labels, picture.clustered, dark=blocks.is_dark()),
        title=f"Two answers are {spread:.2f} apart on average",
        how_to_read=(
            "Distance of every two answers, sorted by cluster; lines separate clusters. 0 is the same, 1 has nothing "
            "in common. The scale is the same for every question."
        ),
        recipe_line=picture.recipe,
        data=pd.DataFrame(np.round(1 - similarity, 4), columns=names)
        .assign(answer=names)
        .set_index("answer")
        .reset_index(),
        key=f"matrix-{picture.key}",
        alt=f"Matrix of distances between {len(names)} answers",
    )


def answer_list(picture: Picture) -> None:
    """All answers, grouped by cluster; a button inspects one."""
    st.markdown("##### All answers")
    st.caption("Grouped by cluster, the largest first. A button shows that answer's tokens below.")
    labels = picture.labels
    with st.container(border=True, gap="xsmall"):
        for k in range(labels.max() + 1 if len(labels) else 0):
            members = [picture.clustered[i] for i in np.flatnonzero(labels == k)]
            for position, index in enumerate(members):
                answer_row(picture, index, f"**{k + 1}** · {_times(len(members))}" if position == 0 else "")
        others = [i for i in picture.responses if i not in picture.clustered]
        for position, index in enumerate(others):
            answer_row(picture, index, "not clustered" if position == 0 else "")


def answer_row(picture: Picture, index: int, heading: str) -> None:
    """One answer with the button that inspects it."""
    response = picture.responses[index]
    left, middle, right = st.columns([2, 2, 12], vertical_alignment="center", gap="small")
    left.markdown(heading or "&nbsp;")
    middle.button(
        "Greedy" if index == GREEDY else f"Answer {index + 1}",
        key=f"inspect-{picture.key}-{index}",
        on_click=choose_answer,
        args=(index,),
        type="primary" if index == chosen_answer(picture) else "secondary",
        width="stretch",
    )
    right.text((response.answer or "(empty)") + ("  […]" if response.finish_reason == "length" else ""))


def _times(n: int) -> str:
    return "1 answer" if n == 1 else f"{n} answers"


def choose_answer(index: int) -> None:
    """Inspect an answer: it goes into the URL."""
    url.put(answer="greedy" if index == GREEDY else str(index + 1))


def chosen_answer(picture: Picture) -> int:
    """The sample index that the URL names; the greedy answer where it names none or one that is not there."""
    asked = url.get("answer", "greedy")
    index = int(asked) - 1 if asked.isdecimal() else GREEDY
    return index if index in picture.responses else GREEDY


def inspector(picture: Picture) -> None:
    """Token heat map and entropy trace of one answer, all others thin and grey behind it."""
    chosen = chosen_answer(picture)
    if chosen not in picture.responses:
        return
    response = picture.responses[chosen]
    own = response.own_tokens
    name = question.answer_name(chosen)
    st.markdown(f"##### Inside one answer: {name.lower()}")
    st.caption(
        "Each token is shaded by the entropy of the distribution it was drawn from: how open the next word was. Struck "
        "tokens do not count: what ended the answer, and reasoning."
    )
    st.html(token_heat_map(response.tokens, response.token_entropies.tolist(), own))
    st.html(entropy_legend())
    traces(picture, chosen)


def traces(picture: Picture, chosen: int | None) -> None:
    """Entropy along all answers, with one of them in colour."""
    entropies = {i: r.token_entropies[r.own_tokens] for i, r in picture.responses.items()}
    tokens = {i: r.tokens[r.own_tokens] for i, r in picture.responses.items()}
    rows = [
        {"answer": question.answer_name(i), "token": t + 1, "text": text, "entropy_nats": float(value)}
        for i in picture.responses
        for t, (text, value) in enumerate(zip(tokens[i], entropies[i], strict=True))
    ]
    title, alt = "How open the next word is, along every answer", "Token entropy along all answers"
    if chosen is not None:
        name, mean = question.answer_name(chosen), mean_token_entropy(entropies[chosen])
        undefined = "its token entropies are not known" if len(entropies[chosen]) else "no tokens of its own"
        title = f"{name}: {undefined}" if np.isnan(mean) else f"{name}: {mean:.2f} nats on average"
        alt = f"Token entropy along {name.lower()}"
    blocks.chart(
        question.entropy_traces(entropies, tokens, chosen, picture.color),
        title=title,
        how_to_read=(
            "Entropy of the model's own next-token distribution (before temperature and top-p) along the answer"
            + ("; the other answers are thin and grey." if chosen is not None else ".")
        ),
        recipe_line=picture.recipe,
        data=pd.DataFrame(rows, columns=["answer", "token", "text", "entropy_nats"]),
        key=f"trace-{picture.key}",
        alt=alt,
    )
