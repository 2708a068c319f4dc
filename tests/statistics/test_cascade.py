"""Cascades: decisions worked by hand, what never changes, no leakage, and the saving at matched quality."""

import math
from dataclasses import replace

import numpy as np
import pytest
from graded_scores import half_decided

from homog_core.errors import InvalidInput
from homog_core.statistics import cascade as cascade_module
from homog_core.statistics.cascade import (
    MARGIN,
    PASSED_ON,
    Signal,
    _prepared,
    cascade,
    cost_quality_curve,
    matched_saving,
    parallel,
    stage_costs,
)
from homog_core.statistics.cascade_stages import Stages, deal_folds, fit_stages, stops
from homog_core.statistics.discrimination import auroc
from homog_core.statistics.selective import selective_accuracy

NAN = math.nan


def signal(uncertainty, cost=1.0, name="a signal"):
    return Signal(name, uncertainty, np.broadcast_to(cost, np.shape(uncertainty)))


def noisy(n=211, shifts=(0.8, 0.4, 0.9), costs=(0, 12, 300), seed=0, share_undefined=0.0):
    """Signals that are normal with the given shift for errors, dearer to the right; costs differ by question."""
    rng = np.random.default_rng(seed)
    incorrect = rng.random(n) < 0.4
    signals = []
    for shift, cost in zip(shifts, costs, strict=True):
        values = rng.normal(size=n) + shift * incorrect
        values[rng.random(n) < share_undefined] = NAN
        signals.append(signal(values, cost * rng.uniform(0.5, 1.5, n), f"costs {cost}"))
    return signals, incorrect


def rows(signals, order):
    return [Signal(one.name, one.uncertainty[order], one.cost[order]) for one in signals]


# Signals and costs


@pytest.mark.parametrize(
    ("uncertainty", "cost", "message"),
    [
        ([1, 2], [1, 2, 3], "shape"),
        ([[1, 2]], [[1, 2]], "shape"),
        ([1, 2], [1, -0.5], "cost of -0.5"),
        ([1, 2], [1, NAN], "cost of nan"),
        ([1, 2], [math.inf, 1], "cost of inf"),
        ([1, math.inf], [1, 1], "infinite"),
    ],
)
def test_a_signal_that_cannot_be_used_is_refused(uncertainty, cost, message):
    with pytest.raises(InvalidInput, match=message):
        Signal("entropy", uncertainty, cost)


def test_a_signal_may_be_undefined_for_a_question():
    assert np.isnan(Signal("entropy", [NAN, 1], [0, 0]).uncertainty[0])


def test_stage_costs_by_hand():
    # 10 samples of 12 and 20 tokens; 22 M parameters read 270 tokens where the language model has 270 M: 22 tokens
    costs = stage_costs(
        n_samples=10, sample_tokens=[12, 20], pass_tokens=[270, 0], parameters=22e6, lm_parameters=270e6
    )

    assert costs.token_entropy.tolist() == [0, 0]
    assert costs.samples.tolist() == [120, 200]
    assert costs.model_pass == pytest.approx([22, 0])


@pytest.mark.parametrize(
    "wrong",
    [{"n_samples": -1}, {"sample_tokens": [-1]}, {"pass_tokens": [-1]}, {"parameters": 0}, {"lm_parameters": 0}],
)
def test_costs_of_impossible_counts_are_refused(wrong):
    with pytest.raises(InvalidInput, match=r"must be at least 0|need more than 0"):
        stage_costs(
            **{"n_samples": 1, "sample_tokens": [1], "pass_tokens": [1], "parameters": 1, "lm_parameters": 1} | wrong
        )


# Decisions worked by hand


def test_a_cascade_by_hand():
    # The 20 questions at ±1 have more evidence than the 20 at 0, of which any band passes on all, and a band below
    # one half no other. The dear signal then tells them apart: 20 · 8 / 40 = 4 tokens, nothing ranked wrongly.
    signals, incorrect = half_decided()

    outcome = cascade(signals, incorrect, 0.25)

    assert outcome.stage.tolist() == [0] * 10 + [1] * 20 + [0] * 10
    assert outcome.accepted.tolist() == (incorrect == 0).tolist()
    assert (outcome.mean_cost, outcome.reached.tolist()) == (4, [1, 0.5])
    assert (outcome.auroc, outcome.selective_accuracy, outcome.accepted_accuracy) == (1, 1, 1)


def test_the_cheapest_signal_alone_by_hand():
    # Nothing is known among the questions at 0: half a mistake for each pair of them in a fold, of which each holds 4
    # errors and 4 correct ones. (1 − ½ · ¼ = .875 if each fold had two of each at 0.)
    signals, incorrect = half_decided()

    outcome = cascade(signals, incorrect, 0)

    assert outcome.mean_cost == 0
    undecided = signals[0].uncertainty == 0
    tied = [[np.sum(undecided & (incorrect == grade) & (outcome.cell == f)) for grade in (0, 1)] for f in range(5)]
    assert outcome.auroc == pytest.approx(np.mean([1 - correct * wrong / 32 for correct, wrong in tied]))
    assert outcome.auroc == pytest.approx(0.875, abs=0.02)


def test_three_stages_by_hand():
    # Share of weaker evidence at stages 1 and 2; the last decides whatever is left. At a band of .5:
    # .6 stays; .2 goes on to .5, which stays, as it is not below; undefined and .1 go on and on.
    weaker = np.array([[0.6, 0.2, -np.inf, 0.1], [0.0, 0.5, 0.3, -np.inf], [0, 0, 0, 0]])
    stages = Stages(np.zeros((3, 4)), weaker, np.zeros(4), np.arange(4), np.arange(4))

    assert stops(stages, 0.5).tolist() == [0, 1, 2, 2]
    assert stops(stages, 0).tolist() == [0, 0, 1, 0]
    assert stops(stages, np.array([1, 0, 0.2, 0.05])).tolist() == [2, 0, 1, 0]


def test_the_averages_are_those_of_the_questions():
    signals, incorrect = noisy()

    outcome = cascade(signals, incorrect, 0.4)

    folds = [outcome.cell == f for f in range(5)]
    pairs = [incorrect[f].sum() * (~incorrect[f]).sum() for f in folds]
    within = [auroc(outcome.score[f], incorrect[f]) for f in folds]
    assert outcome.auroc == pytest.approx(np.average(within, weights=pairs))
    within = [selective_accuracy(outcome.score[f], ~incorrect[f], 0.5) for f in folds]
    assert outcome.selective_accuracy == pytest.approx(np.average(within, weights=[f.sum() for f in folds]))
    assert outcome.accepted_accuracy == pytest.approx(1 - incorrect[outcome.accepted].mean())
    assert outcome.mean_cost == pytest.approx(outcome.cost.mean())
    costs = [one.cost for one in signals]
    assert outcome.cost == pytest.approx([sum(c[q] for c in costs[: k + 1]) for q, k in enumerate(outcome.stage)])
    assert outcome.reached.tolist() == [np.mean(outcome.stage >= k) for k in range(3)]
    assert 0 < outcome.reached[2] < outcome.reached[1] < outcome.reached[0] == 1


def test_what_is_rejected_is_riskier_than_the_base_rate_of_the_training_folds():
    signals, incorrect = noisy(n=200)

    outcome = cascade(signals, incorrect, 0.4)

    assert outcome.score[outcome.accepted].max() < incorrect.mean() + 0.01
    assert outcome.score[~outcome.accepted].min() > incorrect.mean() - 0.01


# Invariants


@pytest.mark.parametrize("share_undefined", [0, 0.2])
def test_a_wider_band_is_never_cheaper_for_any_question(share_undefined):
    signals, incorrect = noisy(share_undefined=share_undefined)

    curve = cost_quality_curve(signals, incorrect)

    assert curve.passed_on.tolist() == list(PASSED_ON)
    stages = np.array([outcome.stage for outcome in curve.outcomes])
    assert (np.diff(stages, axis=0) >= 0).all()
    means = [outcome.mean_cost for outcome in curve.outcomes]
    assert means == sorted(means)
    assert means[0] < means[10] < means[-1]


def test_a_curve_is_the_cascade_at_every_point():
    signals, incorrect = noisy()

    curve = cost_quality_curve(signals, incorrect, seed=3)

    for point in (0, 7, 20):
        alone = cascade(signals, incorrect, PASSED_ON[point], seed=3)
        assert curve.outcomes[point].score.tolist() == alone.score.tolist()
        assert curve.outcomes[point].mean_cost == alone.mean_cost


def test_no_band_is_the_cheapest_signal_alone():
    signals, incorrect = noisy(costs=(5, 12, 300))

    narrowest, alone = cascade(signals, incorrect, 0), parallel(signals[:1], incorrect)

    assert narrowest.score == pytest.approx(alone.score)
    assert narrowest.cost.tolist() == alone.cost.tolist() == signals[0].cost.tolist()
    assert narrowest.reached.tolist() == [1, 0, 0]


@pytest.mark.parametrize("share_undefined", [0, 0.2])
def test_the_widest_band_is_everything(share_undefined):
    signals, incorrect = noisy(share_undefined=share_undefined)

    widest = cascade(signals, incorrect, 1)

    assert widest.cost == pytest.approx(sum(one.cost for one in signals))
    assert widest.reached.tolist() == [1, 1, 1]
    assert widest.score.tolist() == parallel(signals, incorrect).score.tolist()


def test_the_order_of_the_questions_plays_no_part():
    signals, incorrect = noisy(share_undefined=0.1)
    order = np.random.default_rng(1).permutation(len(incorrect))

    before, after = (cascade(*each, 0.4) for each in ((signals, incorrect), (rows(signals, order), incorrect[order])))

    assert after.stage.tolist() == before.stage[order].tolist()
    assert after.score == pytest.approx(before.score[order], abs=1e-9)
    first, second = matched_saving(signals, incorrect), matched_saving(rows(signals, order), incorrect[order])
    assert (first.saving.low, first.saving.high) == pytest.approx((second.saving.low, second.saving.high))
    assert first.passed_on.tolist() == second.passed_on.tolist()


def test_the_unit_of_a_signal_plays_no_part():
    signals, incorrect = noisy()
    rescaled = [replace(signals[0], uncertainty=1000 * signals[0].uncertainty - 7), *signals[1:]]

    before, after = cascade(signals, incorrect, 0.4), cascade(rescaled, incorrect, 0.4)

    assert after.score == pytest.approx(before.score, abs=1e-5)


def test_the_folds_are_seeded_and_hold_equal_shares_of_errors():
    data = _prepared(*noisy(n=203), None)

    fold = deal_folds(data, 4)

    assert fold.tolist() == deal_folds(data, 4).tolist()
    assert fold.tolist() != deal_folds(data, 5).tolist()
    for members in (data.incorrect, ~data.incorrect):
        assert np.ptp(np.bincount(fold[members], minlength=5)) <= 1


# No leakage


@pytest.fixture
def fixed_folds(monkeypatch):
    """Folds by row number, so that a changed label or value moves no question."""
    monkeypatch.setattr(cascade_module, "deal_folds", lambda data, seed: np.arange(len(data.incorrect)) % 5)


@pytest.mark.usefixtures("fixed_folds")
def test_a_question_is_scored_without_its_own_label():
    signals, incorrect = noisy()
    before = cost_quality_curve(signals, incorrect)
    for question in (0, 7, 100):
        flipped = incorrect ^ (np.arange(len(incorrect)) == question)
        after = cost_quality_curve(signals, flipped)
        same_fold = np.arange(len(incorrect)) % 5 == question % 5
        for one, other in zip(before.outcomes, after.outcomes, strict=True):
            assert one.score[same_fold].tolist() == other.score[same_fold].tolist()
            assert one.stage[same_fold].tolist() == other.stage[same_fold].tolist()
            assert (one.score[~same_fold] != other.score[~same_fold]).all()


@pytest.mark.usefixtures("fixed_folds")
def test_thresholds_are_not_chosen_on_the_held_out_values():
    signals, incorrect = noisy()
    question = 3
    moved = [replace(one, uncertainty=one.uncertainty + 9 * (np.arange(211) == question)) for one in signals]

    before, after = cascade(signals, incorrect, 0.4), cascade(moved, incorrect, 0.4)

    others = (np.arange(211) % 5 == 3) & (np.arange(211) != question)
    assert before.score[others].tolist() == after.score[others].tolist()
    assert before.stage[others].tolist() == after.stage[others].tolist()


@pytest.mark.usefixtures("fixed_folds")
def test_an_operating_point_is_not_chosen_on_the_held_out_fold():
    signals, incorrect = noisy()
    fold = np.arange(len(incorrect)) % 5
    before = matched_saving(signals, incorrect).passed_on
    after = np.array([matched_saving(signals, incorrect ^ (fold == f)).passed_on for f in range(5)])
    assert np.diag(after).tolist() == before.tolist()
    assert (after != before).any()


def test_shuffled_labels_are_not_told_apart():
    rng = np.random.default_rng(0)
    found = []
    for seed in range(20):
        signals, incorrect = noisy(n=150, seed=seed)
        found.append([outcome.auroc for outcome in cost_quality_curve(signals, rng.permutation(incorrect)).outcomes])
    means = np.mean(found, axis=0)
    assert np.abs(means - 0.5).max() < 0.03  # 2.5 standard errors: one AUROC has about .055, 20 of them .012


# What is undefined


def test_an_undefined_signal_is_passed_on_whatever_the_band():
    signals, incorrect = noisy()
    signals[0].uncertainty[:3] = NAN

    outcome = cascade(signals, incorrect, 0)

    assert outcome.stage.tolist() == [1] * 3 + [0] * 208
    assert outcome.cost[:3] == pytest.approx(signals[0].cost[:3] + signals[1].cost[:3])  # having tried is not free


def test_the_last_stage_falls_back_to_the_latest_probability():
    signals, incorrect = noisy()
    signals[2].uncertainty[:3] = NAN
    signals[1].uncertainty[1] = NAN

    everything = fit_stages(_prepared(signals, incorrect, None), np.arange(211) % 5).evidence

    assert everything[2, 0] == everything[1, 0]
    assert everything[2, 1] == everything[0, 1]
    assert everything[2, 3] != everything[1, 3]
    assert cascade(signals, incorrect, 1).stage[0] == 2


def test_of_a_question_without_any_signal_only_the_base_rate_is_known():
    signals, incorrect = noisy()
    for one in signals:
        one.uncertainty[5] = NAN

    outcome = cascade(signals, incorrect, 0.3)

    assert (outcome.stage[5], outcome.accepted[5]) == (2, False)
    assert outcome.score[5] == pytest.approx(incorrect.mean(), abs=0.01)


@pytest.mark.parametrize("band", [0, 0.5, 1])
def test_a_stage_that_knows_one_class_only_decides_nothing(band):
    signals, incorrect = noisy()
    only_errors = replace(signals[1], uncertainty=np.where(incorrect, signals[1].uncertainty, NAN))

    outcome = cascade([signals[0], only_errors, signals[2]], incorrect, band)

    assert not (outcome.stage == 1).any()
    assert not np.isnan(outcome.score).any()


@pytest.mark.parametrize("constant", [0.0, 0.1, NAN])
def test_without_any_signal_all_scores_tie(constant):
    # 23 of 47: the folds' base rates differ, which across folds would look like a signal, and a wrong one
    incorrect = np.arange(47) % 2
    outcome = parallel([signal(np.full(47, constant))], incorrect)

    assert outcome.auroc == 0.5
    assert auroc(outcome.score, incorrect) < 0.5
    assert outcome.selective_accuracy == pytest.approx(24 / 47)
    assert not outcome.accepted.any()
    assert math.isnan(outcome.accepted_accuracy)


def test_a_cheap_signal_that_says_nothing_passes_everything_on():
    signals, incorrect = noisy()
    mute = signal(np.zeros(211), 0)

    assert cascade([mute, signals[2]], incorrect, 0.05).reached.tolist() == [1, 1]
    assert cascade([mute, signals[2]], incorrect, 0).reached.tolist() == [1, 0]


def test_one_signal_decides_everything():
    signals, incorrect = noisy()

    outcomes = [cascade(signals[:1], incorrect, band) for band in (0, 0.5, 1)]

    assert {outcome.mean_cost for outcome in outcomes} == {signals[0].cost.mean()}
    assert not any(outcome.stage.any() for outcome in outcomes)
    with pytest.raises(InvalidInput, match="two signals, there is 1"):
        matched_saving(signals[:1], incorrect)


def test_ten_of_each_class_are_enough():
    signals, incorrect = noisy(n=20)
    incorrect = np.arange(20) % 2

    assert not np.isnan(cascade(signals, incorrect, 0.5).score).any()
    assert matched_saving(signals, incorrect).saving.n == 20


def test_a_signal_never_counts_the_wrong_way_round():
    # Lower for errors: a regression that may turn it over would rank almost all pairs rightly.
    incorrect = np.arange(60) % 2
    backwards = signal(-incorrect + np.random.default_rng(0).normal(0, 0.1, 60))

    outcome = parallel([backwards], incorrect)

    assert outcome.auroc == 0.5
    assert len(set(outcome.score.round(6))) <= 5  # one a fold: the base rate


def test_only_questions_of_one_group_are_compared():
    # The signal tells the two groups apart, and errors are ten times as frequent in one; within a group it is noise.
    rng = np.random.default_rng(1)
    group = np.arange(400) % 2
    incorrect = (rng.random(400) < np.where(group, 0.8, 0.2)).astype(int)
    telling = signal(group + rng.normal(0, 0.1, 400))

    assert parallel([telling], incorrect).auroc > 0.75
    assert parallel([telling], incorrect, group=group).auroc == pytest.approx(0.5, abs=0.06)
    with pytest.raises(InvalidInput, match="3 groups for 400 grades"):
        parallel([telling], incorrect, group=[0, 1, 2])


def test_a_verdict_carries_its_stability():
    signals, incorrect = noisy(n=60)

    found = matched_saving(signals, incorrect, seeds=range(6))

    assert len(found.verdicts) == 6
    assert found.verdicts.count(found.verdict) == max(map(found.verdicts.count, set(found.verdicts)))
    assert found.stability == found.verdicts.count(found.verdict) / 6


def test_the_reference_is_chance_where_the_cheapest_signal_is_worse():
    # The cheap signal is reversed in half of the questions of each class, so that it is worse than chance over all; the
    # dear one is weak. Against the cheap one alone everything would look like a gain.
    rng = np.random.default_rng(3)
    incorrect = np.arange(80) % 2
    bad, weak = signal(-incorrect * 0.2 + rng.normal(size=80), 0), signal(rng.normal(size=80), 10)

    found = matched_saving([bad, weak], incorrect)

    assert found.verdict == "no gain"
    assert found.gain.difference <= found.everything.auroc - 0.5 + 1e-9


@pytest.mark.parametrize(
    ("incorrect", "message"),
    [
        ([0] * 30, "0 of 30 are incorrect"),
        ([1] * 30, "30 of 30 are incorrect"),
        ([1] * 9 + [0] * 21, "9 of 30 are incorrect"),
        ([], "0 of 0"),
        ([NAN] + [0, 1] * 14 + [0], "neither 0 nor 1"),
        ([2] * 30, "neither 0 nor 1"),
    ],
)
def test_grades_that_cannot_be_used_are_refused(incorrect, message):
    with pytest.raises(InvalidInput, match=message):
        cascade([signal(np.arange(len(incorrect)))], incorrect, 0.5)


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(InvalidInput, match="30 values for 29 grades"):
        cascade([signal(np.arange(30))], [0, 1] * 14 + [0], 0.5)
    with pytest.raises(InvalidInput, match="there is none"):
        cascade([], [0, 1], 0.5)


@pytest.mark.parametrize("band", [-0.1, 1.1, NAN])
def test_a_band_outside_its_range_is_refused(band):
    with pytest.raises(InvalidInput, match="from 0 to 1"):
        cascade(*half_decided(), band)


# The saving at matched quality


def test_a_cascade_that_provably_saves_half():
    # The dear signal is needed on half of 400 questions and changes no rank on the others: saving ½, and by the
    # binomial 1.96 √(¼/400) = .049 either way. No stage suits all questions, so leaving a signal out saves nothing.
    signals, incorrect = half_decided(n=400)

    found = matched_saving(signals, incorrect)

    assert found.saving.value == 0.5
    assert (found.saving.low, found.saving.high) == pytest.approx((0.451, 0.549), abs=0.005)
    assert (found.cascade.auroc, found.everything.auroc, found.difference.difference) == (1, 1, 0)
    assert found.fixed_saving.value == 0
    assert found.gain.difference == pytest.approx(0.125, abs=0.02)
    assert found.verdict == "kept"
    assert set(found.passed_on) == {0.05}


def test_a_saving_under_noise_shows_what_it_is_worth():
    signals, incorrect = noisy(n=800, shifts=(1.2, 0.1, 1.0))

    found = matched_saving(signals, incorrect)

    assert 0.1 < found.saving.low < found.saving.value < found.saving.high < 0.7
    assert found.saving.value == pytest.approx(1 - found.cascade.mean_cost / found.everything.mean_cost)
    assert found.difference.difference == pytest.approx(found.cascade.auroc - found.everything.auroc)
    assert found.gain.difference == pytest.approx(found.everything.auroc - found.cheapest.auroc)
    assert found.gain.low > 0
    assert -0.03 < found.difference.difference < 0.01
    assert found.cheapest.mean_cost == signals[0].cost.mean()


def test_what_dear_signals_without_information_save_is_no_merit():
    signals, incorrect = noisy(n=400, shifts=(1.0, 0, 0))

    found = matched_saving(signals, incorrect)

    assert found.saving.value > 0.9
    assert found.verdict == "no gain"


def test_a_dear_signal_that_is_useless_to_all_needs_no_cascade():
    signals, incorrect = noisy(n=800, shifts=(0.3, 1.5, 0))

    found = matched_saving(signals, incorrect)

    assert found.fixed_saving.value > 0.9 > found.saving.value
    assert found.fixed.auroc > found.everything.auroc - MARGIN


def test_a_saving_is_seeded():
    signals, incorrect = noisy(n=100)

    first, again, other = (matched_saving(signals, incorrect, seeds=[seed]).saving for seed in (0, 0, 1))

    assert first == again
    assert first != other


def test_where_everything_is_free_there_is_nothing_to_save():
    signals, incorrect = noisy(costs=(0, 0, 0))

    found = matched_saving(signals, incorrect)

    assert np.isnan([found.saving.value, found.saving.low, found.fixed_saving.value]).all()
    assert found.verdict == "no cost"
