"""Power: what a base and its aligned run could have found, and how many questions find what they show."""

import streamlit as st

from dashboard import url
from dashboard.tax import computed
from dashboard.tax.selection import Selection
from dashboard.text import plain
from homog_core.analysis.plan import rate_designs
from homog_core.statistics.power import TARGET
from homog_core.typed import PROGRAM, typed
from homog_core.wording import plan as say
from homog_core.wording.numbers import percent


def power(chosen: Selection) -> None:
    """The sentences of `homog plan` about the pair that titles speak of."""
    pair = chosen.pair()
    if pair is None:
        st.info("Choose a base and a run that was trained from it: power is that of a comparison.")
        return
    runs = [chosen.views[label].run.id for label in pair]
    plan = computed.plan(*(chosen.versions[label] for label in pair), chosen.clusterer)
    if plan is None:
        return
    found, needs = plan
    first, last = map(plain, pair)
    st.markdown(f"##### What {first} and {last} could have found")
    st.caption(
        f"With a power of {percent(TARGET)}: a test at 5 %, two-sided, would find the difference 4 times out of 5. A "
        "smaller one may be there and not be found. Over all categories."
    )
    _sentences(say.could_have_found(found, pair))
    st.markdown("##### How many questions find what they show")
    _sentences(say.would_find(found, needs, pair))
    _another(found.rate.first, pair[0])
    if found.budgets:
        st.markdown("##### With fewer samples a question")
        _sentences([say.budget_sentence(*row) for row in zip(found.budgets, needs.budgets, strict=True)])
    st.caption("The same with costs, and for studies that have not begun:")
    st.code(f"{typed('plan', *runs)}\n{PROGRAM} plan --scr 0.02 0.10", language="bash")


def _another(rate: float, name: str) -> None:
    """How many questions find another difference in the single-cluster rate, from the rate of the first run."""
    st.markdown("##### How many questions find another difference")
    with st.columns(2)[0]:
        points = url.number("Rise of the single-cluster rate, in points", "points", 5, 1, 40, 1)
    designs = rate_designs([rate, min(rate + points / 100, 1.0)], None)
    _sentences([f"{key.capitalize()}: {say.questions(design)}, from {name}'s rate." for key, design in designs.items()])
    st.caption(" ".join(say.assumptions(list(designs))))


def _sentences(lines: list[str]) -> None:
    st.markdown("\n".join(f"- {plain(line)}" for line in lines))
