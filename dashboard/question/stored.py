"""One question of a stored run: what is known about its answer, then its clusters and its answers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks, studies, url
from dashboard.cache import umap_warm_up
from dashboard.question.answers import answer_list, inspector
from dashboard.question.clusters import clusters, strip
from dashboard.question.picture import Map, Picture, computed_map, map_method
from dashboard.text import plain
from dashboard.tree import trees
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.signals import score_ranks
from homog_core.analysis.unseen import how_many
from homog_core.catalogue.datasets import DATASETS
from homog_core.measures.clustering import Clusterer, by_size
from homog_core.measures.report_cards import is_longer, is_outside_cards
from homog_core.records import GREEDY
from homog_core.runs.sentences import words_of_stand_in
from homog_core.wording import commands, recipes
from homog_core.wording import question as say
from homog_core.wording.labels import column_title
from homog_core.wording.numbers import counted, noun, number

VIEWS = {"answers": "Answers", "tree": "Tree", "map": "Map", "tokens": "Tokens", "details": "Scores and prompt"}


def stored_question(scored: ScoredRun, question_id: str, clusterer: Clusterer) -> None:
    """One question of a stored run: its head, and one of `VIEWS`; the others compute nothing."""
    _head(scored, question_id)
    if len(scored.labels(question_id, clusterer)) != len(scored.valid(question_id)):
        st.info(f"{say.unclustered(clusterer.method)}. To score the run again: `{commands.score(scored.run.id)}`.")
        return
    picture = _picture(scored, question_id, clusterer)
    lacks_answers = scored.run.lacks_answers
    views = [key for key in VIEWS if not (lacks_answers and key in studies.VIEWS_OF_WORDS)]
    if lacks_answers:
        studies.sentences([scored.run])
    view = url.segments("What to show", views, "view", VIEWS.get)
    if view == "answers":
        strip(picture)
        answer_list(picture)
    elif view == "tree":
        recipe = recipes.run_recipe(scored.run, None, 1)
        trees([(scored.run.identity.model, picture.responses)], recipe, f"tree-{question_id}", picture.question)
    elif view == "map":
        method = map_method()
        clusters(picture, _stored_or_computed_map(scored, question_id, picture, method), method)
    elif view == "tokens":
        inspector(picture)
    else:
        _details(scored, question_id, picture)


def _picture(scored: ScoredRun, question_id: str, clusterer: Clusterer) -> Picture:
    answers = scored.answers(question_id)
    greedy = {} if answers.greedy.is_missing else {GREEDY: answers.greedy}
    return Picture(
        key=question_id,
        question=scored.questions.loc[question_id, "text"] or question_id,
        responses={**dict(enumerate(answers.responses)), **greedy},
        clustered=scored.valid(question_id),
        similarity=scored.similarity(question_id, clusterer),
        labels=by_size(scored.labels(question_id, clusterer)),
        clusterer=clusterer,
        recipe=recipes.run_recipe(scored.run, clusterer, 1),
        color=blocks.run_colors([scored])[0],
    )


def question_title(scored: ScoredRun, question_id: str, level: str) -> None:
    """The question as a heading of that level; its id, with a word on why, where its sentence is not here."""
    row = scored.questions.loc[question_id]
    st.markdown(f"{level} {plain(row['text'] or question_id)}")
    if not row["text"] and not scored.run.lacks_answers:
        st.caption(_where_sentences_come_from(row["dataset"]))


def _where_sentences_come_from(dataset: str) -> str:
    spec = DATASETS.get(dataset)
    if spec is None:
        return "The sentences of this dataset are not on this machine, so the question's id stands here."
    return (
        f"The sentences of {spec.title} are not stored with the runs: name the folder of {' or '.join(spec.files)} in "
        "HOMOG_DATA to see them. Until then the question's id stands here."
    )


def _head(scored: ScoredRun, question_id: str) -> None:
    """The question, and what is known about its answer."""
    question_title(scored, question_id, "####")
    if scored.is_scored:
        scores = scored.scores.loc[question_id]
        if sentence := say.grade_sentence(scores["grade"], scores["grade_policy"]):
            st.markdown(sentence)
    texts = [response.answer for response in scored.valid_responses(question_id)]
    of_stand_in = lambda text: is_longer(words_of_stand_in(text))
    outside = of_stand_in if scored.run.lacks_answers else is_outside_cards
    if sentence := say.outside_cards(sum(map(outside, texts)), len(texts)):
        st.caption(f":material/warning: {sentence}")


def _details(scored: ScoredRun, question_id: str, picture: Picture) -> None:
    """What is correct, every score, and the exact prompt."""
    row = scored.questions.loc[question_id]
    _references("Correct", row["references"])
    _references("Incorrect", row["incorrect_references"])
    _scores(scored, question_id)
    _how_many(picture)
    st.caption("The exact prompt")
    st.code(row["prompt"] or "not shipped", language=None, wrap_lines=True)


def _references(title: str, texts: Sequence[str]) -> None:
    if len(texts):
        st.caption(title)
        for text in texts:
            st.text(text)


def _scores(scored: ScoredRun, question_id: str) -> None:
    """Every score of a question with its rank in the run."""
    if not scored.is_scored:
        st.caption("The run has not been scored.")
        return
    ranks = score_ranks(scored, question_id)
    known = ranks[ranks["value"].notna()]
    if n_absent := len(ranks) - len(known):
        st.caption(f"{counted(n_absent, 'score')} of {len(ranks)} {noun(n_absent, 'is', 'are')} undefined here.")
    if known.empty:
        return
    st.dataframe(
        known.assign(score=known["score"].map(column_title)),
        hide_index=True,
        column_config={
            "score": "Score",
            "value": st.column_config.NumberColumn("Value", format="%.3f"),
            "rank": st.column_config.NumberColumn("Rank", format="%d", help="1 is the most uncertain; ties share it"),
            "n": st.column_config.NumberColumn("of", format="%d", help="questions where the score is defined"),
        },
        alt="Every score of this question with its rank in the run",
    )


def _how_many(picture: Picture) -> None:
    """How many answers were drawn, and how many the model is estimated to have; nothing below two answers."""
    if len(picture.clustered) < 2:
        return
    st.caption("How many answers")
    table = pd.DataFrame(how_many(np.bincount(picture.labels), picture.similarity))
    for name in ("drawn", "estimated"):
        table[name] = ["–" if np.isnan(value) else number(value) for value in table[name]]
    st.dataframe(table, hide_index=True, alt="Numbers of answers, drawn and estimated")


def _stored_or_computed_map(scored: ScoredRun, question_id: str, picture: Picture, method: str) -> Map:
    """The map of the run, or one computed now; by MDS where UMAP has not been compiled yet."""
    stored = scored.coordinates(question_id, picture.clusterer, method)
    if len(stored) and len(stored) == len(picture.clustered):
        return Map(stored[["x", "y"]].to_numpy(), stored["method"].iloc[0], float(stored["faithfulness"].iloc[0]))
    return computed_map(picture.similarity, method if umap_warm_up().ready.is_set() else "mds")
