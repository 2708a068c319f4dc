"""Statistics of a run, with their intervals (docs/methods.md §4).

Each takes one value per question; a question with NaN in any of the columns is left out. Uncertainties are higher where
the model is less certain, and two that are within 1e-9 of each other tie: the same partition summed in another order is
no signal. Infinite ones rank at the ends. Randomness, where there is any, is an argument.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from math import comb, log
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import binomtest, norm, pearsonr, rankdata, spearmanr, t, wilcoxon

from homog_core.errors import InvalidInput
from homog_core.grading import normalise
from homog_core.records import Estimate, Response

Values = Sequence[float] | np.ndarray  # (n,) one per question, NaN where undefined
Labels = Sequence[int] | np.ndarray  # (N,) one per response

_NAN = float("nan")
_SAME = 1e-9  # what summing the same numbers in another order may do
_Z = float(norm.ppf(0.975))


# Rates and means


def wilson_interval(successes: int, n: int) -> Estimate:
    """The share successes/n with its 95 % Wilson score interval (no continuity correction).

    n = 0: NaN throughout. Source: Wilson 1927, by `scipy.stats.binomtest`.
    """
    if n == 0:
        return Estimate(_NAN, _NAN, _NAN, 0, "wilson")
    interval = binomtest(int(successes), int(n)).proportion_ci(confidence_level=0.95, method="wilson")
    return Estimate(successes / n, float(interval.low), float(interval.high), int(n), "wilson")


def single_cluster_rate(n_clusters: Values) -> Estimate:
    """SCR: among questions with at least two valid responses, the share whose responses form one cluster.

    `n_clusters` holds K per question, NaN where the question has fewer than two valid responses: it then counts in
    neither numerator nor denominator. Returned with its denominator and a 95 % Wilson interval.
    """
    defined = np.asarray(n_clusters, dtype=np.float64)
    defined = defined[~np.isnan(defined)]
    return wilson_interval(int(np.count_nonzero(defined == 1)), len(defined))


def mean_estimate(values: Values) -> Estimate:
    """Mean over the questions where the value is defined, with its 95 % t interval (NaN bounds when n < 2)."""
    defined = np.asarray(values, dtype=np.float64)
    defined = defined[~np.isnan(defined)]
    n = len(defined)
    if n < 2:
        return Estimate(float(defined[0]) if n else _NAN, _NAN, _NAN, n, "t")
    mean = float(defined.mean())
    half = float(t.ppf(0.975, n - 1) * defined.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n, "t")


# Homogenised or broken


class Degeneration(NamedTuple):
    """What tells a broken model from a homogenised one: shares of answers, in [0, 1]."""

    distinct_across_questions: float  # different greedy answers over questions; 1: every question has its own
    most_common_answer: float  # the greedy answer given to most questions
    looping: float  # of all valid answers: one word 3-gram three times or more
    cut: float  # of all answers: ended by the token limit
    invalid: float  # of all answers: empty, or ended in an error


def degeneration(greedy: Sequence[Response], sampled: Sequence[Response]) -> Degeneration:
    """How far a model's answers are broken. Greedy answers (one a question) are compared by their normalised words.

    A homogenised model gives one answer per question and different ones to different questions; a broken one loops,
    says nothing, or says the same to everything. No answers: NaN.
    """
    counts = Counter(normalise(response.answer) for response in greedy if response.is_valid)
    answers = [response for response in sampled if response.is_valid]
    return Degeneration(
        len(counts) / counts.total() if counts else _NAN,
        max(counts.values()) / counts.total() if counts else _NAN,
        _share([is_looping(response.answer) for response in answers]),
        _share([response.finish_reason == "length" for response in sampled]),
        _share([not response.is_valid for response in sampled]),
    )


def is_looping(text: str) -> bool:
    """Whether three neighbouring words come back at least three times."""
    words = normalise(text).split()
    return max(Counter(zip(words, words[1:], words[2:], strict=False)).values(), default=0) >= 3


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else _NAN


# Paired comparisons


class PairedTest(NamedTuple):
    """A paired comparison of two runs over the same questions."""

    difference: float  # second minus first: mean, or rate
    pvalue: float  # two-sided; NaN where nothing can be compared
    n: int  # questions where both are defined


def wilcoxon_signed_rank(a: Values, b: Values) -> PairedTest:
    """Wilcoxon signed-rank test of b − a, paired by question, zero differences by Pratt's rule; NaN pairs are left out.

    `difference` is the mean of b − a. All differences zero: p = 1. No pair: NaN. Source: Pratt 1959, by
    `scipy.stats.wilcoxon`; SPSS and R drop the zeros instead, which overstates an effect on the questions that moved.
    """
    difference = _paired(a, b)
    if len(difference) == 0:
        return PairedTest(_NAN, _NAN, 0)
    pvalue = float(wilcoxon(difference, zero_method="pratt").pvalue) if np.any(difference) else 1.0
    return PairedTest(float(difference.mean()), pvalue, len(difference))


def mcnemar_exact(a: Values, b: Values) -> PairedTest:
    """McNemar's exact test of two yes/no columns paired by question; NaN pairs are left out.

    Two-sided binomial test of the discordant pairs against one half; none discordant: p = 1. `difference` is the
    second rate minus the first. Source: McNemar 1947, by `scipy.stats.binomtest`; statsmodels' `mcnemar(exact=True)`.
    """
    difference = _paired(a, b)
    if len(difference) == 0:
        return PairedTest(_NAN, _NAN, 0)
    gained, lost = int(np.sum(difference > 0)), int(np.sum(difference < 0))
    pvalue = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return PairedTest(float(difference.mean()), pvalue, len(difference))


def paired_bootstrap_difference(a: Values, b: Values, *, seed: int = 0, n_resamples: int = 2000) -> Estimate:
    """Mean of b − a over the questions where both are defined, with its 95 % percentile interval over questions.

    Every question is drawn together with its partner. Seeded by an argument; NaN bounds below two pairs.
    """
    difference = _paired(a, b)
    n = len(difference)
    if n < 2:
        return Estimate(float(difference[0]) if n else _NAN, _NAN, _NAN, n, "paired bootstrap")
    drawn = np.random.default_rng(seed).integers(n, size=(n_resamples, n))
    low, high = np.quantile(difference[drawn].mean(axis=1), [0.025, 0.975])
    return Estimate(float(difference.mean()), float(low), float(high), n, "paired bootstrap")


def holm(pvalues: Values) -> np.ndarray:
    """P values (m,) adjusted by Holm's step-down method for the m comparisons shown together; NaN stays NaN.

    The k-th smallest is multiplied by m − k + 1, made monotone and cut at 1. Source: Holm 1979, by statsmodels'
    `multipletests(method="holm")`, which on its own makes every value NaN when one is.
    """
    from statsmodels.stats.multitest import multipletests

    p = np.asarray(pvalues, dtype=np.float64)
    adjusted, defined = np.full(len(p), _NAN), ~np.isnan(p)
    if defined.any():
        adjusted[defined] = multipletests(p[defined], method="holm")[1]
    return adjusted


# Telling incorrect from correct


def auroc(uncertainty: Values, incorrect: Values) -> float:
    """P(u of an incorrect one > u of a correct one) + ½ P(they tie), by midranks. In [0, 1]; 0.5 is chance.

    The positive class is *incorrect*: above 0.5 means that the uncertain answers are wrong more often. Never turned
    over: below 0.5 stays below. All scores tie: 0.5. One class only: NaN. Infinite scores rank at the ends. Source:
    Mann & Whitney 1947; scikit-learn's `roc_auc_score` apart from the tolerance for ties.
    """
    return _auroc(*_ranked(uncertainty, incorrect))


def is_constant(uncertainty: Values, incorrect: Values) -> bool:
    """Whether all scores tie, so that AUROC is 0.5 by definition: "no signal: all scores tie". No question: False."""
    ranks, _ = _ranked(uncertainty, incorrect)
    return len(ranks) > 0 and not ranks.any()


def auroc_estimate(uncertainty: Values, incorrect: Values) -> Estimate:
    """`auroc` with DeLong's 95 % interval on the logit scale, which keeps within [0, 1] and follows the skew near 1.

    logit(A) ± 1.96 s / (A (1 − A)), s² = var(placements of the incorrect)/m + var(placements of the correct)/n. All
    scores tie: [0.5, 0.5]. AUROC 0 or 1, where s is 0 and says nothing: the score interval by Newcombe's fifth method,
    named in `method`. Otherwise fewer than two in a class: NaN bounds. Source: DeLong et al. 1988, Sun & Xu 2014, Pepe
    2003 for the logit; pROC's `ci.auc` is on the plain scale and cuts at 1.
    """
    ranks, wrong = _ranked(uncertainty, incorrect)
    value, n = _auroc(ranks, wrong), len(ranks)
    if np.isnan(value) or not ranks.any():
        return Estimate(value, value, value, n, "delong")
    if value in (0, 1):
        bound = _newcombe_bound(int(wrong.sum()), int((~wrong).sum()))
        return Estimate(value, *((bound, 1.0) if value else (0.0, 1 - bound)), n, "newcombe")
    half = _Z * _delong_error(_placements(ranks, wrong)) / (value * (1 - value))
    return Estimate(value, float(expit(logit(value) - half)), float(expit(logit(value) + half)), n, "delong")


def auroc_bootstrap(uncertainty: Values, incorrect: Values, *, seed: int = 0, n_resamples: int = 2000) -> Estimate:
    """`auroc` with the 95 % percentile interval of a bootstrap that draws within each class, so that none is empty.

    Ties are exact in every resample, and the row order plays no part. Fewer than two in a class: NaN bounds. AUROC 0
    or 1: an interval of one point, since no resample has another; `auroc_estimate` says more there. Source: Carpenter &
    Bithell 2000; pROC's `ci.auc(method="bootstrap")`.
    """
    ranks, wrong = _ranked(uncertainty, incorrect)
    value, n = _auroc(ranks, wrong), len(ranks)
    if min(wrong.sum(), (~wrong).sum()) < 2:
        return Estimate(value, _NAN, _NAN, n, "stratified bootstrap")
    rng = np.random.default_rng(seed)
    above, below = (_resampled(ranks[side], ranks.max() + 1, rng, n_resamples) for side in (wrong, ~wrong))
    wins = above * (np.cumsum(below, axis=1) - below / 2)  # (resamples, groups)
    low, high = np.quantile(wins.sum(axis=1) / (wrong.sum() * (~wrong).sum()), [0.025, 0.975])
    return Estimate(value, float(low), float(high), n, "stratified bootstrap")


class AurocDifference(NamedTuple):
    """Two scores on the same questions: AUROC of the first minus that of the second."""

    difference: float
    low: float  # 95 % interval
    high: float
    pvalue: float  # two-sided


def delong_test(uncertainty_a: Values, uncertainty_b: Values, incorrect: Values) -> AurocDifference:
    """DeLong's test of AUROC(a) − AUROC(b), paired by question; the questions that all three columns define.

    Normal test of the difference over √(var(d of the incorrect)/m + var(d of the correct)/n), d the difference of the
    two placements. Identical rankings: 0, p = 1 exactly. One class only: NaN. Another difference with variance 0, as of
    a perfect score and a constant one, or fewer than two in a class: NaN bounds and p, since the normal approximation
    would claim certainty. Source: DeLong et al. 1988 by the midranks of Sun & Xu 2014; pROC's `roc.test`.
    """
    first, second, wrong = _graded(uncertainty_a, uncertainty_b, incorrect)
    if wrong.all() or not wrong.any():
        return AurocDifference(_NAN, _NAN, _NAN, _NAN)
    pair = [_placements(_tie_groups(scores), wrong) for scores in (first, second)]
    change = _Placements(*(a - b for a, b in zip(*pair, strict=True)))
    if not any(side.any() for side in change):
        return AurocDifference(0.0, 0.0, 0.0, 1.0)
    difference, error = float(change.incorrect.mean()), _delong_error(change)
    if not error > _SAME:
        return AurocDifference(difference, _NAN, _NAN, _NAN)
    low, high = np.clip([difference - _Z * error, difference + _Z * error], -1, 1)
    return AurocDifference(difference, float(low), float(high), float(2 * norm.sf(abs(difference) / error)))


class _Placements(NamedTuple):
    """The share of the other class that is more certain, ties by half."""

    incorrect: np.ndarray  # (m,) one per incorrect question; the mean is the AUROC
    correct: np.ndarray  # (n,) one per correct question; the mean is 1 − AUROC


def _placements(ranks: np.ndarray, wrong: np.ndarray) -> _Placements:
    midranks = rankdata(ranks)
    of_wrong = (midranks[wrong] - rankdata(ranks[wrong])) / np.count_nonzero(~wrong)
    of_right = (midranks[~wrong] - rankdata(ranks[~wrong])) / np.count_nonzero(wrong)
    return _Placements(of_wrong, of_right)


def _auroc(ranks: np.ndarray, wrong: np.ndarray) -> float:
    m, n = np.count_nonzero(wrong), np.count_nonzero(~wrong)
    wins = rankdata(ranks)[wrong].sum() - m * (m + 1) / 2  # halves: exact in any order
    return float(wins / (m * n)) if m and n else _NAN


def _delong_error(placements: _Placements) -> float:
    """Standard error of the mean of the placements; NaN with fewer than two in a class."""
    if min(len(side) for side in placements) < 2:
        return _NAN
    return float(np.sqrt(sum(side.var(ddof=1) / len(side) for side in placements)))


def _newcombe_bound(m: int, n: int) -> float:
    """Lower 95 % bound of an AUROC that is 1 in a sample of m and n: the θ for which (1 − θ)² = z² V(θ).

    V(θ) = θ (1 − θ) (1 + N (1 − θ)/(2 − θ) + N θ/(1 + θ)) / (m n), N = (m + n)/2 − 1. For m = n = 1 it is Wilson's
    bound of 1 in 1. Source: Newcombe 2006 part 2, method 5.
    """
    half = (m + n) / 2 - 1

    def excess(theta: float) -> float:  # both sides divided by 1 − θ
        shape = 1 + half * (1 - theta) / (2 - theta) + half * theta / (1 + theta)
        return 1 - theta - _Z**2 * theta * shape / (m * n)

    return float(brentq(excess, 0, 1))


# Selective prediction


class RiskCoverage(NamedTuple):
    """The k most certain are answered, k = 1 … n."""

    coverage: np.ndarray  # (n,) k/n
    risk: np.ndarray  # (n,) expected share of errors among them


def risk_coverage(uncertainty: Values, correct: Values) -> RiskCoverage:
    """Share of errors among the k most certain questions, for every k; averaged over the order of ties.

    Within a group of ties errors come at the group's own rate. All tie: the error rate throughout. No question: empty
    arrays. Source: El-Yaniv & Wiener 2010. Elsewhere ties usually stay in the order that a sort leaves them in.
    """
    ranks, right = _ranked(uncertainty, correct)
    counts = np.bincount(2 * ranks + ~right, minlength=2 * (ranks.max(initial=-1) + 1)).reshape(1, -1, 2)
    n = len(ranks)
    return RiskCoverage(np.arange(1, n + 1) / max(n, 1), _risk(counts)[0])


def aurc(uncertainty: Values, correct: Values) -> float:
    """Area under `risk_coverage`: the mean over k of the risk. In [0, 1]; lower is better. No question: NaN.

    All tie: the error rate. Source: Geifman & El-Yaniv 2017; a mean over k = 1 … n, not a trapezoid, and not the excess
    over the oracle (E-AURC).
    """
    risk = risk_coverage(uncertainty, correct).risk
    return float(risk.mean()) if len(risk) else _NAN


def prediction_rejection_ratio(uncertainty: Values, correct: Values) -> float:
    """PRR = (A − A_random)/(A_oracle − A_random), A the mean over k of the accuracy of the k most certain. At most 1.

    1: as good as the oracle, which answers all correct ones first; 0: as a random order, and when all tie; below 0:
    worse. A_random is the accuracy, in closed form. All or none correct: NaN. Source: Malinin & Gales 2021;
    lm-polygraph simulates the random order and leaves ties as sorted.
    """
    risk = risk_coverage(uncertainty, correct).risk
    return float(_prr(risk[np.newaxis])[0]) if len(risk) else _NAN


def selective_accuracy(uncertainty: Values, correct: Values, coverage: float) -> float:
    """Expected accuracy of the ⌈coverage · n⌉ most certain questions, averaged over the order of ties. In [0, 1].

    Coverage 1: the accuracy. No question: NaN. Raises `InvalidInput` for a coverage outside (0, 1].
    """
    risk = risk_coverage(uncertainty, correct).risk
    answered = _n_answered(coverage, len(risk))
    return float(1 - risk[answered - 1]) if len(risk) else _NAN


class SelectiveEstimates(NamedTuple):
    """`aurc`, `prediction_rejection_ratio` and `selective_accuracy`, each with its interval."""

    aurc: Estimate
    prediction_rejection_ratio: Estimate
    selective_accuracy: Estimate


def selective_estimates(
    uncertainty: Values, correct: Values, coverage: float = 0.5, *, seed: int = 0, n_resamples: int = 2000
) -> SelectiveEstimates:
    """The three with 95 % percentile intervals of one bootstrap over questions; ties are exact in every resample.

    The row order plays no part. PRR takes the resamples that hold both classes. Fewer than two questions: NaN bounds.
    Raises `InvalidInput` for a coverage outside (0, 1].
    """
    ranks, right = _ranked(uncertainty, correct)
    n, n_groups = len(ranks), ranks.max(initial=-1) + 1
    values = (
        aurc(uncertainty, correct),
        prediction_rejection_ratio(uncertainty, correct),
        selective_accuracy(uncertainty, correct, coverage),
    )
    if n < 2:
        return SelectiveEstimates(*(Estimate(value, _NAN, _NAN, n, "percentile bootstrap") for value in values))
    counts = _resampled(2 * ranks + ~right, 2 * n_groups, np.random.default_rng(seed), n_resamples)
    risk = _risk(counts.reshape(n_resamples, n_groups, 2))
    draws = (risk.mean(axis=1), _prr(risk), 1 - risk[:, _n_answered(coverage, n) - 1])
    return SelectiveEstimates(*(_percentiles(value, drawn, n) for value, drawn in zip(values, draws, strict=True)))


def _risk(counts: np.ndarray) -> np.ndarray:
    """Expected risk (samples, n) of the k most certain from counts (samples, tie groups, [correct, incorrect])."""
    sizes = counts.sum(axis=2)
    rate = counts[..., 1] / np.maximum(sizes, 1)
    expected = np.repeat(rate.ravel(), sizes.ravel()).reshape(len(counts), -1)  # (samples, n) error of the k-th
    return np.cumsum(expected, axis=1) / np.arange(1, expected.shape[1] + 1)


def _prr(risk: np.ndarray) -> np.ndarray:
    """PRR (samples,) of risks (samples, n); NaN where all or none are correct."""
    n = risk.shape[1]
    wrong = np.rint(risk[:, -1] * n).astype(int)
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, n + 1))])
    oracle = (wrong - (n - wrong) * (harmonic[n] - harmonic[n - wrong])) / n  # its AURC: errors from k = n_correct on
    gain = np.where(wrong % n == 0, _NAN, wrong / n - oracle)
    return (wrong / n - risk.mean(axis=1)) / gain


def _n_answered(coverage: float, n: int) -> int:
    """⌈coverage · n⌉, where 0.07 · 100 is 7 whatever floating point makes of it."""
    if not 0 < coverage <= 1:
        raise InvalidInput(f"The coverage is {coverage:g}; it must be above 0 and at most 1.")
    return max(1, int(np.ceil(coverage * n - _SAME)))


def _percentiles(value: float, drawn: np.ndarray, n: int) -> Estimate:
    defined = drawn[~np.isnan(drawn)]
    low, high = np.quantile(defined, [0.025, 0.975]) if len(defined) and not np.isnan(value) else (_NAN, _NAN)
    return Estimate(value, float(low), float(high), n, "percentile bootstrap")


# Effect size


def cohens_d(incorrect_values: Values, correct_values: Values) -> float:
    """(mean of incorrect − mean of correct) / s, s² = ((m − 1) s₁² + (n − 1) s₀²) / (m + n − 2), ddof = 1. Unbounded.

    Positive: incorrect answers are more uncertain. s = 0 with equal means: 0; with different means: NaN, since there is
    no spread to measure in. Fewer than two in a class, or an infinite value: NaN. Source: Cohen 1988; not corrected for
    small samples (Hedges' g).
    """
    return cohens_d_estimate(incorrect_values, correct_values).value


def cohens_d_estimate(incorrect_values: Values, correct_values: Values) -> Estimate:
    """`cohens_d` with its large-sample 95 % interval: d ± 1.96 √((m + n)/(m n) + d²/(2 (m + n))).

    s = 0 with equal means: [0, 0]. Undefined d: NaN bounds. Source: Hedges & Olkin 1985. Entropies are far from normal,
    which the exact interval by the noncentral t would assume.
    """
    wrong, right = (_complete(values)[0] for values in (incorrect_values, correct_values))
    m, n = len(wrong), len(right)
    undefined = Estimate(_NAN, _NAN, _NAN, m + n, "hedges-olkin")
    if min(m, n) < 2 or not (np.isfinite(wrong).all() and np.isfinite(right).all()):
        return undefined
    difference = float(wrong.mean() - right.mean())
    pooled = float(np.sqrt(((m - 1) * wrong.var(ddof=1) + (n - 1) * right.var(ddof=1)) / (m + n - 2)))
    if pooled <= _SAME:
        return Estimate(0.0, 0.0, 0.0, m + n, "hedges-olkin") if abs(difference) <= _SAME else undefined
    d = difference / pooled
    half = _Z * np.sqrt((m + n) / (m * n) + d**2 / (2 * (m + n)))
    return Estimate(d, float(d - half), float(d + half), m + n, "hedges-olkin")


# Dependence of signals


class Correlation(NamedTuple):
    """Two signals over the same questions."""

    pearson: Estimate
    spearman: Estimate


def correlation(a: Values, b: Values) -> Correlation:
    """Pearson's r with Fisher's 95 % interval and Spearman's ρ with Bonett & Wright's, where both are defined.

    tanh(artanh(r) ± 1.96 √(v/(n − 3))), v = 1 for Pearson and 1 + ρ²/2 for Spearman. In [−1, 1]. A constant column, or
    fewer than two questions: NaN; fewer than four: NaN bounds. An infinite value makes Pearson NaN and ranks at the end
    for Spearman. Source: Fisher 1915, Bonett & Wright 2000, by `scipy.stats.pearsonr` and `spearmanr`.
    """
    x, y = _complete(a, b)
    ranks = _tie_groups(x), _tie_groups(y)
    varies = len(x) > 1 and all(column.any() for column in ranks)
    finite = bool(np.isfinite(x).all() and np.isfinite(y).all())
    r = float(pearsonr(x, y).statistic) if varies and finite else _NAN
    rho = float(spearmanr(*ranks).statistic) if varies else _NAN
    return Correlation(
        Estimate(r, *_tanh_interval(r, 1, len(x)), len(x), "fisher-z"),
        Estimate(rho, *_tanh_interval(rho, 1 + rho**2 / 2, len(x)), len(x), "bonett-wright"),
    )


def _tanh_interval(r: float, variance: float, n: int) -> tuple[float, float]:
    if n < 4:
        return _NAN, _NAN
    half = _Z * np.sqrt(variance / (n - 3))
    with np.errstate(divide="ignore"):  # r = ±1: the interval is that point
        centre = np.arctanh(r)
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))


# Calibration


def platt_probabilities(uncertainty: Values, correct: Values, *, seed: int = 0, folds: int = 5) -> np.ndarray:
    """Out-of-fold probability (n,) of being correct: logistic regression on the standardised score. In [0, 1].

    Stratified folds over questions, shuffled by `seed`; each question is predicted by the model of the other folds. NaN
    where score or grade is undefined, and throughout with fewer than `folds` in a class. Infinite scores count as the
    largest finite one. All scores tie: the base rate of the other folds. Source: Platt 1999, by scikit-learn's
    `LogisticRegression` without penalty; Platt's own targets are pulled in from 0 and 1, so that classes which the
    score separates get less extreme probabilities there.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scores, rows, right = _graded(uncertainty, np.arange(len(uncertainty)), correct)
    probabilities, finite = np.full(len(uncertainty), _NAN), scores[np.isfinite(scores)]
    if min(right.sum(), (~right).sum()) < folds or not len(finite):
        return probabilities
    order = np.lexsort((right, scores))  # the folds do not depend on the order of the questions
    model = make_pipeline(StandardScaler(), LogisticRegression(C=np.inf))
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    inputs = np.clip(scores, finite.min(), finite.max())[order, np.newaxis]
    fitted = cross_val_predict(model, inputs, right[order], cv=split, method="predict_proba")
    probabilities[rows[order].astype(int)] = fitted[:, 1]
    return probabilities


class Reliability(NamedTuple):
    """A reliability diagram: what was said and what was true, in bins of equal width."""

    edges: np.ndarray  # (bins + 1,) from 0 to 1
    probability: np.ndarray  # (bins,) mean probability of being correct; NaN in an empty bin
    accuracy: np.ndarray  # (bins,) share that is correct; NaN in an empty bin
    count: np.ndarray  # (bins,) questions


def reliability(probability: Values, correct: Values, bins: int = 10) -> Reliability:
    """The diagram of probabilities of being correct. Bins are [k/bins, (k + 1)/bins), the last one with 1.

    Raises `InvalidInput` for a probability outside [0, 1]. scikit-learn's `calibration_curve` drops empty bins and has
    no counts; Guo et al. 2017 close the bins on the right.
    """
    p, right = _graded(probability, correct)
    if np.any((p < 0) | (p > 1)):
        raise InvalidInput(f"Probabilities lie between 0 and 1; these go from {p.min():g} to {p.max():g}.")
    index = np.digitize(p, np.arange(1, bins) / bins)
    count = np.bincount(index, minlength=bins)
    said, true = (np.bincount(index, weights=column, minlength=bins) for column in (p, right))
    filled = np.where(count, count, _NAN)
    return Reliability(np.arange(bins + 1) / bins, said / filled, true / filled, count)


def expected_calibration_error(probability: Values, correct: Values, bins: int = 10) -> float:
    """ECE = Σ_b (n_b/n) |accuracy_b − mean probability_b| over the bins of `reliability`. In [0, 1]; 0 is calibrated.

    No question: NaN. Source: Naeini et al. 2015; Guo et al. 2017. It depends on the number of bins and is biased
    upwards in small samples.
    """
    diagram = reliability(probability, correct, bins)
    n = diagram.count.sum()
    return float(np.nansum(diagram.count * np.abs(diagram.accuracy - diagram.probability)) / n) if n else _NAN


def brier_score(probability: Values, correct: Values) -> float:
    """Mean squared distance of the probability of being correct from 0 or 1. In [0, 1]; lower is better.

    Always 0.5: 0.25. No question: NaN. Source: Brier 1950, half of his two-class sum, by scikit-learn's
    `brier_score_loss`.
    """
    from sklearn.metrics import brier_score_loss

    p, right = _graded(probability, correct)
    return float(brier_score_loss(right, p, pos_label=True)) if len(p) else _NAN


# Smaller budgets


def scr_at_budget(labels: Labels | Sequence[Labels], n: int) -> float:
    """Chance Σ_k C(n_k, n)/C(N, n) that n of the N responses, drawn without replacement, share a cluster. In [0, 1].

    `labels` (N,) of one question, or one such array per question: then the mean over those with at least n. Exact. The
    clusters stay those of all N. n = 1: 1 by definition. None with n responses: NaN. n = N: the single-cluster rate.
    """
    return _at_budget(labels, n, lambda sizes: sum(comb(size, n) for size in sizes) / comb(sum(sizes), n))


def entropy_at_budget(labels: Labels | Sequence[Labels], n: int) -> float:
    """Expected discrete semantic entropy of n of the N responses, drawn without replacement. nats; in [0, ln n].

    −Σ_k Σ_m Hypergeom(m; N, n_k, n) (m/n) ln(m/n). `labels` and edges as for `scr_at_budget`. n = 1: 0. n = N: the
    discrete semantic entropy. Exact, where packages subsample; it grows with n, as the plug-in entropy is biased down.
    """

    def expected(sizes: list[int]) -> float:
        total, ways = sum(sizes), comb(sum(sizes), n)
        return sum(
            comb(size, m) * comb(total - size, n - m) / ways * (m / n) * log(n / m)
            for size in sizes
            for m in range(1, min(size, n) + 1)
        )

    return _at_budget(labels, n, expected)


def _at_budget(labels: Labels | Sequence[Labels], n: int, statistic: Callable[[list[int]], float]) -> float:
    if n < 1:
        raise InvalidInput(f"The number of responses is {n}; it must be at least 1.")
    questions = list(labels)
    if questions and np.ndim(questions[0]) == 0:
        questions = [questions]
    sizes = [list(Counter(np.asarray(question).tolist()).values()) for question in questions]
    values = [statistic(of_one) for of_one in sizes if sum(of_one) >= n]
    return float(np.mean(values)) if values else _NAN


# Columns


def _complete(*columns: Values) -> list[np.ndarray]:
    """The columns as floats, on the questions that all of them define. Raises `InvalidInput` where lengths differ."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    if len({array.shape for array in arrays}) > 1:
        lengths = " and ".join(str(len(array)) for array in arrays)
        raise InvalidInput(f"The columns need one length, a value a question; these have {lengths}.")
    defined = ~np.any(np.isnan(arrays), axis=0)
    return [array[defined] for array in arrays]


def _graded(*columns: Values) -> list[np.ndarray]:
    """As `_complete`; the last column says yes or no. Raises `InvalidInput` where it holds other than 0 and 1."""
    *scores, outcome = _complete(*columns)
    others = outcome[(outcome != 0) & (outcome != 1)]
    if len(others):
        raise InvalidInput(f"The grades must be 0, 1 or NaN; there is {others[0]:g}. Are scores and grades swapped?")
    return [*scores, outcome == 1]


def _ranked(uncertainty: Values, outcome: Values) -> tuple[np.ndarray, np.ndarray]:
    """Dense ranks (n,) from 0, equal for ties, and yes or no (n,), on the questions that have both."""
    scores, flags = _graded(uncertainty, outcome)
    return _tie_groups(scores), flags


def _tie_groups(scores: np.ndarray) -> np.ndarray:
    """Dense ranks (n,) from 0. Neighbours in the sorted order tie when they are within 1e-9."""
    distinct, place = np.unique(scores, return_inverse=True)
    return np.concatenate([[0], np.cumsum(np.diff(distinct) > _SAME)])[place]


def _paired(a: Values, b: Values) -> np.ndarray:
    """Differences b − a where both are defined. Raises `InvalidInput` where the lengths differ."""
    first, second = _complete(a, b)
    difference = np.round(second - first, 9)  # the same partition summed in another order is no difference
    return difference[~np.isnan(difference)]


def _resampled(values: np.ndarray, size: int, rng: np.random.Generator, n_resamples: int) -> np.ndarray:
    """How often each of 0 … size − 1 is among as many draws from `values` (n,): (n_resamples, size)."""
    drawn = np.sort(values)[rng.integers(len(values), size=(n_resamples, len(values)))]
    drawn += size * np.arange(n_resamples)[:, np.newaxis]
    return np.bincount(drawn.ravel(), minlength=n_resamples * size).reshape(n_resamples, size)
