"""The drawer of the Live lab: how answers are drawn, and how they are put into clusters, all in the URL."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import streamlit as st

from dashboard import controls, url
from dashboard.access import access, most
from dashboard.text import plain
from homog_core.catalogue.datasets import DATASETS
from homog_core.catalogue.encoders import ENCODERS
from homog_core.measures import report_cards
from homog_core.measures.clustering import MAX_THRESHOLD, Clusterer
from homog_core.records import PROMPT_STYLES, Decoding, ModelSpec, PromptStyle
from homog_core.wording.numbers import given
from homog_core.wording.run_names import prompt_title

STYLES = {
    "auto": "each model's own",
    "plain": "plain: Q: … A:",
    "few_shot": "few-shot: three examples first",
    "chat": "chat template",
}

_WIDTH = 560  # pixels of the drawer, where the screen has them


class Setting(NamedTuple):
    """A number that can be set, as a slider shows it."""

    usual: float
    low: float
    high: float
    step: float


SETTINGS = {  # by the parameter of the URL
    "n": Setting(10, 2, 50, 1),
    "t": Setting(1.0, 0.1, 2.0, 0.05),
    "p": Setting(1.0, 0.05, 1.0, 0.05),
    "l": Setting(Decoding().max_new_tokens, 4, 256, 4),
    "seed": Setting(0, 0, 99, 1),
}
WORDS = {"n": "{} answers", "t": "temperature {}", "p": "top-p {}", "l": "{} tokens", "seed": "seed {}"}


class Settings(NamedTuple):
    """What the drawer holds."""

    decoding: Decoding
    style: PromptStyle | None  # None: each model's own
    clusterer: Clusterer


def settings(models: Sequence[ModelSpec], source: str) -> Settings:
    """The drawer; its label says what is unusual. A set of questions (`source`) has a limit and end of its own."""
    own, known = DATASETS.get(source), SETTINGS
    if own:
        known = known | {"l": known["l"]._replace(usual=own.max_new_tokens)}
    known = known | {"n": _within("samples", known["n"]), "l": _within("tokens", known["l"])}
    available = report_cards.default_clusterers(list(ENCODERS))
    marks = ", ".join(unusual(known, available))
    label = f"Settings: {marks}" if marks else "Settings"
    with st.popover(label, icon=":material/tune:"), st.container(width=_WIDTH):
        left, right = st.columns(2, gap="medium")
        with left:
            n = url.number("Answers (N)", "n", *known["n"])
            top_p = url.number("Top-p", "p", *known["p"])
            seed = url.number("Seed", "seed", *known["seed"], help="The same seed gives the same answers.")
        with right:
            note = "The greedy answer (temperature 0) comes too."
            temperature = url.number("Temperature", "t", *known["t"], help=note)
            limit = url.number("Token limit", "l", *known["l"])
            style = url.choice("Prompt", list(STYLES), "prompt", lambda key: _style_title(key, models))
        if own and own.stop:
            ends = ", ".join(f"“{plain(repr(text)[1:-1])}”" for text in own.stop)
            st.caption(f"Answers to {plain(own.title)} may have several lines and end at {ends}.")
        clusterer = controls.clusterer_controls(available)
    stop = own.stop if own else ()
    decoding = Decoding(n, temperature, top_p, max_new_tokens=limit, stop=stop, seed=seed)
    return Settings(decoding, style if style in PROMPT_STYLES else None, clusterer)


def unusual(known: Mapping[str, Setting], available: Sequence[Clusterer]) -> list[str]:
    """What the URL sets that is not usual, in words. The drawer's label stands before its sliders do."""
    texts = {"n": url.get("n"), "t": url.get("t"), "p": url.get("p"), "l": url.get("l"), "seed": url.get("seed")}
    asked = {param: _asked(texts[param], setting) for param, setting in known.items()}
    marks = [WORDS[param].format(given(value)) for param, value in asked.items() if value != SETTINGS[param].usual]
    if (style := url.get("prompt")) in PROMPT_STYLES:
        marks.append(prompt_title(style))
    by_key = {clusterer.key: clusterer for clusterer in available}
    chosen = by_key.get(url.get("clusterer"), available[0])
    if chosen is not available[0]:
        marks.append(controls.clusterer_title(chosen))
    tau = _asked(url.get("tau"), Setting(chosen.threshold, 0.0, MAX_THRESHOLD, 0.01))
    if tau != chosen.threshold and chosen.has_threshold:
        marks.append(f"τ = {given(tau)}")
    return marks


def _within(limit: str, setting: Setting) -> Setting:
    """A setting whose end is the visitor's limit, where that is lower."""
    high = most(access(), limit, setting.high)
    return setting._replace(usual=min(setting.usual, high), high=high)


def _asked(text: str, setting: Setting) -> float:
    """What a slider is going to show for what the URL holds."""
    try:
        value = type(setting.usual)(text or setting.usual)
    except ValueError:
        return setting.usual
    return value if setting.low <= value <= setting.high else setting.usual


def _style_title(key: str, models: Sequence[ModelSpec]) -> str:
    """A prompt style as it stands in the list."""
    own = ", ".join(dict.fromkeys(model.prompt_style for model in models))
    return f"{STYLES[key]} ({own})" if key == "auto" and own else STYLES[key]
