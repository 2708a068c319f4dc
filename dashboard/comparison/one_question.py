"""One question under several runs: strips, one joint map, distances, token entropies, and all answers."""

from collections import Counter

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks, controls, studies, url
from dashboard.cache import umap_warm_up
from dashboard.comparison.shown import Shown
from dashboard.question.answers import tokens_table
from dashboard.question.picture import Map, map_method, map_method_control
from dashboard.question.stored import question_title
from dashboard.text import plain
from dashboard.tree import trees
from homog_core.analysis.joint import Grouped, Joint, block_distances
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.models import MODELS
from homog_core.figures.comparison import block_matrix, joint_maps, stacked_traces
from homog_core.figures.html import answer_groups
from homog_core.figures.question import MOST_NAMED
from homog_core.figures.strips import paired_strips
from homog_core.measures.clustering import medoids
from homog_core.measures.uncertainty import mean_token_entropy
from homog_core.records import GREEDY, Response
from homog_core.wording import comparison as say
from homog_core.wording import recipes
from homog_core.wording.numbers import counted
from homog_core.wording.question import cells_note, map_note, unclustered

VIEWS = {"answers": "Answers", "tree": "Tree", "map": "Map", "tokens": "Tokens"}


def one_question(shown: Shown, question_id: str) -> None:
    """One question under all runs: its head, and one of `VIEWS`; the others compute nothing."""
    question_title(shown.runs[0], question_id, "####")
    changes = shown.changes
    if sentence := say.agreement(changes.change[question_id], changes.agreed[question_id]):
        st.caption(sentence)
    found = shown.grouped(question_id)
    if found is None:
        _unclustered(shown)
        return
    bare = [scored.run for scored in shown.runs if scored.run.lacks_answers]
    studies.sentences(bare)
    views = [key for key in VIEWS if not (bare and key in ("map", *studies.VIEWS_OF_WORDS))]  # across runs by words
    view = url.segments("What to show", views, "view", VIEWS.get)
    if view == "answers":
        _strips(shown, question_id, found)
        _answer_columns(shown, question_id, found)
    elif view == "tree":
        _trees(shown, question_id)
    elif len(found.answers) < 2:
        st.info("There are fewer than two answers to draw.")
    elif view == "map":
        _distances(shown, question_id)
    else:
        _traces(shown, question_id)
    _links(shown, question_id)


def _unclustered(shown: Shown) -> None:
    st.info(f"{unclustered(shown.clusterer.method)}. Score the runs again to see its clusters.")


def _about(shown: Shown, question_id: str) -> str:
    return shown.runs[0].questions.loc[question_id, "text"] or question_id


def _trees(shown: Shown, question_id: str) -> None:
    """One tree a run, on one scale."""
    answers = [dict(enumerate(scored.answers(question_id).responses)) for scored in shown.runs]
    recipe = recipes.side_by_side(shown.names, [scored.run for scored in shown.runs], None, 1)
    named = list(zip(shown.names, answers, strict=True))
    trees(named, recipe, f"tree-{question_id}", _about(shown, question_id))


def _strips(shown: Shown, question_id: str, found: Grouped) -> None:
    """The headline, and one strip a run."""
    counts, typical, left_out = [], [], []
    for i, scored in enumerate(shown.runs):
        own = found.of(i)
        labels = found.labels[own]
        counts.append(np.bincount(labels).tolist() if len(own) else [])
        similarity = scored.similarity(question_id, shown.clusterer)
        typical.append([found.answers[own[k]] for k in medoids(similarity, labels)] if len(own) else [])
        left_out.append(scored.n_samples - len(own))
    blocks.chart(
        paired_strips(shown.names, counts, typical, left_out, shown.colors, narrow=blocks.is_narrow()),
        title=say.strips_title(counts),
        how_to_read=(
            f"One row per model, {counted(shown.runs[0].n_samples, 'answer')} each. One block per cluster of answers "
            "that count as the same; its width is how often it came. Where there is room it holds the "
            "most typical answer; hover for all."
        ),
        recipe_line=shown.recipe(1),
        about=_about(shown, question_id),
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
        + ", ".join(f"{name} {counted(len(ks), 'cluster')}" for name, ks in zip(shown.names, counts, strict=True)),
    )


def _links(shown: Shown, question_id: str) -> None:
    """To the same question elsewhere: each run alone, and all models sampled again, now."""
    text = shown.runs[0].questions.loc[question_id, "text"]
    same = controls.clusterer_params(shown.clusterer)
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
                query_params={"model": ",".join(known), "dataset": "typed", "ask": text} | _live_decoding(shown),
                width="content",
            )


def _live_decoding(shown: Shown) -> dict[str, str]:
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


def _distances(shown: Shown, question_id: str) -> None:
    """The joint map and the matrix; a bar until they have been computed."""
    method = map_method() if umap_warm_up().ready.is_set() else "mds"
    computed = shown.joint_map(question_id, method)
    if computed is None:
        return
    if computed.map is None:
        _unclustered(shown)
        return
    _maps(shown, question_id, computed.joint, computed.map, method)
    _matrix(shown, question_id, computed.joint)


def _maps(shown: Shown, question_id: str, found: Joint, placed: Map, method: str) -> None:
    """One joint map, a panel a run."""
    n_wordings = [len({found.answers[j] for j in found.of(i)}) for i in range(len(shown.runs))]
    panels = joint_maps(placed.coordinates, found.position, found.labels, found.answers, found.indices, shown.colors)
    blocks.panels(
        list(zip(shown.headings, panels, strict=True)),
        title=say.maps_title(n_wordings, placed.method),
        how_to_read=(
            "One shared map, one panel per model: every panel has the same axes, and the other models' answers are the "
            "small grey marks. Near means similar; shape and number are the cluster, × counts exact duplicates. "
            "Clusters come from the original distances, not from this picture."
            + map_note(method, placed.method, placed.faithfulness)
            + _by_another(shown, found)
        ),
        recipe_line=shown.recipe(1, clusterer=found.clusterer),
        about=_about(shown, question_id),
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
    map_method_control("projection-compare")


def _by_another(shown: Shown, found: Joint) -> str:
    """Where distances between runs are not by the clusterer that makes the clusters."""
    if found.clusterer.key == shown.clusterer.key:
        return ""
    return (
        f" Distances between different models' answers are not stored for this clusterer: here they are by "
        f"“{plain(controls.clusterer_title(found.clusterer))}”."
    )


def _matrix(shown: Shown, question_id: str, found: Joint) -> None:
    """Distances within and between the runs."""
    marks = say.short_names([scored.run for scored in shown.runs])
    named = [f"{mark} is {plain(name)}" for mark, name in zip(marks, shown.names, strict=True)]
    letters = f" {', '.join(named)}." if marks[0] == "A" else ""
    names = [f"{shown.names[p]} {i + 1}" for p, i in zip(found.position, found.indices, strict=True)]
    blocks.chart(
        block_matrix(
            found.similarity,
            found.position,
            found.labels,
            found.indices,
            shown.names,
            marks,
            dark=blocks.is_dark(),
        ),
        title=say.distances_title(block_distances(found)),
        how_to_read=(
            "Distance of every two answers, sorted by model and cluster; thick lines separate models, thin ones "
            "clusters. 0 is the same, 1 has nothing in common. In the title: means; across is from first to last model."
            f"{letters}{_by_another(shown, found)}{cells_note(len(names), MOST_NAMED)}"
        ),
        recipe_line=shown.recipe(1, clusterer=found.clusterer),
        about=_about(shown, question_id),
        data=pd.DataFrame(np.round(1 - found.similarity, 4), columns=names).assign(answer=names)[["answer", *names]],
        key=f"blocks-{question_id}",
        alt=f"Matrix of distances between {counted(len(names), 'answer')} of {counted(len(shown.runs), 'model')}",
    )


def _answer_columns(shown: Shown, question_id: str, found: Grouped) -> None:
    """The answers of each run, grouped by cluster, beside each other; the greedy one first, with its grade."""
    st.markdown("##### All answers, by cluster")
    st.caption("The largest cluster first; × counts answers in the same words. Greedy is the answer at temperature 0.")
    places = st.columns(len(shown.runs), gap="medium")
    for i, (place, scored, heading) in enumerate(zip(places, shown.runs, shown.headings, strict=True)):
        greedy = scored.answers(question_id).greedy
        groups = []
        if not greedy.is_missing:
            groups = [(f"Greedy answer{_grade(scored, question_id)}", [(greedy.answer or "(empty)", _cut(greedy))])]
        own = found.of(i)
        texts = [Counter[str]() for _ in range(int(found.labels[own].max()) + 1 if len(own) else 0)]
        for j in own:
            texts[found.labels[j]][found.answers[j]] += 1
        for k, same in enumerate(texts, start=1):
            members = [(text, f"×{n}" if n > 1 else "") for text, n in same.items()]
            groups.append((f"{k} · {counted(same.total(), 'answer')}", members))
        with place:
            st.html(heading)
            st.html(answer_groups(groups, shown.colors[i]))


def _grade(scored: ScoredRun, question_id: str) -> str:
    """The grade of the greedy answer in words."""
    found = scored.scores["grade"][question_id] if scored.is_scored else None
    return f" · graded {found}" if isinstance(found, str) and found != "ungraded" else ""


def _cut(response: Response) -> str:
    """A mark for an answer that the token limit has cut."""
    return "[…] cut by the token limit" if response.finish_reason == "length" else ""


def _traces(shown: Shown, question_id: str) -> None:
    """Token entropies of the greedy answers on the same axes, the sampled ones grey behind them."""
    entropies, tokens, means, frames = [], [], [], []
    for scored, name in zip(shown.runs, shown.names, strict=True):
        answers = scored.answers(question_id)
        responses = {GREEDY: answers.greedy, **dict(enumerate(answers.responses))}
        entropies.append({i: r.token_entropies[r.own_tokens] for i, r in responses.items()})
        tokens.append({i: r.tokens[r.own_tokens] for i, r in responses.items()})
        means.append(mean_token_entropy(entropies[-1][GREEDY]))
        frames.append(tokens_table(entropies[-1], tokens[-1]).assign(run=name))
    empty = " Undefined: the greedy answer is empty, or its entropies are not known." if np.isnan(means).any() else ""
    blocks.chart(
        stacked_traces(entropies, tokens, GREEDY, shown.names, shown.colors),
        title=say.entropies_title(means, [scored.run.entropy_kind() for scored in shown.runs]),
        how_to_read=(
            "How open the next word was along the greedy answer, in colour: entropy of the model's own next-token "
            f"distribution. The sampled answers are thin and grey. All rows have the same axes.{empty}"
        ),
        recipe_line=shown.recipe(1),
        about=_about(shown, question_id),
        data=pd.concat(frames)[["run", "answer", "token", "text", "entropy_nats"]],
        key=f"traces-{question_id}",
        alt=f"Token entropy along the answers of {', '.join(shown.names)}",
    )
