"""What fewer samples would have shown: the single-cluster rate and the semantic entropy of n of the N responses.

The curve of a run adds up `budget_terms` over all its questions; the two statistics are for labels at hand.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from operator import add

import numpy as np

from homog_core.errors import InvalidInput

Labels = Sequence[int] | np.ndarray  # (N,) one per response
_CURVES = 1_000  # responses up to which one table serves every n, since a curve asks for all of them


def scr_at_budget(labels: Labels | Sequence[Labels], n: int) -> float:
    """Chance Σ_k C(n_k, n)/C(N, n) that n of the N responses, drawn without replacement, share a cluster. In [0, 1].

    `labels` (N,) of one question, or one such array per question: then the mean over those with at least n. Exact. The
    clusters stay those of all N. n = 1: 1 by definition. None with n responses: NaN. n = N: the single-cluster rate.
    """
    return _mean_at_budget(labels, n)[0]


def entropy_at_budget(labels: Labels | Sequence[Labels], n: int) -> float:
    """Expected discrete semantic entropy of n of the N responses, drawn without replacement. nats; in [0, ln n].

    −Σ_k Σ_m Hypergeom(m; N, n_k, n) (m/n) ln(m/n). `labels` and edges as for `scr_at_budget`. n = 1: 0. n = N: the
    discrete semantic entropy. Exact, where packages subsample; it grows with n, as the plug-in entropy is biased down.
    """
    return _mean_at_budget(labels, n)[1]


@cache
def budget_terms(total: int, n: int) -> np.ndarray:
    """What a cluster of each size 0 … N adds to both statistics when n of the N responses are drawn: (2, N + 1).

    C(size, n)/C(N, n), and −Σ_m Hypergeom(m; N, size, n) (m/n) ln(m/n).
    """
    part, power = _ways(total, total if total <= _CURVES else n)
    m, others = np.arange(1, n + 1), np.s_[::-1, n - 1 :: -1]  # of size and N − size, m and n − m
    chance = np.ldexp(  # (N + 1, n) that m of the n are from a cluster of each size
        part[:, 1 : n + 1] * part[others] / part[total, n], power[:, 1 : n + 1] + power[others] - power[total, n]
    )
    return np.stack([chance[:, -1], chance @ (m / n * np.log(n / m))])


@lru_cache(maxsize=8)
def _ways(total: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """C(size, m) for all sizes up to a total and m up to `most`: two arrays (N + 1, most + 1).

    They are part · 2^power with a part below 1, so that none is too large.
    """
    part, power = np.zeros((total + 1, most + 1)), np.zeros((total + 1, most + 1), dtype=int)
    row = [1]
    for size in range(total + 1):
        bits = [count.bit_length() for count in row]
        part[size, : len(row)] = [count / (1 << n) for count, n in zip(row, bits, strict=True)]
        power[size, : len(row)] = bits
        row = [1, *map(add, row, row[1:]), 1][: most + 1]
    return part, power


def _mean_at_budget(labels: Labels | Sequence[Labels], n: int) -> tuple[float, float]:
    """Both statistics, averaged over the questions with at least n responses."""
    if n < 1:
        raise InvalidInput(f"The number of responses is {n}; it must be at least 1.")
    questions = list(labels)
    if questions and np.ndim(questions[0]) == 0:
        questions = [questions]
    sizes = [list(Counter(np.asarray(question).tolist()).values()) for question in questions]
    values = [budget_terms(sum(of_one), n)[:, of_one].sum(axis=1) for of_one in sizes if sum(of_one) >= n]
    rate, entropy = np.mean(values, axis=0) if values else (np.nan, np.nan)
    return float(rate), float(entropy)
