"""The URL: the one place of a page's state, by id, so that every view is a link. Only this module reads or writes it.

What is unknown gets a sentence, what is no number counts as the default, and nothing that a URL holds raises.

Streamlit's own `bind="query-params"` does the same for toggles and typed text, and is used there. It does not do for
the rest: it writes labels instead of ids, says nothing about what is unknown, and a link with the default value is
ignored by a widget that has been moved before.

A browser sends its URL with every click. One that follows another within some milliseconds brings the URL from before
the first, whose answer it had not seen, so what the first set is set again (`_bring_back`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from dashboard.text import plain

_KNOWN = "url:known"  # in the session: what the parameters that were set here hold


def get(param: str, default: str = "") -> str:
    """What the URL holds of a parameter."""
    return st.query_params.get(param, default)


def put(**params: str | None) -> None:
    """Set some parameters; None takes one away."""
    _bring_back()
    for name, value in params.items():
        _set(name, value)


def rerun() -> None:
    """Draw the whole page again, from a part of it that is drawn again by itself."""
    _bring_back()
    st.rerun()


def fill(**params: str) -> None:
    """Set those parameters that the URL does not hold yet."""
    put(**{name: value for name, value in params.items() if name not in st.query_params})


def selected(label: str, options: Sequence[str], param: str, default: str) -> str:
    """The id that the URL holds; an unknown one gets a sentence and the default."""
    asked = get(param, default)
    if asked in options:
        return asked
    st.warning(f"{label}: {plain(asked)} is not among the {len(options)} there are. Showing another one.")
    put(**{param: None})
    return default


def choice(
    label: str,
    options: Sequence[str],
    param: str,
    format_func: Callable[[str], str] = str,
    *,
    default: str | None = None,
    help: str | None = None,
    disabled: bool = False,
) -> str:
    """A select box of ids; without a `default` the first is it."""
    value = selected(label, options, param, default or options[0])
    return st.selectbox(label, options, format_func=format_func, help=help, disabled=disabled, **_follows(param, value))


def segments(label: str, options: Sequence[str], param: str, format_func: Callable[[str], str] = str) -> str:
    """A segmented control of ids, the first being the default; its label is not shown."""
    value = selected(label, options, param, options[0])
    return st.segmented_control(
        label,
        options,
        format_func=format_func,
        required=True,
        label_visibility="collapsed",
        **_follows(param, value),
    )


def several(label: str, options: Sequence[str], param: str, most: int, default: Sequence[str]) -> list[str]:
    """The ids that the URL holds between commas, at most so many. Unknown ones get a sentence.

    The default stands for a parameter that is not there, and for one in which nothing is known.
    """
    asked = [key for key in get(param, ",".join(default)).split(",") if key]
    known = [key for key in dict.fromkeys(asked) if key in options][:most]
    if unknown := [key for key in asked if key not in options]:
        st.warning(f"{label}: {plain(unknown[0])} is not among the {len(options)} there are.")
        known = known or list(default)
    if known != asked:
        put(**{param: ",".join(known)})
    return known


def choices(
    label: str,
    options: Sequence[str],
    param: str,
    most: int,
    default: Sequence[str],
    format_func: Callable[[str], str] = str,
    *,
    help: str | None = None,
) -> list[str]:
    """A multiselect of ids, in the order that they were chosen in."""
    value = several(label, options, param, most, default)
    return st.multiselect(
        label, options, max_selections=most, format_func=format_func, help=help, **_follows(param, value)
    )


def number(
    label: str, param: str, default: float, low: float, high: float, step: float, *, help: str | None = None
) -> float:
    """A slider; a value that is no number, or outside the range, counts as the default."""
    try:
        asked = type(default)(get(param, str(default)))
    except ValueError:
        asked = default
    value = asked if low <= asked <= high else default
    return st.slider(label, min_value=low, max_value=high, step=step, help=help, **_follows(param, value))


@contextmanager
def remembered(page: str) -> Iterator[None]:
    """Around a page: one that is come back to without parameters gets those that it had."""
    key = f"url:{page}"
    _know({name: st.query_params.get(name) for name in st.session_state.get(_KNOWN, {})})  # a link may have changed it
    if st.session_state.get("page", page) != page and not st.query_params:
        for name, value in st.session_state.get(key, {}).items():
            with suppress(StreamlitAPIException):  # a bound widget's, which remembers by itself
                _set(name, value)
    st.session_state["page"] = page
    try:
        yield
    finally:
        st.session_state[key] = st.query_params.to_dict()


def _set(name: str, value: str | None) -> None:
    """Set a parameter, or take it away."""
    if value is not None:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]
    _know({name: value})


def _know(params: dict[str, str | None]) -> None:
    st.session_state[_KNOWN] = st.session_state.get(_KNOWN, {}) | params


def _bring_back() -> None:
    """Set again what a click finds otherwise: only links change the URL beside us, and they draw a page without one."""
    for name, value in st.session_state.get(_KNOWN, {}).items():
        if st.query_params.get(name) != value:
            _set(name, value)


def _follows(param: str, value: Any) -> dict[str, Any]:
    """What makes a widget show the value, and put what is chosen into the URL."""
    key = f"widget:{param}"
    st.session_state[key] = value
    return {"key": key, "on_change": _to_url, "args": (param,)}


def _to_url(param: str) -> None:
    value = st.session_state[f"widget:{param}"]
    put(**{param: ",".join(value) if isinstance(value, list) else str(value)})
