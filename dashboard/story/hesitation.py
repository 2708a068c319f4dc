"""Step 4: the entropies inside an answer, and whether they tell wrong from right."""

from typing import Any

import streamlit as st

from dashboard.story import computed, dots, pieces
from dashboard.text import plain
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.story import Story, hesitation_of, mean_hesitation
from homog_core.figures import lessons
from homog_core.wording import story as say
from homog_core.wording.labels import dataset_title
from homog_core.wording.numbers import number


def show(story: Story, presenting: bool) -> None:
    """Three answers token by token, then what their average is worth."""
    st.markdown(
        "Before every token the model weighs what could come next. How open that choice was can be read off while it "
        "writes, without asking again. The number under each token is its **entropy**: 0 if only one token is "
        "possible, and higher the more of them are."
    )
    st.html(lessons.entropy_anchors())
    left, right = st.columns(2, gap="large")
    _inside(story, story.aligned, story.example, left, "Aligned model, our question")
    if story.counterpart:
        _inside(story, story.aligned, story.counterpart, right, "Aligned model, the other question")
    _inside(story, story.base, story.example, st, "Base model, our question")
    if story.counterpart and _alike(story):
        st.markdown("The two aligned answers hesitate alike, though one is wrong: here it tells nothing.")
    st.markdown(say.hesitation_falls(mean_hesitation(story.base), mean_hesitation(story.aligned)))
    if not presenting:
        dots.show(story, "hesitation", presenting)
    others = computed.other_question_sets(story)
    st.markdown(say.does_it_help(story, [(plain(dataset_title(key)), found) for key, found in others.items()]))
    if any_kind := say.of_any_kind(story.detection("hesitation", "all")):
        st.markdown(any_kind)
    st.caption(
        "The answers above are greedy: at each step the likeliest token. Such an answer need not be among the ten. "
        "Part of the hesitation is about how to put it, not about what is true: “It is …”, or just the name."
    )
    pieces.recipe(story, story.aligned, len(story.graded), "intervals: 95 %, DeLong")


def _alike(story: Story) -> bool:
    """Whether the hesitation of the two answers is the same as far as it is shown."""
    shown = [number(hesitation_of(story.aligned.answers(key).greedy)) for key in (story.example, story.counterpart)]
    return shown[0] == shown[1]


def _inside(story: Story, scored: ScoredRun, key: str, place: Any, name: str) -> None:
    """The likeliest answer with its entropies."""
    greedy = scored.answers(key).greedy
    own = greedy.own_tokens
    mark = f" ({pieces.mark(story.table.loc[key, 'correct'] == 1)})" if scored is story.aligned else ""
    place.markdown(f"{name}{mark}: **{number(hesitation_of(greedy))}** on average")
    place.html(lessons.token_row(greedy.tokens[own], greedy.token_entropies[own].tolist()))
