"""Titles of quality beside diversity and of training seeds: they say no more than their intervals allow."""

import math

import pandas as pd
import pytest

from homog_core.wording import quality as say

NAN = math.nan
PAIR = ("base", "dpo")


def rows(base=(0.92, 0.87, 0.95), dpo=(0.52, 0.45, 0.59), n=50):
    """Two runs whose pairs of correct answers differ that often."""
    columns = {"label": list(PAIR), "wordings_n": n, "accuracy_n": n}
    for name, values in {
        "answers": ((8.26, 8.13, 8.4), (2.46, 2.32, 2.6)),
        "accuracy": ((0.2, 0.18, 0.21), (0.55, 0.51, 0.58)),
        "wordings": (base, dpo),
    }.items():
        for i, bound in enumerate(("value", "low", "high")):
            columns[f"{name}_{bound}"] = [own[i] for own in values]
    return pd.DataFrame(columns)


def test_a_rise_is_that_of_all_training_and_the_control_says_how_much_comes_without_preferences():
    said = say.whose("base", "dpo", "continued", 0.19, has_seeds=False)
    assert said.startswith("The difference of dpo to base is that of all its training: continued, its control, was")
    assert said.endswith("without preferences and has 19 %.")
    assert "Training seeds" in say.whose("base", "dpo", "continued", 0.19, has_seeds=True)


def test_correct_and_different_stand_with_their_intervals():
    assert say.quality(rows(), PAIR) == (
        "dpo: 55 % [51 %, 58 %] of the samples are correct instead of 20 % [18 %, 21 %], with 2.5 [2.3, 2.6] different "
        "answers instead of 8.3 [8.1, 8.4]"
    )
    assert say.quality(rows(), None).startswith(
        "dpo: 55 % [51 %, 58 %] of the samples are correct; a question gets 2.5"
    )
    assert say.quality(rows(n=0), PAIR).startswith("Undefined")


@pytest.mark.parametrize(
    ("dpo", "lead"),
    [
        ((0.52, 0.45, 0.59), "Not only incorrect answers went"),
        ((0.85, 0.80, 0.90), "Whether correct answers differ less is open"),
        ((0.99, 0.96, 1.0), "Correct answers differ more than before"),
    ],
)
def test_that_correct_answers_differ_less_is_said_where_intervals_are_apart(dpo, lead):
    assert say.correct_ones_differ(rows(dpo=dpo), PAIR).startswith(f"{lead}: ")


def test_how_correct_answers_differ_without_a_pair_or_a_question():
    assert (
        say.correct_ones_differ(rows(), None) == "dpo: two correct answers are worded differently in 52 % [45 %, 59 %]"
    )
    assert say.correct_ones_differ(rows(n=0), PAIR).startswith("Undefined")


def fate_rows(more, value=0.8):
    columns = {
        "label": list(PAIR),
        "h": 5,
        "kept_value": [0.7, value],
        "kept_low": [0.66, 0.7],
        "kept_high": [0.74, 0.9],
    }
    return pd.DataFrame(columns | {"more_low": [0.0, more[0]], "more_high": [0.0, more[1]]})


@pytest.mark.parametrize(
    ("more", "verdict"),
    [((0.1, 0.2), "no loss beyond luck"), ((-0.2, -0.1), "some were lost"), ((-0.1, 0.1), "not shown, nor excluded")],
)
def test_a_loss_is_judged_against_the_base_asked_again(more, verdict):
    title = say.fate(fate_rows(more), PAIR)
    assert title.startswith(
        "Of the base's correct answers dpo keeps 80 % [70 %, 90 %] in 5 samples; the base asked again"
    )
    assert title.endswith(verdict)


def test_without_correct_answers_of_a_base_there_is_nothing_to_lose():
    assert say.fate(fate_rows((NAN, NAN), NAN), PAIR).startswith("Undefined")
    assert say.fate(fate_rows((0, 0)), None).startswith("Undefined")


def seeds(control, dpo):
    index = [(f"m-{name}", i) for name, own in (("sft-continued", control), ("dpo", dpo)) for i in range(len(own))]
    index = pd.MultiIndex.from_tuples(index, names=["model", "seed"])
    return pd.DataFrame({"single_cluster_rate": [*control, *dpo]}, index=index)


def test_seeds_are_compared_with_their_control_seed_by_seed():
    # Differences 0.1, 0.2, 0.3: mean 0.2, sd 0.1, half 4.303 · 0.1/√3 = 0.248
    assert say.training_seeds(seeds((0.1, 0.1, 0.1), (0.2, 0.3, 0.4))) == (
        "m-dpo against m-sft-continued: +20 [−5, +45] points of questions with a single answer over 3 training seeds; "
        "may be the seed alone"
    )
    assert say.training_seeds(seeds((0.1, 0.2, 0.3), (0.3, 0.41, 0.5))).endswith("more than the seed")
    assert say.training_seeds(seeds((0.1,), (0.2,))).endswith("over 1 training seed; one seed cannot say")
    assert say.training_seeds(seeds((), (0.2, 0.3))).startswith("No two stages")
