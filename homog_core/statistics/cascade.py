"""Cheapest-first cascades: several uncertainty signals, run only as far as a question needs (docs/methods.md §6).

Handed one value and one cost per question and signal; does not know how a signal is measured. Every number is out of
fold: five folds, stratified by correctness; a question is scored by models and thresholds of the other four. The folds
do not depend on the order of the questions; those that are alike in everything are interchangeable.

AUROC and selective accuracy compare questions of one fold only, which one model has scored. Ranking all folds together
would break ties between the folds by their models' base rates, against the labels: where most scores tie, as after
homogenization, that costs an AUROC of 0.53 about 0.01 over 800 questions and 0.02 over 250 (Forman & Scholz 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import expit, logit

from homog_core.errors import InvalidInput
from homog_core.records import Estimate
from homog_core.statistics.columns import Values
from homog_core.statistics.discrimination import AurocDifference, auroc, delong_test
from homog_core.statistics.selective import selective_accuracy

Verdict = Literal["kept", "lost", "unclear", "no gain", "no cost"]


N_FOLDS = 5


COVERAGE = 0.5  # of the selective accuracy


PASSED_ON = tuple(k / 20 for k in range(21))  # operating points of a curve


TOLERANCE = 0.005  # AUROC that an operating point may lose on the training folds


MARGIN = 0.02  # AUROC; quality counts as kept where the held-out folds exclude a larger loss


_N_RESAMPLES = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One uncertainty signal over Q questions, and what running it costs on top of the signals before it.

    Costs are in tokens of the language model, finite and not negative. An undefined uncertainty is NaN; it costs as
    much as another, since that it is undefined shows only once the signal has been run.
    """

    name: str
    uncertainty: np.ndarray  # (Q,) higher is more uncertain
    cost: np.ndarray  # (Q,) extra cost of this stage

    def __post_init__(self) -> None:
        for field in ("uncertainty", "cost"):
            object.__setattr__(self, field, np.asarray(getattr(self, field), dtype=np.float64))
        if self.uncertainty.ndim != 1 or self.uncertainty.shape != self.cost.shape:
            raise InvalidInput(
                f"Signal {self.name!r} has uncertainties of shape {self.uncertainty.shape} and costs of shape "
                f"{self.cost.shape}; it needs one of each per question."
            )
        if np.isinf(self.uncertainty).any():
            raise InvalidInput(f"Signal {self.name!r} has an infinite uncertainty; use NaN where it is undefined.")
        refused = self.cost[~(np.isfinite(self.cost) & (self.cost >= 0))]
        if len(refused):
            raise InvalidInput(f"Signal {self.name!r} has a cost of {refused[0]:g}; costs are finite and at least 0.")


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One way of using K signals on Q questions: what was decided, what it cost, what it is worth."""

    score: np.ndarray  # (Q,) out-of-fold probability of an error at the stage that decided
    fold: np.ndarray  # (Q,) 0 … 4; one fold is scored by the same models
    stage: np.ndarray  # (Q,) index of the signal that decided, which is the last one run
    accepted: np.ndarray  # (Q,) bool; rejected otherwise
    cost: np.ndarray  # (Q,) of all stages run
    reached: np.ndarray  # (K,) share of the questions on which each signal was run
    mean_cost: float  # tokens a question
    auroc: float  # of `score` over the pairs of questions in one fold; the positive class is an error
    selective_accuracy: float  # of the half of each fold with the lowest `score`, averaged over questions
    accepted_accuracy: float  # of the accepted questions; NaN where there is none


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The cascade at every operating point: from the cheapest signal alone to everything on every question."""

    passed_on: np.ndarray  # (G,) `PASSED_ON`
    outcomes: tuple[Outcome, ...]  # (G,)


@dataclass(frozen=True, slots=True, eq=False)
class Saving:
    """What a cascade saves against running everything, with the evidence on whether quality was kept."""

    saving: Estimate  # 1 − cost of the cascade / cost of everything; NaN where everything costs nothing
    fixed_saving: Estimate  # the same when every question stops at one stage, chosen by the same rule
    difference: AurocDifference  # AUROC of the cascade minus that of everything
    gain: AurocDifference  # AUROC of everything minus that of the cheapest signal: what there is to lose
    cascade: Outcome
    fixed: Outcome
    everything: Outcome
    cheapest: Outcome
    passed_on: np.ndarray  # (5,) operating point of each fold
    cheapest_name: str

    @property
    def verdict(self) -> Verdict:
        """What may be said about quality, from the 95 % intervals on the held-out folds; the first that holds.

        "no cost": everything is free. "no gain": everything together is not shown to be better than the cheapest signal
        (`gain` reaches 0), so that any saving is that of not running the others. "kept": a loss of more than `MARGIN`
        is excluded. "lost": a loss of 0 is excluded. "unclear": neither.
        """
        if np.isnan(self.saving.value):
            return "no cost"
        if self.gain.low <= 0:
            return "no gain"
        if self.difference.low >= -MARGIN:
            return "kept"
        return "lost" if self.difference.high < 0 else "unclear"


class StageCosts(NamedTuple):
    """Extra costs in tokens of the language model, per question."""

    token_entropy: np.ndarray  # read from the greedy response, which is there: 0
    samples: np.ndarray
    model_pass: np.ndarray


def stage_costs(
    *, n_samples: int, sample_tokens: Values, pass_tokens: Values, parameters: float, lm_parameters: float
) -> StageCosts:
    """Costs of N samples and of another model's pass: N · mean tokens of a sample, and t · parameters / lm_parameters.

    `sample_tokens` (Q,) mean generated tokens a sample; `pass_tokens` (Q,) tokens that the encoder or NLI model reads
    in all, e.g. over all answers or all pairs. The prompt is read once for the answer anyway and is not counted, and a
    token that is read counts as one that is written. Raises `InvalidInput` for a negative count or no parameters.
    Source: a forward pass costs about two operations a parameter and token (Kaplan et al. 2020), which cancels.
    """
    sampled, read = np.asarray(sample_tokens, dtype=np.float64), np.asarray(pass_tokens, dtype=np.float64)
    if n_samples < 0 or (sampled < 0).any() or (read < 0).any():
        raise InvalidInput("A number of samples or tokens is negative; counts must be at least 0.")
    if not (parameters > 0 and lm_parameters > 0):
        raise InvalidInput(f"Parameters are {parameters:g} and {lm_parameters:g}; both models need more than 0.")
    return StageCosts(np.zeros_like(sampled), n_samples * sampled, read * parameters / lm_parameters)


def cascade(signals: Sequence[Signal], incorrect: Values, passed_on: float, *, seed: int = 0) -> Outcome:
    """Run the signals in the given order, cheapest first; a question stops at the first stage that decides it.

    Stage k's probability of an error is a logistic regression on the standardised signals 1 … k. They are paid for, so
    to ignore them would save nothing; and as they alone decide who gets this far, a model that knows them may be fitted
    on all training questions. The last stage is then that of `parallel`. (L2 penalty with C = 1, so that separable
    questions get finite odds; an earlier signal that is undefined counts as its mean.) The evidence is the log odds of
    an error minus those of the base rate in the training folds. Below 0 it accepts, otherwise it rejects: there
    sensitivity plus specificity is largest, and both decisions occur at any error rate, unlike with a probability of ½.

    `passed_on` in [0, 1] is the band: a stage passes a question on if less than this share of the training questions
    has weaker evidence there, in absolute value. It is thus the share of all questions that a stage would pass on; of
    those that reach a late stage, which are the harder ones, it is more (`Outcome.reached` tells). A share means the
    same at every stage and error rate, which a margin of probability does not; and as it is one of all questions,
    not of those that arrive, the bands are nested: no question gets cheaper as the band grows. 0: the cheapest signal
    alone. 1: everything on every question. Evidence that ties is passed on together.

    Undefined at a stage (NaN, or one class only among the training questions that define it): passed on at any band; at
    the last stage the latest probability that is defined, otherwise the base rate, which rejects. One signal: the band
    plays no part. No question told from another: the scores of a fold tie, AUROC 0.5. Raises `InvalidInput` for fewer
    than five correct or incorrect answers. Source: Viola & Jones 2001, whose stages only reject; for language models
    Chen et al. 2023 ("FrugalGPT"), whose stages are models with a threshold each; arXiv:2603.24124 for these signals.
    """
    if not 0 <= passed_on <= 1:
        raise InvalidInput(f"The share passed on is {passed_on:g}; it must be from 0 to 1.")
    data = _prepared(signals, incorrect)
    stages = _out_of_fold(data, _folds(data, seed))
    return _outcome(data, stages, _stops(stages, passed_on))


def parallel(signals: Sequence[Signal], incorrect: Values, *, seed: int = 0) -> Outcome:
    """All signals on every question: the last stage of `cascade`, at the sum of the costs. Edges as there.

    With one signal: that signal alone. Hand it the cost that it has by itself, since an entropy over samples is cheap
    only where they have been drawn already. The logistic regression learns the sign, on the training folds: a signal
    that is lower for errors counts as a good one here and below 0.5 in `metrics.auroc`.
    """
    return cascade(signals, incorrect, 1.0, seed=seed)


def cost_quality_curve(signals: Sequence[Signal], incorrect: Values, *, seed: int = 0) -> Curve:
    """`cascade` at each of `PASSED_ON`, from the same fits. The mean cost never falls; the quality may.

    To choose an operating point from this curve and to report its quality would be in-sample: see `matched_saving`.
    """
    data = _prepared(signals, incorrect)
    stages = _out_of_fold(data, _folds(data, seed))
    outcomes = tuple(_outcome(data, stages, _stops(stages, passed_on)) for passed_on in PASSED_ON)
    return Curve(np.array(PASSED_ON), outcomes)


def matched_saving(signals: Sequence[Signal], incorrect: Values, *, seed: int = 0) -> Saving:
    """1 − cost of the cascade / cost of everything, at an operating point that aims at the quality of everything.

    For each fold the point is chosen on the other four, by a cascade cross-validated within them: the narrowest band of
    `PASSED_ON` whose AUROC is at most `TOLERANCE` below that of all signals together. Cost and AUROC are those of the
    held-out folds. "Matched" is then a claim to check, not a construction: `difference` compares the held-out AUROCs
    by DeLong's paired test (within folds), and `Saving.verdict` says what it shows. The point aims well
    inside `MARGIN`, since one that aimed at the margin itself could seldom be shown to keep to it. Two comparisons keep
    a large saving from impressing: `gain`, without which the cheapest signal would do, and `fixed_saving`, which leaves
    out the same dear signals for every question and needs no cascade.

    A share of the extra costs, the answer itself not counted. The intervals are over questions, given the fitted models
    and the chosen points: the spread of `passed_on` shows how firm these are, and near an AUROC of 0.5, where the
    models of the folds disagree, those of the differences are too narrow. Saving: 95 % percentile bootstrap of both
    costs together. Everything costs nothing: NaN. Raises `InvalidInput` for fewer than two signals, and for fewer than
    five correct or incorrect answers.
    """
    if len(signals) < 2:
        raise InvalidInput(f"A saving needs at least two signals, there is {len(signals)}; add a dearer one.")
    data = _prepared(signals, incorrect)
    fold = _folds(data, seed)
    chosen = [_choose(data.at(fold != held_out), seed) for held_out in range(N_FOLDS)]
    passed_on, last = (np.array(column) for column in zip(*chosen, strict=True))
    stages = _out_of_fold(data, fold)
    stops = _stops(stages, passed_on[fold]), last[fold], _everywhere(data, -1), _everywhere(data, 0)
    adaptive, fixed, everything, cheapest = (_outcome(data, stages, stop) for stop in stops)
    return Saving(
        saving=_saved(adaptive.cost, everything.cost, seed),
        fixed_saving=_saved(fixed.cost, everything.cost, seed),
        difference=_difference(adaptive, everything, data.incorrect),
        gain=_difference(everything, cheapest, data.incorrect),
        cascade=adaptive,
        fixed=fixed,
        everything=everything,
        cheapest=cheapest,
        passed_on=passed_on,
        cheapest_name=signals[0].name,
    )


# Folds, models, decisions


class _Data(NamedTuple):
    values: np.ndarray  # (K, Q) uncertainties
    cost: np.ndarray  # (K, Q) of all stages up to this one
    incorrect: np.ndarray  # (Q,) bool

    def at(self, questions: np.ndarray) -> "_Data":
        return _Data(self.values[:, questions], self.cost[:, questions], self.incorrect[questions])


class _Stages(NamedTuple):
    """What each stage says of each question, out of fold."""

    evidence: np.ndarray  # (K, Q) log odds of an error minus the base rate's; the latest defined one, otherwise 0
    weaker: np.ndarray  # (K, Q) share of the training questions with weaker evidence; −∞ where the stage is undefined
    base_rate: np.ndarray  # (Q,) log odds of an error in the training folds
    fold: np.ndarray  # (Q,)


def _prepared(signals: Sequence[Signal], incorrect: Values) -> _Data:
    if not signals:
        raise InvalidInput("A cascade needs at least one signal; there is none.")
    grades = np.asarray(incorrect, dtype=np.float64)
    for signal in signals:
        if signal.uncertainty.shape != grades.shape:
            raise InvalidInput(
                f"Signal {signal.name!r} has {len(signal.uncertainty)} values for {len(grades)} grades; "
                "there must be one of each per question."
            )
    if not np.isin(grades, (0, 1)).all():
        raise InvalidInput("A grade is neither 0 nor 1; leave out the questions that are ambiguous or ungraded.")
    n_incorrect = int(grades.sum())
    if min(n_incorrect, len(grades) - n_incorrect) < N_FOLDS:
        raise InvalidInput(
            f"A cascade is fitted on {N_FOLDS} folds and needs {N_FOLDS} correct and {N_FOLDS} incorrect answers; "
            f"{n_incorrect} of {len(grades)} are incorrect. Grade more questions."
        )
    cost = np.cumsum([signal.cost for signal in signals], axis=0)
    return _Data(np.stack([signal.uncertainty for signal in signals]), cost, grades == 1)


def _folds(data: _Data, seed: int) -> np.ndarray:
    """Fold (Q,) of each question: dealt within each class, in an order drawn over the sorted questions."""
    order = np.lexsort((data.incorrect, *data.cost[::-1], *data.values[::-1]))
    order = np.random.default_rng(seed).permutation(order)
    fold = np.empty(len(order), dtype=int)
    fold[order[np.argsort(data.incorrect[order], kind="stable")]] = np.arange(len(order)) % N_FOLDS
    return fold


def _each(fold: np.ndarray) -> list[np.ndarray]:
    return [fold == index for index in range(N_FOLDS)]


def _out_of_fold(data: _Data, fold: np.ndarray) -> _Stages:
    """Fit every stage on four folds and apply it to the fifth, for each of the five."""
    evidence, weaker = np.empty_like(data.values), np.empty_like(data.values)
    base_rate = np.empty(len(fold))
    for held_out in _each(fold):
        latest = np.zeros(np.count_nonzero(held_out))
        for k in range(len(data.values)):
            found, weaker[k, held_out] = _fit_stage(data.values[: k + 1], data.incorrect, held_out)
            evidence[k, held_out] = latest = np.where(np.isnan(found), latest, found)
        base_rate[held_out] = logit(data.incorrect[~held_out].mean())
    return _Stages(evidence, weaker, base_rate, fold)


def _fit_stage(values: np.ndarray, incorrect: np.ndarray, held_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Evidence and share of weaker evidence (n held out,) by a model of the other questions that define this stage."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    defined = ~np.isnan(values[-1])
    training = defined & ~held_out
    if len(np.unique(incorrect[training])) < 2:
        return np.full(held_out.sum(), np.nan), np.full(held_out.sum(), -np.inf)
    model = make_pipeline(
        SimpleImputer(keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(solver="newton-cholesky", tol=1e-9),
    ).fit(values[:, training].T, incorrect[training])
    evidence = np.full(len(incorrect), np.nan)
    evidence[defined] = model.decision_function(values[:, defined].T) - logit(incorrect[~held_out].mean())
    evidence = np.round(evidence, 6)  # what the solver leaves over is no evidence
    weights = np.sort(np.abs(evidence[training]))
    weaker = np.searchsorted(weights, np.abs(evidence)) / (len(weights) + 1)
    return evidence[held_out], np.where(defined, weaker, -np.inf)[held_out]


def _stops(stages: _Stages, passed_on: float | np.ndarray) -> np.ndarray:
    """Stage (Q,) at which each question is decided: the first that does not pass it on, at the latest the last."""
    return np.cumprod(stages.weaker[:-1] < passed_on, axis=0).sum(axis=0, dtype=int)


def _everywhere(data: _Data, stage: int) -> np.ndarray:
    return np.full(len(data.incorrect), stage % len(data.values))


def _scores(stages: _Stages, stop: np.ndarray) -> np.ndarray:
    """Probability (Q,) of an error at the stage where each question stops."""
    return expit(stages.evidence[stop, np.arange(len(stop))] + stages.base_rate)


def _outcome(data: _Data, stages: _Stages, stop: np.ndarray) -> Outcome:
    questions = np.arange(len(stop))
    score, cost = _scores(stages, stop), data.cost[stop, questions]
    accepted = stages.evidence[stop, questions] < 0
    return Outcome(
        score=score,
        fold=stages.fold,
        stage=stop,
        accepted=accepted,
        cost=cost,
        reached=(stop >= np.arange(len(data.values))[:, np.newaxis]).mean(axis=1),
        mean_cost=float(cost.mean()),
        auroc=_auroc(score, data.incorrect, stages.fold),
        selective_accuracy=_selective_accuracy(score, data.incorrect, stages.fold),
        accepted_accuracy=float(np.mean(~data.incorrect[accepted])) if accepted.any() else float("nan"),
    )


def _choose(training: _Data, seed: int) -> tuple[float, int]:
    """Narrowest band, and first stage to stop every question at, that lose at most `TOLERANCE` on these questions."""
    stages = _out_of_fold(training, _folds(training, seed))

    def quality(stop: np.ndarray) -> float:
        return _auroc(_scores(stages, stop), training.incorrect, stages.fold)

    target = quality(_everywhere(training, -1)) - TOLERANCE
    passed_on = next(share for share in PASSED_ON if quality(_stops(stages, share)) >= target)
    stage = next(k for k in range(len(training.values)) if quality(_everywhere(training, k)) >= target)
    return passed_on, stage


def _pairs(incorrect: np.ndarray) -> int:
    return int(incorrect.sum() * (~incorrect).sum())


def _auroc(score: np.ndarray, incorrect: np.ndarray, fold: np.ndarray) -> float:
    """AUROC over the pairs of an incorrect and a correct question in one fold."""
    folds = [each for each in _each(fold) if _pairs(incorrect[each])]
    values = [auroc(score[each], incorrect[each]) for each in folds]
    return float(np.average(values, weights=[_pairs(incorrect[each]) for each in folds]))


def _selective_accuracy(score: np.ndarray, incorrect: np.ndarray, fold: np.ndarray) -> float:
    """Accuracy at `COVERAGE` within each fold, averaged by its number of questions."""
    values = [selective_accuracy(score[each], ~incorrect[each], COVERAGE) for each in _each(fold)]
    return float(np.average(values, weights=np.bincount(fold)))


def _difference(a: Outcome, b: Outcome, incorrect: np.ndarray) -> AurocDifference:
    """AUROC of a minus that of b, within folds, by DeLong's paired test.

    Scores of different folds are set so far apart that all pairs across folds are ranked alike in a and b and cancel.
    What is left is a share of all pairs, of which the test has taken the mean.
    """
    found = delong_test(a.score + 2 * a.fold, b.score + 2 * b.fold, incorrect)
    scale = _pairs(incorrect) / sum(_pairs(incorrect[each]) for each in _each(a.fold))
    low, high = np.clip([scale * found.low, scale * found.high], -1, 1)
    return AurocDifference(scale * found.difference, float(low), float(high), found.pvalue)


def _saved(cost: np.ndarray, everything: np.ndarray, seed: int) -> Estimate:
    """1 − mean cost / mean cost of everything, with its percentile interval over questions."""
    pairs = np.stack([cost, everything])[:, np.lexsort((cost, everything))]  # whatever the order of the questions
    n = len(cost)
    if not everything.any():
        return Estimate(float("nan"), float("nan"), float("nan"), n, "paired bootstrap")
    drawn = np.random.default_rng(seed).integers(n, size=(_N_RESAMPLES, n))
    some, all_of_them = pairs[:, drawn].sum(axis=2)
    with np.errstate(invalid="ignore"):  # a resample of questions that cost nothing
        low, high = np.nanquantile(1 - some / all_of_them, [0.025, 0.975])
    return Estimate(float(1 - cost.sum() / everything.sum()), float(low), float(high), n, "paired bootstrap")
