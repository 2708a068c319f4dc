"""The map itself: its colours, what a search leaves bright, and what is selected in it."""

from functools import cache

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import blocks, url
from dashboard.map.shown import OnMap
from dashboard.text import plain
from homog_core.analysis.answer_map import wordings_per_question
from homog_core.figures.answer_map import HUES, Layer, Scale, answer_map, answer_maps
from homog_core.figures.theme import ACCENT, FADED, NEAR, SYMBOLS, escaped, shortened
from homog_core.wording import answer_map as say
from homog_core.wording.numbers import counted

_SELECTED, _TURN = "map-selected", "map-turn"  # in the session: what is selected, and how often that was cleared
_ANSWER, _QUESTION = 60, 50  # characters of each where the mouse is
_GRADE_SYMBOLS = {"incorrect": "x", "correct": "circle", "ambiguous": "diamond", "abstained": "square"}


def lit_by(shown: OnMap, words: str) -> np.ndarray | None:
    """Which marks (n,) have the words in their text or question; None where nothing is looked for."""
    words = words.strip().lower()
    if not words:
        return None
    questions = shown.answers.questions
    asked = questions.index[questions.str.lower().str.contains(words, regex=False)]
    in_text = shown.points["text"].str.lower().str.contains(words, regex=False)
    return (in_text | shown.points["question_id"].isin(asked)).to_numpy()


def draw(shown: OnMap, color: str, words: str, lit: np.ndarray | None) -> None:
    """The map with everything that belongs to it."""
    answers, points = shown.answers, shown.points
    n_samples = max(scored.n_samples for scored in answers.runs)
    blocks.chart(
        _figure(shown.stamp, color, words.strip().lower(), blocks.is_dark(), blocks.is_narrow(), shown, lit),
        title=plain(say.finding(answers.names, wordings_per_question(points), n_samples)),
        how_to_read=say.how_to_read(shown.header, color, len(answers.runs)),
        recipe_line=shown.recipe,
        data=_table(shown),
        key=_key(),
        alt=f"Map of {counted(len(points), 'wording')} of {counted(len(answers.runs), 'model')}, by {color}",
        on_select=lambda: _select(shown, (color, words)),
        explored=True,
    )


def selected(shown: OnMap, look: tuple[str, str]) -> np.ndarray:
    """Positions of the marks that are selected in the map as it looks now, by colour and search."""
    stamp, rows = st.session_state.get(_SELECTED, (None, []))
    return np.array(rows if stamp == (shown.stamp, look) else [], dtype=np.int64)


def clear() -> None:
    """Nothing is selected any more: the browser draws the chart anew, under another key."""
    st.session_state.pop(_SELECTED, None)
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
    url.put(question=None)


def _key() -> str:
    return f"answer-map-{st.session_state.get(_TURN, 0)}"


def _select(shown: OnMap, look: tuple[str, str]) -> None:
    """Remember what has been clicked or drawn around; one question alone is opened."""
    rows = _rows(st.session_state[_key()].selection.points, len(shown.points))
    st.session_state[_SELECTED] = ((shown.stamp, look), rows)
    questions = shown.points["question_id"].iloc[rows].unique()
    url.put(question=questions[0] if len(questions) == 1 else None)


def _rows(picked: list[dict], n: int) -> list[int]:
    """Positions of marks, from the events of the browser."""
    found = (np.ravel(point.get("customdata", -1))[0] for point in picked)  # the grey ground has none
    return sorted({int(row) for row in found if 0 <= int(row) < n})


@st.cache_resource(max_entries=16, show_spinner="Drawing the map …")
def _figure(
    stamp: tuple, color: str, words: str, dark: bool, narrow: bool, _shown: OnMap, _lit: np.ndarray | None
) -> go.Figure:
    points = _shown.points
    layers, scale = _layers(_shown, color, dark)
    places = points[["x", "y"]].to_numpy(dtype=np.float32)
    counts = points["count"].to_numpy()
    if color == "model" and len(layers) > 1:
        return answer_maps(places, counts, _hovers(_shown), layers, lit=_lit, dark=dark, narrow=narrow)
    return answer_map(places, counts, _hovers(_shown), layers, lit=_lit, scale=scale, dark=dark, narrow=narrow)


def _hovers(shown: OnMap) -> list[str]:
    """HTML of each mark: its text, its question, and what is known of it; equal ones are written once."""
    points, names = shown.points, shown.answers.names
    question = {key: escaped(shortened(text, _QUESTION)) for key, text in shown.answers.questions.items()}
    about = cache(lambda run, grade, category: escaped(say.about(names[run], grade, category)))
    columns = (points[name].tolist() for name in ("text", "count", "question_id", "run", "grade", "category"))
    return [
        f"<b>{escaped(shortened(text, _ANSWER))}{f'  ×{count}' if count > 1 else ''}</b><br>"
        f"{question[question_id]}<br>{about(run, grade, category)}"
        for text, count, question_id, run, grade, category in zip(*columns, strict=True)
    ]


def _layers(shown: OnMap, color: str, dark: bool) -> tuple[list[Layer], Scale | None]:
    """The marks by what they are coloured by, and the scale of numbers where it is one."""
    points, answers = shown.points, shown.answers
    if color == "answers":
        values = points["n_clusters"].to_numpy(dtype=float)
        most = max(scored.n_samples for scored in answers.runs)
        scale = Scale("different answers to the question, of its model", values, most)
        return [Layer("answers", NEAR[dark], "circle", np.arange(len(points)))], scale
    if color == "grade":
        return _by_grade(points["grade"], dark), None
    if color == "category":
        return _by_category(points["category"]), None
    looks = zip(answers.names, answers.colors, strict=True)
    return [Layer(name, hue, "circle", _where(points["run"], run)) for run, (name, hue) in enumerate(looks)], None


def _by_grade(grades: pd.Series, dark: bool) -> list[Layer]:
    """Told apart by shape and by blue and orange, which everybody can."""
    hues = {"incorrect": ACCENT, "correct": NEAR[dark]}
    found = [
        Layer(title, hues.get(grade, FADED), _GRADE_SYMBOLS.get(grade, "circle"), _where(grades, grade))
        for grade, title in say.GRADES.items()
    ]
    return [layer for layer in found if len(layer.members)]


def _by_category(categories: pd.Series) -> list[Layer]:
    """The most frequent categories, by colour and shape; the rest grey."""
    order = [key for key in categories.value_counts().index if key][: len(HUES)]
    rest = np.flatnonzero(~categories.isin(order))
    layers = (
        [Layer(f"other categories ({len(set(categories.iloc[rest]))})", FADED, "circle", rest)] if len(rest) else []
    )
    looks = zip(order, HUES, SYMBOLS, strict=False)
    return layers + [Layer(key, hue, symbol, _where(categories, key)) for key, hue, symbol in looks]


def _where(values: pd.Series, value: object) -> np.ndarray:
    return np.flatnonzero(values == value)


def _table(shown: OnMap) -> pd.DataFrame:
    """One row a mark."""
    points, answers = shown.points, shown.answers
    return pd.DataFrame(
        {
            "run": [answers.names[run] for run in points["run"]],
            "question": points["question_id"],
            "text": points["text"],
            "count": points["count"],
            "grade": points["grade"],
            "category": points["category"],
            "cluster": points["cluster"] + 1,
            "different_answers": points["n_clusters"],
            "x": points["x"],
            "y": points["y"],
        }
    )
