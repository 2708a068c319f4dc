"""What the sections share: the selection that the filters leave, cached computations, marks and their words."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks
from dashboard.text import plain
from homog_core.analysis import lineage, signals
from homog_core.analysis.rates import single_cluster_row
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.published import Published
from homog_core.figures import series
from homog_core.figures.series import PUBLISHED, Series
from homog_core.measures.clustering import Clusterer
from homog_core.runs.store import Run
from homog_core.wording import findings, numbers, recipes
from homog_core.wording.numbers import counted

_MARK_COLUMNS = ["row", "panel", "series", "value", "low", "high", "faded", "hover", "words"]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What the filters at the top of the page leave."""

    views: dict[str, ScoredRun]  # by label, in the order of the stages
    stamps: dict[str, int]  # of the runs' files, by run id
    dataset: str  # its title
    others: list[Run]  # the other runs of the dataset
    clusterer: Clusterer
    category: str  # "" is all
    left_out: tuple[str, ...]  # ids of runs that are being written or not scored

    def key(self, *labels: str) -> tuple:
        """What a computation on these runs, or on some of them, depends on."""
        ids = [self.views[label].run.id for label in labels or self.views]
        return (*((key, self.stamps[key]) for key in ids), astuple(self.clusterer), self.category)

    def looks(self) -> dict[str, Series]:
        """How each run looks, by label."""
        return {look.key: look for look in series.run_series(list(self.views))}

    def pair(self) -> tuple[str, str] | None:
        """The labels of a base and of the furthest stage made from it, where both are chosen."""
        by_id = {view.run.id: label for label, view in self.views.items()}
        found = lineage.base_and_aligned([view.run for view in self.views.values()])
        return (by_id[found[0].id], by_id[found[1].id]) if found else None

    def focus(self) -> str:
        """The run that titles speak of: the aligned one of a pair, otherwise the one with the most single clusters."""
        pair = self.pair()
        if pair:
            return pair[1]
        rates = {label: single_cluster_row(view, *self.how)["value"] for label, view in self.views.items()}
        return max(rates, key=lambda label: -1 if np.isnan(rates[label]) else rates[label])

    @property
    def how(self) -> tuple[Clusterer, str]:
        """Clusterer and category, as the computations take them."""
        return self.clusterer, self.category

    def recipe(self, n: int | str, interval: str, labels: Sequence[str] = (), *, clustered: bool = True) -> str:
        """The recipe line of a chart over these runs, or some of them."""
        runs = [self.views[label].run for label in labels or self.views]
        decodings = [run.decoding for run in runs]
        values = {
            "": [label for label in labels or self.views] if len(runs) <= 3 else [f"{len(runs)} runs"],
            "N = ": [str(d.n_samples) for d in decodings],
            "temperature ": [f"{d.temperature:g}" for d in decodings],
            "at most ": [f"{d.max_new_tokens} tokens" for d in decodings],
        }
        parts = [name + " and ".join(dict.fromkeys(found)) for name, found in values.items()]
        parts += [recipes.clusterer_recipe(self.clusterer)] if clustered else []
        parts += [self.dataset + (f", {self.category}" if self.category else "")]
        parts += [n if isinstance(n, str) else counted(n, "question"), interval]
        return " · ".join(part for part in parts if part)


def memo(what: str, key: tuple, compute: Callable[[], Any]) -> Any:
    """The result of a computation, kept as long as runs, clusterer and category are the same."""
    return _memo(what, key, compute)


@st.cache_resource(max_entries=1024, show_spinner=False)
def _memo(what: str, key: tuple, _compute: Callable[[], Any]) -> Any:
    return _compute()


def marks(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The frame that `charts.dots` takes. Grey, and said so in the hover: few questions, or too few for an interval."""
    frame = pd.DataFrame(rows, columns=[*_MARK_COLUMNS, "n"]).fillna({"words": ""})
    n = pd.to_numeric(frame["n"])
    measured = frame["series"] != PUBLISHED
    bare = measured & frame["value"].notna() & frame["low"].isna()
    small = measured & ((n < blocks.SMALL_N) | bare)
    note = np.where(small, f"\nfewer than {blocks.SMALL_N} questions: read with care", "")
    note = np.where(bare, "\nno interval: fewer than two of a kind", note)
    return frame.assign(faded=small, hover=frame["hover"] + note).drop(columns="n")


def interval(low: float, high: float, show: Callable[[float], str]) -> str:
    """An interval in words; "" where there is none."""
    return "" if np.isnan(low) else f"\n95 % interval {show(low)} to {show(high)}"


def with_commands(text: str) -> str:
    """Markdown of a sentence of ours whose commands stand between backticks; all else shows as it is."""
    parts = text.split("`")
    return "".join(f"`{part}`" if i % 2 else plain(part) for i, part in enumerate(parts)) if len(parts) % 2 else ""


def narrow() -> bool:
    """Whether the page is looked at on a phone, by what its browser calls itself; figures do not know their width."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")


def small_note(n: int | float, things: str = "questions") -> str:
    """A warning where there is little to go by."""
    return f" Fewer than {blocks.SMALL_N} {things}: read with care." if n < blocks.SMALL_N else ""


def span(n: pd.Series) -> str:
    """How many questions, where runs or points differ in it."""
    low, high = int(n.min()), int(n.max())
    return counted(high, "question") if low == high else f"{low} to {high} questions"


def published_mark(p: Published, row: int, panel: int) -> dict[str, Any]:
    """A hollow diamond with its condition and source."""
    n = f", {counted(p.n_questions, 'question')}" if p.n_questions else ""
    shown = numbers.published_value(p.metric, p.value)
    hover = f"{published_label(p)}: {shown}\npublished: {p.condition}\n{p.dataset or 'data set not said'}{n}"
    return {
        "row": row,
        "panel": panel,
        "series": PUBLISHED,
        "value": p.value,
        "low": np.nan,
        "high": np.nan,
        "hover": f"{hover}\n{p.source}",
        "words": "",
        "n": 0,
    }


def published_label(p: Published) -> str:
    """The row of a published figure: its model, or the beginning of its condition where none is named."""
    if not p.model:
        condition = p.condition.partition(",")[0].partition(" (")[0]
        return f"{textwrap.shorten(condition, 34, placeholder=' …')} ({p.stage})"
    if p.stage in p.model.lower():
        return p.model
    return f"{p.model[:-1]}, {p.stage})" if p.model.endswith(")") else f"{p.model} ({p.stage})"


def published_frame(reported: Sequence[Published]) -> pd.DataFrame:
    """Published figures as a table."""
    columns = ["model", "stage", "dataset", "n_questions", "condition", "value", "source"]
    return pd.DataFrame([{name: getattr(p, name) for name in columns} for p in reported], columns=columns)


def looks_and_published(chosen: Selection) -> list[Series]:
    """The looks of the runs, and of what others have published."""
    return [*chosen.looks().values(), series.published_series(dark=blocks.is_dark())]


def measured_or_published() -> list[Series]:
    """The legend where rows have the runs' names: it tells only measured from published."""
    return [
        Series("measured", "measured here, with 95 % interval", blocks.model_color()),
        series.published_series(dark=blocks.is_dark()),
    ]


def grades(chosen: Selection, of: str) -> None:
    """How many answers are graded, and what makes an AUROC over all of them misleading."""
    view = chosen.views[of]
    own = view.scores[view.in_category(chosen.category)]
    counts = own["grade"].value_counts()
    n = {name: int(counts.get(name, 0)) for name in ("correct", "incorrect", "ambiguous", "abstained", "ungraded")}
    left_out = [f"{n[name]} {name}" for name in ("ambiguous", "abstained", "ungraded") if n[name]]
    st.caption(
        f"{counted(n['correct'] + n['incorrect'], 'graded answer')} of {plain(of)}: {n['correct']} correct, "
        f"{n['incorrect']} incorrect" + (f"; left out: {', '.join(left_out)}." if left_out else ".")
    )
    policies = {label: tuple(v.grade_policies) for label, v in chosen.views.items()}
    if len({tuple(p for p in found if "margin" in p) for found in policies.values()}) > 1:
        st.warning("These runs were graded by different rules; score them again before you compare their AUROCs.")
    if not chosen.category and (caution := findings.category_caution(signals.category_auroc(view))):
        st.caption(f":material/warning: {plain(caution)}")


def grading(view: ScoredRun) -> str:
    """The grading policies of a run, for its recipe lines."""
    return "graded by " + ", ".join(view.grade_policies)
