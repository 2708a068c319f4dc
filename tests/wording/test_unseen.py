"""What N answers do not show, in words."""

from homog_core.analysis.unseen import Unseen
from homog_core.records import Estimate
from homog_core.wording import unseen as say


def one(new: float, n_all_different: int = 0) -> Unseen:
    estimate = Estimate(new, new - 0.05, new + 0.05, 100, "t")
    return Unseen(10, estimate, estimate, estimate, n_all_different)


def test_the_title_has_both_runs_with_their_intervals():
    title = say.title(one(0.12), "tuned", one(0.7))
    assert title == (
        "After tuned, the next answer would be a new one in 12 % [7 %, 17 %] of cases; with the base model, "
        "70 % [65 %, 75 %]"
    )
    assert say.title(one(0.12), "tuned", None).endswith("of cases")


def test_runs_whose_answers_all_differ_are_named():
    assert say.caution({"a": one(0.1)}) == ""
    assert "All answers differ for b on 3 questions." in say.caution({"a": one(0.1), "b": one(0.9, 3)})


def test_the_curves_go_to_twice_the_answers():
    assert say.growth_title(10) == "How many different answers 10 and 20 draws would show"
