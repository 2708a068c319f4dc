"""The drawer of the Live lab: how answers are drawn, and how they are put into clusters, all in the URL."""

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from dashboard import controls, url
from dashboard.text import plain
from homog_core.catalogue.datasets import DATASETS
from homog_core.catalogue.encoders import ENCODERS
from homog_core.measures import report_cards
from homog_core.measures.clustering import Clusterer
from homog_core.records import PROMPT_STYLES, Decoding, ModelSpec, PromptStyle
from homog_core.wording.numbers import given
from homog_core.wording.run_names import prompt_title

STYLES = {
    "auto": "each model's own",
    "plain": "plain: Q: … A:",
    "few_shot": "few-shot: three examples first",
    "chat": "chat template",
}


class Setting(NamedTuple):
    """A number that can be set."""

    param: str  # of the URL
    label: str
    usual: float
    low: float
    high: float
    step: float
    words: str  # how the label of the drawer says it
    help: str | None = None


SETTINGS = (
    Setting("n", "Answers (N)", 10, 2, 50, 1, "{} answers"),
    Setting("t", "Temperature", 1.0, 0.1, 2.0, 0.05, "temperature {}", "The greedy answer (temperature 0) comes too."),
    Setting("p", "Top-p", 1.0, 0.05, 1.0, 0.05, "top-p {}"),
    Setting("l", "Token limit", Decoding().max_new_tokens, 4, 256, 4, "{} tokens"),
    Setting("seed", "Seed", 0, 0, 99, 1, "seed {}", "The same seed gives the same answers."),
)


class Settings(NamedTuple):
    """What the drawer holds."""

    decoding: Decoding
    style: PromptStyle | None  # None: each model's own
    clusterer: Clusterer


def settings(models: Sequence[ModelSpec], source: str) -> Settings:
    """The drawer; its label says what is unusual. A set of questions (`source`) has a limit and end of its own."""
    own = DATASETS.get(source)
    known = [_of_set(setting, source) for setting in SETTINGS]
    available = report_cards.default_clusterers(list(ENCODERS))
    marks = ", ".join(unusual(known, available))
    with st.popover(f"Settings: {marks}" if marks else "Settings", icon=":material/tune:"):
        left, right = st.columns(2, gap="medium")
        values = {}
        for i, s in enumerate(known):
            with (left, right)[i % 2]:
                values[s.param] = url.number(s.label, s.param, s.usual, s.low, s.high, s.step, help=s.help)
        with right:
            style = url.choice("Prompt", list(STYLES), "prompt", lambda key: _style_title(key, models))
        if own and own.stop:
            ends = ", ".join(f"“{plain(repr(text)[1:-1])}”" for text in own.stop)
            st.caption(f"Answers to {plain(own.title)} may have several lines and end at {ends}.")
        clusterer = controls.clusterer_controls(available)
    decoding = Decoding(
        n_samples=values["n"],
        temperature=values["t"],
        top_p=values["p"],
        max_new_tokens=values["l"],
        stop=own.stop if own else (),
        seed=values["seed"],
    )
    return Settings(decoding, style if style in PROMPT_STYLES else None, clusterer)


def unusual(known: Sequence[Setting], available: Sequence[Clusterer]) -> list[str]:
    """What the URL sets that is not usual, in words."""
    usual = {setting.param: setting.usual for setting in SETTINGS}
    asked = [(setting, _asked(setting)) for setting in known]
    marks = [setting.words.format(given(value)) for setting, value in asked if value != usual[setting.param]]
    if (style := url.get("prompt")) in PROMPT_STYLES:
        marks.append(prompt_title(style))
    by_key = {clusterer.key: clusterer for clusterer in available}
    chosen = by_key.get(url.get("clusterer"), available[0])
    if chosen is not available[0]:
        marks.append(controls.clusterer_title(chosen))
    if (tau := url.get("tau")) and tau != f"{chosen.threshold:g}":
        marks.append(f"τ = {plain(tau)}")
    return marks


def _of_set(setting: Setting, source: str) -> Setting:
    """A setting as a set of questions has it."""
    if setting.param == "l" and source in DATASETS:
        return setting._replace(usual=DATASETS[source].max_new_tokens)
    return setting


def _asked(setting: Setting) -> float:
    """What the slider is going to show: the drawer's label stands before the slider does."""
    try:
        value = type(setting.usual)(url.get(setting.param, str(setting.usual)))
    except ValueError:
        return setting.usual
    return value if setting.low <= value <= setting.high else setting.usual


def _style_title(key: str, models: Sequence[ModelSpec]) -> str:
    """A prompt style as it stands in the list."""
    own = ", ".join(dict.fromkeys(model.prompt_style for model in models))
    return f"{STYLES[key]} ({own})" if key == "auto" and own else STYLES[key]
