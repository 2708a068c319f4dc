"""The cascade in words: what it costs, what it saves, at which quality, and what that is worth."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from homog_core.analysis.cascade import CascadeStudy, stop_shares
from homog_core.statistics.cascade import MARGIN, Saving, Verdict
from homog_core.statistics.discrimination import AurocDifference
from homog_core.wording.labels import score_title
from homog_core.wording.numbers import counted, number, percent, signed, tokens

_VERDICTS: dict[Verdict, str] = {
    "no cost": "Every signal is free here: there is nothing to save",
    "no gain": "No gain: all signals together are not shown to be better than {cheapest} alone",
    "kept": "The cascade saves {saving} at the same quality",
    "lost": "The cascade saves {saving}, and part of that is paid for with quality",
    "unclear": "The cascade saves {saving}; whether quality is kept is unclear with {n}",
}


def cascade_title(study: CascadeStudy) -> str:
    """Title of cost against quality: the verdict on the operating point that is chosen on training folds."""
    found = study.saving
    return _VERDICTS[found.verdict].format(
        cheapest=score_title(found.cheapest_name),
        saving=percent(found.saving.value),
        n=counted(found.saving.n, "question"),
    )


def operating_point_sentence(rows: pd.DataFrame, position: int, names: Sequence[str]) -> str:
    """What the cascade costs and saves at one of its operating points. `rows` of `analysis.cascade.cascade_rows`."""
    points = rows[rows["kind"] == "cascade"]
    point, everything = points.iloc[position], points.iloc[-1]
    stops = ", ".join(
        f"{percent(share)} at {score_title(name)}" for name, share in zip(names, stop_shares(point), strict=True)
    )
    saved = "" if not everything["cost"] else f", {percent(1 - point['cost'] / everything['cost'])} less"
    accepted = (
        f"It accepts {percent(point['accepted'])} of the answers, of which {percent(point['accepted_accuracy'])} are "
        "correct."
        if point["accepted"]
        else "It accepts no answer."
    )
    return (
        f"Here a question costs {tokens(point['cost'])} extra tokens on average instead of "
        f"{tokens(everything['cost'])}{saved}, at an AUROC of {number(point['value'])} instead of "
        f"{number(everything['value'])}. Questions are decided {stops}. {accepted}"
    )


def cascade_sentence(saving: Saving) -> str:
    """One sentence for a page: what the cascade costs, what it saves, at which quality, and what that is worth."""
    if saving.verdict == "no cost":
        return "Running every signal costs nothing extra here, so there is nothing to save."
    share = saving.saving
    return (
        "Running costly signals only where the cheaper ones are unsure costs "
        f"{tokens(saving.cascade.mean_cost)} instead of {tokens(saving.everything.mean_cost)} tokens a question, "
        f"{percent(share.value)} less (95 % interval {percent(share.low)} to {percent(share.high)}), at an AUROC of "
        f"{number(saving.cascade.auroc)} instead of {number(saving.everything.auroc)} "
        f"(difference {_interval(saving.difference)}); {_judgement(saving)}."
    )


def _judgement(saving: Saving) -> str:
    if saving.verdict == "no gain":
        return (
            f"but all signals together are not shown to be better than {score_title(saving.cheapest_name)} alone "
            f"({number(saving.cheapest.auroc)}), which would save "
            f"{percent(1 - saving.cheapest.mean_cost / saving.everything.mean_cost)}"
        )
    loss = f"a loss of more than {number(MARGIN)}"
    quality = {
        "kept": f"{loss} is ruled out",
        "lost": "part of this is paid for with quality",
        "unclear": f"{counted(saving.saving.n, 'question')} are too few to rule out {loss}",
    }[saving.verdict]
    return (
        f"{quality}, and stopping every question at the same signal would save "
        f"{percent(saving.fixed_saving.value)} at {number(saving.fixed.auroc)}"
    )


def _interval(change: AurocDifference) -> str:
    if np.isnan(change.low):
        return signed(change.difference, 3)
    return f"{signed(change.difference, 3)}, {signed(change.low, 3)} to {signed(change.high, 3)}"
