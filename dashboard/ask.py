"""What is asked, and the button that asks it: a question of a set, one's own words, or a list to draw from."""

from typing import NamedTuple

import streamlit as st

from dashboard import url
from dashboard.access import access, most
from dashboard.cache import dataset_questions, local_datasets
from dashboard.text import plain
from homog_core.catalogue.datasets import DATASETS
from homog_core.errors import InvalidInput
from homog_core.records import Question
from homog_core.runs.questions import typed_draw, typed_question

OWN = {"typed": "my own words", "list": "my own list to draw from"}
BUTTON = {"label": "Sample", "type": "primary", "icon": ":material/play_arrow:", "width": "stretch"}


class Asked(NamedTuple):
    """What the row holds."""

    question: Question | None  # None where nothing has been written that can be asked
    source: str  # key of the set, or of `OWN`
    is_pressed: bool  # whether the button has just been pressed


def question() -> Asked:
    """One row: where the question comes from, the question, and the button.

    The button is never disabled. What is written in a box arrives when the box is left, which is when somebody presses
    the button: a button that is enabled only then would lose that press. A form hands over both at once.
    """
    left, right = st.columns([2, 7], vertical_alignment="bottom", gap="small")
    with left:
        source = url.choice(
            "Question from",
            [*local_datasets(), *OWN],
            "dataset",
            lambda key: OWN[key] if key in OWN else DATASETS[key].title,
        )
    with right:
        if source in OWN:
            return _written(source)
        place, beside = _places()
        questions = {question.id: question for question in dataset_questions(source)}
        with place:
            chosen = url.choice("Question", list(questions), "question", lambda key: questions[key].text)
        return Asked(questions[chosen], source, beside.button(**BUTTON))


def _written(source: str) -> Asked:
    """A question that somebody writes; Enter asks it too."""
    with st.form("ask-form", border=False):
        place, beside = _places()
        with place:
            text = _list() if source == "list" else _words()
        is_pressed = beside.form_submit_button(**BUTTON)
    if not text.strip():
        return Asked(None, source, is_pressed)
    try:
        return Asked(typed_draw(text) if source == "list" else typed_question(text), source, is_pressed)
    except InvalidInput as error:
        st.warning(plain(str(error)))
        return Asked(None, source, False)


def _words() -> str:
    placeholder = "Who invented the telephone?"
    longest = most(access(), "question", 2000)
    return st.text_input("Your question", key="ask", max_chars=longest, placeholder=placeholder, bind="query-params")


def _list() -> str:
    return st.text_input(
        "Your question, with its answers after a colon",
        key="list",
        max_chars=most(access(), "question", 500),
        placeholder="Pick a fruit: apple, pear, plum",
        bind="query-params",
    )


def _places() -> list:
    """Where the question and the button stand."""
    return st.columns([5, 1.4], vertical_alignment="bottom", gap="small")
