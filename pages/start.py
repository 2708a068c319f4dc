"""Start here: what does aligning a model do to its answers, and how do you know? A story in five steps."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import blocks, page, url
from dashboard.cache import load_run, run_stamp, shipped_first
from dashboard.text import plain
from homog_core.analysis import example
from homog_core.analysis.example import Advice, Detection, Measured, Story
from homog_core.analysis.scored_run import ScoredRun
from homog_core.catalogue.published import PUBLISHED
from homog_core.errors import InvalidInput
from homog_core.figures import lessons
from homog_core.measures import report_cards
from homog_core.records import Response
from homog_core.runs import store
from homog_core.statistics.intervals import mean_estimate
from homog_core.wording import recipes, story
from homog_core.wording.titles import dataset_title

QUESTION = "What does aligning a model do to its answers, and how do you know?"
SHORT_TITLES = ("Ten answers", "Piles", "Asking again", "Hesitation", "What to do")
SIGNALS = ("Hesitation of the answer", "How unusual the question is", "Ask ten times")
WAYS = ("hesitation alone", "the cascade", "everything, always")
AXES = {"disagreement": "disagreement (0: one pile)", "hesitation": "hesitation (average entropy)"}
TYPE, LARGE_TYPE = 13, 20  # pixels, in charts
STYLE = """<style>
[data-testid=stMainBlockContainer] {padding-bottom: 6.5rem}
.st-key-story-nav {position: fixed; bottom: 0; left: 0; right: 0; z-index: 90; padding: .6rem 1rem;
  background: %(paper)s; border-top: 1px solid rgba(128,128,128,.35)}
.st-key-story-nav > div {max-width: 60rem; margin: 0 auto; width: 100%%}
.st-key-leave {display: none}
@media (max-width: 640px) {.st-key-story-nav [data-testid=stHorizontalBlock] {flex-wrap: nowrap}
  .st-key-story-nav [data-testid=stColumn] {min-width: 0; flex: 1 1 auto}}
</style>"""
PRESENT_STYLE = """<style>
[data-testid=stHeader], [data-testid=stToolbar] {display: none}
[data-testid=stMainBlockContainer] {padding: 1.2rem 4vw 5.5rem; max-width: 1760px; margin: 0 auto}
[data-testid=stMainBlockContainer] h1 {font-size: clamp(1.6rem, 2.7vw, 3.2rem); padding: 0}
.st-key-story p, .st-key-story li {font-size: clamp(1.1rem, 1.3vw, 1.6rem); line-height: 1.4}
.st-key-story [data-testid=stCaptionContainer] p {font-size: clamp(.9rem, .9vw, 1.1rem)}
.st-key-story [data-testid=stHtml] {font-size: clamp(1.05rem, 1.15vw, 1.4rem)}
</style>"""


def main() -> None:
    step, presenting = _step(), url.get("present") == "1"
    st.html((STYLE + (PRESENT_STYLE if presenting else "")) % {"paper": "#0e1318" if blocks.is_dark() else "#ffffff"})
    title, show = STEPS[step - 1]
    if presenting:
        page.start_page(title, QUESTION)
    else:
        page.start_page("Start here", f"{QUESTION} Five steps, five minutes, nothing to know beforehand.")
        step_control(step)
    told = the_story()
    if told is None:
        st.info(
            "The two runs that tell this story are not here. Browse others under Questions, or ask in the Live lab."
        )
        return
    with st.container(key="story"):
        if not presenting:
            st.subheader(title, anchor=False)
        show(told, presenting)
    navigation(step, presenting)
    _scroll_up(step)


def _step() -> int:
    asked = url.get("step", "1")
    return int(asked) if asked in {str(i + 1) for i in range(len(STEPS))} else 1


def _go(step: int) -> None:
    url.put(step=str(min(max(step, 1), len(STEPS))))


def _turn(by: int) -> None:
    """From the step that the URL says now: a key may be pressed again before the buttons have been drawn again."""
    _go(_step() + by)


def step_control(step: int) -> None:
    """Every step by its name, and the way into presenting mode."""
    st.session_state["story-step"] = step
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    row.segmented_control(
        "Step",
        range(1, len(STEPS) + 1),
        key="story-step",
        format_func=lambda i: f"{i} · {SHORT_TITLES[i - 1]}",
        on_change=lambda: _go(st.session_state["story-step"]),
        label_visibility="collapsed",
        required=True,
        wrap=True,
    )
    row.button(
        "Present",
        icon=":material/slideshow:",
        type="tertiary",
        on_click=lambda: url.put(present="1"),
        help="Larger, with nothing but previous and next. The arrow keys turn the page, Escape leaves.",
    )


def navigation(step: int, presenting: bool) -> None:
    """Previous and next at the bottom of the screen, by button and by arrow key."""
    with st.container(key="story-nav"):
        left, middle, right = st.columns([2, 1, 2], vertical_alignment="center")
        turn = {"on_click": _turn, "width": "stretch"}
        left.button("Previous", key="previous", args=(-1,), disabled=step == 1, shortcut="Left", **turn)
        middle.markdown(f"{step} of {len(STEPS)}", text_alignment="center")
        last = step == len(STEPS)
        right.button("Next", key="next", args=(1,), disabled=last, type="primary", shortcut="Right", **turn)
    if presenting:  # not seen, but it hears the key
        st.button("Leave", key="leave", on_click=lambda: url.put(present=None), shortcut="Escape")


def _scroll_up(step: int) -> None:
    """A new step begins at its top."""
    script = f"/* {step} */ document.querySelector('[data-testid=stMain]')?.scrollTo(0, 0)"
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


# What is told


def the_story() -> Story | None:
    pair = example.find_pair(shipped_first(store.list_runs()))
    return _tell(*_key(pair.base), *_key(pair.aligned)) if pair else None


def _key(run: store.Run) -> tuple[str, int]:
    return run.id, run_stamp(run)


@st.cache_resource(max_entries=2, show_spinner="Reading the runs …")
def _tell(base: str, base_stamp: int, aligned: str, aligned_stamp: int) -> Story:
    return example.tell(load_run(base), load_run(aligned))


@st.cache_resource(max_entries=2, show_spinner="Weighing cost against quality …")
def _advice(run_id: str, stamp: int) -> Advice | InvalidInput:
    return example.advice(load_run(run_id))


@st.cache_data(max_entries=4, show_spinner="Reading the other question sets …")
def _detections(run_id: str, stamp: int, clusterer: str) -> list[Detection]:
    scored = load_run(run_id)
    found = next((c for c in scored.clusterers() if c.key == clusterer), None)
    return example.detections(example.graded(scored, found)) if found else []


def picture(figure: go.Figure, presenting: bool, **about: Any) -> None:
    """A chart with everything that belongs to it; in presenting mode without what can be clicked."""
    if not presenting:
        blocks.chart(figure, **about)
        return
    st.markdown(f"**{about['title']}**")
    st.plotly_chart(figure, key=about["key"], alt=about["alt"], config={"staticPlot": True})
    st.caption(about["how_to_read"])
    st.caption(plain(about["recipe_line"]))


def recipe(told: Story, scored: ScoredRun, n: int, interval: str = "") -> None:
    """The recipe line under what is no chart."""
    st.caption(plain(recipes.run_recipe(scored.run, told.clusterer, n, interval)))


def show_piles(piles: list[lessons.Pile], position: int, **layout: Any) -> None:
    st.html(lessons.answer_piles(piles, blocks.model_color(position), dark=blocks.is_dark(), **layout))


# 1. Ten answers


def ten_answers(told: Story, presenting: bool) -> None:
    st.markdown(story.lead(told))
    n, limit = told.base.run.decoding.n_samples, told.base.run.decoding.max_new_tokens
    st.markdown(
        f"The question: **{_question(told, told.example)}** A language model writes in *tokens*: words, or pieces of "
        "them. Before each it draws lots among those that could come next, so it can say something else every time. A "
        f"*base model* has learned nothing but to continue texts. These are its {n} answers:"
    )
    answers = told.base.answers(told.example).responses
    show_piles([lessons.Pile(f"Answer {i + 1}", _shown(a)) for i, a in enumerate(answers)], 0, least_width="12em")
    st.caption(
        f"[…]: cut off after {limit} tokens. {_size(told)}; do not expect much sense. The last line on every screen is "
        "its recipe: what was run, and how it was counted. Methods explains its words."
    )
    recipe(told, told.base, 1)


def _question(told: Story, key: str) -> str:
    return plain(told.table.loc[key, "text"])


def _shown(response: Response) -> str:
    cut = " […]" if response.finish_reason == "length" else ""
    return (" ".join(response.answer.split()) or "(empty)") + cut


def _size(told: Story) -> str:
    n = told.aligned.run.provenance.n_parameters
    return f"This is a very small model ({n / 1e6:.0f} million parameters)" if n else "This is a small model"


# 2. Piles


def piles(told: Story, presenting: bool) -> None:
    st.markdown(story.lead(told))
    st.markdown(
        "*Aligning* a model means to train it further, so that it answers as people would like it to. The aligned "
        "model is the base model after that: first with example answers, then with pairs of a better and a worse one. "
        "Answers that count as the same are put on one **pile**:"
    )
    left, right = st.columns([3, 1], gap="large")
    with left:
        model_piles(told, told.base, 0, "Base model")
    with right:
        model_piles(told, told.aligned, 1, "Aligned model")
    st.markdown(story.is_it_typical(told.typical, told.base.run.decoding.n_samples))
    if presenting:
        recipe(told, told.aligned, told.typical.n, "intervals: Wilson")
        return
    piles_chart(told)
    doubts(told)


def model_piles(told: Story, scored: ScoredRun, position: int, name: str) -> None:
    found = example.piles(scored, told.clusterer, told.example)
    st.markdown(f"**{name}: {len(found)} {story.plural(len(found), 'pile')}**")
    shown = [
        lessons.Pile(
            f"{pile.count} {story.plural(pile.count, 'answer')}",
            pile.text,
            pile.count,
            f"in {pile.wordings} wordings" if pile.wordings > 1 else "",
        )
        for pile in found
    ]
    show_piles(shown, position, least_width="9.2em", lines=3)


def piles_chart(told: Story) -> None:
    most, found = told.base.run.decoding.n_samples, told.typical
    counts = [example.answers_per_question(told.table[name], most) for name in ("base", "aligned")]
    names = told.base.run.identity.model, told.aligned.run.identity.model
    blocks.chart(
        lessons.answers_per_question(
            *counts, ("base model", "aligned model"), (blocks.model_color(0), blocks.model_color(1)), TYPE
        ),
        title=f"On average {found.aligned_clusters.value:.1f} piles instead of {found.base_clusters.value:.1f}",
        how_to_read=f"Each question was asked {most} times. A bar is a number of questions; on the left, one pile.",
        recipe_line=f"{names[0]} and {recipes.run_recipe(told.aligned.run, told.clusterer, found.n)}",
        data=pd.DataFrame({"different answers": range(1, most + 1), "base": counts[0], "aligned": counts[1]}),
        key="story-piles",
        alt="Bars: number of questions by number of different answers, base and aligned model",
    )


def doubts(told: Story) -> None:
    """What counts as the same, why this question, and what else changed."""
    card = report_cards.report_cards().get(told.clusterer.key)
    with st.expander("What counts as the same? Why this question? What else could explain it?"):
        if card:
            st.markdown(
                "**The same**: a small program compares what answers are about, without the words that they repeat "
                f"from the question. It errs: it puts {story.share(card.true_join_rate)} of the pairs that do agree "
                f"on one pile, and {story.share(card.false_join_rate)} of the pairs that contradict each other."
            )
        st.markdown(f"**This question** was chosen by a rule. {story.RULE}")
        base, aligned = (_cut_share(scored) for scored in (told.base, told.aligned))
        st.markdown(
            f"**What else**: the base model rambles. {story.share(base)} of its answers were cut off, and "
            f"{story.share(aligned)} of those of the aligned model. Short answers in one form leave less room to "
            "differ, so part of the drop is that. The training step by step, with a control, stands in docs/results.md."
        )


def _cut_share(scored: ScoredRun) -> float:
    return float(scored.scores["n_cut"].mean() / scored.n_samples)


# 3. Asking again


def asking_again(told: Story, presenting: bool) -> None:
    st.markdown(
        "Can you trust an answer? A common test is to ask again and see whether the model contradicts itself. Its "
        "**disagreement** is 0 where all answers are on one pile, and grows with the number of piles. But a wrong "
        "answer can come back every time, as a right one can."
    )
    if not presenting:
        two_verdicts(told)
    st.markdown(story.one_pile(told.detection("disagreement", "one")))
    dots(told, "disagreement", presenting)
    if not presenting:
        st.markdown(
            "Elsewhere it may tell something. Take a wrong and a right answer: how often has the wrong one the higher "
            "disagreement? 50 of 100 pairs would be guessing.\n"
            f"- several piles: {story.pairs(told.detection('disagreement', 'several'))}\n"
            f"- all questions: {story.pairs(told.detection('disagreement', 'all'))}{apart(told, 'disagreement')}"
        )
        st.caption(
            f"A program judges what is right, from reference answers, and errs at times; "
            f"{told.typical.n - len(told.graded)} questions that it could not judge are left out."
        )


def apart(told: Story, signal: str) -> str:
    """The line on what is left without the arithmetic questions."""
    line = story.without_arithmetic(told, signal)
    return f"\n- {line}" if line else ""


def two_verdicts(told: Story) -> None:
    for column, key in zip(st.columns(2, gap="large"), (told.example, told.counterpart), strict=True):
        if key is None:
            continue
        with column:
            right = told.table.loc[key, "correct"] == 1
            (pile, *_) = example.piles(told.aligned, told.clusterer, key)
            st.markdown(f"**{_question(told, key)}**")
            heading = f"{_mark(right)} · {pile.count} of {pile.count} times · disagreement 0"
            show_piles([lessons.Pile(heading, pile.text, pile.count)], 1)
            references = told.aligned.questions.loc[key, "references"]
            if not right and len(references):
                st.caption(f"Right would be: {plain(references[0])}")


def _mark(right: bool) -> str:
    return "✓ right" if right else "✗ wrong"


def dots(told: Story, signal: str, presenting: bool) -> None:
    """Wrong and right answers along a signal; those with one pile stand out."""
    one = told.detection(signal, "one")
    if signal == "disagreement":
        frame, top = told.graded, float(np.log(told.aligned.run.decoding.n_samples))
        title = f"One pile: {one.n_wrong} wrong and {one.n_right} right answers, no disagreement in any of them"
        reading = "A dot is a question. Filled: one pile. Empty: several piles, further right the more they are spread."
    else:
        frame = told.graded[told.graded["clusters"] == 1]
        top = float(frame[signal].max())
        title = "The same questions with one pile each: their hesitation differs"
        reading = "A dot is a question with one pile. Further right the model hesitated more."
    rows = [_dot_row(told, frame, correct, signal, top) for correct in (False, True)]
    picture(
        lessons.dot_rows(rows, blocks.model_color(1), AXES[signal], top, LARGE_TYPE if presenting else TYPE),
        presenting,
        title=title,
        how_to_read=reading + (f" Only {one.auroc.n} answers: read with care." if story.is_few(one) else ""),
        recipe_line=recipes.run_recipe(told.aligned.run, told.clusterer, len(frame)),
        data=frame.rename_axis("question").reset_index(),
        key=f"story-{signal}",
        alt=f"Dots: {signal} of {one.n_wrong} wrong and {one.n_right} right answers with one pile",
    )


def _dot_row(told: Story, frame: pd.DataFrame, correct: bool, signal: str, top: float) -> lessons.DotRow:
    part = frame[frame["correct"] == correct].sort_values(["clusters", signal], kind="stable")
    x, height = example.heap(part[signal].to_numpy(), max(top, 1e-6) / 46)
    keys, word = list(part.index), "right" if correct else "wrong"
    names = {told.example: "our question", told.counterpart: "the other one"}
    return lessons.DotRow(
        name=f"{word} ({len(part)})",
        x=x,
        height=height,
        strong=(part["clusters"] == 1).to_numpy(),
        texts=[told.table["text"].get(key) or key for key in keys],
        notes=[
            f"{word}, {row.clusters:.0f} {story.plural(row.clusters, 'pile')}, {signal} {getattr(row, signal):.2f}"
            for row in part.itertuples()
        ],
        marked={keys.index(k): name for k, name in names.items() if k in keys} if signal == "hesitation" else {},
    )


# 4. Hesitation


def hesitation(told: Story, presenting: bool) -> None:
    st.markdown(
        "Before every token the model weighs what could come next. How open that choice was can be read off while it "
        "writes, without asking again. The number under each token is its **entropy**: 0 if only one token is "
        "possible, and higher the more of them are."
    )
    st.html(lessons.entropy_anchors())
    left, right = st.columns(2, gap="large")
    inside(told, told.aligned, told.example, left, "Aligned model, our question")
    if told.counterpart:
        inside(told, told.aligned, told.counterpart, right, "Aligned model, the other question")
    inside(told, told.base, told.example, st, "Base model, our question")
    base, aligned = (mean_estimate(s.scores["mean_token_entropy"]) for s in (told.base, told.aligned))
    st.markdown(
        f"Call the average of an answer its **hesitation**. Aligning lowers it too, from {base.value:.2f} to "
        f"{aligned.value:.2f} over all questions, but it is not the same for all of them."
    )
    if not presenting:
        dots(told, "hesitation", presenting)
    worth(told, presenting)


def inside(told: Story, scored: ScoredRun, key: str, place: Any, name: str) -> None:
    """The likeliest answer with its entropies."""
    greedy = scored.answers(key).greedy
    own = greedy.own_tokens
    mark = f" ({_mark(told.table.loc[key, 'correct'] == 1)})" if scored is told.aligned else ""
    place.markdown(f"{name}{mark}: **{example.hesitation_of(greedy):.2f}** on average")
    place.html(lessons.token_row(greedy.tokens[own], greedy.token_entropies[own].tolist()))


def worth(told: Story, presenting: bool) -> None:
    """In how many pairs the wrong answer hesitates more, here and on other question sets."""
    found = {
        "one pile": told.detection("hesitation", "one"),
        "all questions": told.detection("hesitation", "all"),
        **others(told),
    }
    lines = [
        f"- {f':gray[{line}]' if story.is_few(detection) else line}"
        for name, detection in found.items()
        for line in [f"{plain(name)}: {story.pairs(detection)}"]
    ]
    st.markdown(
        "Is it worth something? Take a wrong and a right answer: how often does the wrong one hesitate more? 50 of 100 "
        "pairs would be guessing.\n" + "\n".join(lines) + apart(told, "hesitation")
    )
    if not presenting:
        st.caption("Part of it is hesitation about how to put it, not about what is true: “It is …”, or just the name.")
    n = told.detection("hesitation", "all").auroc.n
    recipe(told, told.aligned, n, "intervals: 95 %, DeLong")


def others(told: Story) -> dict[str, Detection]:
    """The hesitation on the other question sets that the aligned model has been asked."""
    found = {}
    for run in example.elsewhere(shipped_first(store.list_runs()), told.aligned.run):
        dataset = run.identity.dataset
        for detection in _detections(*_key(run), told.clusterer.key):
            if (detection.signal, detection.questions) == ("hesitation", "all"):
                title = dataset_title(dataset)
                found[f"another set of questions, {title}"] = detection
    return found


# 5. What to do


def what_to_do(told: Story, presenting: bool) -> None:
    st.markdown(
        "Look for wrong answers with the cheapest signal first, and pay for a dearer one only where a doubt is left: a "
        "**cascade**. Costs are counted in tokens that the model would have to write."
    )
    found = _advice(*_key(told.aligned.run))
    if isinstance(found, InvalidInput):
        st.info(plain(str(found)))
    else:
        the_cascade(told, found, presenting)
    with st.container(border=True):
        st.markdown(f"**{QUESTION}** {story.in_short(told)}")
        rates = example.measured_rates(shipped_first(store.list_runs()), told.aligned.run, told.clusterer)
        st.markdown(plain(story.elsewhere(rates, told)))
        size = told.aligned.run.provenance.n_parameters
        st.markdown(story.how_strong(size, PUBLISHED))
    if not presenting:
        severity(told, rates)
        onward(told)


def the_cascade(told: Story, found: Advice, presenting: bool) -> None:
    stages = [
        (f"{i + 1}. {name}", story.cost(tokens), f"needed for {story.share(share)} of the questions")
        for i, (name, tokens, share) in enumerate(zip(SIGNALS, found.stage_tokens, found.reached, strict=True))
    ]
    st.html(lessons.stages_row(stages, blocks.model_color(1)))
    st.markdown(f"**Is it worth it?** {story.verdict(found)}")
    n, interval = found.n_wrong + found.n_right, "out of fold, 5 folds; intervals: DeLong"
    if presenting:
        st.markdown(f"{story.cascade_finding(found)}.")
        recipe(told, told.aligned, n, interval)
        return
    ways = (found.cheapest, found.cascade, found.everything)
    blocks.chart(
        lessons.cost_and_quality(
            WAYS, [way.tokens for way in ways], [way.quality for way in ways], blocks.model_color(1), TYPE
        ),
        title=story.cascade_finding(found),
        how_to_read="Left is cheap, up is good: pairs of a wrong and a right answer that are ranked rightly. Whiskers "
        "are 95 % intervals; the three share their questions, so their differences are surer than the whiskers look.",
        recipe_line=recipes.run_recipe(told.aligned.run, told.clusterer, n, interval),
        data=pd.DataFrame(
            {
                "way": WAYS,
                "tokens a question": [way.tokens for way in ways],
                "auroc": [way.quality.value for way in ways],
                "low": [way.quality.low for way in ways],
                "high": [way.quality.high for way in ways],
            }
        ),
        key="story-cascade",
        alt="Three ways to find wrong answers, by their cost and quality",
    )


def severity(told: Story, rates: list[Measured]) -> None:
    """Measured here beside what others have published, in tables of their own."""
    st.markdown("##### Measured here, and published elsewhere")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Measured here**, on our own questions")
        _table([(_named(m.run), _stage(m.run), story.percent(m.rate), m.rate.n) for m in rates])
        recipe(told, told.aligned, told.typical.n, "intervals: 95 %, Wilson")
        st.caption(
            "Stages: base; sft, trained further with example answers; dpo, then with pairs of a better and a worse "
            "one; instruct, aligned by its makers."
        )
    with right:
        reported = [p for p in PUBLISHED if p.metric == "single_cluster_rate" and p.model]
        st.markdown(f"**Published by others**, on {reported[0].dataset}; not measured here")
        _table([(p.model, p.stage or "", f"{100 * p.value:.1f}\u00a0%", p.n_questions) for p in reported])
        sources = ", ".join(dict.fromkeys(p.source for p in reported))
        st.caption(f"{sources}. Other models, questions and clusters than ours: not to be compared number by number.")


def _named(run: store.Run) -> str:
    style = run.identity.prompt_style
    return run.identity.model + ("" if style == "plain" else f" ({style} prompt)")


def _stage(run: store.Run) -> str:
    return run.provenance.stage or ""


def _table(rows: list[tuple[str, str, str, int]]) -> None:
    lines = ["| model | stage | one single answer | n |", "|---|---|---|---|"]
    st.markdown("\n".join([*lines, *(f"| {plain(m)} | {s} | {v} | {n} |" for m, s, v, n in rows)]))


def onward(told: Story) -> None:
    """Where to go from here."""
    runs = f"{told.base.run.id},{told.aligned.run.id}"
    links: list[tuple[str, str, str, dict[str, str]]] = [
        ("compare", "Both models on this question", "compare_arrows", {"runs": runs, "question": told.example}),
        ("alignment_tax", "Alignment tax: all the numbers", "monitoring", {}),
        ("methods", "Methods: every word explained", "menu_book", {}),
        ("live_lab", "Ask a question of your own", "experiment", {}),
    ]
    with st.container(horizontal=True):
        for name, label, icon, params in links:
            st.page_link(f"pages/{name}.py", label=label, icon=f":material/{icon}:", query_params=params)


STEPS: tuple[tuple[str, Callable[[Story, bool], None]], ...] = (
    ("Ask the same question ten times", ten_answers),
    ("After aligning, the answers fall into piles", piles),
    ("On one pile, asking again tells you nothing", asking_again),
    ("The hesitation is still inside the answer", hesitation),
    ("What to do about it: the cheapest signal first", what_to_do),
)


main()
