"""Fair draws: is it random where it should be? What models make of lists whose right distribution is known."""

import streamlit as st

from dashboard import draws, page, url
from dashboard.cache import dataset_questions
from dashboard.text import plain
from homog_core.analysis.draws import Draw, shown_sets
from homog_core.figures.theme import role_colors
from homog_core.runs.draw_sets import DrawSet, list_draws
from homog_core.wording import commands
from homog_core.wording import draws as say

MOST_MODELS = 4
FIRST = ("gemma-3-270m", "gemma-3-270m-sft", "gemma-3-270m-sft-continued", "gemma-3-270m-dpo")
FIRST_DRAW = "die"


def main() -> None:
    page.start_page(
        "Fair draws", "Ask for something random, a die, a coin, a weekday. The right answer is known: every one alike."
    )
    found, unread = list_draws()
    sets = shown_sets(found)
    if not sets:
        st.info(f"No draws are stored yet. Compute some: `{commands.draws('gemma-3-270m')}`")
        return
    left, right = st.columns([1, 2], vertical_alignment="bottom", gap="large")
    with right:
        chosen = choose_sets(sets)
    if not chosen:
        st.info("Choose at least one model.")
        return
    names = list(dict.fromkeys(stored.name for one in chosen for stored in one.draws))
    with left:
        name = url.choice("Draw", names, "draw", default=FIRST_DRAW if FIRST_DRAW in names else None)
    one_list(chosen, name)
    st.page_link(
        "pages/live_lab.py",
        label="Ask for it now, with the answers drawn one by one",
        icon=":material/experiment:",
        query_params={"dataset": "draws", "model": ",".join(one.model for one in chosen)} | asked(chosen, name),
    )
    draws.at_a_glance(chosen, recipe(chosen))
    draws.unread_note(unread)


def asked(chosen: list[DrawSet], name: str) -> dict[str, str]:
    """The parameter that names the question of this list; none where it is not one of ours."""
    wordings = {wording for one in chosen for stored in one.draws if stored.name == name for wording in stored.wordings}
    ids = [question.id for question in dataset_questions("draws") if question.text in wordings]
    return {"question": ids[0]} if ids else {}


def choose_sets(sets: list[DrawSet]) -> list[DrawSet]:
    """Up to four models, at first the chain in the box."""
    by_id = {found.id: found for found in sets}
    first = [found.id for found in sets if found.model in FIRST and found.prompt_style == "plain"]
    default = (first or list(by_id))[:MOST_MODELS]
    keys = url.choices("Models", list(by_id), "sets", MOST_MODELS, default, lambda key: say.set_name(by_id[key]))
    return [by_id[key] for key in keys]


def one_list(chosen: list[DrawSet], name: str) -> None:
    """The bars of one list, and the wordings of its question."""
    own = [(one, stored) for one in chosen for stored in one.draws if stored.name == name]
    colors = role_colors(draws.roles([one for one, _ in own]))
    named = [(say.set_name(one), Draw.of(stored)) for one, stored in own]
    lists = {draw.options for _, draw in named}
    if len(lists) > 1:
        st.warning("These models were asked for different lists of this name; only the first is shown.")
        same = [i for i, (_, draw) in enumerate(named) if draw.options == named[0][1].options]
        named, colors = [named[i] for i in same], [colors[i] for i in same]
    st.caption(" · ".join(f"“{plain(wording)}”" for wording in named[0][1].wordings))
    draws.bars(named, colors, recipe(chosen), "draws-bars")


def recipe(chosen: list[DrawSet]) -> str:
    """The recipe line."""
    names = " / ".join(say.set_name(one) for one in chosen)
    return f"{names} · exact next-token probabilities, temperature 1 · spellings and frames as in Methods"


main()
