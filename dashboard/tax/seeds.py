"""Training seeds: how much of what a stage does is the seed that it was trained with."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks
from dashboard.cache import load_run, version
from dashboard.tax import computed
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis import lineage, seeds
from homog_core.analysis.comparable import conditions
from homog_core.analysis.quality import SEED_STATISTICS, same_but_for_seeds
from homog_core.catalogue.recipes import without_seed
from homog_core.errors import HomogError
from homog_core.figures import dots, series
from homog_core.figures.axes import Panel
from homog_core.figures.dots import Row
from homog_core.figures.series import Series
from homog_core.figures.theme import INK
from homog_core.runs.store import Run
from homog_core.wording import quality as say
from homog_core.wording.numbers import counted, interval, number, percent

SHOWN = dict(zip(SEED_STATISTICS, (percent, number, percent), strict=True))


def runs_with_seeds(chosen: Selection) -> list[Run]:
    """The runs of several training seeds under the conditions of a chosen run, in the order of their stages."""
    runs = [view.run for view in chosen.views.values()]
    different = {conditions(run): run for run in runs}.values()
    found = (same_but_for_seeds(run, [*runs, *chosen.others]) for run in different)
    return sorted(next(filter(None, found), []), key=lineage.order)


def training_seeds(chosen: Selection) -> None:
    """Each stage by its seeds: every seed, and their mean with the interval between seeds."""
    runs = [run for run in runs_with_seeds(chosen) if _is_scored(run)]
    if not runs:
        st.info("No model of this data set was trained with several seeds under the conditions of the chosen runs.")
        return
    with st.spinner(f"Reading {counted(len(runs), 'run')} …"):
        found = computed.seed_frame(tuple(version(run) for run in runs), *chosen.how)
    models = list(dict.fromkeys(without_seed(run.identity.model)[0] for run in runs))
    roles = {without_seed(run.identity.model)[0]: role for run, role in zip(runs, lineage.roles(runs), strict=True)}
    looks = series.run_series(models, [roles[model] for model in models])
    each = [Series(f"{look.key} seed", look.name, look.color, f"{look.symbol}-open") for look in looks]
    ink = INK[blocks.is_dark()]
    legend = [
        Series("mean", "mean of the seeds, 95 % interval between them", ink),
        Series("seed", "one seed", ink, "circle-open"),
    ]
    blocks.chart(
        dots.dots(
            [Row(model) for model in models],
            pd.DataFrame(_marks(found, models)),
            [
                Panel("questions with a single answer", range=(-0.02, 1.02), percent=True),
                Panel("different answers per question", range=(0.7, 10.3)),
                Panel("correct samples", range=(-0.02, 1.02), percent=True),
            ],
            [*looks, *each],
            legend=legend,
            narrow=blocks.is_narrow(),
        ),
        title=plain(say.training_seeds(found)),
        how_to_read=(
            "The same recipe, trained several times: another seed has other draws, another order and another start. "
            "The interval is between seeds, a t interval of few numbers, so it is wide. The base was not trained here "
            "and has none."
        ),
        recipe_line=chosen.recipe(counted(len(runs), "run"), "95 % t between seeds", [chosen.focus()]),
        data=found.reset_index(),
        key="seeds",
        alt=f"Three statistics of {counted(len(models), 'model')} by training seed",
    )


def _marks(found: pd.DataFrame, models: Sequence[str]) -> list[dict]:
    """A mark for every seed, and one for their mean over it."""
    rows = []
    for panel, (name, show) in enumerate(SHOWN.items()):
        for place, model in enumerate(models):
            common = {"row": place, "panel": panel, "faded": False, "words": ""}
            own = found.loc[model, name]
            for seed, value in own.items() if len(own) > 1 else ():
                said = f"{model}\nseed {seed}: {show(value)}"
                single = {"value": value, "low": np.nan, "high": np.nan, "hover": said}
                rows.append({**common, "series": f"{model} seed", **single})
            mean = seeds.over_seeds(found, model, name)
            said = f"{model}\n{show(mean.value)}" + (f", mean of {mean.n} seeds" if mean.n > 1 else "")
            whole = {"value": mean.value, "low": mean.low, "high": mean.high}
            between = interval(mean.low, mean.high, show)
            rows.append({**common, "series": model, **whole, "hover": f"{said}\n{between}".strip()})
    return rows


def _is_scored(run: Run) -> bool:
    try:
        return load_run(run.id).is_scored
    except HomogError:
        return False
