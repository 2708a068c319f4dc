"""What is said of draws from closed lists. Every number is computed; Markdown, without a word from a model."""

from collections.abc import Sequence

import pandas as pd

from homog_core.measures.fairness import Fairness
from homog_core.runs.draw_sets import DrawSet
from homog_core.wording.labels import STAGE_TITLES
from homog_core.wording.numbers import number, percent, tenth_percent
from homog_core.wording.run_names import prompt_title


def set_name(found: DrawSet) -> str:
    """A model with its stage, and its prompt where that is not the usual one."""
    stage = f" ({STAGE_TITLES[found.stage]})" if found.stage and found.stage not in found.model else ""
    return found.model + stage + ("" if found.prompt_style == "plain" else f", {prompt_title(found.prompt_style)}")


def bar_note(fair: Fairness, n_options: int) -> str:
    """What stands beside a model's name over its bars."""
    if not fair.on_list:
        return "names none of them"
    return (
        f"as if {number(fair.effective_number, 1)} of {n_options} · {tenth_percent(fair.total_variation)} from fair · "
        f"{percent(fair.on_list)} of its answers begin with one of them"
    )


def finding(name: str, options: tuple[str, ...], fair: Fairness, each: Sequence[float]) -> str:
    """The title over the bars: what the last model does; `each` are the shares of its likeliest answer by wording."""
    if not fair.on_list:
        return f"{name} names none of them"
    likeliest, fairly = percent(fair.likeliest_mass), percent(1 / len(options))
    over = ""
    if len(each) > 1:
        over = f" (over {len(each)} wordings, which alone have {percent(min(each))} to {percent(max(each))})"
    return (
        f"In the {percent(fair.on_list)} of its answers that name one of them {name} says "
        f"“{options[fair.likeliest]}” in {likeliest}{over}; a fair draw in {fairly}"
    )


def how_to_read(n_wordings: int) -> str:
    """Under the title over the bars."""
    wordings = "" if n_wordings == 1 else f", the mean of {n_wordings} wordings of the question"
    return (
        "A bar is how likely an answer is, among the answers on the list, computed from the model's own "
        f"probabilities without sampling{wordings}. The dashed line is a fair draw. “As if k of n” is the number of "
        "equally likely answers with the same entropy. Answers that begin otherwise are left out."
    )


def overview_title(frame: pd.DataFrame, names: dict[str, str]) -> str:
    """How far the last set is from fair over all lists, beside the first."""
    shares = frame["effective_number"] / frame["n_options"]
    means = shares.groupby(frame["set"], sort=False).mean()
    first, last = means.index[0], means.index[-1]
    if first == last:
        return f"{names[first]} draws as if from {percent(means[first])} of a list, on average"
    return (
        f"On average {names[first]} draws as if from {percent(means[first])} of a list, {names[last]} from "
        f"{percent(means[last])}"
    )
