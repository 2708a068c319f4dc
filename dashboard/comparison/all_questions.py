"""Several runs over all their questions: the slope chart, the paired tests, and what each run found."""

import pandas as pd
import streamlit as st

from dashboard import blocks, url
from dashboard.comparison.shown import Shown
from dashboard.text import plain
from homog_core.analysis.changes import levels, transitions
from homog_core.analysis.compare import Comparison
from homog_core.figures.comparison import slope_chart
from homog_core.runs.spreadsheet import csv_bytes
from homog_core.wording import commands
from homog_core.wording import comparison as say
from homog_core.wording.numbers import number, with_care

CHARTS = {"slopes": "Different answers", "tests": "Tests", "models": "Homogenized or broken?"}


def all_questions(shown: Shown) -> None:
    """One of `CHARTS`; the others compute nothing."""
    n = len(shown.changes.clusters)
    of_all = all(len(scored.questions) == n for scored in shown.runs)
    st.caption(say.all_questions_title(n, of_all=of_all))
    chart = url.segments("What to show", list(CHARTS), "chart", CHARTS.get)
    if chart == "slopes":
        _slopes(shown)
        return
    for name, scored in zip(shown.names, shown.runs, strict=True):
        if not scored.is_scored:
            command = commands.score(scored.run.id)
            st.info(f"{plain(name)} has not been scored by this version, so there are no tests: run `{command}`.")
            return
    if chart == "tests":
        _tests(shown, shown.comparison)
    else:
        _estimates(shown, shown.comparison)


def _slopes(shown: Shown) -> None:
    """Different answers per question, from run to run; those of the question in the URL stand out."""
    found = shown.changes
    question_id = url.get("question")
    this = found.clusters.loc[question_id].tolist() if question_id in found.clusters.index else []
    blocks.chart(
        slope_chart(
            levels(found.clusters),
            transitions(found.clusters),
            found.means,
            shown.names,
            shown.colors,
            this=this,
            dark=blocks.is_dark(),
        ),
        title=f"{say.answers_per_question(found, number)} on average",
        how_to_read=(
            "A line joins the numbers of different answers that a question gets from neighbouring models; the more "
            "questions take the same way, the wider it is. The size of a mark and the number beside it are the "
            "questions with that many different answers. Hover for counts." + with_care(found.n_in_all)
        ),
        recipe_line=shown.recipe(found.n_in_all, "intervals: t"),
        data=found.clusters.set_axis(shown.names, axis=1).rename_axis("question_id").reset_index(),
        key="slopes",
        alt="Slope chart of the number of different answers per question along the models",
    )


def _tests(shown: Shown, result: Comparison) -> None:
    """The paired tests as sentences, one box a pair of runs."""
    st.markdown(f"##### {say.tests_title(result.tests)}")
    st.caption(
        "Every question is compared with itself. Wilcoxon's signed-rank test asks whether ups and downs are balanced, "
        "McNemar's whether as many questions switch one way as the other. p is how often chance alone would give a "
        "difference at least as large; Holm's method adjusts it for all comparisons shown here. Intervals: paired "
        "bootstrap over questions."
    )
    titles = dict(zip((scored.run.id for scored in shown.runs), shown.names, strict=True))
    pairs = list(dict.fromkeys((row["from"], row["to"]) for row in result.tests))
    for start in range(0, len(pairs), 3):
        for place, (first, second) in zip(st.columns(min(len(pairs), 3)), pairs[start : start + 3], strict=False):
            rows = {row["statistic"]: row for row in result.tests if (row["from"], row["to"]) == (first, second)}
            with place.container(border=True):
                st.markdown(f"**{plain(titles[first])} → {plain(titles[second])}**")
                ordered = [rows[name] for name in say.STATISTICS if name in rows]
                lines = [_test_line(row) for row in ordered if row["n"]]
                if absent := [row["statistic"] for row in ordered if not row["n"]]:
                    lines.append(": ".join(map(plain, say.undefined_tests(absent))))
                st.markdown("\n".join(f"- {line}" for line in lines))
    if left_out := say.left_out_tests({row["statistic"] for row in result.tests}):
        st.info(left_out)
    if not any(row["n"] for row in result.tests):
        return
    with st.popover("All numbers", icon=":material/table:", width="content"):
        frame = pd.DataFrame(result.tests)
        st.dataframe(frame, hide_index=True)
        st.download_button("Download CSV", csv_bytes(frame), "paired-tests.csv", "text/csv")


def _test_line(row: dict) -> str:
    """One paired test as a line."""
    told, care = say.in_words(row), with_care(row["n"])
    if care:
        return f":grey[{plain(told.finding)}. {plain(told.detail)}{care}]"
    return f"**{plain(told.finding)}.** {plain(told.detail)}"


def _estimates(shown: Shown, result: Comparison) -> None:
    """What each run found, with the numbers that tell a homogenized model from a broken one."""
    st.markdown(f"##### {plain(say.broken_title(result, shown.runs[-1].run.id, shown.names[-1]))}")
    st.caption(
        "A homogenized model answers each question in one way and different questions differently; a broken one loops, "
        "says nothing, or says the same to everything. In brackets 95 % intervals: Wilson for shares, t for means."
    )
    rows = [
        {
            "": title.title,
            **{
                name: say.estimate_cell(result.estimate(scored.run.id, statistic), statistic)
                for scored, name in zip(shown.runs, shown.names, strict=True)
            },
        }
        for statistic, title in say.RUN_STATISTICS.items()
    ]
    height = 35 * (len(rows) + 1) + 3
    st.dataframe(pd.DataFrame(rows), hide_index=True, height=height, alt="What each run found, one row a statistic")
    st.caption(plain(shown.recipe(result.n_questions, "intervals: Wilson, t")))
