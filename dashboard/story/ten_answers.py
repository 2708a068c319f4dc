"""Step 1: one question, and the answers of the base model to it."""

import streamlit as st

from dashboard.story import pieces
from homog_core.analysis.story import Story
from homog_core.figures.lessons import Pile
from homog_core.wording import story as say


def show(story: Story, presenting: bool) -> None:
    """The first sentence, the question and a card for each answer."""
    st.markdown(f"{say.lead(story)} {say.more_to_come()}")
    asked = f"The question: **{pieces.question(story, story.example)}** {pieces.right_answer(story, story.example)}"
    st.markdown(f"{asked} {say.base_model(story)}")
    answers = story.base.answers(story.example).responses
    cards = [Pile(f"Answer {i}", pieces.answer(response)) for i, response in enumerate(answers, start=1)]
    pieces.piles(cards, 0, least_width="12em")
    st.caption(say.below_the_answers(story))
    pieces.recipe(story, story.base, 1)
