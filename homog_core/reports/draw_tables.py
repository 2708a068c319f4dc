"""The tables of fair draws: every list by model, and paired tests between the models over the lists."""

from collections.abc import Sequence
from itertools import combinations

import pandas as pd

from homog_core.analysis.draws import overview
from homog_core.reports.tables import Table, p_value
from homog_core.runs.draw_sets import DrawSet
from homog_core.statistics.paired import holm, paired_bootstrap_difference, wilcoxon_signed_rank
from homog_core.wording.draws import set_name
from homog_core.wording.numbers import number, percent, with_interval


def draw_tables(sets: Sequence[DrawSet]) -> list[Table]:
    """What each model makes of each list, and differences over the lists; none without stored draws."""
    if not sets:
        return []
    frame = overview(sets)
    names = {found.id: set_name(found) for found in sets}
    frame = frame.assign(model=frame["set"].map(names), share=frame["effective_number"] / frame["n_options"])
    rows = [
        {"list": f"{name} ({own['n_options'].iloc[0]})", **{row.model: _cell(row) for row in own.itertuples()}}
        for name, own in frame.groupby("draw", sort=False)
    ]
    means = frame.groupby("model", sort=False)["share"].mean()
    rows.append({"list": "mean share of the list", **{model: percent(value) for model, value in means.items()}})
    note = (
        "`python -m homog_core draws --model …`. Effective number of answers, the likeliest with its share, and in "
        "brackets how many of the model's answers begin with one of the list; exact probabilities at temperature 1, "
        "the mean of three wordings."
    )
    return [Table("Fair draws", note, rows), _tests(frame)]


def _cell(row: object) -> str:
    if not row.on_list:
        return "none"
    return f"{number(row.effective_number, 1)}, {row.likeliest} {percent(row.likeliest_mass)} ({percent(row.on_list)})"


def _tests(frame: pd.DataFrame) -> Table:
    shares = frame.pivot_table(index="draw", columns="model", values="share", sort=False)
    pairs = list(combinations(dict.fromkeys(frame["model"]), 2))
    found = [wilcoxon_signed_rank(shares[one], shares[other]) for one, other in pairs]
    adjusted = holm([test.pvalue for test in found])
    rows = [
        {
            "from": one,
            "to": other,
            "share of the list": with_interval(paired_bootstrap_difference(shares[one], shares[other])),
            "p (Holm)": p_value(p),
            "lists": str(test.n),
        }
        for (one, other), test, p in zip(pairs, found, adjusted, strict=True)
    ]
    return Table(
        "Paired tests of the fair draws",
        "Mean difference in the effective number of answers as a share of the list, paired bootstrap over the lists; "
        f"Wilcoxon signed-rank, p adjusted by Holm over the {len(rows)} tests.",
        rows,
    )
