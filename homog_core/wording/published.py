"""What others have published, in words: how far severity varies, and one of their figures beside ours.

Every number comes from the rows that are handed over or from the catalogue. Plain text; whoever shows it escapes it.
"""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence

from homog_core.catalogue.published import PUBLISHED, Published
from homog_core.wording.labels import METRIC_TITLES, STAGE_TITLES, first_upper
from homog_core.wording.numbers import UNDEFINED, counted, metric_value, millions, noun, percent, published_value

SMALL_MODEL = 1e9  # parameters; a model with fewer is called very small
ALMOST_NONE = 0.06  # a published SCR of an aligned model below it shows almost no homogenization


def severity_note(models: Mapping[str, int | None]) -> str:
    """That severity varies by family, and how small the models are that were measured here; numbers from the data."""
    rates = [p for p in PUBLISHED if p.metric == "single_cluster_rate" and p.stage not in ("base", "sft") and p.model]
    low = [p for p in rates if p.value < ALMOST_NONE]
    top = max(PUBLISHED, key=lambda p: p.value if p.metric == "single_cluster_rate" else -1)
    names = " and ".join(
        f"{p.model} {published_value(p.metric, p.value)}" for p in sorted(low, key=lambda p: p.value)[:2]
    )
    sizes = sorted(n for n in models.values() if n)
    smallness = ""
    if sizes:
        reach = " to ".join(dict.fromkeys([millions(sizes[0]), millions(sizes[-1])]))
        reach += " parameters: very small." if sizes[-1] < SMALL_MODEL else " parameters."
        what = counted(len(models), "model")
        smallness = f" The {what} measured here {noun(len(models), 'has', 'have')} {reach}"
    return (
        "“Alignment tax” is a name for what some aligned models lose, not a law. How much varies by family: published "
        f"shares of questions with a single answer go up to {percent(top.value)}, and {len(low)} of the "
        f"{len(rates)} aligned models that are named there stay below {percent(ALMOST_NONE)} ({names}).{smallness}"
    )


def beside_published(metric: str, measured: Sequence[float], reported: Sequence[float]) -> str:
    """Title of one published figure beside ours."""
    ours, theirs = span(metric, measured), span(metric, reported, published_value)
    return f"{first_upper(METRIC_TITLES[metric])}: measured here {ours or UNDEFINED}, published {theirs or 'nowhere'}"


def span(metric: str, values: Sequence[float], show: Callable[[str, float], str] = metric_value) -> str:
    """From the least to the largest of some figures; "" where none is defined."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return ""
    low, high = show(metric, min(known)), show(metric, max(known))
    return low if low == high else f"{low} to {high}"


def published_title(p: Published) -> str:
    """A published figure in a list: its model with the stage, or the beginning of its condition where none is named."""
    if not p.model:
        condition = p.condition.partition(",")[0].partition(" (")[0]
        return f"{textwrap.shorten(condition, 34, placeholder=' …')} ({STAGE_TITLES[p.stage]})"
    if p.stage in p.model.lower():
        return p.model
    stage = STAGE_TITLES[p.stage]
    return f"{p.model[:-1]}, {stage})" if p.model.endswith(")") else f"{p.model} ({stage})"


def published_details(p: Published) -> str:
    """Everything known of a published figure, line by line."""
    n = f", {counted(p.n_questions, 'question')}" if p.n_questions else ""
    return (
        f"{published_title(p)}: {published_value(p.metric, p.value)}\npublished: {p.condition}\n"
        f"{p.dataset or 'data set not said'}{n}\n{p.source}"
    )


def published_errors(reported: Sequence[Published]) -> str:
    """The calibration errors that others have published."""
    theirs = ", ".join(f"{published_value(p.metric, p.value)} {p.condition}" for p in reported)
    return f"Published, on other models: ECE {theirs} ({reported[0].source})."
