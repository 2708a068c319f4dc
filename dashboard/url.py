"""TODO dashboard.url."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard.text import plain


def url_choice(
    label: str, options: Sequence[str], param: str, format_func: Callable[[str], str] = str, **widget: Any
) -> str:
    """A select box whose value lives in the URL by id. An unknown id gets a sentence and the first option."""
    asked = st.query_params.get(param)
    if asked is not None and asked not in options:
        st.warning(f"{label}: {plain(asked)!s} is not among the {len(options)} there are. Showing the first.")
        st.query_params.pop(param)
        asked = None
    key = f"widget:{param}"
    st.session_state[key] = asked or options[0]
    st.selectbox(label, options, key=key, format_func=format_func, on_change=_to_url, args=(key, param), **widget)
    return st.session_state[key]


def url_choices(
    label: str, options: Sequence[str], param: str, most: int, format_func: Callable[[str], str] = str, **widget: Any
) -> list[str]:
    """A multiselect of up to `most` ids that live in the URL, between commas. Unknown ids get a sentence."""
    asked = [part for part in st.query_params.get(param, options[0]).split(",") if part]
    known = [key for key in dict.fromkeys(asked) if key in options][:most]
    if unknown := [key for key in asked if key not in options]:
        st.warning(f"{label}: {plain(unknown[0])} is not among the {len(options)} there are.")
    if known != asked:
        st.query_params[param] = ",".join(known)
    key = f"widget:{param}"
    st.session_state[key] = known

    def to_url() -> None:
        st.query_params[param] = ",".join(st.session_state[key])

    st.multiselect(label, options, key=key, max_selections=most, format_func=format_func, on_change=to_url, **widget)
    return st.session_state[key]


def url_number(label: str, param: str, default: float, low: float, high: float, step: float, **widget: Any) -> float:
    """A slider whose value lives in the URL; a value that is none, or outside the range, counts as the default."""
    kind = type(default)
    try:
        asked = kind(st.query_params.get(param, default))
    except ValueError:
        asked = default
    key = f"widget:{param}"
    st.session_state[key] = asked if low <= asked <= high else default
    st.slider(label, min_value=low, max_value=high, step=step, key=key, on_change=_to_url, args=(key, param), **widget)
    return st.session_state[key]


def url_selected(param: str, known: Sequence[str], default: str, what: str) -> str:
    """An id that the URL holds; an unknown one gets a sentence and the default."""
    asked = st.query_params.get(param, default)
    if asked in known:
        return asked
    st.warning(f"There is no {what} {plain(asked)} here. Showing another one; pick from the list.")
    st.query_params.pop(param)
    return default


def _to_url(key: str, param: str) -> None:
    st.query_params[param] = str(st.session_state[key])
