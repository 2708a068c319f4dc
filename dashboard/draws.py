"""Fair draws on the screen: the bars of one list, and all lists at a glance."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import blocks
from dashboard.text import plain
from homog_core.analysis.draws import Draw, overview
from homog_core.catalogue.models import role
from homog_core.figures import dots, series
from homog_core.figures import draws as figures
from homog_core.figures.axes import Panel
from homog_core.figures.dots import Row
from homog_core.records import Role
from homog_core.runs.draw_sets import DrawSet
from homog_core.wording import draws as say
from homog_core.wording.numbers import counted, number, percent


def bars(
    named: Sequence[tuple[str, Draw]],
    colors: Sequence[str],
    recipe: str,
    key: str,
    counts: Sequence[np.ndarray | None] | None = None,
    show: Callable[..., None] = blocks.chart,
) -> None:
    """The bars of one list, a row a model, as `show` draws a chart.

    `counts` are how many drawn answers named each of the options.
    """
    first = named[0][1]
    options = first.options
    rows = []
    for i, (name, draw) in enumerate(named):
        mean = draw.probabilities.mean(axis=0)
        shares = mean / mean.sum() if mean.sum() else mean
        note = say.bar_note(draw.all, len(options))
        rows.append(figures.Bars(name, note, shares, colors[i], counts[i] if counts else None))
    last_name, last = named[-1]
    drawn = counts is not None and any(own.sum() for own in counts if own is not None)
    dots_are = " Dots are the shares of the answers that were drawn." if drawn else ""
    show(
        figures.bars(options, rows, narrow=blocks.is_narrow()),
        title=plain(say.finding(last_name, options, last.all, last.shares_of_likeliest)),
        how_to_read=say.how_to_read(len(first.wordings)) + dots_are,
        recipe_line=recipe,
        data=_table(named),
        key=key,
        alt=f"How {counted(len(named), 'model')} draw from {counted(len(options), 'answer')}",
    )


def roles(sets: Sequence[DrawSet]) -> list[Role]:
    """What the model of each set stands for beside others."""
    return [role(found.stage, found.parent) for found in sets]


def _table(named: Sequence[tuple[str, Draw]]) -> pd.DataFrame:
    """One row a model, wording and answer."""
    return pd.DataFrame(
        [
            {"model": name, "wording": wording, "answer": option, "probability": p, "not_followed": pruned}
            for name, draw in named
            for wording, row, pruned in zip(draw.wordings, draw.probabilities, draw.pruned, strict=True)
            for option, p in zip(draw.options, row, strict=True)
        ]
    )


def at_a_glance(sets: Sequence[DrawSet], recipe: str) -> None:
    """The effective number of answers of every list, as a share of the list, by model."""
    names = {found.id: say.set_name(found) for found in sets}
    frame = overview(sets)
    order = list(dict.fromkeys(frame["draw"]))
    looks = series.run_series(list(names.values()), roles(sets))
    marks = [
        {
            "row": order.index(row.draw),
            "panel": panel,
            "series": names[row.set],
            "value": value,
            "low": np.nan,
            "high": np.nan,
            "faded": False,
            "hover": _hover(row, names[row.set]),
            "words": "",
        }
        for row in frame.itertuples()
        for panel, value in enumerate((row.effective_number / row.n_options, row.on_list))
    ]
    blocks.chart(
        dots.dots(
            [Row(f"{name} ({frame.loc[frame['draw'] == name, 'n_options'].iloc[0]})") for name in order],
            pd.DataFrame(marks),
            [
                Panel("as if drawn from this share of the list", reference=1.0, range=(0, 1.03), percent=True),
                Panel("answers that begin with one of the list", range=(-0.03, 1.03), percent=True),
            ],
            looks,
            narrow=blocks.is_narrow(),
        ),
        title=plain(say.overview_title(frame, names)),
        how_to_read="Left: the effective number of answers over the length of the list (in brackets); at the dashed "
        "line every answer is equally likely. Right: how many of the model's answers begin with one of them; where "
        "few do, the left figure says little.",
        recipe_line=recipe,
        data=frame.assign(set=frame["set"].map(names)),
        key="draws-overview",
        alt=f"How fairly {counted(len(sets), 'model')} draw from {counted(len(order), 'list')}",
    )


def _hover(row: object, name: str) -> str:
    if not row.on_list:
        return f"{row.draw}, {name}\nnames none of them"
    lines = [
        f"{row.draw}, {name}",
        f"as if {number(row.effective_number, 1)} of {row.n_options}",
        f"likeliest: {row.likeliest}, {percent(row.likeliest_mass)}",
        f"{percent(row.on_list)} of its answers begin with one of them",
    ]
    return "\n".join(lines)


def unread_note(unread: Sequence[object]) -> None:
    """Files that do not read are said to be there."""
    if unread:
        st.caption(f":material/info: {counted(len(unread), 'file')} in `draws/` could not be read and are left out.")
