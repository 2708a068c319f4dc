"""Draws in all their wordings, on a tiny model; the shipped questions; what somebody types."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from homog_core.analysis.draws import Draw, count_named, draw_set, draws, overview, shown_sets, spellings
from homog_core.errors import InvalidInput
from homog_core.measures.grading import grade
from homog_core.records import Question
from homog_core.runs.questions import load_questions, typed_draw

COIN = Question("c1", "draws", "Flip a coin.", ("heads", "tails"), category="coin", answer_type="draw")


def test_the_shipped_draws_have_three_wordings_of_one_list_each():
    questions = load_questions("draws")
    assert len(Counter(question.category for question in questions)) >= 20
    assert set(Counter(question.category for question in questions).values()) == {3}
    for name in {question.category for question in questions}:
        own = [question for question in questions if question.category == name]
        assert len({question.references for question in own}) == 1
        assert len(own[0].references) == len(set(own[0].references)) > 1
    assert {question.answer_type for question in questions} == {"draw"}
    assert grade(questions[0], "Heads.").verdict == "correct"  # on the list
    assert grade(questions[0], "the edge").verdict == "incorrect"


def test_the_mean_of_the_wordings_is_what_is_told():
    draw = Draw("coin", ("heads", "tails"), np.array([[0.5, 0.0], [0.1, 0.4]]), ("a", "b"), (0.0, 0.0))
    assert draw.all.on_list == pytest.approx(0.5)
    assert draw.all.total_variation == pytest.approx(0.1)  # 0.3 and 0.2 of 0.5
    assert [one.total_variation for one in draw.each] == pytest.approx([0.5, 0.3])
    assert draw.shares_of_likeliest == pytest.approx([1.0, 0.2])  # heads, 0.6 of 1.0 over both


def test_a_wording_that_names_none_of_the_list_has_no_share():
    draw = Draw("coin", ("heads", "tails"), np.array([[0.3, 0.1], [0.0, 0.0]]), ("a", "b"), (0.0, 0.0))
    assert draw.shares_of_likeliest == pytest.approx([0.75])


def test_every_wording_of_every_draw_is_computed(llama_sampler):
    said = []
    questions = [COIN, replace(COIN, id="c2", text="Toss a coin."), typed_draw("Pick one: a, b, c")]
    found = list(draws(llama_sampler, questions, "plain", lambda *step: said.append(step)))
    assert [(draw.name, draw.probabilities.shape) for draw in found] == [("coin", (2, 2)), ("Pick one", (1, 3))]
    assert all(0 <= row.sum() < 1 for draw in found for row in draw.probabilities)
    assert found[1].probabilities.sum() > 0
    assert all(0 < lost < 1 for draw in found for lost in draw.pruned)
    assert said[-1] == ("Computing", 3, 3)


@pytest.mark.parametrize(
    "questions",
    [
        [replace(COIN, answer_type="text")],
        [COIN, replace(COIN, id="c2", text="Toss.", references=("tails", "heads"))],
    ],
)
def test_what_is_no_draw_is_refused(llama_sampler, questions):
    with pytest.raises(InvalidInput, match=r"is no draw|different lists"):
        list(draws(llama_sampler, questions, "plain"))


def test_what_somebody_types():
    found = typed_draw("Pick a fruit: apple, pear ,plum, apple.")
    assert (found.references, found.category, found.answer_type) == (("apple", "pear", "plum"), "Pick a fruit", "draw")


@pytest.mark.parametrize("text", ["Pick a fruit", "Pick a fruit: apple", ": a, b", ""])
def test_what_lists_no_answers_is_refused(text):
    with pytest.raises(InvalidInput, match="after a colon"):
        typed_draw(text)


def test_numbers_are_also_spelled_in_words():
    assert spellings("13") == ["13", "thirteen"]
    assert spellings("47") == ["47", "forty-seven"]
    assert spellings("100") == ["100"]
    assert spellings("hearts") == ["hearts"]


def test_drawn_answers_are_counted_by_what_they_name():
    counts = count_named(["It is six.", "6", "Six", "sixty", "The number is 6.", "I pick 1 because", ""], ("1", "6"))
    assert counts.tolist() == [1, 3]


def test_a_set_keeps_what_was_computed_and_tells_it_again(llama_sampler):
    (draw,) = draws(llama_sampler, [COIN, replace(COIN, id="c2", text="Toss a coin.")], "plain")
    found = draw_set(llama_sampler, "plain", [draw])
    (again,) = map(Draw.of, found.draws)
    assert again.all == draw.all
    row = overview([found]).iloc[0]
    assert (row["draw"], row["n_options"], row["on_list"]) == ("coin", 2, pytest.approx(draw.all.on_list))


def test_the_newest_set_of_a_model_and_prompt_is_shown_by_stage(llama_sampler):
    (draw,) = draws(llama_sampler, [COIN], "plain")
    base = replace(draw_set(llama_sampler, "plain", [draw]), model="b", stage="base", family="F", created="2026-01-01")
    newer = replace(base, revision="other", created="2026-01-02")
    dpo, few = replace(base, model="a", stage="dpo"), replace(base, prompt_style="few_shot")
    assert shown_sets([dpo, newer, few, base]) == [newer, dpo, few]
