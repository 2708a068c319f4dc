"""What N answers do not show: how likely the next one is new, and how many different ones there may be."""

import pandas as pd
import streamlit as st

from dashboard import blocks
from dashboard.tax import computed
from dashboard.tax.marks import bounds, hover, marks, span
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis.rates import fields
from homog_core.analysis.unseen import Unseen
from homog_core.figures import aggregate, dots
from homog_core.figures.axes import Panel
from homog_core.figures.dots import Row
from homog_core.figures.series import Series
from homog_core.figures.theme import INK
from homog_core.wording import unseen as say
from homog_core.wording.numbers import counted, number, percent, with_care


def unseen(chosen: Selection) -> None:
    """The estimates by run, and the number of different answers against that of draws, beyond N too."""
    found = {label: computed.unseen(run, *chosen.how) for label, run in chosen.versions.items()}
    _estimates(chosen, found)
    _growth(chosen)


def _estimates(chosen: Selection, found: dict[str, Unseen]) -> None:
    rows = [
        {
            "label": label,
            **fields(one.new, "new_"),
            **fields(one.drawn, "drawn_"),
            **fields(one.estimated, "estimated_"),
        }
        for label, one in found.items()
    ]
    frame = pd.DataFrame(rows)
    focus, pair = chosen.focus(), chosen.pair()
    n_samples = found[focus].n_samples
    looks = list(chosen.looks().values())
    hollow = [Series(f"{look.key} drawn", look.name, look.color, f"{look.symbol}-open") for look in looks]
    ink = INK[blocks.is_dark()]
    blocks.chart(
        dots.dots(
            [Row(label) for label in found],
            _marks(frame),
            [
                Panel("effective number of answers", range=(0.8, 1.05 * frame["estimated_high"].max())),
                Panel("chance that the next answer is new", range=(-0.02, 1.02), percent=True),
            ],
            [*looks, *hollow],
            legend=[
                Series("estimated", "estimated, with 95 % interval", ink),
                Series("drawn", f"among the {n_samples} drawn", ink, "circle-open"),
            ],
            narrow=blocks.is_narrow(),
        ),
        title=plain(say.title(found[focus], focus, found[pair[0]] if pair else None)),
        how_to_read=say.how_to_read(n_samples) + with_care(frame["new_n"].min()),
        recipe_line=chosen.recipe(span(frame["new_n"]), "whiskers: 95 % t over questions"),
        data=frame,
        key="unseen",
        alt=f"Effective number of answers and chance of a new one for {counted(len(found), 'run')}",
    )
    if sentence := say.caution(found):
        st.caption(plain(sentence))


def _marks(frame: pd.DataFrame) -> pd.DataFrame:
    """The drawn, hollow, and the estimated number on the left, the chance on the right."""
    rows = []
    for place, row in enumerate(frame.itertuples()):
        common = {"row": place, "words": "", "n": row.new_n}
        for kind, key in (("drawn", f"{row.label} drawn"), ("estimated", row.label)):
            said = f"as if {number(getattr(row, f'{kind}_value'), 1)} equally likely answers, {kind}"
            shown = hover(row, row.label, said, prefix=f"{kind}_")
            rows.append({**common, "panel": 0, "series": key, **bounds(row, f"{kind}_"), "hover": shown})
        shown = hover(row, row.label, f"new in {percent(row.new_value)}", prefix="new_", show=percent)
        rows.append({**common, "panel": 1, "series": row.label, **bounds(row, "new_"), "hover": shown})
    return marks(rows)


def _growth(chosen: Selection) -> None:
    curves = {label: computed.growth(run, *chosen.how) for label, run in chosen.versions.items()}
    frame = pd.concat([curve.assign(series=label) for label, curve in curves.items()], ignore_index=True)
    if frame.empty:
        return
    most = int(frame["n_samples"].max()) // 2
    said = [
        hover(row, row.series, f"{counted(row.n_samples, 'answer')}: {number(row.value, 1)} different")
        for row in frame.itertuples()
    ]
    blocks.chart(
        aggregate.curves(
            frame.assign(x=frame["n_samples"], panel=0, hover=said),
            list(chosen.looks().values()),
            [Panel("different answers per question")],
            x_title="answers per question",
            mark=most,
            mark_label=f"N = {most}",
            narrow=blocks.is_narrow(),
        ),
        title=say.growth_title(most),
        how_to_read=say.growth_reading(most) + chosen.bands_note,
        recipe_line=chosen.recipe(span(frame["n"]), f"{chosen.bands}: 95 % t over questions"),
        data=frame.rename(columns={"series": "run"}),
        key="growth",
        alt=f"Different answers against the number of draws for {counted(len(curves), 'run')}",
    )
