"""The answers of one model as small cards while they arrive, in HTML. Every text is escaped."""

import html

import numpy as np

from homog_core.figures.theme import GREY
from homog_core.live import ModelSnapshot
from homog_core.records import GREEDY
from homog_core.sampling.steps import Answer
from homog_core.wording.numbers import at_least, counted, number

_LINES = 2  # of a text that are shown; all of it is the tooltip
_SMALL = "font-size:.72rem;opacity:.8;white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
_TEXT = (
    f"font-size:.88rem;line-height:1.25;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:{_LINES};"
    "overflow:hidden;overflow-wrap:anywhere"
)
_STATES = {"stop": "finished", "length": "cut by the limit"}


def cards(part: ModelSnapshot, n_samples: int, color: str) -> str:
    """HTML of N cards and the greedy one, from the start on and of one size, so that nothing moves."""
    inner = "".join(_card(index, part.answers.get(index), color) for index in (*range(n_samples), GREEDY))
    grid = "display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,165px),1fr));gap:6px"
    return f'<div style="{grid}">{inner}</div>'


def small(text: str) -> str:
    """HTML of a line under a heading."""
    return f'<div style="font-size:.875rem;opacity:.8;padding-top:4px">{html.escape(text)}</div>'


def _card(index: int, answer: Answer | None, color: str) -> str:
    is_over = answer is not None and answer.finish_reason is not None
    edge = f"border:1px solid {GREY};border-left:4px solid {color if is_over else GREY}"
    text, foot = ("", "") if answer is None else (_text(answer), _foot(answer))
    name = "Greedy" if index == GREEDY else index + 1
    return (
        f'<div style="{edge};border-radius:6px;padding:3px 8px;height:4.35rem;overflow:hidden" '
        f'title="{html.escape(text)}"><div style="{_SMALL}"><b>{name}</b>{foot}</div>'
        f'<div style="{_TEXT}">{html.escape(text)}</div></div>'
    )


def _text(answer: Answer) -> str:
    text = " ".join(answer.text.split())
    if answer.finish_reason is None:
        return f"{text} ▍"
    return text or "(empty)"


def _foot(answer: Answer) -> str:
    """Whether it is over, how many tokens it has, and how open the next one was on average."""
    known = [value for value in answer.entropies if not np.isnan(value)]
    mean = f"{at_least(answer.entropy_kind)}{number(float(np.mean(known)))} nats" if known else ""
    parts = (_STATES.get(answer.finish_reason, ""), counted(answer.n_tokens, "token"), mean)
    return "".join(f" · {part}" for part in parts if part)
