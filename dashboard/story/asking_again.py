"""Step 3: where all answers are one pile, asking again tells nothing."""

import streamlit as st

from dashboard.story import dots, pieces
from homog_core.analysis.story import Story, answer_clusters
from homog_core.figures.lessons import Pile
from homog_core.wording import story as say
from homog_core.wording.numbers import counted


def show(story: Story, presenting: bool) -> None:
    """Two piles, one wrong and one right; then the disagreement of all answers."""
    st.markdown(
        "Can you trust an answer? A common test is to ask again and see whether the model contradicts itself. Its "
        "**disagreement** is 0 where all answers are on one pile, and grows with the number of piles. But a wrong "
        "answer can come back every time, as a right one can."
    )
    # On a projector everything has to be seen at once, so what is said stands beside the picture.
    left, right = st.columns(2, gap="large") if presenting else (st.container(), st.container())
    with left:
        _two_answers(story)
        st.markdown(say.one_pile(story.detection("disagreement", "one")))
    with right:
        dots.show(story, "disagreement", presenting)
    with left if presenting else st.container():
        st.markdown(say.disagreement_elsewhere(story))
        st.caption(say.who_judges(story))


def _two_answers(story: Story) -> None:
    for column, key in zip(st.columns(2, gap="large"), (story.example, story.counterpart), strict=True):
        if key is None:
            continue
        with column:
            right = story.table.loc[key, "correct"] == 1
            (pile, *_) = answer_clusters(story.aligned, story.clusterer, key)
            st.markdown(f"**{pieces.question(story, key)}**")
            heading = f"{pieces.mark(right)} · {pile.count} of {counted(pile.count, 'time')} · disagreement 0"
            pieces.piles([Pile(heading, pile.text, pile.count)], 1)
            if not right:
                st.caption(pieces.right_answer(story, key))
