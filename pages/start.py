"""Start here: what does aligning a model do to its answers, and how do you know? A story in six steps."""

import streamlit as st

from dashboard import blocks, page, url
from dashboard.story import asking_again, computed, die, hesitation, piles, ten_answers, what_to_do
from homog_core.wording.story import QUESTION

STEPS = (  # title, short title, and what shows it
    ("Ask the same question ten times", "Ten answers", ten_answers.show),
    ("After aligning, the answers fall into piles", "Piles", piles.show),
    ("Roll a die: every answer should be equally likely", "A die", die.show),
    ("When every answer is the same, asking again tells you nothing", "Asking again", asking_again.show),
    ("The hesitation may still be inside the answer", "Hesitation", hesitation.show),
    ("What to do about it, and whether it helps", "What to do", what_to_do.show),
)
STYLE = """<style>
[data-testid=stMainBlockContainer] {padding-bottom: 6.5rem}
.st-key-story-nav {position: fixed; bottom: 0; left: 0; right: 0; z-index: 90; padding: .6rem 1rem;
  background: %(paper)s; border-top: 1px solid rgba(128,128,128,.35)}
.st-key-story-nav > div {max-width: 60rem; margin: 0 auto; width: 100%%}
.st-key-leave {display: none}
@media (max-width: 640px) {.st-key-story-nav [data-testid=stHorizontalBlock] {flex-wrap: nowrap}
  .st-key-story-nav [data-testid=stColumn] {min-width: 0; flex: 1 1 auto}}
</style>"""
# Every step fits a screen of 1280 × 720 pixels; larger ones show the same, enlarged.
TYPES = ("1.15rem", ".98rem", "1.08rem", ".9rem", ".9rem", "1.02rem")  # of each step in presenting mode
PRESENT_STYLE = """<style>
html {font-size: max(14px, min(1.25vw, 2.222vh)) !important}
[data-testid=stHeader], [data-testid=stToolbar] {display: none}
[data-testid=stMainBlockContainer] {padding: 1rem 4vw 4.8rem; max-width: none}
[data-testid=stMainBlockContainer] h1 {font-size: 2rem; padding: 0}
.st-key-page-head :is([data-testid=stCaptionContainer], [data-testid=stHtml]) {display: none}
.st-key-story [data-testid] :is(p, li) {max-width: none}
.st-key-story, .st-key-story [data-testid=stVerticalBlock] {gap: .55rem}
.st-key-story :is(p, li) {font-size: %(type)s; line-height: 1.36}
.st-key-story li {margin-top: 0; margin-bottom: 0}
.st-key-story [data-testid=stCaptionContainer] p {font-size: .8rem}
.st-key-story [data-testid=stHtml] {font-size: %(type)s}
.st-key-picture {flex: none; height: 44vh}
</style>"""


def main() -> None:
    step, presenting = _step(), url.get("present") == "1"
    look = {"paper": "#0e1318" if blocks.is_dark() else "#ffffff", "type": TYPES[step - 1]}
    st.html((STYLE + (PRESENT_STYLE if presenting else "")) % look)
    title, _, show = STEPS[step - 1]
    if presenting:
        page.start_page(title, QUESTION)
    else:
        page.start_page("Start here", f"{QUESTION} Six steps, six minutes, nothing to know beforehand.")
        step_control(step)
    url.selected("Step", list(map(str, range(1, len(STEPS) + 1))), "step", "1")  # says so where there is no such step
    story = computed.the_story()
    if story is None:
        st.info(
            "The two runs that tell this story are not here. Browse others under Questions, or ask in the Live lab."
        )
        return
    with st.container(key="story"):
        if not presenting:
            st.subheader(title, anchor=False)
        show(story, presenting)
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
        format_func=lambda i: f"{i} · {STEPS[i - 1][1]}",
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


main()
