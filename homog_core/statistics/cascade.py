"""Cheapest-first cascades: several uncertainty signals, run only as far as a question needs (docs/methods.md).

Handed one value and one cost per question and signal; does not know how a signal is measured. Every number is out of
fold, and AUROC and selective accuracy compare questions of one fold only. The folds do not depend on the order of the
questions; those that are alike in everything are interchangeable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import expit

from homog_core.errors import InvalidInput
from homog_core.records import Estimate
from homog_core.statistics.cascade_stages import N_FOLDS, StageData, Stages, deal_folds, fit_many, fit_stages, stops
from homog_core.statistics.columns import Values, resampled_counts
from homog_core.statistics.discrimination import FEWEST, AurocDifference
from homog_core.statistics.within_groups import (
    auroc_difference_within,
    auroc_within,
    aurocs_within,
    selective_accuracy_within,
)

Verdict = Literal["kept", "lost", "unclear", "no gain", "no cost"]
COVERAGE = 0.5  # of the selective accuracy
PASSED_ON = tuple(k / 20 for k in range(21))  # operating points of a curve
TOLERANCE = 0.005  # AUROC that an operating point may lose on the training folds
MARGIN = 0.02  # AUROC; quality counts as kept where the held-out folds exclude a larger loss
CHANCE = 0.5
REPEATS = range(10)  # seeds of the folds that a verdict is repeated over
_CAUTION: tuple[Verdict, ...] = ("no cost", "no gain", "lost", "unclear", "kept")
_N_RESAMPLES = 2000
_MOST_AT_ONCE = 2000  # questions times repeats whose models are fitted at once, so that memory does not grow


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One uncertainty signal over Q questions, and what running it costs on top of the signals before it.

    Costs are in tokens of the language model, finite and not negative. An undefined uncertainty is NaN; it costs as
    much as a defined one, since only running the signal shows that it is undefined.
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
    cell: np.ndarray  # (Q,) one fold of one group: the questions that are compared with each other
    stage: np.ndarray  # (Q,) index of the signal that decided, which is the last one run
    accepted: np.ndarray  # (Q,) bool; rejected otherwise
    cost: np.ndarray  # (Q,) of all stages run
    reached: np.ndarray  # (K,) share of the questions on which each signal was run
    mean_cost: float  # tokens a question
    auroc: float  # of `score` over the pairs of questions in one cell; the positive class is an error
    selective_accuracy: float  # of the half of each cell with the lowest `score`, averaged over questions
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
    gain: AurocDifference  # AUROC of everything minus that of the cheapest signal or chance: what there is to lose
    cascade: Outcome
    fixed: Outcome
    everything: Outcome
    cheapest: Outcome
    passed_on: np.ndarray  # (5,) operating point of each fold
    cheapest_name: str
    verdicts: tuple[Verdict, ...] = ()  # of all repeats of the folds

    @property
    def stability(self) -> float:
        """The share of the repeats that come to the same verdict."""
        return self.verdicts.count(self.verdict) / len(self.verdicts) if self.verdicts else 1.0

    @property
    def verdict(self) -> Verdict:
        """What may be said about quality, from the 95 % intervals on the held-out folds; the first that holds.

        "no cost": everything is free. "no gain": everything together is not shown to be better than the cheapest signal
        or chance (`gain` reaches 0), so that any saving is that of not running the others. "kept": a loss of more than
        `MARGIN` is excluded. "lost": a loss of 0 is excluded. "unclear": neither.
        """
        return _verdict(self.saving.value, self.difference, self.gain)


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


def cascade(
    signals: Sequence[Signal], incorrect: Values, passed_on: float, *, group: Values | None = None, seed: int = 0
) -> Outcome:
    """Run the signals in the given order, cheapest first; a question stops at the first stage that decides it.

    Stage k's probability of an error is a logistic regression on the standardised signals 1 … k. These have been paid
    for, so to ignore the earlier ones would save nothing. They alone decide which questions get this far, so a model
    that knows them may be fitted on all training questions. The last stage is then that of `parallel`. (L2 penalty with
    C = 1, so that separable questions get finite odds; an earlier signal that is undefined counts as its mean.) The
    evidence is the log odds of an error minus those of the base rate in the training folds. Below 0 it accepts,
    otherwise it rejects: there sensitivity plus specificity is largest, and both decisions occur at any error rate,
    unlike with a probability of ½. No slope is negative: a signal counts as it is defined, higher for an error.

    `passed_on` in [0, 1] is the band: a stage passes a question on if less than this share of the training questions
    has weaker evidence there, in absolute value. It is a share of all questions; of the harder ones that reach a late
    stage, more are passed on (`Outcome.reached`). A share means the same at every stage and error rate, which a margin
    of probability does not. As it is one of all questions, not of those that arrive, the bands are nested: no question
    gets cheaper as the band grows. 0: the cheapest signal alone. 1: everything on every question. Evidence that ties is
    passed on together.

    Undefined at a stage (NaN, or one class only among the training questions that define it): passed on at any band; at
    the last stage the latest probability that is defined, otherwise the base rate, which rejects. One signal: the band
    plays no part. No question told from another: the scores of a fold tie, AUROC 0.5. Raises `InvalidInput` for fewer
    than ten correct or incorrect answers. Source: Viola & Jones 2001, whose stages only reject; for language models
    Chen et al. 2023 ("FrugalGPT"), whose stages are models with a threshold each; arXiv:2603.24124 for these signals.
    """
    if not 0 <= passed_on <= 1:
        raise InvalidInput(f"The share passed on is {passed_on:g}; it must be from 0 to 1.")
    data = _prepared(signals, incorrect, group)
    stages = fit_stages(data, deal_folds(data, seed))
    return _outcome(data, stages, stops(stages, passed_on))


def parallel(signals: Sequence[Signal], incorrect: Values, *, group: Values | None = None, seed: int = 0) -> Outcome:
    """All signals on every question: the last stage of `cascade`, at the sum of the costs. Edges as there.

    With one signal: that signal alone. Hand it the cost that it has by itself, since an entropy over samples is cheap
    only where they have been drawn already. A signal that is lower for errors in the training folds ties there.
    """
    return cascade(signals, incorrect, 1.0, group=group, seed=seed)


def cost_quality_curve(
    signals: Sequence[Signal], incorrect: Values, *, group: Values | None = None, seed: int = 0
) -> Curve:
    """`cascade` at each of `PASSED_ON`, from the same fits. The mean cost never falls; the quality may.

    To choose an operating point from this curve and to report its quality would be in-sample: see `matched_saving`.
    """
    data = _prepared(signals, incorrect, group)
    stages = fit_stages(data, deal_folds(data, seed))
    outcomes = tuple(_outcome(data, stages, stops(stages, passed_on)) for passed_on in PASSED_ON)
    return Curve(np.array(PASSED_ON), outcomes)


def matched_saving(
    signals: Sequence[Signal], incorrect: Values, *, group: Values | None = None, seeds: Sequence[int] = REPEATS
) -> Saving:
    """1 − cost of the cascade / cost of everything, at an operating point that aims at the quality of everything.

    For each fold the point is chosen on the other four, by a cascade cross-validated within them: the narrowest band of
    `PASSED_ON` whose AUROC is at most `TOLERANCE` below that of all signals together. Cost and AUROC are those of the
    held-out folds. "Matched" is then a claim to check, not a construction: `difference` compares the held-out AUROCs
    by DeLong's paired test (within folds), and `Saving.verdict` says what it shows. The point aims well inside
    `MARGIN`, since one that aimed at the margin itself could seldom be shown to keep to it. Two comparisons say what a
    large saving is worth: `gain`, without which the cheapest signal would do, and `fixed_saving`, which leaves out the
    same costly signals for every question and needs no cascade.

    The folds are dealt once for each seed. The result is the repeat with the median saving among those that come to the
    commonest verdict; `Saving.stability` is the share of these. With a `group` (Q,) only questions of one group are
    compared, so that telling categories apart is worth nothing. A share of the extra costs, the answer itself not
    counted. The intervals are over questions, given the fitted models and the chosen points: the spread of `passed_on`
    shows how firm these are, and near an AUROC of 0.5, where the models of the folds disagree, those of the differences
    are too narrow. Saving: 95 % percentile bootstrap of both costs together. Everything costs nothing: NaN. Raises
    `InvalidInput` for fewer than two signals, and for fewer than ten correct or incorrect answers.
    """
    if len(signals) < 2:
        raise InvalidInput(f"A saving needs at least two signals, there is {len(signals)}; add a costlier one.")
    data = _prepared(signals, incorrect, group)
    at_once = max(1, _MOST_AT_ONCE // len(data.incorrect))
    repeats = [found for i in range(0, len(seeds), at_once) for found in _repeated(data, seeds[i : i + at_once])]
    verdicts = tuple(_verdict(found.value, found.difference, found.gain) for found in repeats)
    commonest = max(_CAUTION, key=verdicts.count)  # the more cautious of ties
    agreeing = [found for found, verdict in zip(repeats, verdicts, strict=True) if verdict == commonest]
    agreeing.sort(key=lambda found: found.value)
    return _saving(data, agreeing[len(agreeing) // 2], signals[0].name, verdicts)


class _Repeat(NamedTuple):
    """One way of dealing the folds: what its verdict needs, and what the rest is computed from."""

    seed: int
    stages: Stages
    stopped: tuple[np.ndarray, ...]  # (Q,) each: by the cascade, at a fixed stage, everything, the cheapest
    passed_on: np.ndarray  # (5,)
    value: float  # the saving
    difference: AurocDifference
    gain: AurocDifference


def _repeated(data: StageData, seeds: Sequence[int]) -> list[_Repeat]:
    """The folds of each seed, with the operating point of each; all models are fitted at once."""
    folds = [deal_folds(data, seed) for seed in seeds]
    parts = [[data.at(fold != held_out) for held_out in range(N_FOLDS)] for fold in folds]
    inner = [[deal_folds(part, seed) for part in own] for own, seed in zip(parts, seeds, strict=True)]
    fitted = fit_many([*chain(*parts), *(data for _ in seeds)], [*chain(*inner), *folds])
    of_parts, of_all = fitted[: -len(seeds)], fitted[-len(seeds) :]
    return [
        _repeat(data, seed, parts[i], of_parts[N_FOLDS * i : N_FOLDS * (i + 1)], of_all[i])
        for i, seed in enumerate(seeds)
    ]


def _repeat(data: StageData, seed: int, parts: Sequence[StageData], inner: Sequence[Stages], stages: Stages) -> _Repeat:
    """One way of dealing the folds, from what was fitted on the training `parts` of each and on all data."""
    passed_on, last = (np.array(column) for column in zip(*map(_choose, parts, inner), strict=True))
    stopped = stops(stages, passed_on[stages.fold]), last[stages.fold], _everywhere(data, -1), _everywhere(data, 0)
    adaptive, _, everything, cheapest = (_scores(stages, stop) for stop in stopped)
    informs = auroc_within(cheapest, data.incorrect, stages.cell) >= CHANCE
    least = cheapest if informs else np.zeros(len(cheapest))
    value = _saved(_cost(data, stopped[0]), _cost(data, stopped[2]))
    difference, gain = _difference(adaptive, everything, data, stages), _difference(everything, least, data, stages)
    return _Repeat(seed, stages, stopped, passed_on, value, difference, gain)


def _saving(data: StageData, found: _Repeat, cheapest_name: str, verdicts: tuple[Verdict, ...]) -> Saving:
    """The whole result of one repeat, with its intervals."""
    adaptive, fixed, everything, cheapest = (_outcome(data, found.stages, stop) for stop in found.stopped)
    saving, fixed_saving = _saved_estimates([adaptive.cost, fixed.cost], everything.cost, found.seed)
    return Saving(
        saving=saving,
        fixed_saving=fixed_saving,
        difference=found.difference,
        gain=found.gain,
        cascade=adaptive,
        fixed=fixed,
        everything=everything,
        cheapest=cheapest,
        passed_on=found.passed_on,
        cheapest_name=cheapest_name,
        verdicts=verdicts,
    )


def _verdict(saving: float, difference: AurocDifference, gain: AurocDifference) -> Verdict:
    """`Saving.verdict`."""
    if np.isnan(saving):
        return "no cost"
    if not gain.low > 0:
        return "no gain"
    if difference.low >= -MARGIN:
        return "kept"
    return "lost" if difference.high < 0 else "unclear"


def _prepared(signals: Sequence[Signal], incorrect: Values, group: Values | None) -> StageData:
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
    if min(n_incorrect, len(grades) - n_incorrect) < FEWEST:
        raise InvalidInput(
            f"A cascade needs at least {FEWEST} correct and {FEWEST} incorrect answers; {n_incorrect} of {len(grades)} "
            "are incorrect. Grade more questions."
        )
    groups = np.zeros(len(grades)) if group is None else np.asarray(group)
    if groups.shape != grades.shape:
        raise InvalidInput(f"There are {len(groups)} groups for {len(grades)} grades; there must be one per question.")
    cost = np.cumsum([signal.cost for signal in signals], axis=0)
    values = np.stack([signal.uncertainty for signal in signals])
    return StageData(values, cost, grades == 1, np.unique(groups, return_inverse=True)[1])


def _everywhere(data: StageData, stage: int) -> np.ndarray:
    """Every question (Q,) stops at one stage."""
    return np.full(len(data.incorrect), stage % len(data.values))


def _scores(stages: Stages, stop: np.ndarray) -> np.ndarray:
    """Probability (…, Q) of an error at the stage (…, Q) where each question stops."""
    return expit(stages.evidence[stop, np.arange(stop.shape[-1])] + stages.base_rate)


def _cost(data: StageData, stop: np.ndarray) -> np.ndarray:
    """Cost (Q,) of all stages up to the one where each question stops."""
    return data.cost[stop, np.arange(len(stop))]


def _outcome(data: StageData, stages: Stages, stop: np.ndarray) -> Outcome:
    score, cost = _scores(stages, stop), _cost(data, stop)
    accepted = stages.evidence[stop, np.arange(len(stop))] < 0
    return Outcome(
        score=score,
        cell=stages.cell,
        stage=stop,
        accepted=accepted,
        cost=cost,
        reached=(stop >= np.arange(len(data.values))[:, np.newaxis]).mean(axis=1),
        mean_cost=float(cost.mean()),
        auroc=auroc_within(score, data.incorrect, stages.cell),
        selective_accuracy=selective_accuracy_within(score, data.incorrect, stages.cell, COVERAGE),
        accepted_accuracy=float(np.mean(~data.incorrect[accepted])) if accepted.any() else np.nan,
    )


def _choose(training: StageData, stages: Stages) -> tuple[float, int]:
    """Narrowest band, and first stage to stop every question at, that lose at most `TOLERANCE` on these questions."""
    bands = stops(stages, np.array(PASSED_ON)[:, np.newaxis, np.newaxis])  # (G, Q)
    fixed = np.stack([_everywhere(training, k) for k in range(len(training.values))])  # (K, Q)
    quality = aurocs_within(_scores(stages, np.concatenate([bands, fixed])), training.incorrect, stages.cell)
    quality = np.nan_to_num(quality, nan=CHANCE)
    enough = quality >= quality[-1] - TOLERANCE
    return PASSED_ON[np.argmax(enough[: len(bands)])], int(np.argmax(enough[len(bands) :]))


def _difference(a: np.ndarray, b: np.ndarray, data: StageData, stages: Stages) -> AurocDifference:
    return auroc_difference_within(a, b, data.incorrect, stages.cell)


def _saved(cost: np.ndarray, everything: np.ndarray) -> float:
    """1 − mean cost / mean cost of everything; NaN where everything costs nothing."""
    return float(1 - cost.sum() / everything.sum()) if everything.any() else float("nan")


def _saved_estimates(costs: Sequence[np.ndarray], everything: np.ndarray, seed: int) -> list[Estimate]:
    """`_saved` of each of some costs, with its percentile interval over questions; the same are drawn for all."""
    n = len(everything)
    if not everything.any():
        return [Estimate(np.nan, np.nan, np.nan, n, "paired bootstrap") for _ in costs]
    times = resampled_counts(np.arange(n), n, np.random.default_rng(seed), _N_RESAMPLES).T.astype(np.float64)
    found = []
    for cost in costs:
        some, all_of_them = np.stack([cost, everything])[:, np.lexsort((cost, everything))] @ times  # in any order
        with np.errstate(invalid="ignore"):  # a resample of questions that cost nothing
            low, high = np.nanquantile(1 - some / all_of_them, [0.025, 0.975])
        found.append(Estimate(_saved(cost, everything), float(low), float(high), n, "paired bootstrap"))
    return found
