"""Several runs side by side: on one question, and over all of them. The page Compare chooses which."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks, controls, url
from dashboard.blocks import chart, is_dark
from dashboard.cache import umap_warm_up
from dashboard.question import Map, computed_map, map_method, stepper, where_sentences_come_from
from dashboard.text import plain
from homog_core.analysis import compare
from homog_core.analysis.changes import Changes, levels, transitions
from homog_core.analysis.changes import changes as compute_changes
from homog_core.analysis.joint import Joint, block_distances, joint_clusterer
from homog_core.analysis.joint import joint as joint_
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.models import MODELS
from homog_core.figures.comparison import (
    answer_groups,
    block_matrix,
    joint_maps,
    paired_strips,
    slope_chart,
    stacked_traces,
)
from homog_core.figures.html import model_heading
from homog_core.figures.question import answer_name
from homog_core.measures.clustering import Clusterer, medoids
from homog_core.measures.projection import MIN_DISTINCT_FOR_UMAP
from homog_core.measures.uncertainty import mean_token_entropy
from homog_core.records import GREEDY, Estimate, Response
from homog_core.runs import store
from homog_core.runs.evidence import stored_vectors
from homog_core.statistics.intervals import mean_estimate, single_cluster_rate
from homog_core.wording import recipes
from homog_core.wording.comparison import CHANCE, RUN_STATISTICS, STATISTICS, arrow, in_words, summary_sentence
from homog_core.wording.numbers import number, percent, tenth, with_interval
from homog_core.wording.titles import STAGE_TITLES


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What the visitor compares, and how."""

    runs: list[ScoredRun]
    stamps: tuple[tuple[str, int], ...]  # of the runs: with them goes everything that is cached
    names: list[str]
    clusterer: Clusterer

    @property
    def colors(self) -> list[str]:
        """The colour of each run."""
        return [blocks.model_color(i) for i in range(len(self.runs))]

    @property
    def marks(self) -> list[str]:
        """The stages where they tell the runs apart, otherwise letters."""
        stages = [STAGE_TITLES[scored.run.provenance.stage] for scored in self.runs]
        return stages if len({*stages, ""}) > len(stages) else list("ABCD"[: len(stages)])

    @property
    def headings(self) -> list[str]:
        """HTML of the models' names beside their colours."""
        return [model_heading(*part) for part in zip(self.names, self.colors, strict=True)]

    def recipe(self, n: int, interval: str = "", clusterer: Clusterer | None = None) -> str:
        """One recipe for all runs, or one each where they were not sampled in the same way."""
        clusterer = clusterer or self.clusterer
        ways = [(scored.run.decoding, scored.run.identity.prompt_style) for scored in self.runs]
        if len(set(ways)) == 1:
            return recipes.recipe(" / ".join(self.names), *ways[0], clusterer, n, interval)
        each = [recipes.recipe(name, *way, None, n) for name, way in zip(self.names, ways, strict=True)]
        return " · ".join(part for part in ("; ".join(each), recipes.clusterer_recipe(clusterer), interval) if part)


# What is computed once


@st.cache_data(max_entries=64, show_spinner="Counting the clusters …")
def changes(stamps: tuple, clusterer: Clusterer, _runs: list[ScoredRun]) -> Changes:
    """Clusters and entropies of every question under every run."""
    return compute_changes(_runs, clusterer)


@st.cache_data(max_entries=64, show_spinner="Testing the differences …")
def comparison(stamps: tuple, clusterer: Clusterer, _runs: list[ScoredRun]) -> compare.Comparison:
    """Estimates and paired tests."""
    return compare.compare(_runs, clusterer)


@st.cache_resource(max_entries=8, show_spinner="Reading the vectors of the answers …")
def vectors_by_question(stamp: tuple[str, int], encoder: str) -> dict[str, pd.DataFrame]:
    """The stored vectors of a run by question."""
    return dict(tuple(store.open_run(stamp[0]).embeddings(encoder).groupby("question_id")))


@st.cache_data(max_entries=256, show_spinner=False)
def joint(stamps: tuple, clusterer: Clusterer, question_id: str, _runs: list[ScoredRun]) -> Joint:
    """All runs' answers to one question, with one similarity."""
    by = joint_clusterer(_runs, clusterer)
    rows = [vectors_by_question(stamp, by.encoder).get(question_id) for stamp in stamps] if by.is_linkage else []
    return joint_(_runs, question_id, clusterer, [stored_vectors(part) for part in rows])


@st.cache_data(max_entries=256, show_spinner=False)
def joint_map(stamps: tuple, clusterer: Clusterer, question_id: str, method: str, _found: Joint) -> Map:
    """One map of all of them."""
    return computed_map(_found.similarity, method)


# Which question


def overview(shown: Shown, found: Changes) -> str | None:
    """What changed in one sentence, the questions by the size of their change, and the one that is looked at."""
    means = [mean_estimate(found.clusters[key]).value for key in found.clusters]
    rates = [single_cluster_rate(found.clusters[key]).value for key in found.clusters]
    left, right = st.columns([5, 3], gap="large", vertical_alignment="bottom")
    left.markdown(
        f"#### {arrow(means, tenth)} different answers per question\n"
        f"{plain(summary_sentence(found, shown.names))} All answers mean the same on "
        f"{arrow(rates, percent)} of the questions."
    )
    words = right.text_input("Search in questions and answers", key="compare-search", placeholder="a word or a phrase")
    ids = list(found.clusters.index)
    if words.strip():
        matching = set().union(*(scored.search(words) for scored in shown.runs))
        ids = [key for key in ids if key in matching]
    if not ids:
        st.info("No question matches. Clear the search to see them all.")
        return None
    question_id = url.url_selected("question", list(found.clusters.index), ids[0], "question")
    table(shown, found, ids)
    stepper(ids, question_id, "by size of change")
    return question_id


def table(shown: Shown, found: Changes, ids: list[str]) -> None:
    """The questions, the largest change first; a row that is selected opens the question."""
    key = f"changes:{hash((shown.stamps, shown.clusterer, tuple(ids)))}"

    def select() -> None:
        rows = st.session_state[key].selection.rows
        if rows:
            st.query_params["question"] = ids[rows[0]]

    texts = shown.runs[0].questions.loc[ids, "text"]
    frame = found.clusters.loc[ids].set_axis([f"k{i}" for i in range(len(shown.runs))], axis=1)
    frame.insert(0, "question", [text or key for key, text in texts.items()])
    entropies = found.entropies.loc[ids]
    frame = frame.assign(change=found.change.loc[ids], entropy=entropies.iloc[:, -1] - entropies.iloc[:, 0])
    wide = "large" if len(shown.runs) < 4 else 260
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height=178,
        on_select=select,
        selection_mode="single-row",
        column_config={
            "question": st.column_config.TextColumn("Questions, the largest change first", width=wide),
            **{
                f"k{i}": st.column_config.NumberColumn(name, format="%d", help=f"Different answers of {name}")
                for i, name in enumerate(shown.names)
            },
            "change": st.column_config.NumberColumn("Change", format="%+d", help="Last run minus first"),
            "entropy": st.column_config.NumberColumn(
                "Change in entropy", format="%+.2f", help="Discrete semantic entropy, nats; last run minus first"
            ),
        },
        alt="The questions with the number of different answers of each run; select a row to see its answers",
    )


# One question


def one_question(shown: Shown, question_id: str) -> None:
    """Everything about one question: strips, maps, distances, traces, answers."""
    row = shown.runs[0].questions.loc[question_id]
    st.markdown(f"### {plain(row['text'] or question_id)}")
    if not row["text"]:
        st.caption(where_sentences_come_from(row["dataset"]))
    found = joint(shown.stamps, shown.clusterer, question_id, shown.runs)
    if len(found.similarity) != len(found.answers):
        st.info("This question has been answered since a run was scored: score the runs again to see its clusters.")
        return
    strips(shown, question_id, found)
    links(shown, question_id, row["text"])
    if len(found.answers) > 1:
        maps(shown, question_id, found)
        left, right = st.columns(2, gap="large")
        with left:
            matrix(shown, question_id, found)
        with right:
            traces(shown, question_id)
    answer_columns(shown, question_id, found)


def strips(shown: Shown, question_id: str, found: Joint) -> None:
    """The headline, and one strip a run."""
    counts, typical, left_out = [], [], []
    for i, scored in enumerate(shown.runs):
        own = found.of(i)
        labels = found.labels[own]
        counts.append(np.bincount(labels).tolist() if len(own) else [])
        similarity = scored.similarity(question_id, shown.clusterer)
        typical.append([found.answers[own[k]] for k in medoids(similarity, labels)] if len(own) else [])
        left_out.append(scored.run.decoding.n_samples - len(own))
    ks = [len(c) if sum(c) > 1 else float("nan") for c in counts]
    blocks.chart(
        paired_strips(shown.names, counts, typical, left_out, shown.colors),
        title=f"{arrow(ks)} different answers",
        how_to_read=(
            f"One row per model, {shown.runs[0].run.decoding.n_samples} answers each. One block per cluster of answers "
            "that count as the same; its width is how often it came. Where there is room it holds the "
            "most typical answer; hover for all."
        ),
        recipe_line=shown.recipe(1),
        data=pd.DataFrame(
            [
                {"run": name, "cluster": k + 1, "answers": size, "typical answer": text}
                for name, sizes, texts in zip(shown.names, counts, typical, strict=True)
                for k, (size, text) in enumerate(zip(sizes, texts, strict=True))
            ],
            columns=["run", "cluster", "answers", "typical answer"],
        ),
        key=f"strips-{question_id}",
        alt="Cluster strips: "
        + ", ".join(f"{name} {len(sizes)} clusters" for name, sizes in zip(shown.names, counts, strict=True)),
    )


def links(shown: Shown, question_id: str, text: str) -> None:
    """To the same question elsewhere: each run alone, and all models sampled again, now."""
    same = {"clusterer": shown.clusterer.key, "tau": f"{shown.clusterer.threshold:g}", "rule": shown.clusterer.rule}
    with st.container(horizontal=True):
        for scored, name in zip(shown.runs, shown.names, strict=True):
            st.page_link(
                "pages/questions.py",
                label=f"{plain(name)} in detail",
                icon=":material/bubble_chart:",
                query_params={"run": scored.run.id, "question": question_id} | same,
                width="content",
            )
        models = dict.fromkeys(scored.run.identity.model for scored in shown.runs)
        if text and (known := [model for model in models if model in MODELS]):
            st.page_link(
                "pages/live_lab.py",
                label="Ask these models again, now",
                icon=":material/experiment:",
                query_params={"model": ",".join(known), "dataset": "typed", "ask": text} | live_decoding(shown),
                width="content",
            )


def live_decoding(shown: Shown) -> dict[str, str]:
    """The parameters of the Live lab that stand for how the first run was sampled."""
    decoding = shown.runs[0].run.decoding
    styles = {scored.run.identity.prompt_style for scored in shown.runs}
    return {
        "n": str(decoding.n_samples),
        "t": f"{decoding.temperature:g}",
        "p": f"{decoding.top_p:g}",
        "l": str(decoding.max_new_tokens),
        "prompt": styles.pop() if len(styles) == 1 else "auto",
    }


def maps(shown: Shown, question_id: str, found: Joint) -> None:
    """One joint map, a panel a run."""
    asked = map_method()
    method = asked if umap_warm_up().ready.is_set() else "mds"
    placed = joint_map(shown.stamps, shown.clusterer, question_id, method, found)
    kept = "" if np.isnan(placed.faithfulness) else f" It keeps the distances to ρ = {placed.faithfulness:.2f}."
    few = method == "umap" and placed.method == "mds"
    why = f" Fewer than {MIN_DISTINCT_FOR_UMAP} distinct answers: classical MDS instead of UMAP." if few else ""
    panels = joint_maps(placed.coordinates, found.position, found.labels, found.answers, found.indices, shown.colors)
    blocks.panels(
        list(zip(shown.headings, panels, strict=True)),
        title=f"{wordings(found, len(shown.runs))} different wordings on one map ({placed.method.upper()})",
        how_to_read=(
            "Placed together, drawn apart: every panel has the same axes, and the other models' answers are the small "
            "grey marks. Near means similar; shape and number are the cluster, × counts exact duplicates. Clusters "
            f"come from the original distances, not from this picture.{kept}{why}{by_another(shown, found)}"
        ),
        recipe_line=shown.recipe(1, clusterer=found.clusterer),
        data=pd.DataFrame(
            {
                "run": [shown.names[p] for p in found.position],
                "answer": found.indices + 1,
                "cluster": found.labels + 1,
                "x": placed.coordinates[:, 0],
                "y": placed.coordinates[:, 1],
                "text": found.answers,
            }
        ),
        key=f"maps-{question_id}",
        alt=[f"Map of the answers of {name} among all answers" for name in shown.names],
    )
    st.segmented_control(
        "Projection",
        ["umap", "mds"],
        default=asked,
        key="projection-compare",
        format_func=str.upper,
        on_change=lambda: st.session_state.update(map_method=st.session_state["projection-compare"]),
        label_visibility="collapsed",
        required=True,
    )


def wordings(found: Joint, n_runs: int) -> str:
    """How many different texts each run wrote."""
    return arrow([len({found.answers[j] for j in found.of(i)}) for i in range(n_runs)])


def by_another(shown: Shown, found: Joint) -> str:
    """Where distances between runs are not by the clusterer that makes the clusters."""
    if found.clusterer.key == shown.clusterer.key:
        return ""
    return (
        f" Distances between different models' answers are not stored for this clusterer: here they are by "
        f"“{plain(controls.clusterer_title(found.clusterer))}”."
    )


def matrix(shown: Shown, question_id: str, found: Joint) -> None:
    """Distances within and between the runs."""
    blocks = block_distances(found)
    within = arrow([blocks.iloc[i, i] for i in range(len(blocks))], number)
    last = len(shown.runs) - 1
    between = blocks.iloc[0, last]
    key = [f"{mark} is {plain(name)}" for mark, name in zip(shown.marks, shown.names, strict=True)]
    letters = f" {', '.join(key)}." if shown.marks[0] == "A" else ""
    names = [f"{shown.names[p]} {i + 1}" for p, i in zip(found.position, found.indices, strict=True)]
    chart(
        block_matrix(
            found.similarity,
            found.position,
            found.labels,
            found.indices,
            shown.names,
            shown.marks,
            dark=is_dark(),
        ),
        title=f"Answers are {within} apart within a model, {between:.2f} across",
        how_to_read=(
            "Distance of every two answers, sorted by model and cluster; thick lines separate models, thin ones "
            "clusters. 0 is the same, 1 has nothing in common. In the title: means; across is from first to last model."
            f"{letters}{by_another(shown, found)}"
        ),
        recipe_line=shown.recipe(1, clusterer=found.clusterer),
        data=pd.DataFrame(np.round(1 - found.similarity, 4), columns=names).assign(answer=names)[["answer", *names]],
        key=f"blocks-{question_id}",
        alt=f"Matrix of distances between {len(names)} answers of {len(shown.runs)} models",
    )


def answer_columns(shown: Shown, question_id: str, found: Joint) -> None:
    """The answers of each run, grouped by cluster, beside each other; the greedy one first, with its grade."""
    st.markdown("##### All answers, by cluster")
    st.caption("The largest cluster first; × counts answers in the same words. Greedy is the answer at temperature 0.")
    places = st.columns(len(shown.runs), gap="medium")
    for i, (place, scored, heading) in enumerate(zip(places, shown.runs, shown.headings, strict=True)):
        greedy = scored.answers(question_id).greedy
        groups = [(f"Greedy answer{grade(scored, question_id)}", [(greedy.answer or "(empty)", cut(greedy))])]
        own = found.of(i)
        for k in range(int(found.labels[own].max()) + 1 if len(own) else 0):
            texts = pd.Series([found.answers[j] for j in own if found.labels[j] == k]).value_counts(sort=False)
            members = [(text, f"×{n}" if n > 1 else "") for text, n in texts.items()]
            groups.append((f"{k + 1} · {'1 answer' if texts.sum() == 1 else f'{texts.sum()} answers'}", members))
        with place:
            st.html(heading)
            st.html(answer_groups(groups, shown.colors[i]))


def grade(scored: ScoredRun, question_id: str) -> str:
    """The grade of the greedy answer in words."""
    found = scored.scores["grade"][question_id] if scored.is_scored else None
    return f" · graded {found}" if isinstance(found, str) and found != "ungraded" else ""


def cut(response: Response) -> str:
    """A mark for an answer that the token limit has cut."""
    return "[…] cut by the token limit" if response.finish_reason == "length" else ""


def traces(shown: Shown, question_id: str) -> None:
    """Token entropies of the greedy answers on the same axes, the sampled ones grey behind them."""
    entropies, tokens, means, rows = [], [], [], []
    for scored, name in zip(shown.runs, shown.names, strict=True):
        answers = scored.answers(question_id)
        responses = {GREEDY: answers.greedy, **dict(enumerate(answers.responses))}
        entropies.append({i: r.token_entropies[r.own_tokens] for i, r in responses.items()})
        tokens.append({i: r.tokens[r.own_tokens] for i, r in responses.items()})
        means.append(mean_token_entropy(entropies[-1][GREEDY]))
        rows += [
            {"run": name, "answer": answer_name(i), "token": t + 1, "text": text, "entropy_nats": float(value)}
            for i in responses
            for t, (text, value) in enumerate(zip(tokens[-1][i], entropies[-1][i], strict=True))
        ]
    empty = " Undefined: the greedy answer is empty, or its entropies are not known." if np.isnan(means).any() else ""
    blocks.chart(
        stacked_traces(entropies, tokens, GREEDY, shown.names, shown.colors),
        title=f"The greedy answer: {arrow(means, number)} nats on average",
        how_to_read=(
            "How open the next word was along the greedy answer, in colour: entropy of the model's own next-token "
            f"distribution. The sampled answers are thin and grey. All rows have the same axes.{empty}"
        ),
        recipe_line=shown.recipe(1),
        data=pd.DataFrame(rows, columns=["run", "answer", "token", "text", "entropy_nats"]),
        key=f"traces-{question_id}",
        alt=f"Token entropy along the answers of {', '.join(shown.names)}",
    )


# Over all questions


def across(shown: Shown, found: Changes, question_id: str | None) -> None:
    """The slope chart, the paired tests in words, and what tells a homogenised model from a broken one."""
    n = len(found.clusters)
    of_all = all(len(scored.questions) == n for scored in shown.runs)
    st.markdown(f"### Over {f'all {n} questions' if of_all else f'the {n} questions that all runs have'}")
    slopes(shown, found, question_id)
    unscored = [name for name, scored in zip(shown.names, shown.runs, strict=True) if not scored.is_scored]
    if unscored:
        st.info(
            f"{plain(unscored[0])} has not been scored by this version, so there are no tests: run "
            f"`python -m homog_core score {shown.runs[shown.names.index(unscored[0])].run.id}`."
        )
        return
    result = comparison(shown.stamps, shown.clusterer, shown.runs)
    tests(shown, result)
    estimates(shown, result)


def slopes(shown: Shown, found: Changes, question_id: str | None) -> None:
    """Different answers per question, from run to run."""
    means = [mean_estimate(found.clusters[key]) for key in found.clusters]
    this = found.clusters.loc[question_id].tolist() if question_id in found.clusters.index else []
    n = int(found.clusters.notna().all(axis=1).sum())
    small = f" Only {n} questions: read with care." if n < blocks.SMALL_N else ""
    blocks.chart(
        slope_chart(
            levels(found.clusters),
            transitions(found.clusters),
            means,
            shown.names,
            shown.colors,
            this=this,
            dark=blocks.is_dark(),
        ),
        title=f"{arrow([m.value for m in means], number)} different answers per question on average",
        how_to_read=(
            "A line joins the numbers of different answers that a question gets from neighbouring models; the more "
            "questions take the same way, the wider it is. The size of a mark and the number beside it are the "
            f"questions with that many different answers. Hover for counts.{small}"
        ),
        recipe_line=shown.recipe(n, "intervals: t"),
        data=found.clusters.set_axis(shown.names, axis=1).rename_axis("question_id").reset_index(),
        key="slopes",
        alt="Slope chart of the number of different answers per question along the models",
    )


def tests(shown: Shown, result: compare.Comparison) -> None:
    """The paired tests as sentences, one box a pair of runs."""
    beyond = sum(row["pvalue_holm"] < CHANCE for row in result.tests)
    st.markdown(f"##### {beyond} of {len(result.tests)} differences are larger than chance alone would give")
    st.caption(
        "Every question is compared with itself. Wilcoxon's signed-rank test asks whether ups and downs are balanced, "
        "McNemar's whether as many questions switch one way as the other. p is how often chance alone would give a "
        "difference at least as large; Holm's method adjusts it for all comparisons shown here. Intervals: paired "
        "bootstrap over questions."
    )
    titles = dict(zip((scored.run.id for scored in shown.runs), shown.names, strict=True))
    pairs = list(dict.fromkeys((row["from"], row["to"]) for row in result.tests))
    for start in range(0, len(pairs), 3):
        for place, (first, second) in zip(st.columns(min(len(pairs), 3)), pairs[start : start + 3], strict=False):
            rows = {row["statistic"]: row for row in result.tests if (row["from"], row["to"]) == (first, second)}
            with place.container(border=True):
                st.markdown(f"**{plain(titles[first])} → {plain(titles[second])}**")
                ordered = [rows[name] for name in STATISTICS]
                st.markdown("\n".join(f"- {test_line(row)}" for row in ordered))
    with st.popover("All numbers", icon=":material/table:", width="content"):
        frame = pd.DataFrame(result.tests)
        st.dataframe(frame, hide_index=True)
        st.download_button("Download CSV", frame.to_csv(index=False).encode(), "paired-tests.csv", "text/csv")


def test_line(row: dict) -> str:
    """One paired test as a line."""
    told = in_words(row)
    if row["n"] < blocks.SMALL_N:
        return f":grey[{plain(told.finding)}. {plain(told.detail)} Only {row['n']} questions: read with care.]"
    return f"**{plain(told.finding)}.** {plain(told.detail)}"


def estimates(shown: Shown, result: compare.Comparison) -> None:
    """What each run found, with the numbers that tell a homogenised model from a broken one."""
    found = {(row["run"], row["statistic"]): row for row in result.estimates}
    last = shown.runs[-1].run.id
    distinct, looping = (found[last, name]["value"] for name in ("distinct_across_questions", "looping"))
    st.markdown(
        f"##### Homogenised or broken? {distinct:.0%} different greedy answers across questions, {looping:.0%} of the "
        f"answers loop ({plain(shown.names[-1])})"
    )
    st.caption(
        "A homogenised model answers each question in one way and different questions differently; a broken one loops, "
        "says nothing, or says the same to everything. In brackets 95 % intervals: Wilson for shares, t for means."
    )
    rows = [
        {
            "": title,
            **{
                name: with_interval(_estimate(found[scored.run.id, statistic]), show)
                for scored, name in zip(shown.runs, shown.names, strict=True)
            },
        }
        for statistic, (title, show) in RUN_STATISTICS.items()
    ]
    height = 35 * (len(rows) + 1) + 3
    st.dataframe(pd.DataFrame(rows), hide_index=True, height=height, alt="What each run found, one row a statistic")
    st.caption(plain(shown.recipe(result.n_questions, "intervals: Wilson, t")))


def _estimate(row: dict) -> Estimate:
    return Estimate(row["value"], row["low"], row["high"], row["n"], row["method"])
