"""Quality beside diversity, and training seeds, in words: titles of charts, each with the intervals that it rests on.

Every number comes from the rows that are handed over. Plain text; whoever shows it escapes it.
"""

import math
from typing import Any

import pandas as pd

from homog_core.analysis import seeds
from homog_core.catalogue.recipes import RECIPES
from homog_core.records import Estimate
from homog_core.wording.numbers import bounds, counted, percent, tenth, with_interval

Pair = tuple[str, str] | None  # labels of a base and of what was made of it


def quality(rows: pd.DataFrame, pair: Pair) -> str:
    """Title of accuracy against the number of different answers. `rows` of `analysis.quality.quality_rows`."""
    defined = rows[rows["accuracy_n"] > 0].set_index("label")
    if defined.empty:
        return "Undefined: no question has graded samples and two answers that are not empty"
    if pair is None:
        label, row = defined.index[-1], defined.iloc[-1]
        return f"{label}: {_correct(row)} of the samples are correct; a question gets {_answers(row)} different answers"
    before, after = (defined.loc[label] for label in pair)
    return (
        f"{pair[1]}: {_correct(after)} of the samples are correct instead of {_correct(before)}, with "
        f"{_answers(after)} different answers instead of {_answers(before)}"
    )


def _correct(row: pd.Series) -> str:
    return _said(row, "accuracy", percent)


def _answers(row: pd.Series) -> str:
    return _said(row, "answers", tenth)


def _said(row: Any, name: str, show: Any) -> str:
    low_high = bounds(row[f"{name}_low"], row[f"{name}_high"], show)
    return f"{show(row[f'{name}_value'])} {low_high}".strip()


def correct_ones_differ(rows: pd.DataFrame, pair: Pair) -> str:
    """Title of how correct answers differ. `rows` of `analysis.quality.quality_rows`."""
    n = int(rows["wordings_n"].max())
    if not n:
        return "Undefined: on no question does every run have two correct samples"
    by_label = rows.set_index("label")
    if pair is None:
        row = by_label.iloc[-1]
        return f"{by_label.index[-1]}: two correct answers are worded differently in {_said(row, 'wordings', percent)}"
    before, after = (by_label.loc[label] for label in pair)
    said = f"{_said(after, 'wordings', percent)} of pairs, with the base model {_said(before, 'wordings', percent)}"
    if after["wordings_high"] < before["wordings_low"]:
        return f"Not only incorrect answers went: two correct ones are worded differently in {said}"
    if after["wordings_low"] > before["wordings_high"]:
        return f"Correct answers differ more than before: they are worded differently in {said}"
    return f"Whether correct answers differ less is open: two are worded differently in {said}"


def fate(rows: pd.DataFrame, pair: Pair) -> str:
    """Title of what became of the base's correct answers. `rows` of `analysis.quality.fate_rows`."""
    by_label = rows.set_index("label")
    if pair is None or math.isnan(by_label.loc[pair[1], "kept_value"]):
        return "Undefined: the base has no correct sample to keep or lose"
    before, after = (by_label.loc[label] for label in pair)
    h = counted(int(after["h"]), "sample")
    text = (
        f"Of the base's correct answers {pair[1]} keeps {_said(after, 'kept', percent)} in {h}; the base asked again, "
        f"{_said(before, 'kept', percent)}"
    )
    if after["more_low"] > 0:
        return f"{text}: no loss beyond luck"
    if after["more_high"] < 0:
        return f"{text}: some were lost"
    return f"{text}: a loss is not shown, nor excluded"


def whose(base: str, after: str, control: str, share: float, *, has_seeds: bool) -> str:
    """That a rise from a base is that of all training: what the control of the last stage has without it."""
    seeds = "; whether the rest is more than the training seed stands under “Training seeds”" if has_seeds else ""
    return (
        f"The difference of {after} to {base} is that of all its training: {control}, its control, was trained on the "
        f"same answers without preferences and has {percent(share)}{seeds}."
    )


def training_seeds(found: pd.DataFrame) -> str:
    """Title of the training seeds: a preference stage against its control. `found` of `analysis.quality.seed_frame`."""
    pairs = seeds.comparisons(found)
    if not pairs:
        return "No two stages of this chain were trained with the same seeds"
    one, other = next((pair for pair in pairs if _is_control(pair[0])), pairs[0])
    difference = seeds.difference(found, one, other, "single_cluster_rate")
    said = with_interval(_in_points(difference), _points)
    verdict = "may be the seed alone" if difference.low <= 0 <= difference.high else "more than the seed"
    verdict = verdict if difference.n > 1 else "one seed cannot say"
    return (
        f"{other} against {one}: {said} points of questions with a single answer over "
        f"{counted(difference.n, 'training seed')}; {verdict}"
    )


def _is_control(model: str) -> bool:
    return any(model.endswith(f"-{recipe.stage}") for recipe in RECIPES.values() if recipe.matches)


def _in_points(found: Estimate) -> Estimate:
    return Estimate(100 * found.value, 100 * found.low, 100 * found.high, found.n, found.method)


def _points(value: float) -> str:
    return f"{value:+.0f}".replace("-", "−")
