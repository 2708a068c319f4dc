"""What others have published, in words: how far severity varies, and one of their figures beside ours.

Every number comes from the rows that are handed over or from the catalogue. Plain text; whoever shows it escapes it.
"""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence

from homog_core.catalogue.published import PUBLISHED, Published
from homog_core.wording.labels import METRIC_TITLES, STAGE_TITLES, first_upper
from homog_core.wording.numbers import UNDEFINED, counted, metric_value, millions, percent, published_value

SMALL_MODEL = 1e9  # parameters; a model with fewer is called very small
ALMOST_NONE = 0.06  # a published SCR of an aligned model below it shows almost no homogenization


def severity_note(models: Mapping[str, int | None]) -> str:
    """That severity varies by family, and how small the models are that were measured here; numbers from the data."""
    sizes = sorted(n for n in models.values() if n)
    smallness = ""
    if sizes:
        reach = " to ".join(dict.fromkeys([millions(sizes[0]), millions(sizes[-1])]))
        smallness = f" Measured here: {counted(len(models), 'model')} of {reach} parameters"
        smallness += ", which is very small." if sizes[-1] < SMALL_MODEL else "."
    return (
        "“Alignment tax” names what some aligned models lose; it is no law and varies by family. "
        f"{published_rates(PUBLISHED)}{smallness}"
    )


def published_rates(published: Sequence[Published]) -> str:
    """How often aligned models give a single answer, as others have published it; "" where nobody has."""
    metric = "single_cluster_rate"
    rates = [p for p in published if p.metric == metric and p.stage not in ("base", "sft")]
    named, unnamed = ([p.value for p in rates if bool(p.model) == has_name] for has_name in (True, False))
    if not named:
        return ""
    low = sum(value < ALMOST_NONE for value in named)
    rest = (
        f" Where they name no model it is {span(metric, unnamed, published_value)}, by what counts as the same answer."
        if unnamed
        else ""
    )
    return (
        f"Others have published {span(metric, named, published_value)} of questions with a single answer for the "
        f"{len(named)} aligned models that they name, {low} of them below {percent(ALMOST_NONE)}.{rest} Their models "
        "and questions are others than ours."
    )


def beside_published(
    metric: str, measured: Sequence[float], reported: Sequence[float], how: str = "measured here"
) -> str:
    """Title of one published figure beside ours; `how` says how ours were got."""
    ours, theirs = span(metric, measured), span(metric, reported, published_value)
    return f"{first_upper(METRIC_TITLES[metric])}: {how} {ours or UNDEFINED}, published {theirs or 'nowhere'}"


def span(metric: str, values: Sequence[float], show: Callable[[str, float], str] = metric_value) -> str:
    """From the least to the largest of some figures; "" where none is defined."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return ""
    low, high = show(metric, min(known)), show(metric, max(known))
    return low if low == high else f"{low} to {high}"


def published_title(p: Published) -> str:
    """A published figure in a list: its model with the stage, or the beginning of its condition where none is named.

    What is no model's name says that it is published, so that it does not read like one.
    """
    if not p.model:
        condition = p.condition.partition(",")[0].partition(" (")[0]
        return f"published: {STAGE_TITLES[p.stage]} model, {textwrap.shorten(condition, 34, placeholder=' …')}"
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
