"""How many answers there really are: what the clusters of N answers to one question say of those that were not drawn.

N answers bound every diversity from below. The estimators here come from ecology, where the answers are individuals and
the clusters species. They take independent draws and right clusters for granted: a clusterer that splits one meaning
makes singletons, and singletons are all that these estimators know of the unseen.

`counts` are the cluster sizes n_k of one question: n = Σ n_k answers, S clusters, f₁ of them with one answer, f₂ with
two. Zeros are ignored. What is estimated of the unseen needs two answers and is NaN below. Numbers that only describe
the sample are `hill_number` and `vendi_score`. Rarefied entropy and the chance of a single cluster are in `budget`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil, exp, inf, isfinite, log, nan
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln
from scipy.stats import entropy

from homog_core.errors import InvalidInput
from homog_core.records import Estimate
from homog_core.statistics.budget import budget_terms
from homog_core.statistics.columns import Z

Counts = Sequence[int] | np.ndarray  # (K,) cluster sizes of one question, in any order

ON_DIAGONAL = 1e-5  # how far a similarity in single precision may be from 1


class AccumulationCurve(NamedTuple):
    """The expected number of clusters among m answers, with 95 % intervals; all arrays are (2n,)."""

    size: np.ndarray  # m = 1 … 2n
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def unseen_mass(counts: Counts) -> float:
    """Chance f₁/n that the next answer is in none of the clusters: Good and Turing's estimate. In [0, 1].

    No singleton: 0. All different: 1. No answers: NaN. It is not 1 − `good_turing_coverage`, which also looks at f₂. It
    is the complement of Good's own coverage (scikit-bio: `goods_coverage`, and `robbins` for f₁/n). Source: Good 1953.
    """
    n, f1, _ = _frequencies(_sizes(counts))
    return f1 / n if n else nan


def good_turing_coverage(counts: Counts) -> float:
    """Share of the model's answers, by probability, that lies in clusters seen so far. In [0, 1].

    1 − (f₁/n) · (n − 1)f₁/((n − 1)f₁ + 2f₂); where f₂ = 0, f₁ − 1 and 1 take the places of f₁ and f₂ in the fraction.
    All identical: 1. All different: near 0. One singleton and no doubleton: 1, although the `unseen_mass` is 1/n; this
    is what the replacement gives. Fewer than two answers: NaN. Source: Chao & Jost 2012; so in the R package iNEXT.
    """
    n, f1, f2 = _frequencies(_sizes(counts))
    if n < 2:
        return nan
    a, b = _replaced(f1, f2)
    return 1.0 - f1 / n * (n - 1) * a / ((n - 1) * a + 2 * b) if f1 else 1.0


def chao1(counts: Counts) -> float:
    """Estimated number of answers S + (n − 1)/n · f₁(f₁ − 1)/(2(f₂ + 1)): a lower bound of it. At least S.

    At most one singleton: S. All different: S + (n − 1)²/2. Fewer than two answers: NaN. Source: Chao 1984, in the
    bias-corrected form; scikit-bio's `chao1` has that form without (n − 1)/n, and iNEXT the one that is not corrected.
    """
    sizes = _sizes(counts)
    return len(sizes) + _n_unseen(sizes) if sizes.sum() > 1 else nan


def chao_shen_entropy(counts: Counts) -> float:
    """Estimated entropy of the model's answers: −Σ C p ln(C p)/(1 − (1 − C p)ⁿ), p = n_k/n, C = 1 − f₁/n. nats, from 0.

    All different: C = 1/n, since 0 would leave nothing; the estimate then depends on n alone and exceeds ln `chao1`.
    All identical: 0. Fewer than two answers: NaN. The plug-in is the discrete semantic entropy. Source: Chao & Shen
    2003. C is S over S/(1 − f₁/n), the alphabet size by Good and Turing, so this is the entropy of arXiv:2509.14478
    wherever they decide; the hybrid alphabet size of that paper, which also looks at a similarity matrix, is not here.
    """
    sizes = _sizes(counts)
    n, f1, _ = _frequencies(sizes)
    if n < 2:
        return nan
    p = sizes / n * (1 / n if f1 == n else 1 - f1 / n)
    return float(np.sum(-p * np.log(p) / -np.expm1(n * np.log1p(-p)))) if len(sizes) > 1 else 0.0


def hill_number(counts: Counts, order: float) -> float:
    """Effective number of answers in the sample, (Σ p^order)^(1/(1 − order)), p = n_k/n. In [1, S].

    Order 0 is S, order 1 is exp of the discrete semantic entropy, order 2 is 1/Σ p². It never rises with the order. No
    answers: NaN. As a number of the model it is too low, the more so the lower the order: `estimated_hill_number`.
    Source: Hill 1973; so in scikit-bio (`hill`).
    """
    if not 0 <= order < inf:
        raise InvalidInput(f"The order of a Hill number is {order}; it must be at least 0 and finite.")
    sizes = _sizes(counts)
    if not len(sizes):
        return nan
    p = sizes / sizes.sum()
    return exp(entropy(p)) if order == 1 else float(np.sum(p**order) ** (1 / (1 - order)))


def estimated_hill_number(counts: Counts, order: int) -> float:
    """Estimated effective number of the model's answers, of order 0, 1 or 2.

    Order 0: `chao1`. Order 1: exp(`chao_shen_entropy`). Order 2: n(n − 1)/Σ n_k(n_k − 1), one over the share of pairs
    of answers in one cluster. All different: order 2 is infinite, as no pair says how rare a match is; so over
    questions, average that share, which is unbiased (`scr_at_budget` at n = 2), and not this number. The estimates may
    rise with the order. All identical: 1. Fewer than two answers: NaN. Sources: Chao et al. 2014, Chao & Shen 2003.
    """
    if order not in (0, 1, 2):
        raise InvalidInput(f"Hill numbers are estimated for the orders 0, 1 and 2, not {order}.")
    sizes = _sizes(counts)
    if sizes.sum() < 2:
        return nan
    if order < 2:
        return chao1(sizes) if order == 0 else exp(chao_shen_entropy(sizes))
    same = float(budget_terms(int(sizes.sum()), 2)[0, sizes].sum())
    return 1 / same if same else inf


def vendi_score(similarity: np.ndarray) -> float:
    """Effective number of answers by similarity (n, n), without clusters: exp(−Σ λ ln λ), λ the eigenvalues of it/n.

    In [1, n]: 1 if all are alike, n if none is like another; no answers: NaN. A similarity that is not positive
    semi-definite has negative eigenvalues: they count as 0 and the others are made to sum to 1, which the package
    vendi-score does not do. Raises `InvalidInput` unless it is symmetric with ones on its diagonal. It describes the
    sample and does not estimate the unseen. Source: Friedman & Dieng 2023, arXiv:2210.02410, order 1.
    """
    matrix = np.asarray(similarity, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.allclose(matrix, matrix.T, atol=ON_DIAGONAL):
        raise InvalidInput(f"A similarity of answers is a symmetric square matrix; this one has shape {matrix.shape}.")
    off = np.abs(np.diag(matrix) - 1)
    if not np.all(off <= ON_DIAGONAL):
        found = matrix[np.argmax(off), np.argmax(off)]
        raise InvalidInput(f"An answer has similarity {found:g} to itself; it must be 1. Divide by the diagonal first.")
    if not len(matrix):
        return nan
    return exp(entropy(np.clip(np.linalg.eigvalsh(matrix / len(matrix)), 0.0, None)))


def expected_clusters(counts: Counts, size: int) -> float:
    """Expected number of clusters among `size` answers, up to 2n of them.

    Up to n, exactly, for answers drawn from these without replacement: Σ_k [1 − C(n − n_k, size)/C(n, size)]. Beyond,
    estimated: S + f̂₀[1 − (1 − f₁/(n f̂₀ + f₁))^(size − n)], f̂₀ = `chao1` − S. At 1: 1. At n: S. No answers, or beyond a
    single one: NaN. Raises `InvalidInput` for a size below 1 or above 2n, where the estimate means little. Source: Chao
    et al. 2014, order 0; iNEXT takes the f̂₀ that is not bias-corrected.
    """
    sizes = _sizes(counts)
    most = 2 * int(sizes.sum())
    if len(sizes) and not 1 <= size <= most:
        raise InvalidInput(f"The number of answers is {size}; {most // 2} answers say something about 1 to {most}.")
    return float(_expected_clusters(sizes, np.array([size]))[0]) if len(sizes) else nan


def expected_curve(counts: Counts) -> np.ndarray:
    """`expected_clusters` for 1 … 2n answers: (2n,). No answers: empty."""
    sizes = _sizes(counts)
    return _expected_clusters(sizes, np.arange(1, 2 * sizes.sum() + 1))


def accumulation_curve(counts: Counts, *, seed: int = 0, n_resamples: int = 1000) -> AccumulationCurve:
    """`expected_clusters` for 1 … 2n answers, with 95 % intervals for those of the model that gave these n.

    Bounds as for `effective_number`, within 1 and the number of answers. No answers: empty; one: NaN bounds.
    """
    sizes = _sizes(counts)
    m = np.arange(1, 2 * sizes.sum() + 1)
    if sizes.sum() < 2:
        return AccumulationCurve(m, _expected_clusters(sizes, m), *np.full((2, len(m)), nan))
    low, high = _bounds(sizes, lambda own: _expected_clusters(own, m), seed, n_resamples)
    return AccumulationCurve(m, _expected_clusters(sizes, m), np.maximum(low, 1.0), np.minimum(high, m))


def effective_number(counts: Counts, *, seed: int = 0, n_resamples: int = 1000) -> Estimate:
    """Effective number of the model's answers to one question, exp(`chao_shen_entropy`), with a 95 % interval.

    With Ĥ the entropy, and s its standard deviation over samples drawn from `estimated_community`: the lower bound is
    exp of Ĥ − z s or of the 2.5 % quantile over those samples, whichever is less, and at least 1. The upper bound is
    exp(Ĥ + z s) of the sample *and one more answer that nobody gave*; without that answer, ten identical ones would
    have the interval [1, 1]. All different: no upper bound (infinite). The lower bound is the one to rely on: a rare
    rest may be split into any number of answers, so no upper bound always holds; docs/methods.md says how often this
    one does. Over questions: `mean_estimate` of the values. Fewer than two answers: NaN. Sources: Chao & Shen 2003;
    Chao et al. 2014 (bootstrap); the added answer and the lesser of two bounds are ours.
    """
    sizes = _sizes(counts)
    return _effective_number(tuple(sorted(sizes.tolist())), seed, n_resamples)


def estimated_community(counts: Counts) -> np.ndarray:
    """Probabilities (≥ S,) of the seen answers and of ⌈f̂₀⌉ unseen ones; they sum to 1.

    f̂₀ = (n − 1)/n · f₁²/(2f₂), or (n − 1)/n · f₁(f₁ − 1)/2 without doubletons. The unseen ones share
    1 − `good_turing_coverage` equally. A seen one has p(1 − w(1 − p)ⁿ), p = n_k/n, with the w that makes the sum 1: the
    rarer it is, the more it gives. Raises `InvalidInput` below two answers. Source: Chao et al. 2014, appendix; so in
    iNEXT.
    """
    sizes = _sizes(counts)
    n, f1, f2 = _frequencies(sizes)
    if n < 2:
        raise InvalidInput(f"A community is estimated from two answers or more, not from {n}.")
    p, unseen, (a, b) = sizes / n, 1.0 - good_turing_coverage(sizes), _replaced(f1, f2)
    if unseen == 0:
        return p
    n_unseen, gives = ceil((n - 1) / n * f1 * a / (2 * b)), p * (1 - p) ** n
    return np.concatenate([p - unseen * gives / gives.sum(), np.full(n_unseen, unseen / n_unseen)])


@lru_cache(maxsize=4096)  # ten answers form one of 42 lists of sizes, and a run has hundreds of questions
def _effective_number(counts: tuple[int, ...], seed: int, n_resamples: int) -> Estimate:
    sizes = np.array(counts, dtype=np.int64)
    n, method = int(sizes.sum()), "bootstrap, one answer added"
    if n < 2:
        return Estimate(nan, nan, nan, n, method)
    low, high = _bounds(sizes, chao_shen_entropy, seed, n_resamples)
    upper = inf if len(sizes) == n else exp(high)
    return Estimate(estimated_hill_number(sizes, 1), exp(max(low, 0.0)), upper, n, method)


def _bounds(
    sizes: np.ndarray, statistic: Callable[[np.ndarray], float | np.ndarray], seed: int, n_resamples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Low and high as `effective_number` has them, for a statistic that is a number or an array."""
    more = np.append(sizes, 1)
    drawn, with_more = (_resampled(own, statistic, seed, n_resamples) for own in (sizes, more))
    low = np.minimum(statistic(sizes) - Z * drawn.std(axis=0), np.quantile(drawn, 0.025, axis=0))
    return low, statistic(more) + Z * with_more.std(axis=0)


def _resampled(
    sizes: np.ndarray, statistic: Callable[[np.ndarray], float | np.ndarray], seed: int, n_resamples: int
) -> np.ndarray:
    """The statistic (n_resamples, …) of samples of n answers from the estimated community."""
    community = estimated_community(sizes)
    drawn = np.random.default_rng(seed).choice(len(community), size=(n_resamples, sizes.sum()), p=community)
    found = Counter(tuple(sorted(Counter(row).values())) for row in drawn.tolist())  # equal ones are computed once
    return np.repeat([statistic(np.array(own)) for own in found], list(found.values()), axis=0)


def _expected_clusters(sizes: np.ndarray, m: np.ndarray) -> np.ndarray:
    """`expected_clusters` for all m (M,) at once."""
    n, f1, _ = _frequencies(sizes)
    left = (n - sizes)[:, None] - np.minimum(m, n)  # (K, M) answers that are in neither the cluster nor the sample
    ways = gammaln(n - sizes + 1)[:, None] - gammaln(np.maximum(left, 0) + 1)
    missed = np.where(left < 0, 0.0, np.exp(ways + gammaln(n - np.minimum(m, n) + 1) - gammaln(n + 1)))
    seen, unseen = np.sum(1 - missed, axis=0), _n_unseen(sizes)
    if n < 2:
        return np.where(m <= n, seen, nan)
    return seen + (unseen * -np.expm1(np.maximum(m - n, 0) * log(1 - f1 / (n * unseen + f1))) if unseen else 0.0)


def _n_unseen(sizes: np.ndarray) -> float:
    """How many answers were not seen, by the bias-corrected Chao1."""
    n, f1, f2 = _frequencies(sizes)
    return (n - 1) / n * f1 * (f1 - 1) / (2 * (f2 + 1)) if n else 0.0


def _replaced(f1: int, f2: int) -> tuple[int, int]:
    """What stands for f₁ and f₂ in the ratio of the two: without doubletons, f₁ − 1 and 1."""
    return (f1, f2) if f2 else (f1 - 1, 1)


def _frequencies(sizes: np.ndarray) -> tuple[int, int, int]:
    """n, f₁ and f₂."""
    return int(sizes.sum()), int(np.sum(sizes == 1)), int(np.sum(sizes == 2))


def _sizes(counts: Counts) -> np.ndarray:
    """The counts (S,) that are not 0. Raises `InvalidInput` where one is no whole number from 0 on."""
    found = np.asarray(counts)
    if found.ndim != 1:
        raise InvalidInput(f"Counts are the cluster sizes of one question, a list; these have shape {found.shape}.")
    wrong = [x for x in found.tolist() if isinstance(x, str) or not isfinite(x) or x < 0 or x != int(x)]
    if wrong:
        raise InvalidInput(f"A cluster has {wrong[0]!r} answers; counts are whole numbers from 0 on.")
    return found[found != 0].astype(np.int64)
