"""Per-question uncertainty scores (docs/methods.md §3). Higher means more uncertain; undefined is NaN, never 0.

Pure functions of labels, log-probabilities, token entropies, texts, similarities and embeddings; entropies in nats.
They take an answer's own tokens (`Response.own_tokens`) and do not know how anything was sampled, encoded or compared.
"""

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from scipy.special import entr

from homog_core.errors import InvalidInput
from homog_core.measures.clustering import cluster_average_linkage, cosine_similarity
from homog_core.measures.overlap import WORD_BITS, longest_common

_LARGEST_EIGENVALUE = 0.9  # eccentricity keeps eigenvectors below it; the value of Lin et al.
_HEAT = 0.3  # the diffusion time t of kernel language entropy; the value of Nikitin et al.
_NOTHING = 36.0  # exp(−36) is less than what rounding takes from 1
_AT_ONCE = 256  # questions that are compared with all others at the same time
_ROUNDING = 1e-6  # how far a similarity may be from symmetric, from a unit diagonal and from [0, 1]


def discrete_semantic_entropy(labels: Sequence[int] | np.ndarray) -> float:
    """−Σ_k (n_k/N) ln(n_k/N) over the cluster sizes. nats; 0 exactly when there is one cluster, at most ln N.

    No responses: NaN. Source: Farquhar et al. 2024 (the discrete variant). Other packages that report "semantic
    entropy" from black-box models mean this one.
    """
    if len(labels) == 0:
        return np.nan
    counts = np.unique(np.asarray(labels), return_counts=True)[1]
    return float(entr(counts / counts.sum()).sum()) if len(counts) > 1 else 0.0


def semantic_entropy(labels: Sequence[int] | np.ndarray, mean_logprobs: Sequence[float] | np.ndarray) -> float:
    """−Σ p_k ln p_k with p_k ∝ Σ_{i∈k} exp(l_i), l_i the mean token log-probability of response i. nats.

    One cluster: 0. No responses, or a response without log-probabilities: NaN. Source: Farquhar et al. 2024, the
    length-normalised, likelihood-weighted estimator, normalised over the clusters. Differs from the Monte-Carlo
    estimator of Kuhn et al. 2023, which averages −ln p over samples and does not renormalise.
    """
    labels, logprobs = np.asarray(labels), np.asarray(mean_logprobs, dtype=np.float64)
    if len(labels) == 0 or np.isnan(logprobs).any():
        return np.nan
    clusters = np.unique(labels)
    if len(clusters) == 1:
        return 0.0
    log_mass = np.array([np.logaddexp.reduce(logprobs[labels == k]) for k in clusters])
    log_p = log_mass - np.logaddexp.reduce(log_mass)
    return float(entr(np.exp(log_p)).sum())


def num_semantic_sets(labels: Sequence[int] | np.ndarray) -> float:
    """K, the number of clusters. No responses: NaN. Source: Lin et al. 2024."""
    return float(len(np.unique(np.asarray(labels)))) if len(labels) else np.nan


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
    return float(np.max(token_entropies)) if len(token_entropies) else np.nan


def std_token_entropy(token_entropies: np.ndarray) -> float:
    """Population standard deviation (ddof = 0) of the token entropies. nats; one token: 0; no tokens: NaN."""
    return float(np.std(np.asarray(token_entropies, dtype=np.float64))) if len(token_entropies) else np.nan


def high_entropy_ratio(token_entropies: np.ndarray) -> float:
    """Share of tokens whose entropy is above twice the response's mean. In [0, 0.5); none, or one that is NaN: NaN."""
    entropies = np.asarray(token_entropies, dtype=np.float64)
    if len(entropies) == 0 or np.isnan(entropies).any():
        return np.nan
    return float(np.mean(entropies > 2 * entropies.mean()))


def mean_token_entropy_sampled(token_entropies: Sequence[np.ndarray]) -> float:
    """`mean_token_entropy` averaged over the N sampled responses: the matched-decoding control. nats.

    Greedy against sampled is a confound when base and aligned models are compared by the greedy response alone.
    """
    return _mean([mean_token_entropy(row) for row in token_entropies])


def perplexity(token_logprobs: np.ndarray) -> float:
    """exp(−mean_t logp_t) of the greedy response. At least 1; no tokens: NaN."""
    return float(np.exp(-mean_logprob(token_logprobs)))


def lexical_dissimilarity(texts: Sequence[str]) -> float:
    """1 − mean over pairs of responses of ROUGE-L F, with rouge-score's tokenizer and stemmer. In [0, 1].

    Fewer than two texts: NaN. All identical: exactly 0. No word in common: 1. The tokenizer keeps a–z and 0–9 only, so
    texts in another script or of punctuation alone have no words: 0 against themselves, 1 against anything else, and
    of a mixed text only the Latin words and the digits count. (rouge-score itself finds no similarity between two
    identical texts without words.) Source: Lin 2004 for ROUGE-L; Kuhn et al. 2023 for the score. lm-polygraph's
    `LexicalSimilarity` is −similarity, that is this minus 1; UQ-NLG's likewise.
    """
    if len(texts) < 2:
        return np.nan
    counts = Counter(texts)
    identical = sum(math.comb(n, 2) for n in counts.values())
    first, second = np.triu_indices(len(counts), k=1)
    times = np.array(list(counts.values()))
    different = times[first] * times[second] * _rouge_l(list(counts), first, second)
    return 1.0 - (identical + math.fsum(different)) / math.comb(len(texts), 2)


def _rouge_l(texts: Sequence[str], first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """ROUGE-L F (P,) of pairs of texts, given by their places; rouge-score itself where both are very long."""
    from rouge_score.rouge_scorer import RougeScorer  # slow to import: it brings nltk
    from rouge_score.tokenize import tokenize as rouge_tokenize

    tokenize = cache(lambda text: rouge_tokenize(text, SimpleNamespace(stem=_stem)))
    words = [tokenize(text) for text in texts]
    lengths = np.array([len(own) for own in words])
    a, b = lengths[first], lengths[second]
    is_short = np.minimum(a, b) <= WORD_BITS
    found, common = np.zeros(len(first)), np.zeros(len(first))
    common[is_short] = longest_common(words, first[is_short], second[is_short])
    precision, recall = common / np.maximum(b, 1), common / np.maximum(a, 1)
    np.divide(2 * precision * recall, precision + recall, out=found, where=common > 0)
    scorer = RougeScorer(["rougeL"], tokenizer=SimpleNamespace(tokenize=tokenize))
    for pair in np.flatnonzero(~is_short):
        found[pair] = scorer.score(texts[first[pair]], texts[second[pair]])["rougeL"].fmeasure
    return found


@lru_cache(maxsize=1 << 14)  # the words of texts repeat
def _stem(word: str) -> str:
    return _stemmer().stem(word)


@cache
def _stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


def selfcheck_nli(probabilities: np.ndarray) -> float:
    """Mean over sentences of the mean over samples of P(contradiction) = p_c / (p_e + p_c). In [0, 1].

    `probabilities` (S, N, 3) are entailment, neutral and contradiction; S sentences of the greedy response (the
    hypotheses, from `split_sentences`), N samples (the premises, whole). The softmax over entailment and contradiction
    alone is this ratio: neutral is left out, so a sample about something else counts by its small remainder, and
    p_e = p_c = 0 is 0.5, for neither. No sentence or no sample: NaN; so is a pair that is NaN. Source: Manakul et al.
    2023. The authors' package gives one score per sentence and passes the sentence as premise and the sample as
    hypothesis, with a model trained without the neutral class.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if probabilities.size == 0:
        return np.nan
    if probabilities.ndim != 3 or probabilities.shape[2] != 3:
        raise InvalidInput(
            f"The NLI probabilities have shape {probabilities.shape}; they must be (sentences, samples, 3), "
            "the last axis entailment, neutral and contradiction."
        )
    contradiction = probabilities[..., 2]
    either = probabilities[..., 0] + contradiction
    share = np.divide(contradiction, either, out=np.full_like(either, 0.5), where=either != 0)
    return float(share.mean(axis=1).mean())


def eigenvalue_laplacian(similarity: "np.ndarray | Graph", times: Sequence[int] | None = None) -> float:
    """Σ_k max(0, 1 − λ_k), λ the eigenvalues of I − D^-½ W D^-½: a continuous number of meanings, in [1, N].

    `similarity` is W: symmetric, unit diagonal, values in [0, 1]; so in the three scores that follow. It is (N, N), or
    (K, K) of different answers of which each was given so many `times` (K,), N in all: the score is the same; so it is
    for their `graph_of`, which several scores can share. Identical answers: 1. Nothing in common: N. One response: 1.
    No responses or a NaN in W: NaN. Source: Lin et al. 2024
    (U_EigV). It is not 0 for one meaning, unlike an entropy.
    """
    graph = graph_of(similarity, times)
    if graph is None:
        return np.nan
    return float(np.clip(np.linalg.eigvalsh(graph.normalised), 0.0, None).sum())  # 1 − λ; 0 for an answer given again


def degree_uncertainty(similarity: "np.ndarray | Graph", times: Sequence[int] | None = None) -> float:
    """1 − Σ_ij W_ij / N²: one minus the mean similarity, each answer with itself included. In [0, 1 − 1/N].

    Identical answers and one response: 0. No responses or a NaN in W: NaN. Source: Lin et al. 2024 (U_Deg). The
    authors' package returns N times this, of the directed similarities.
    """
    graph = graph_of(similarity, times)
    return np.nan if graph is None else float(1.0 - graph.times @ graph.degrees / graph.n**2)


def eccentricity(similarity: "np.ndarray | Graph", times: Sequence[int] | None = None) -> float:
    """Frobenius norm of the centred eigenvectors of I − D^-½ W D^-½ whose λ < 0.9. In [0, √(N − 1)].

    Column by column, each eigenvector less its mean over the responses. Identical answers and one response: 0. Nothing
    in common: √(N − 1). No responses or a NaN in W: NaN. A repeated eigenvalue is taken with its whole eigenspace or
    not at all, so that the arbitrary basis and the order of the rows do not matter. It jumps where an eigenvalue
    crosses 0.9. Source: Lin et al. 2024 (U_Ecc).
    """
    graph = graph_of(similarity, times)
    if graph is None:
        return np.nan
    # Rounding spreads an eigenvalue of exactly 0.9 to both sides, differently for each order of the rows.
    found, vectors = np.linalg.eigh(graph.normalised)
    kept = vectors[:, found > 1.0 - _LARGEST_EIGENVALUE + 1e-9]  # (K, kept)
    means = graph.roots @ kept / graph.n
    return float(np.linalg.norm(kept - np.outer(graph.roots, means)))


def kernel_language_entropy(similarity: "np.ndarray | Graph", times: Sequence[int] | None = None) -> float:
    """Von Neumann entropy −Σ_k μ_k ln μ_k of the heat kernel of W. nats, in [0, ln N].

    K = expm(−0.3 L), the exponential of the matrix and not of its entries, L = D − W; μ are the eigenvalues of
    K_ij / √(K_ii K_jj) / N. One response: 0. Nothing in common: ln N. Identical answers give the least for their N, and
    that is far from 0 (0.65 for two, 1.30 for ten, 0.32 for twenty), so compare scores at equal N only. No responses
    or a NaN in W: NaN. Source: Nikitin et al. 2024 (K_heat, t = 0.3). The authors' package sums an edge over both
    directions, entailment 1 and neutral ½, where W here is the mean, and divides by ln N; lm-polygraph divides too,
    keeps the directions apart, and its L is W − D, of the opposite sign.
    """
    graph = graph_of(similarity, times)
    if graph is None:
        return np.nan
    laplacian = np.diag(graph.degrees) - graph.weights * np.outer(graph.roots, graph.roots)
    found, vectors = np.linalg.eigh(laplacian)
    kept = _HEAT * found < _NOTHING  # in a dense graph few are
    half = vectors[:, kept] * np.exp(-_HEAT / 2 * found[kept])  # (K, kept); between answers the kernel is half @ half.T
    # Of an answer given m times, m − 1 eigenvectors of L tell its responses apart, with its degree as eigenvalue.
    apart = np.exp(-_HEAT * graph.degrees)
    diagonal = (np.einsum("ij,ij->i", half, half) + (graph.times - 1) * apart) / graph.times
    half /= np.sqrt(diagonal * graph.n)[:, None]
    spectrum = np.linalg.eigvalsh(half.T @ half)
    repeated = (graph.times - 1) * entr(apart / diagonal / graph.n)
    return max(0.0, float(entr(np.clip(spectrum, 0.0, None)).sum() + repeated.sum()))


def sindex(embeddings: np.ndarray, threshold: float = 0.95) -> float:
    """−Σ_k p'_k ln p'_k, p'_k = (n_k/N) · (mean cosine of the pairs within cluster k, 1 for a singleton). In [0, ln N].

    Clusters by average linkage at cosine `threshold` ≥ 0. The p' are not renormalised, so that a loose single cluster
    is above 0. One response or identical embeddings: 0. No responses: NaN. Source: Abdaljalil et al. 2025 (SINdex).
    `discrete_semantic_entropy` of the same clusters is the case in which all cosines within them are 1.
    """
    if len(embeddings) == 0:
        return np.nan
    similarity = cosine_similarity(embeddings)
    labels = cluster_average_linkage(similarity, threshold)
    members = (labels == np.arange(labels.max() + 1)[:, None]).astype(np.float64)  # (K, N)
    sizes = members.sum(axis=1)
    cosines = np.sum(members @ similarity * members, axis=1) - sizes  # of the ordered pairs, without the diagonal
    within = np.divide(cosines, sizes * (sizes - 1), out=np.ones_like(sizes), where=sizes > 1)
    return max(0.0, float(entr(sizes / len(labels) * within).sum()))


def embedding_density(embeddings: np.ndarray, k: int = 10) -> np.ndarray:
    """Minus the mean cosine of each question to the k nearest of the others, by `embeddings` (M, d). (M,), in [−1, 1].

    The questions are the reference set. Higher means farther from all others. One question: NaN; fewer than k others:
    all of them. A zero vector has cosine 0. Source: the cheap second boundary of the cascade of arXiv:2603.24124. Not
    the semantic density of Qiu & Miikkulainen 2024, which looks at responses.
    """
    n = len(embeddings)
    if n < 2:
        return np.full(n, np.nan)
    embeddings = np.asarray(embeddings, dtype=np.float64)
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit, found = embeddings / np.where(norms > 0, norms, 1.0), np.empty(n)
    for start in range(0, n, _AT_ONCE):
        cosines = np.clip(unit[start : start + _AT_ONCE] @ unit.T, -1.0, 1.0)
        own = np.arange(len(cosines))
        cosines[own, start + own] = -np.inf  # itself
        nearest = np.partition(cosines, -min(k, n - 1), axis=1)[:, -min(k, n - 1) :]
        found[start : start + _AT_ONCE] = -np.sort(nearest, axis=1).mean(axis=1)
    return found


def _weights(similarity: np.ndarray) -> np.ndarray | None:
    """W as float64, exactly symmetric and in [0, 1]; None where it is empty or holds a NaN."""
    weights = np.asarray(similarity, dtype=np.float64)
    if weights.size == 0:
        return None
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1]:
        raise InvalidInput(f"The similarity has shape {weights.shape}; it must be square, a row for each response.")
    if np.isnan(weights).any():
        return None
    difference = np.abs(weights - weights.T).max()
    if difference > _ROUNDING:
        raise InvalidInput(f"The similarity differs from its transpose by {difference:g}; pass (W + W.T) / 2.")
    low, high = weights.min(), weights.max()
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise InvalidInput(
            f"Similarities run from {low:g} to {high:g}; they must lie in [0, 1], as max(0, cosine) does."
        )
    smallest = np.diag(weights).min()
    if smallest < 1 - _ROUNDING:
        raise InvalidInput(f"A response has similarity {smallest:g} with itself; the diagonal must be 1.")
    return np.clip((weights + weights.T) / 2, 0.0, 1.0)


class Graph(NamedTuple):
    """Similarities of K different answers, and how often each was given."""

    weights: np.ndarray  # (K, K)
    times: np.ndarray  # (K,)

    @property
    def n(self) -> float:
        """N, the number of responses."""
        return float(self.times.sum())

    @property
    def roots(self) -> np.ndarray:
        """The length (K,) of the vector with a 1 for each response that is this answer."""
        return np.sqrt(self.times)

    @property
    def degrees(self) -> np.ndarray:
        """D (K,): the similarities of a response with all N."""
        return self.weights @ self.times

    @property
    def normalised(self) -> np.ndarray:
        """D^-½ W D^-½ (K, K) on the unit vectors of the answers; all its other eigenvalues over N responses are 0."""
        scale = self.roots / np.sqrt(self.degrees)
        return self.weights * np.outer(scale, scale)


def graph_of(similarity: np.ndarray | Graph, times: Sequence[int] | None = None) -> Graph | None:
    """What the scores of a graph read; None where there is no answer, or a NaN in W."""
    if isinstance(similarity, Graph):
        return similarity
    weights = _weights(similarity)
    if weights is None:
        return None
    times = np.ones(len(weights)) if times is None else np.asarray(times, dtype=np.float64)
    if times.shape != (len(weights),) or times.min() < 1:
        raise InvalidInput(f"`times` must say of each of {len(weights)} answers how often it was given, at least once.")
    return Graph(weights, times)


def _mean(values: Sequence[float] | np.ndarray) -> float:
    return float(np.mean(np.asarray(values, dtype=np.float64))) if len(values) else np.nan
