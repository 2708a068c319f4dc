"""Map: where does each model go? All answers of one to four runs as marks in one plane, to move about in."""

import streamlit as st

from dashboard import damage, page, studies, url
from dashboard.cache import load_run
from dashboard.map import beside, chart, export, job
from dashboard.map.shown import OnMap, answers_of, on_map
from dashboard.text import plain
from homog_core.analysis import comparable, lineage
from homog_core.catalogue.encoders import DEFAULT_ENCODER, ENCODERS
from homog_core.runs import store
from homog_core.runs.answer_maps import find_map, list_maps
from homog_core.wording import answer_map as say
from homog_core.wording import commands, run_names
from homog_core.wording.comparison import obstacle_sentence
from homog_core.wording.labels import encoder_title
from homog_core.wording.numbers import counted


def main() -> None:
    page.start_page("Map", "Every answer of a run at once: where does each model go?")
    runs = lineage.offered(store.list_runs())
    if not runs:
        st.info(f"There are no runs yet. Sample a question in the Live lab, or run `{commands.first_sample()}`.")
        return
    if damage.asked_for(url.get("runs"), lambda: url.put(runs=None)):
        return
    left, right = st.columns([3, 2], gap="large", vertical_alignment="bottom")
    with left:
        chosen = choose_runs(runs)
    with right:
        color, encoder = controls()
    if not chosen:
        st.info("Choose at least one run.")
        return
    if len(chosen) > 1 and (reason := comparable.obstacle(chosen)):
        st.info(plain(obstacle_sentence(reason)))
        return
    if bare := [run for run in chosen if run.lacks_answers]:
        studies.sentences(bare)
        return
    answers = answers_of([load_run(run.id) for run in chosen])
    if answers.points.empty:
        st.info("These runs have no answers yet: they are being sampled. Reload the page in a moment.")
        return
    maps, unread = list_maps()
    if found := find_map(maps, answers.sources, encoder):
        the_map(on_map(answers, found), color)
    else:
        job.offer(answers, encoder)
    if unread:
        st.caption(f":material/info: {counted(len(unread), 'file')} in `maps/` could not be read and are left out.")


def choose_runs(runs: list[store.Run]) -> list[store.Run]:
    """One to four runs, at first the whole chain with its control."""
    by_id = {run.id: run for run in runs}
    last = lineage.default_runs(runs)[-1]
    default = [run.id for run in lineage.chain_with_control(last, runs)[-comparable.MOST_RUNS :]]
    url.fill(runs=",".join(default))
    ids = url.choices("Runs on the map", list(by_id), "runs", comparable.MOST_RUNS, default, run_names.titles(runs).get)
    return [by_id[key] for key in ids]


def controls() -> tuple[str, str]:
    """What marks are coloured by, and which encoder placed them."""
    left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
    with left:
        color = url.choice("Colour by", list(say.COLORINGS), "color", say.COLORINGS.get)
    with right:
        encoder = url.choice(
            "Similar by",
            list(ENCODERS),
            "encoder",
            encoder_title,
            default=DEFAULT_ENCODER,
            help="The sentence encoder whose distances the map shows. Each has a map of its own.",
        )
    return color, encoder


def the_map(shown: OnMap, color: str) -> None:
    """The map on the left, the selection on the right."""
    left, right = st.columns([3, 2], gap="large")
    with right:
        words = st.text_input(
            "Search in answers and questions", key="find", placeholder="a word or a phrase", bind="query-params"
        )
        lit = chart.lit_by(shown, words)
        beside.beside(shown, lit, chart.selected(shown, (color, words)))
    with left:
        chart.draw(shown, color, words, lit)
        export.export(shown)


main()
