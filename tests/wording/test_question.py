"""One question's answers in sentences."""

import math
from dataclasses import replace

import pytest

from homog_core.measures.grading import POLICIES
from homog_core.records import Estimate
from homog_core.wording import question


@pytest.mark.parametrize(
    ("grade", "policy", "sentence"),
    [
        ("correct", "number", "✓ The greedy answer is graded **correct**, by the number that it states."),
        ("incorrect", "yes_no", "✗ The greedy answer is graded **incorrect**, by its yes or no."),
        ("incorrect", "several", "✗ The greedy answer is graded **incorrect**, it offers several answers."),
        ("ambiguous", "short_answer", "? The greedy answer is graded **ambiguous**, by its short answer."),
        ("correct", "phrase_or_f1", "✓ The greedy answer is graded **correct**, phrase_or_f1."),  # an older version's
        ("abstained", "refusal", "– The greedy answer is graded **abstained**, it declines to answer."),
    ],
)
def test_a_grade_has_its_rule(grade, policy, sentence):
    assert question.grade_sentence(grade, policy) == sentence


def test_every_rule_has_words_of_its_own():
    said = {policy: question.grade_sentence("correct", policy) for policy in POLICIES if policy != "none"}
    assert len(set(said.values())) == len(said) == 5
    assert not [policy for policy, sentence in said.items() if sentence.endswith(f", {policy}.")]


def test_an_answer_without_a_grade_gets_no_sentence():
    assert question.grade_sentence("ungraded", "none") == ""
    assert question.grade_sentence(math.nan, math.nan) == ""  # answered since the run was scored


def test_clusters_and_answers_are_counted():
    assert question.strip_title(10, 8, 1, "combined") == "10 answers, 8 wordings, one meaning"
    assert question.strip_title(10, 1, 1, "nli") == "10 answers, 1 wording, one meaning"
    assert question.strip_title(10, 9, 7, "combined") == "10 answers, 9 wordings, 7 meanings"
    assert question.strip_title(10, 9, 7, "jaccard") == "10 answers, 9 wordings, 7 clusters"  # which reads words alone
    some = Estimate(2.04, 1.2, math.inf, 10, "")
    said = question.strip_reading(0.6109, some, 1)
    assert "entropy 0.61 nats (0 when all agree). As if the model had 1.2 or more equally likely" in said
    assert said.endswith("estimated from these 10. 1 empty answer left out.")
    assert question.strip_reading(0.6109, replace(some, high=5), 0).endswith("estimated from these 10.")
    assert question.effective_number(Estimate(math.nan, math.nan, math.nan, 1, "")) == "undefined"
    assert question.too_few(1) == "1 of the answers is not empty. Clusters need at least two."
    assert question.too_few(0).startswith("0 of the answers are not empty.")


def test_a_map_says_how_faithful_it_is_and_why_it_is_another():
    assert question.map_note("umap", "umap", 0.678) == " Map distances correlate 0.68 with the real ones."
    assert question.map_note("umap", "mds", math.nan).startswith(" Fewer than ")
    assert question.map_note("mds", "mds", math.nan) == ""


def test_entropies_that_are_not_known_are_not_a_number():
    assert question.entropy_title("Answer 2", 0.5, 7, "exact") == "Answer 2: 0.50 nats on average"
    assert question.entropy_title("Answer 2", 0.5, 7, "top_k:20") == "Answer 2: at least 0.50 nats on average"
    assert question.entropy_title("Answer 2", math.nan, 7, "none") == "Answer 2: its token entropies are not known"
    assert question.entropy_title("Answer 2", math.nan, 0, "none") == "Answer 2: no tokens of its own"


def test_a_place_in_a_list_counts_from_one():
    assert question.place_of(0, 162) == "question 1 of 162"
    assert question.place_of(None, 3) == "not among the 3 that are listed"
