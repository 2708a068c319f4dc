"""Per-question uncertainty scores (docs/methods.md §3). Higher means more uncertain; undefined is NaN, never 0.

Pure functions of labels, log-probabilities and token entropies, in nats. They take an answer's own tokens
(`Response.own_tokens`) and do not know how anything was sampled.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp
from scipy.stats import entropy


def discrete_semantic_entropy(labels: Sequence[int] | np.ndarray) -> float:
    """−Σ_k (n_k/N) ln(n_k/N) over the cluster sizes. nats; 0 exactly when there is one cluster, at most ln N.

    No responses: NaN. Source: Farquhar et al. 2024 (the discrete variant). Other packages that report "semantic
    entropy" from black-box models mean this one.
    """
    if len(labels) == 0:
        return float("nan")
    counts = np.unique(np.asarray(labels), return_counts=True)[1]
    return float(entropy(counts)) if len(counts) > 1 else 0.0


def semantic_entropy(labels: Sequence[int] | np.ndarray, mean_logprobs: Sequence[float] | np.ndarray) -> float:
    """−Σ p_k ln p_k with p_k ∝ Σ_{i∈k} exp(l_i), l_i the mean token log-probability of response i. nats.

    One cluster: 0. No responses, or a response without log-probabilities: NaN. Source: Farquhar et al. 2024, the
    length-normalised, likelihood-weighted estimator, normalised over the clusters. Differs from the Monte-Carlo
    estimator of Kuhn et al. 2023, which averages −ln p over samples and does not renormalise.
    """
    labels, logprobs = np.asarray(labels), np.asarray(mean_logprobs, dtype=np.float64)
    if len(labels) == 0 or np.isnan(logprobs).any():
        return float("nan")
    clusters = np.unique(labels)
    if len(clusters) == 1:
        return 0.0
    log_mass = np.array([logsumexp(logprobs[labels == k]) for k in clusters])
    log_p = log_mass - logsumexp(log_mass)
    return float(-np.sum(np.exp(log_p) * log_p))


def num_semantic_sets(labels: Sequence[int] | np.ndarray) -> float:
    """K, the number of clusters. No responses: NaN. Source: Lin et al. 2024."""
    return float(len(np.unique(np.asarray(labels)))) if len(labels) else float("nan")


def predictive_entropy(token_logprobs: Sequence[np.ndarray]) -> float:
    """−(1/N) Σ_i Σ_t logp_it over the N responses: the Monte-Carlo entropy of the whole sequence. nats.

    Long answers score higher. No responses, or one without tokens: NaN. Source: Malinin & Gales 2021.
    """
    return _mean([-float(np.sum(row)) if len(row) else np.nan for row in token_logprobs])


def length_normalized_predictive_entropy(token_logprobs: Sequence[np.ndarray]) -> float:
    """−(1/N) Σ_i mean_t logp_it: as `predictive_entropy`, per token. nats. Source: Malinin & Gales 2021."""
    return _mean([-mean_logprob(row) for row in token_logprobs])


def mean_logprob(token_logprobs: np.ndarray) -> float:
    """Mean log-probability of one response's own tokens, l_i. nats; no tokens: NaN."""
    return _mean(token_logprobs)


def mean_token_entropy(token_entropies: np.ndarray) -> float:
    """Mean over tokens of H_t = −Σ_v p ln p, the full next-token distribution at temperature 1. nats.

    Read from the greedy response. No tokens: NaN. Source: arXiv:2603.24124; Fadeeva et al. 2023 ("mean token
    entropy"). Packages that see only the k likeliest tokens report a lower bound of it.
    """
    return _mean(token_entropies)


def max_token_entropy(token_entropies: np.ndarray) -> float:
    """The largest token entropy of the response. nats; no tokens: NaN."""
    return float(np.max(token_entropies)) if len(token_entropies) else float("nan")


def std_token_entropy(token_entropies: np.ndarray) -> float:
    """Population standard deviation (ddof = 0) of the token entropies. nats; one token: 0; no tokens: NaN."""
    return float(np.std(np.asarray(token_entropies, dtype=np.float64))) if len(token_entropies) else float("nan")


def high_entropy_ratio(token_entropies: np.ndarray) -> float:
    """Share of tokens whose entropy is above twice the response's mean. In [0, 0.5); no tokens: NaN."""
    if len(token_entropies) == 0:
        return float("nan")
    entropies = np.asarray(token_entropies, dtype=np.float64)
    return float(np.mean(entropies > 2 * entropies.mean()))


def mean_token_entropy_sampled(token_entropies: Sequence[np.ndarray]) -> float:
    """`mean_token_entropy` averaged over the N sampled responses: the matched-decoding control. nats.

    Greedy against sampled is a confound when base and aligned models are compared by the greedy response alone.
    """
    return _mean([mean_token_entropy(row) for row in token_entropies])


def perplexity(token_logprobs: np.ndarray) -> float:
    """exp(−mean_t logp_t) of the greedy response. At least 1; no tokens: NaN."""
    return float(np.exp(-mean_logprob(token_logprobs)))


def _mean(values: Sequence[float] | np.ndarray) -> float:
    return float(np.mean(np.asarray(values, dtype=np.float64))) if len(values) else float("nan")
