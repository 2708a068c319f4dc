"""TODO homog_core.figures.html."""

import html
from collections.abc import Sequence

from homog_core.figures.theme import GREY

ENTROPY_SCALE = 4.0  # nats at which the token heat map is saturated
_ENTROPY_RGB = "213,94,0"  # one hue, read as intensity


def token_heat_map(tokens: Sequence[str], entropies: Sequence[float], own: slice) -> str:
    """HTML of an answer whose tokens are shaded by their entropy, on a fixed scale; tokens outside `own` are struck."""
    spans = []
    for i, (token, entropy) in enumerate(zip(tokens, entropies, strict=True)):
        known = entropy == entropy  # of an imported answer it may be NaN
        alpha = 0.72 * min(max(entropy, 0.0) / ENTROPY_SCALE, 1.0) if known else 0.0
        hover = f"{entropy:.2f} nats" if known else "entropy not known"
        extra = "" if range(len(tokens))[own].count(i) else "opacity:.55;text-decoration:line-through;"
        spans.append(
            f'<span title="token {i + 1}: {hover}" style="background:rgba({_ENTROPY_RGB},{alpha:.2f});'
            f'border-radius:3px;padding:2px 0;{extra}">{html.escape(_visible(token))}</span>'
        )
    body = "".join(spans)
    return f'<div style="font-size:1.1rem;line-height:2;white-space:pre-wrap;overflow-wrap:anywhere">{body}</div>'


def entropy_legend() -> str:
    """HTML of the heat map's scale."""
    return (
        f'<div style="display:flex;align-items:center;gap:8px;font-size:.8rem"><span>0 nats: certain</span>'
        f'<span style="flex:0 0 140px;height:10px;border-radius:3px;background:linear-gradient(90deg,'
        f'rgba({_ENTROPY_RGB},0),rgba({_ENTROPY_RGB},.72));border:1px solid {GREY}"></span>'
        f"<span>{ENTROPY_SCALE:g} or more: hesitating</span></div>"
    )


def answer_cards(cards: Sequence[tuple[str, str, str]]) -> str:
    """HTML of a grid of answers while they arrive: (title, text, footer) each, all escaped."""
    inner = "".join(
        f'<div style="border:1px solid {GREY};border-radius:8px;padding:8px 10px;min-height:5.2rem;'
        f'display:flex;flex-direction:column;gap:4px"><div style="font-size:.75rem;opacity:.75">{html.escape(title)}'
        f'</div><div style="flex:1;white-space:pre-wrap;overflow-wrap:anywhere">{html.escape(text)}</div>'
        f'<div style="font-size:.75rem;opacity:.75">{html.escape(footer)}</div></div>'
        for title, text, footer in cards
    )
    columns = "repeat(auto-fill,minmax(min(100%,230px),1fr))"
    return f'<div style="display:grid;grid-template-columns:{columns};gap:10px">{inner}</div>'


def token_label(token: str) -> str:
    return html.escape(_visible(token).strip(" ") or "␣", quote=False)


def _visible(token: str) -> str:
    """A token with its line breaks shown; one without text (a special token) is shown as a mark."""
    return token.replace("\n", "↵") if token else "⏹"


def model_heading(name: str, color: str) -> str:
    """HTML of a model's name beside its colour, on one line."""
    name = html.escape(name)
    return (
        f'<div title="{name}" style="white-space:nowrap;overflow:hidden;text-overflow:ellipsis"><span style="'
        f'display:inline-block;width:12px;height:12px;border-radius:3px;background:{color};margin-right:8px"></span>'
        f"<b>{name}</b></div>"
    )
