"""Many models at once, in words: rates by size, and whether different models say the same.

Every number comes from the rows that the charts show. Plain text; whoever shows it escapes it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from homog_core.analysis.many import SizeTest
from homog_core.records import Estimate, Role
from homog_core.statistics.between_models import BetweenModels
from homog_core.wording.labels import ROLE_TITLES
from homog_core.wording.numbers import (
    CHANCE,
    UNDEFINED,
    bounds,
    counted,
    parameters,
    percent,
    signed,
    tenth,
    tenth_percent,
    with_interval,
)

NAMED_SIZES = 3  # series of models that a title speaks of one by one


def row_name(row: pd.Series) -> str:
    """A run as it stands in a chart of many: its name, and its size where that is known."""
    return row["label"] if np.isnan(row["n_parameters"]) else f"{row['label']} · {parameters(row['n_parameters'])}"


def table(rows: pd.DataFrame, roles: Sequence[Role]) -> pd.DataFrame:
    """The rows of `analysis.many.model_rows` as a person reads them, with the role of each model."""
    estimates = {
        "questions with a single answer": ("", tenth_percent),
        "different answers": ("clusters_", tenth),
        "two answers are the same": ("same_", percent),
    }
    shown = pd.DataFrame(
        {
            "model": rows["label"],
            "family": rows["family"],
            "size": ["" if np.isnan(n) else parameters(n) for n in rows["n_parameters"]],
            "stage": [ROLE_TITLES[role] for role in roles],
        }
    )
    for name, (prefix, show) in estimates.items():
        shown[name] = [_cell(row, prefix, show) for row in rows.to_dict("records")]
    return shown.assign(questions=rows["n"], answers=rows["n_samples"])


def _cell(row: Mapping[str, Any], prefix: str, show: Callable[[float], str]) -> str:
    value, low, high = (row[prefix + name] for name in ("value", "low", "high"))
    return f"{show(value)} {bounds(low, high, show)}".strip()


# Sizes


def size_title(tests: Sequence[SizeTest], rows: pd.DataFrame) -> str:
    """In how many families the largest model differs from the smallest, and how the telling ones do."""
    of = rows.set_index("label")
    clear = [test for test in tests if test.pvalue < CHANCE]
    if not clear:
        if len(tests) == 1:
            return f"No difference beyond chance between the smallest and the largest model of {tests[0].series}"
        return f"In none of {len(tests)} families does the largest model differ from the smallest beyond chance"
    told = "; ".join(_ends(test, of) for test in clear[:NAMED_SIZES])
    families = f" in {len(clear)} of {len(tests)} families" if len(tests) > 1 else ""
    return f"The largest model differs from the smallest beyond chance{families}: {told}"


def _ends(test: SizeTest, of: pd.DataFrame) -> str:
    ends = [f"{percent(of['value'][k])} at {parameters(of['n_parameters'][k])}" for k in (test.small, test.large)]
    return f"{test.series} {', '.join(ends)}"


def size_reading(tests: Sequence[SizeTest], n_unknown: int) -> str:
    """Under the title of the sizes."""
    left_out = f" {counted(n_unknown, 'run')} without a known size {'is' if n_unknown == 1 else 'are'} not here."
    return (
        "The share of questions with a single answer against the size of the model, a line a family. Models of a "
        "family differ in more than their size. Beyond chance is by McNemar's test of the smallest and the largest, "
        f"paired by question, adjusted for {counted(len(tests), 'family', 'families')} (Holm)."
        + (left_out if n_unknown else "")
    )


# Between models


def between_title(found: BetweenModels) -> str:
    """How often two answers are the same within a model and between models, and what that is of its ceiling."""
    if np.isnan(found.between.value):
        return "Undefined: no question has two answers from two models"
    return (
        f"Two answers of one model are the same in {_share(found.within)} of cases, answers of two models in "
        f"{_share(found.between)}: {_share(found.shared)} of what their own concentration allows"
    )


def families_sentence(found: BetweenModels) -> str:
    """Whether models of one family overlap more than those of two; "" where there are not both kinds of pairs."""
    inside, across, gap = found.within_families, found.between_families, found.families_differ
    if np.isnan(gap.value):
        return ""
    both = f"Overlap within families {_share(inside)}, between families {_share(across)}"
    if np.isnan(gap.low):
        return f"{both}."
    points = f"{signed(100 * gap.value, 0)} points [{signed(100 * gap.low, 0)}, {signed(100 * gap.high, 0)}]"
    if gap.low > 0 or gap.high < 0:
        return f"{both}: a difference of {points}."
    return f"{both}: the difference of {points} may be chance."


def same_reading(n_questions: int, n_models: int) -> str:
    """How to read the matrix of probabilities."""
    return (
        "A cell is the chance, in per cent, that an answer of one model and an answer of the other are the same; on "
        f"the diagonal, two answers of one model. {_together(n_questions, n_models)}"
    )


def overlap_reading(n_questions: int, n_models: int) -> str:
    """How to read the matrix of overlaps."""
    return (
        "A cell is the chance that answers of two models are the same, in per cent of its ceiling: the geometric mean "
        "of the chances of two answers of each. 100 where two models have the same answers with the same frequencies, "
        "whether those are one or many, 0 where they never meet. Few answers make it noisy, so it can go beyond 100. "
        f"{_together(n_questions, n_models)}"
    )


def _together(n_questions: int, n_models: int) -> str:
    return (
        f"The answers of all {n_models} models to a question are clustered together, so another choice of models moves "
        f"the clusters a little; means over {counted(n_questions, 'question')}."
    )


def pair_hover(found: BetweenModels, names: Sequence[str], i: int, j: int) -> str:
    """Lines about two models, or one with itself."""
    same = _one(found, "same", i, j)
    if i == j:
        return f"{names[i]}\ntwo of its answers are the same: {same}"
    own = f"with themselves: {percent(found.same.value[i, i])} and {percent(found.same.value[j, j])}"
    return f"{names[i]} and {names[j]}\nthe same: {same}\n{own}\noverlap: {_one(found, 'overlap', i, j)}"


def _one(found: BetweenModels, name: str, i: int, j: int) -> str:
    matrix = getattr(found, name)
    value = Estimate(matrix.value[i, j], matrix.low[i, j], matrix.high[i, j], int(found.n[i, j]), "")
    return UNDEFINED if np.isnan(value.value) else with_interval(value, percent)


def _share(found: Estimate) -> str:
    return with_interval(found, percent)


def closest(found: BetweenModels, names: Sequence[str], pair: tuple[int, int]) -> str:
    """A pair of models as the words of a link: what they overlap in."""
    i, j = pair
    return f"{names[i]} and {names[j]} (overlap {percent(found.overlap.value[i, j])})"
