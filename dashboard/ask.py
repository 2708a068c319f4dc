"""What is asked: a question of a set, one in one's own words, or one with a list to draw from."""

import streamlit as st

from dashboard import url
from dashboard.cache import dataset_questions, local_datasets
from dashboard.text import plain
from homog_core.catalogue.datasets import DATASETS
from homog_core.errors import InvalidInput
from homog_core.records import Question
from homog_core.runs.questions import typed_draw, typed_question

OWN = {"typed": "my own words", "list": "my own list to draw from"}


def question() -> Question | None:
    """A question of a set that is on this machine, or a typed one."""
    source = url.choice(
        "Question from",
        [*local_datasets(), *OWN],
        "dataset",
        lambda key: OWN[key] if key in OWN else DATASETS[key].title,
    )
    if source == "typed":
        text = st.text_area("Your question", key="ask", max_chars=2000, height=68, bind="query-params")
        return typed_question(text) if text.strip() else None
    if source == "list":
        return _own_list()
    questions = {question.id: question for question in dataset_questions(source)}
    return questions[url.choice("Question", list(questions), "question", lambda key: questions[key].text)]


def _own_list() -> Question | None:
    """A typed question with a closed list of answers."""
    text = st.text_input(
        "Your question, with its answers after a colon",
        key="list",
        max_chars=500,
        placeholder="Pick a fruit: apple, pear, plum",
        bind="query-params",
    )
    if not text.strip():
        return None
    try:
        return typed_draw(text)
    except InvalidInput as error:
        st.warning(plain(str(error)))
        return None
