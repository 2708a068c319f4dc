"""How often one answer, as curves: against the threshold, the number of samples and the temperature."""

import pandas as pd
import streamlit as st

from dashboard import blocks, url
from dashboard.cache import version
from dashboard.tax import computed
from dashboard.tax.elsewhere import elsewhere
from dashboard.tax.marks import bounds, hover, span
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis import lineage
from homog_core.figures import aggregate
from homog_core.figures.axes import Panel
from homog_core.figures.series import Series
from homog_core.wording import chart_titles, commands, recipes, run_names
from homog_core.wording.numbers import counted, given, number, percent, with_care


def threshold(chosen: Selection) -> None:
    """SCR at every threshold, the current one marked."""
    if not chosen.clusterer.has_threshold or chosen.clusterer.rule != "components":
        why = (
            "this clusterer has no threshold"
            if not chosen.clusterer.has_threshold
            else "the greedy rule depends on the order"
        )
        st.info(f"No curve over thresholds for this clusterer: {why}. Choose another clusterer or assignment.")
        return
    curves = {label: computed.threshold_curve(run, *chosen.how) for label, run in chosen.versions.items()}
    frame = pd.concat([curve.assign(series=label) for label, curve in curves.items()])
    said = [
        hover(row, row.series, f"τ = {given(row.threshold)}: {percent(row.value)}", show=percent)
        for row in frame.itertuples()
    ]
    tau = chosen.clusterer.threshold
    pair = chosen.pair()
    blocks.chart(
        aggregate.curves(
            frame.assign(x=frame["threshold"], panel=0, hover=said),
            list(chosen.looks().values()),
            [Panel("questions with a single answer", range=(-0.02, 1.02), percent=True)],
            x_title="threshold τ",
            x_range=(0.0, 1.0),
            mark=tau,
            mark_label=f"τ = {given(tau)} now",
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.threshold(curves, chosen.focus(), pair[0] if pair else None, tau)),
        how_to_read=(
            "To the right answers must be more alike to count as the same, so fewer questions have a single answer. "
            "The threshold is chosen where answers are compared, above; it moves the dotted line, and the curves stay."
            + chosen.bands_note
            + with_care(frame["n"].min())
        ),
        recipe_line=chosen.recipe(span(frame["n"]), f"{chosen.bands}: 95 % Wilson"),
        data=frame[["series", "threshold", "value", "low", "high", "n"]].rename(columns={"series": "run"}),
        key="threshold",
        alt=f"Single-cluster rate against threshold for {counted(len(curves), 'run')}",
    )


def budget(chosen: Selection) -> None:
    """SCR and semantic entropy had fewer samples been drawn."""
    curves = {label: computed.budget_curve(run, *chosen.how) for label, run in chosen.versions.items()}
    most = max((view.n_samples for view in chosen.views.values()), default=0)
    if most < 3:
        st.info("Two answers or fewer were drawn per question: there is no smaller budget to look at.")
        return
    with st.columns(2)[0]:
        n = url.number("Samples per question", "budget", min(5, most), 2, most, 1)
    rows = []
    for label, curve in curves.items():
        for row in curve.itertuples():
            common = {"series": label, "x": row.n_samples, "n": row.n}
            samples = counted(row.n_samples, "sample")
            share = hover(row, label, f"{samples}: {percent(row.value)}", show=percent)
            said = f"{samples}: {number(row.entropy_value)} nats"
            nats = hover(row, label, said, prefix="entropy_")
            rows.append({**common, "panel": 0, **bounds(row), "hover": share})
            rows.append({**common, "panel": 1, **bounds(row, "entropy_"), "hover": nats})
    frame = pd.DataFrame(rows)
    focus = chosen.focus()
    blocks.chart(
        aggregate.curves(
            frame,
            list(chosen.looks().values()),
            [
                Panel("questions with a single answer", range=(-0.02, 1.02), percent=True),
                Panel("semantic entropy, nats"),
            ],
            x_title="samples per question",
            mark=n,
            mark_label=f"N = {n}",
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.budget(curves[focus], focus, n)),
        how_to_read=(
            "What fewer samples would have shown, exactly: every choice of that many among the samples counts alike, "
            "and the clusters stay those of all samples. With few samples answers look more alike than they are."
            + chosen.bands_note
            + with_care(frame["n"].min())
        ),
        recipe_line=chosen.recipe(span(frame["n"]), f"{chosen.bands}: 95 % Wilson (left, conservative), t"),
        data=pd.concat([curve.assign(run=label) for label, curve in curves.items()]),
        key="budget",
        alt=f"Single-cluster rate and semantic entropy against the number of samples, {counted(len(curves), 'run')}",
    )


def temperature(chosen: Selection) -> None:
    """SCR against temperature where runs differ in that alone; runs need not be chosen for it."""
    labels = {view.run.id: label for label, view in chosen.views.items()}
    runs = [view.run for view in chosen.views.values()]
    groups = lineage.temperature_groups(runs, [*runs, *chosen.others])
    if not groups:
        run = chosen.views[chosen.focus()].run
        remedy = (
            "Import answers of the same model to the same questions that were sampled at another one."
            if run.is_imported
            else f"To get one: `{commands.sample_as(run.identity, temperature=0.7)}`"
        )
        why = "SCR against temperature: no two runs differ in their temperature alone."
        others = plain(elsewhere(lambda runs: bool(lineage.temperature_groups(runs, runs)), chosen.dataset))
        st.info(" ".join(filter(None, (why, others, remedy))), icon=":material/thermostat:")
        return
    names = run_names.names([run for run in runs if run.id in groups], but=["temperature"])
    frame = pd.DataFrame(
        [
            {"group": names[key], "temperature": run.decoding.temperature, **computed.rate(version(run), *chosen.how)}
            for key, group in groups.items()
            for run in group
        ]
    )
    said = [
        hover(row, row.group, f"temperature {given(row.temperature)}: {percent(row.value)}", show=percent)
        for row in frame.itertuples()
    ]
    recipe = recipes.clusterer_recipe(chosen.clusterer, [run for group in groups.values() for run in group])
    looks = [
        Series(names[key], names[key], look.color, look.symbol)
        for key in groups
        for look in [chosen.looks()[labels[key]]]
    ]
    blocks.chart(
        aggregate.curves(
            frame.assign(series=frame["group"], x=frame["temperature"], panel=0, hover=said),
            looks,
            [Panel("questions with a single answer", range=(-0.02, 1.02), percent=True)],
            x_title="temperature of the samples",
            points=True,
            narrow=blocks.is_narrow(),
        ),
        title=plain(chart_titles.temperature(frame)),
        how_to_read=(
            "A lower temperature makes likely answers likelier, so answers repeat. Every run of the data set that "
            "differs from a chosen one in its temperature alone is here, whether it is chosen above or not."
            + with_care(frame["n"].min())
        ),
        recipe_line=" · ".join((", ".join(names.values()), recipe, span(frame["n"]), "whiskers: 95 % Wilson")),
        data=frame,
        key="temperature",
        alt=f"Single-cluster rate at {counted(len(frame), 'temperature')}",
    )
