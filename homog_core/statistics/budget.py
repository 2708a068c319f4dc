"""TODO homog_core.statistics.budget."""

from collections import Counter
from collections.abc import Callable, Sequence
from math import comb, log

import numpy as np

from homog_core.errors import InvalidInput
from homog_core.statistics.columns import NAN, Labels

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
    return float(np.mean(values)) if values else NAN
