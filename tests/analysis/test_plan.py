"""Plans from runs: what they could have found, by hand on scripted answers, and what a study costs."""

import math
from dataclasses import replace

import pytest
from fakes import make_question
from scipy.stats import binom
from scored_runs import EXACT, many_run, sampled, scored

from homog_core.analysis import plan
from homog_core.analysis.scored_run import ScoredRun
from homog_core.errors import HomogError, InvalidInput, NotFound
from homog_core.runs import store
from homog_core.runs.manifest import write_manifest
from homog_core.runs.store import Run, open_run

N = 12
QUESTIONS = [make_question(f"q{n}") for n in range(N)]
SPREAD = {question.id: ("red fox", "red fox", "red fox", "red fox", "blue whale") for question in QUESTIONS}  # 4 and 1
ALIKE = {question.id: ("red fox",) for question in QUESTIONS}


@pytest.fixture
def pair(no_shipped_runs):
    """Twelve questions with five samples each: two clusters in the first run; one in the second, but for two."""
    second = ALIKE | {"q0": SPREAD["q0"], "q1": SPREAD["q1"]}
    return [
        scored("base", SPREAD, QUESTIONS, n_samples=5),
        scored("dpo", second, QUESTIONS, stage="dpo", n_samples=5),
    ]


def test_what_the_rates_could_have_found_by_hand(pair):
    rate = plan.detectable(pair, EXACT).rate
    assert (rate.n, rate.first, rate.second, rate.gained, rate.lost) == (12, 0, pytest.approx(10 / 12), 10, 0)
    assert rate.pvalue == pytest.approx(2 / 2**10)
    # from a rate of 0 all changes are gains: P(Bin(12, rise) ≥ 6) = 0.8
    assert rate.detectable == rate.nested
    assert binom.sf(5, 12, rate.detectable.effect) == pytest.approx(0.8, abs=1e-4)


def test_a_fall_is_found_as_a_rise_is(pair):
    rise, fall = (plan.detectable(runs, EXACT).rate for runs in (pair, pair[::-1]))
    assert (fall.gained, fall.lost) == (0, 10)
    # from 10/12 down, nested, as far as from 2/12 up
    assert fall.detectable.effect == pytest.approx(-rise.detectable.effect, abs=1e-5)


def test_changes_against_the_difference_cost_power(no_shipped_runs):
    back = SPREAD | {"q0": ("red fox",), "q1": ("red fox",)}
    ahead = ALIKE | {"q0": SPREAD["q0"]}
    rate = plan.detectable(
        [scored("base", back, QUESTIONS, n_samples=5), scored("dpo", ahead, QUESTIONS, n_samples=5)], EXACT
    ).rate
    # q0 lost, q1 stayed single, ten gained
    assert (rate.gained, rate.lost) == (10, 1)
    assert rate.shares == pytest.approx((10 / 12, 1 / 12))
    assert rate.detectable.effect > rate.nested.effect


def test_fewer_samples_by_hand(pair):
    three, five = plan.detectable(pair, EXACT).budgets
    # of four and one, three are alike with chance C(4,3)/C(5,3) = 0.4
    assert (three.n_samples, three.n, three.first) == (3, 12, pytest.approx(0.4))
    assert three.second == pytest.approx((10 + 2 * 0.4) / 12)
    assert three.gained == pytest.approx((10 * 0.6 + 2 * 0.6 * 0.4) / 12)
    assert three.lost == pytest.approx(2 * 0.4 * 0.6 / 12)
    # with all five, what they show: P(Bin(12, 10/12) ≥ 6)
    assert (five.first, five.second, five.lost) == (0, pytest.approx(10 / 12), 0)
    assert five.power == pytest.approx(binom.sf(5, 12, 10 / 12))
    assert three.power < five.power


def test_few_questions_find_no_difference_of_means_and_no_auroc(pair):
    found = plan.detectable(pair, EXACT)
    assert (found.clusters.first, found.clusters.second) == (2, pytest.approx(14 / 12))
    # differences: −1 ten times, 0 twice; Σd² − n d̄² = 10 − 100/12, over 11
    assert found.clusters.deviation == pytest.approx(math.sqrt((10 - 100 / 12) / 11))
    assert math.isnan(found.clusters.detectable.effect)
    assert [math.isnan(one.detectable.effect) for one in found.aurocs] == [True, True]


def test_questions_needed_by_hand(pair):
    found = plan.detectable(pair, EXACT)
    needs = plan.needed(pair, EXACT, found)
    # nested: P(Bin(n, 10/12) ≥ 6) ≥ 0.8
    fewest = next(n for n in range(100) if binom.sf(5, n, 10 / 12) >= 0.8)
    assert (needs.rate.n, needs.rate.effect) == (fewest, pytest.approx(10 / 12))
    assert needs.budgets[1].n == fewest < needs.budgets[0].n
    assert needs.clusters.effect == pytest.approx(-10 / 12)
    assert [math.isnan(one.n) for one in needs.aurocs] == [True, True]  # no greedy answer is graded


def test_two_equal_runs_need_no_number_of_questions(no_shipped_runs):
    pair = [scored(key, SPREAD, QUESTIONS, n_samples=5) for key in ("one", "other")]
    found = plan.detectable(pair, EXACT)
    needs = plan.needed(pair, EXACT, found)
    assert (found.rate.gained, found.rate.lost, math.isnan(needs.rate.n), math.isnan(needs.clusters.n)) == (0, 0, 1, 1)


def test_right_and_wrong_answers_of_a_run(no_shipped_runs):
    run = many_run()
    one = plan.detectable([run, run], EXACT).aurocs[0]
    assert (one.n_incorrect, one.n_correct, one.value) == (12, 8, 0.5)  # a fake model's entropies are all the same
    assert math.isnan(one.detectable.effect)  # eight right ones are too few


def test_what_two_shipped_runs_could_have_found():
    pair = [
        ScoredRun(open_run(run_id))
        for run_id in ("gemma-3-270m-sft--truthfulqa--1265aca12d", "gemma-3-270m-dpo--truthfulqa--5ec763f2e0")
    ]
    clusterer = pair[0].clusterer
    found = plan.detectable(pair, clusterer)
    needs = plan.needed(pair, clusterer, found)
    # They find the difference that they show exactly where it needs no more questions than they have
    for shown, part, design in (
        (found.rate.second - found.rate.first, found.rate, needs.rate),
        (found.clusters.second - found.clusters.first, found.clusters, needs.clusters),
    ):
        assert shown * part.detectable.effect > 0
        assert (abs(shown) >= abs(part.detectable.effect)) == (design.n <= part.n)
    for one, design in zip(found.aurocs, needs.aurocs, strict=True):
        n = one.n_incorrect + one.n_correct
        assert (one.value - 0.5 >= one.detectable.effect) == (design.n <= n)
    assert [one.n_samples for one in found.budgets] == [3, 5, 10]
    first, *_, last = (one.first for one in found.budgets)
    assert first > last  # more samples, fewer single clusters


def test_runs_that_do_not_make_a_pair(pair):
    with pytest.raises(InvalidInput, match="these are 1"):
        plan.detectable(pair[:1], EXACT)
    with pytest.raises(InvalidInput, match="no question in common"):
        plan.detectable([pair[0], scored("dpo", {}, [make_question("elsewhere")])], EXACT)
    with pytest.raises(HomogError, match="has not been scored"):
        plan.detectable([pair[0], ScoredRun(sampled("raw", ALIKE, QUESTIONS, n_samples=5))], EXACT)


def test_studies_from_figures():
    nested, unrelated = plan.rate_designs([0.02, 0.1], None).values()
    # nested: P(Bin(n, 0.08) ≥ 6) ≥ 0.8
    assert nested.n == next(n for n in range(1000) if binom.sf(5, n, 0.08) >= 0.8)
    assert unrelated.n > nested.n
    assert plan.rate_designs([0.02, 0.1], nested.n)["nested"] == nested
    assert plan.rate_designs([0.02], nested.n)["nested"].effect == pytest.approx(0.08, abs=1e-3)
    assert plan.clusters_design(2.4, 0.8, None).n == 74
    assert plan.clusters_design(2.4, 0.8, 74).power == plan.clusters_design(2.4, 0.8, None).power
    assert plan.clusters_design(2.4, None, 74).effect == pytest.approx(0.8, abs=2e-3)
    assert plan.auroc_design([0.6], None, 0.5, 0).n == 260
    assert plan.auroc_design([0.6], 260, 0.5, 0).power == plan.auroc_design([0.6], None, 0.5, 0).power
    assert plan.auroc_design([0.6, 0.72], None, 0.5, 0.6).n == 134
    assert plan.auroc_design([0.6, 0.72], 134, 0.5, 0.6).power >= 0.8
    assert plan.auroc_design([], 260, 0.5, 0).effect == pytest.approx(0.1, abs=5e-4)


@pytest.mark.parametrize(
    ("study", "words"),
    [
        (lambda: plan.rate_designs([0.1], None), "two single-cluster rates"),
        (lambda: plan.clusters_design(0, 1, None), "deviation of the differences is 0"),
        (lambda: plan.clusters_design(2, None, None), "or a number of questions"),
        (lambda: plan.auroc_design([], None, 0.5, 0), "Give an AUROC"),
        (lambda: plan.auroc_design([0.6], None, 1, 0), "The accuracy is 1"),
    ],
)
def test_studies_that_lack_something_say_what(study, words):
    with pytest.raises(InvalidInput, match=words):
        study()


def timed(run: Run, device: str, seconds: float) -> Run:
    """The run, as if it had been sampled on that device with 90 tokens in so many seconds."""
    provenance = replace(run.provenance, device=device, n_tokens=90, wall_seconds=seconds)
    changed = replace(run.manifest, provenance=provenance)
    write_manifest(run.folder, changed)
    return Run(run.folder, changed)


def test_a_cost_by_hand(no_shipped_runs):
    run = timed(sampled("one", ALIKE, QUESTIONS, n_samples=4), "a GPU", 3)
    found = plan.cost(run, 100, 9, "a GPU", store.list_runs())
    # "red", " fox" and the end: 3 tokens; 100 questions · 10 answers · 3 = 3,000 at 30 a second
    assert (found.tokens_per_answer, found.n_answers, found.tokens) == (3, 1000, 3000)
    assert (found.tokens_per_second, found.seconds, found.measured_by) == (30, 100, run.id)
    elsewhere = plan.cost(run, 100, 9, "a CPU", store.list_runs())
    assert (math.isnan(elsewhere.seconds), elsewhere.seconds_there, elsewhere.measured_on) == (True, 100, "a GPU")


def test_a_cost_rests_on_a_run_of_the_model_on_this_device(no_shipped_runs):
    run = timed(sampled("one", ALIKE, QUESTIONS, n_samples=4), "a GPU", 3)
    other = timed(sampled("one", ALIKE, QUESTIONS, n_samples=4, seed=1), "a CPU", 9)
    timed(sampled("two", ALIKE, QUESTIONS, n_samples=4), "a CPU", 1)
    found = plan.cost(run, 100, 9, "a CPU", store.list_runs())
    assert (found.like, found.measured_by, found.seconds) == (run.id, other.id, 300)


def test_nobody_knows_how_long_it_takes(no_shipped_runs):
    run = timed(sampled("one", ALIKE, QUESTIONS, n_samples=4), "", 0)
    found = plan.cost(run, 10, 1, "a CPU", store.list_runs())
    assert (found.tokens, found.measured_by) == (60, "")
    assert math.isnan(found.seconds) and math.isnan(found.seconds_there)
    with pytest.raises(InvalidInput, match="got 0 and 1"):
        plan.cost(run, 0, 1, "a CPU", store.list_runs())


def test_the_newest_run_of_a_model(no_shipped_runs):
    run = sampled("one", ALIKE, QUESTIONS, n_samples=4)
    runs = store.list_runs()
    assert plan.newest_run(runs, "one").id == plan.newest_run(runs, "one", "test").id == run.id
    with pytest.raises(NotFound, match=r"'one' over facts is stored.*--dataset facts"):
        plan.newest_run(runs, "one", "facts")
    with pytest.raises(NotFound, match="'nobody' is stored"):
        plan.newest_run(runs, "nobody")
