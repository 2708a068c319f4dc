"""Step 3: where every answer should be equally likely: how the base and the aligned model roll a die."""

from functools import partial

import streamlit as st

from dashboard import draws
from dashboard.story import pieces
from dashboard.text import plain
from homog_core.analysis.draws import Draw, overview, shown_sets
from homog_core.analysis.story import ALIGNED, BASE, Story
from homog_core.figures.theme import role_colors
from homog_core.runs.draw_sets import DrawSet, list_draws
from homog_core.wording import commands
from homog_core.wording import draws as say

DIE = "die"
RECIPE = "exact next-token probabilities, temperature 1, plain prompt · spellings and frames as in Methods"


def show(story: Story, presenting: bool) -> None:
    """The bars of both models for a die, and what the other lists show."""
    sets = _sets()
    if len(sets) < 2:
        needed = " and ".join(f"`{commands.draws(model)}`" for model in (BASE, ALIGNED))
        st.info(f"No draws of these two models are stored. To compute them: {needed}")
        return
    st.markdown(
        "There are questions to which the same answer again is wrong for certain: roll a die. Each number should come "
        "up equally often. No one has to judge whether two answers mean the same, and nothing is sampled: the "
        "**exact probability** of every answer can be read off the model."
    )
    named = [(found, Draw.of(stored)) for found in sets for stored in found.draws if stored.name == DIE]
    draws.bars(
        [(found.model, draw) for found, draw in named],
        role_colors(draws.roles([found for found, _ in named])),
        f"{' / '.join(found.model for found in sets)} · {RECIPE}",
        "story-die",
        show=partial(pieces.picture, presenting=presenting),
    )
    names = {found.id: found.model for found in sets}
    st.markdown(f"**And other lists?** {plain(say.overview_title(overview(sets), names))}.")
    if not presenting:
        st.page_link(
            "pages/fair_draws.py", label="All lists: coins, weekdays, colours, primes …", icon=":material/casino:"
        )


def _sets() -> list[DrawSet]:
    """The draws of the two models of the story with the usual prompt, the base first."""
    found = {one.model: one for one in shown_sets(list_draws()[0]) if one.prompt_style == "plain"}
    return [found[model] for model in (BASE, ALIGNED) if model in found]
