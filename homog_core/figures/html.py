"""Answers as HTML: the token heat map and its legend, cards, groups and headings. Every text is escaped."""

import html
from collections.abc import Sequence

from homog_core.figures.theme import ACCENT, GREY, escaped, rgba
from homog_core.wording.numbers import given, number

ENTROPY_SCALE = 4.0  # nats at which the shade of a token is saturated
_DARKEST = 0.72


def token_heat_map(tokens: Sequence[str], entropies: Sequence[float], own: slice) -> str:
    """HTML of an answer whose tokens are shaded by their entropy, on a fixed scale; tokens outside `own` are struck."""
    kept = range(len(tokens))[own]
    spans = []
    for i, (token, entropy) in enumerate(zip(tokens, entropies, strict=True)):
        hover = f"{number(entropy)} nats" if entropy == entropy else "entropy not known"
        extra = "" if i in kept else "opacity:.55;text-decoration:line-through;"
        spans.append(
            f'<span title="token {i + 1}: {hover}" style="background:{shade(entropy)};'
            f'border-radius:3px;padding:2px 0;{extra}">{html.escape(_visible(token))}</span>'
        )
    body = "".join(spans)
    return f'<div style="font-size:1.1rem;line-height:2;white-space:pre-wrap;overflow-wrap:anywhere">{body}</div>'


def entropy_legend() -> str:
    """HTML of the heat map's scale."""
    return (
        '<div style="display:flex;align-items:center;gap:8px;font-size:.8rem"><span>0 nats: certain</span>'
        '<span style="flex:0 0 140px;height:10px;border-radius:3px;background:linear-gradient(90deg,'
        f'{rgba(ACCENT, 0)},{rgba(ACCENT, _DARKEST)});border:1px solid {GREY}"></span>'
        f"<span>{given(ENTROPY_SCALE)} or more: hesitating</span></div>"
    )


def shade(entropy: float) -> str:
    """The background of a token: one hue, read as intensity; none where the entropy is not known (an import)."""
    return rgba(ACCENT, _DARKEST * min(max(entropy, 0.0) / ENTROPY_SCALE, 1.0) if entropy == entropy else 0.0)


def token_label(token: str) -> str:
    """A token as a label: without the space before it, and visible where it is nothing but space."""
    return escaped(_visible(token).strip() or "␣")


def answer_groups(groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], color: str) -> str:
    """HTML of a model's answers by cluster: (heading, [(text, note)]) each."""
    inner = "".join(
        f'<div style="border-left:4px solid {color};padding:2px 0 2px 10px"><div style="font-size:.8rem">'
        f"{html.escape(heading)}</div>"
        + "".join(
            f'<div style="white-space:pre-wrap;overflow-wrap:anywhere;padding:2px 0"><bdi>{html.escape(text)}</bdi>'
            f'<span style="font-size:.8rem;opacity:.8">{html.escape(f"  {note}" if note else "")}</span></div>'
            for text, note in members
        )
        + "</div>"
        for heading, members in groups
    )
    return f'<div style="display:flex;flex-direction:column;gap:10px">{inner}</div>'


def model_heading(name: str, color: str) -> str:
    """HTML of a model's name beside its colour, on one line."""
    name = html.escape(name)
    return (
        f'<div title="{name}" style="white-space:nowrap;overflow:hidden;text-overflow:ellipsis"><span style="'
        f'display:inline-block;width:12px;height:12px;border-radius:3px;background:{color};margin-right:8px"></span>'
        f"<b>{name}</b></div>"
    )


def _visible(token: str) -> str:
    """A token with its line breaks shown; one without text (a special token) is shown as a mark."""
    return token.replace("\n", "↵") if token else "■"
