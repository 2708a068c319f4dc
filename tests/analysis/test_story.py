"""The rule that chooses the example, and what else is computed for the story of the first page."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fakes import FakeEncoder, FakeSampler

from homog_core import files
from homog_core.analysis import story
from homog_core.analysis.advice import advice
from homog_core.analysis.cascade import within_groups_auroc
from homog_core.analysis.scored_run import ScoredRun
from homog_core.analysis.story import choose, heap
from homog_core.catalogue.datasets import FIRST_DATASET
from homog_core.errors import HomogError
from homog_core.records import Decoding, ModelSpec, Question
from homog_core.runs import store, write
from homog_core.runs.sample import sample_run
from homog_core.runs.score import score_run
from homog_core.statistics.cascade import Signal, matched_saving
from homog_core.statistics.discrimination import auroc_estimate

COLUMNS = ["text", "base", "aligned", "n_empty", "wordings", "correct"]


def table(n_echo=0, **rows):
    return pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS).assign(
        n_echo=n_echo, base_right=0.2, aligned_right=0.5
    )


def test_the_largest_drop_is_chosen_then_the_fewest_wordings_then_the_shortest_question():
    rows = {
        "small": ("Short?", 8, 1, 0, 1, 0),
        "wordy": ("Short?", 10, 1, 0, 4, 0),
        "long": ("A much longer question?", 10, 1, 0, 1, 0),
        "best": ("A long question?", 10, 1, 0, 1, 0),
    }
    assert choose(table(**rows), correct=False) == "best"
    del rows["best"]
    assert choose(table(**rows), correct=False) == "long"
    del rows["long"]
    assert choose(table(**rows), correct=False) == "wordy"


@pytest.mark.parametrize(
    "row",
    [
        ("Two?", 10, 2, 0, 1, 0),  # two clusters
        ("Empty?", 10, 1, 1, 1, 0),  # an empty answer
        ("", 10, 1, 0, 1, 0),  # a question that may not be shown
        ("Right?", 10, 1, 0, 1, 1),
        ("Unknown?", 10, 1, 0, 1, float("nan")),
        ("Undefined?", float("nan"), 1, 0, 1, 0),
    ],
)
def test_what_does_not_fit_is_not_chosen(row):
    assert choose(table(only=row), correct=False) is None


def test_a_question_whose_answers_only_repeat_it_is_not_chosen():
    row = ("Repeated?", 10, 1, 0, 1, 0)
    assert choose(table(only=row), correct=False) == "only"
    assert choose(table(n_echo=1, only=row), correct=False) is None


def test_the_choice_does_not_depend_on_the_order_of_the_rows():
    rows = table(b=("Same?", 9, 1, 0, 1, 0), a=("Same?", 9, 1, 0, 1, 0), c=("Same?", 9, 1, 0, 1, 1))

    assert choose(rows, correct=False) == choose(rows[::-1], correct=False) == "a"
    assert choose(rows, correct=True) == "c"


def test_typical_counts_the_questions_that_both_models_answered():
    found = story.typical(
        table(
            a=("?", 10, 1, 0, 1, 0),
            b=("?", 4, 5, 0, 1, 0),
            c=("?", 3, 3, 0, 1, 0),
            d=("?", float("nan"), 1, 9, 1, 0),
        )
    )

    assert (found.n, found.n_fewer, found.n_more) == (3, 1, 1)
    assert found.aligned_rate.value == pytest.approx(1 / 3)
    assert found.base_rate.value == 0
    assert (found.base_clusters.value, found.aligned_clusters.value) == (pytest.approx(17 / 3), 3)


def frame(*rows):
    return pd.DataFrame(rows, columns=["correct", "clusters", "disagreement", "hesitation"])


def test_disagreement_ties_where_the_answers_are_one_cluster_and_hesitation_need_not():
    rows = frame((0, 1, 0.0, 0.9), (0, 1, 0.0, 0.8), (1, 1, 0.0, 0.1), (1, 1, 0.0, 0.2))
    found = story.detections(rows.assign(category="one kind"))
    by_name = {(d.signal, d.questions): d for d in found}

    one = by_name["disagreement", "one"]
    assert (one.auroc.value, one.no_signal, one.n_wrong, one.n_right) == (0.5, True, 2, 2)
    assert (by_name["hesitation", "one"].auroc.value, by_name["hesitation", "one"].no_signal) == (1.0, False)
    assert np.isnan(by_name["disagreement", "several"].auroc.value)


def test_answers_per_question_counts_from_one():
    counts = story.answers_per_question(pd.Series([1, 1, 3, float("nan")]), 4)

    assert counts.tolist() == [2, 0, 1, 0]


def test_dots_are_heaped_on_the_nearest_column():
    x, place = heap(np.array([0.0, 0.04, 0.11, 0.0]), 0.1)

    assert x == pytest.approx([0, 0, 0.1, 0])
    assert place.tolist() == [1, 2, 1, 3]
    assert [len(part) for part in heap(np.array([]), 0.1)] == [0, 0]


def test_a_high_heap_is_set_in_narrow_columns_around_its_place():
    x, place = heap(np.zeros(100), 1.0, most=40)

    assert place.max() == 34  # three columns
    assert len(set(x)) == 3
    assert (x.mean(), x.min(), x.max()) == (pytest.approx(0, abs=0.02), -0.5, 0.5)
    assert len(set(zip(x, place, strict=True))) == 100


def signals(n=60, seed=3):
    rng = np.random.default_rng(seed)
    incorrect = np.arange(n) % 2
    weak, strong = rng.normal(size=n) + 0.3 * incorrect, rng.normal(size=n) + 2 * incorrect
    return [Signal("cheap", weak, np.zeros(n)), Signal("dear", strong, np.full(n, 100.0))], incorrect


def test_an_auroc_within_has_the_value_of_the_outcome_and_an_interval_around_it():
    parts, incorrect = signals()
    saving = matched_saving(parts, incorrect)

    for outcome in (saving.cheapest, saving.cascade, saving.everything):
        found = within_groups_auroc(outcome, incorrect)
        assert found.value == outcome.auroc
        assert 0 <= found.low < found.value < found.high <= 1
    # where all are compared with each other it is DeLong's interval, up to the logit
    one_cell = replace(saving.everything, cell=np.zeros(60, dtype=int))
    expected = auroc_estimate(one_cell.score, incorrect)
    assert within_groups_auroc(one_cell, incorrect).low == pytest.approx(expected.low, abs=0.03)


# From stored runs

BASE_ANSWERS = {
    "wrong": ("red fox", "blue whale", "grey seal", "pale owl"),
    "right": ("red fox", "blue whale", "grey seal", "pale owl"),
    "mixed": ("red fox", "blue whale", "grey seal", "red fox"),
}
ALIGNED_ANSWERS = {"wrong": ("red fox",), "right": ("true answer",), "mixed": ("red fox", "red fox", "grey seal")}


def run_of(key, answers, dataset=FIRST_DATASET, score=True, style="plain", **decoding):
    questions = [Question(name, dataset, f"What is {name}?", ("true answer",)) for name in answers]
    sampler = FakeSampler(answers, ModelSpec(key, "nobody/fake", stage="base" if key == story.BASE else "dpo"))
    run = sample_run(sampler, questions, Decoding(n_samples=4, **decoding), style)
    return score_run(run.id, [FakeEncoder()]) if score else store.open_run(run.id)


@pytest.fixture
def pair(no_shipped_runs):
    return run_of(story.BASE, BASE_ANSWERS), run_of(story.ALIGNED, ALIGNED_ANSWERS)


def test_the_pair_differs_in_nothing_but_the_model(pair):
    run_of(story.BASE, BASE_ANSWERS, temperature=0.3)
    run_of(story.ALIGNED, ALIGNED_ANSWERS, dataset="other")

    found = story.find_pair(store.list_runs())

    assert (found.base.id, found.aligned.id) == tuple(run.id for run in pair)
    assert story.find_pair([run for run in store.list_runs() if run.id != pair[0].id]) is None


def test_the_usual_prompt_goes_before_more_questions(pair):
    more = {**BASE_ANSWERS, "more": ("red fox",)}
    for key in (story.BASE, story.ALIGNED):
        run_of(key, more, style="few_shot")

    assert story.find_pair(store.list_runs()).base.id == pair[0].id


def test_a_run_that_is_being_sampled_is_no_part_of_the_pair(pair):
    with write.write_run(pair[1].identity, pair[1].provenance, []) as writer:
        writer.update(status="sampling")

    assert story.find_pair(store.list_runs()) is None


def test_the_story_of_two_runs(pair):
    told = story.story_of(*map(ScoredRun, pair))

    assert (told.example, told.counterpart) == ("wrong", "right")
    assert told.table.loc["wrong", ["base", "aligned", "n_empty", "wordings", "correct"]].tolist() == [4, 1, 0, 1, 0]
    assert (told.typical.n, told.typical.n_fewer) == (3, 3)
    assert sorted(told.graded.index) == ["mixed", "right", "wrong"]
    assert told.detection("disagreement", "one").no_signal
    assert story.cut_share(told.base) == 0


def test_telling_kinds_of_question_apart_is_not_telling_wrong_from_right():
    # the sums are all wrong and hesitate more; among the capitals hesitation says nothing
    frame = pd.DataFrame(
        {
            "correct": [0.0] * 6 + [1, 0, 1, 0],
            "clusters": 2.0,
            "disagreement": 1.0,
            "hesitation": [3.0] * 6 + [1, 1, 2, 2],
            "category": ["sums"] * 6 + ["capitals"] * 4,
        }
    )
    (found,) = (d for d in story.detections(frame) if (d.signal, d.questions) == ("hesitation", "all"))
    assert found.pooled == pytest.approx((6 * 2 + 2 * 2 * 0.5) / (8 * 2))
    assert found.auroc.value == 0.5


def test_clusters_of_a_question_are_the_largest_first(pair):
    base, aligned = map(ScoredRun, pair)
    clusterer = story.story_of(base, aligned).clusterer

    mixed = story.answer_clusters(aligned, clusterer, "mixed")

    assert [(cluster.text, cluster.count, cluster.wordings) for cluster in mixed] == [
        ("red fox", 3, 1),
        ("grey seal", 1, 1),
    ]


def test_a_story_without_a_single_cluster_says_so(no_shipped_runs):
    base, aligned = run_of(story.BASE, BASE_ANSWERS), run_of(story.ALIGNED, BASE_ANSWERS)

    with pytest.raises(HomogError, match="do not tell the story"):
        story.story_of(ScoredRun(base), ScoredRun(aligned))


def test_a_run_without_scores_says_how_to_score_it(no_shipped_runs):
    base, aligned = run_of(story.BASE, BASE_ANSWERS), run_of(story.ALIGNED, ALIGNED_ANSWERS, score=False)

    with pytest.raises(HomogError, match="homog_core score"):
        story.story_of(ScoredRun(base), ScoredRun(aligned))


def test_too_few_graded_answers_for_a_cascade_say_so(pair):
    assert "Grade more questions" in str(advice(ScoredRun(pair[1])))


def test_other_question_sets_and_other_models_are_found(pair):
    clusterer = story.story_of(*map(ScoredRun, pair)).clusterer
    other = run_of(story.ALIGNED, ALIGNED_ANSWERS, dataset="other")
    run_of(story.ALIGNED, ALIGNED_ANSWERS, dataset="third", temperature=0.3)
    third = run_of("another", BASE_ANSWERS)

    assert [run.id for run in story.other_question_sets(store.list_runs(), pair[1])] == [other.id]
    measured = {m.run.id: m.rate.value for m in story.measured_rates(store.list_runs(), pair[1], clusterer)}
    assert measured == {pair[0].id: 0, pair[1].id: pytest.approx(2 / 3), third.id: 0}


def test_the_shipped_example_is_one_that_the_rule_describes():
    found = story.find_pair([run for run in store.list_runs() if run.folder.parent == files.SHIPPED / "runs"])
    told = story.story_of(ScoredRun(found.base), ScoredRun(found.aligned))
    row = told.table.loc[told.example]

    assert (row["aligned"], row["n_empty"], row["correct"]) == (1, 0, 0)
    assert row["base"] >= 7
    assert told.typical.aligned_rate.value > told.typical.base_rate.value
    assert told.detection("disagreement", "one").no_signal
    assert not told.detection("hesitation", "one").no_signal
