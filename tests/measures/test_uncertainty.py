"""Every uncertainty score: by hand, against other packages, its edges and its invariants."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import tokenize
from rouge_score.rouge_scorer import RougeScorer
from scipy.linalg import eigh, expm, logm
from scipy.special import softmax
from sklearn.cluster import AgglomerativeClustering
from sklearn.neighbors import NearestNeighbors

from homog_core.errors import InvalidInput
from homog_core.measures.uncertainty import (
    degree_uncertainty,
    discrete_semantic_entropy,
    eccentricity,
    eigenvalue_laplacian,
    embedding_density,
    high_entropy_ratio,
    kernel_language_entropy,
    length_normalized_predictive_entropy,
    lexical_dissimilarity,
    max_token_entropy,
    mean_logprob,
    mean_token_entropy,
    mean_token_entropy_sampled,
    num_semantic_sets,
    perplexity,
    predictive_entropy,
    selfcheck_nli,
    semantic_entropy,
    sindex,
    std_token_entropy,
)

LABELS, MEAN_LOGPROBS = [0, 0, 1], [-0.5, -1.0, -2.0]  # the vector of docs/methods.md
SIMILARITY = np.array([[1, 0.8, 0.1], [0.8, 1, 0.2], [0.1, 0.2, 1]])  # likewise
GRAPH_SCORES = [eigenvalue_laplacian, degree_uncertainty, eccentricity, kernel_language_entropy]

label_lists = st.lists(st.integers(0, 5), min_size=1, max_size=12)
labelled_logprobs = st.lists(st.tuples(st.integers(0, 5), st.floats(-200, 0)), min_size=1, max_size=12)
entropy_arrays = st.lists(st.floats(0, 12), min_size=1, max_size=20).map(np.array)
answers = st.lists(
    st.lists(st.sampled_from(["red", "green", "blue", "runs", "running"]), max_size=5).map(" ".join), max_size=6
)
seeds = st.integers(0, 2**32 - 1)
no_deadline = settings(deadline=None)  # for examples that call slow packages: a busy machine is no failure
each_graph_score = pytest.mark.parametrize("score", GRAPH_SCORES)


@st.composite
def similarities(draw):
    """W of one to eight responses; the rounded values make repeated eigenvalues, zeros and identical answers common."""
    n = draw(st.integers(1, 8))
    value = st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1)
    upper = np.zeros((n, n))
    upper[np.triu_indices(n, 1)] = draw(st.lists(value, min_size=n * (n - 1) // 2, max_size=n * (n - 1) // 2))
    return upper + upper.T + np.eye(n)


def all_alike(n, value):
    """W of n responses, every two of them equally similar."""
    return np.full((n, n), value) + (1 - value) * np.eye(n)


def normalised_eigenpairs(similarity):
    """Eigenvalues and orthonormal eigenvectors of I − D^-½ W D^-½ by another road: (D − W) x = λ D x, v = D^½ x."""
    degrees = np.diag(similarity.sum(axis=1))
    eigenvalues, vectors = eigh(degrees - similarity, degrees)
    return eigenvalues, np.sqrt(degrees) @ vectors


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (LABELS, 0.636514),  # −(2/3 ln 2/3 + 1/3 ln 1/3)
        ([0, 1, 2, 1], 1.039721),  # −(1/2 ln 1/2 + 2 · 1/4 ln 1/4) = 3/2 ln 2
        ([0, 1, 2], math.log(3)),
    ],
)
def test_discrete_semantic_entropy(labels, expected):
    assert discrete_semantic_entropy(labels) == pytest.approx(expected, abs=1e-6)


def test_semantic_entropy():
    # masses e^−.5 + e^−1 = .97441 and e^−2 = .135335; p = .878047 and .121953
    assert semantic_entropy(LABELS, MEAN_LOGPROBS) == pytest.approx(0.370796, abs=1e-6)


def test_semantic_entropy_is_discrete_when_all_answers_are_equally_likely():
    assert semantic_entropy(LABELS, [-3.0] * 3) == pytest.approx(discrete_semantic_entropy(LABELS))


def test_semantic_entropy_does_not_underflow():
    # exp(−2000) is 0 in floating point, the shares are those of [−.5, −1, −2]
    assert semantic_entropy(LABELS, np.array(MEAN_LOGPROBS) - 2000) == pytest.approx(0.370796, abs=1e-6)


@given(label_lists)
def test_discrete_semantic_entropy_lies_between_0_and_ln_n(labels):
    assert 0 <= discrete_semantic_entropy(labels) <= math.log(len(labels)) + 1e-12


@given(labelled_logprobs)
def test_semantic_entropy_lies_between_0_and_ln_k(rows):
    labels, logprobs = zip(*rows, strict=True)

    assert -1e-12 <= semantic_entropy(labels, logprobs) <= math.log(len(set(labels))) + 1e-12


@given(labelled_logprobs, st.randoms(use_true_random=False))
def test_the_order_of_responses_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    (labels, logprobs), (labels_2, logprobs_2) = zip(*rows, strict=True), zip(*shuffled, strict=True)

    assert discrete_semantic_entropy(labels_2) == pytest.approx(discrete_semantic_entropy(labels))
    assert semantic_entropy(labels_2, logprobs_2) == pytest.approx(semantic_entropy(labels, logprobs), abs=1e-9)


@pytest.mark.parametrize("n", [1, 3, 10])
def test_one_cluster_is_exactly_0(n):
    labels = [4] * n

    assert discrete_semantic_entropy(labels) == 0.0
    assert semantic_entropy(labels, np.linspace(-3, -0.1, n)) == 0.0
    assert num_semantic_sets(labels) == 1.0


def test_a_response_without_log_probabilities_leaves_semantic_entropy_undefined():
    assert math.isnan(semantic_entropy(LABELS, [-0.5, math.nan, -2.0]))


def test_number_of_semantic_sets():
    assert num_semantic_sets([0, 1, 2, 1]) == 3.0


def test_length_normalized_predictive_entropy_of_the_vector():
    one_token_each = [np.array([value]) for value in MEAN_LOGPROBS]

    # (.5 + 1 + 2) / 3
    assert length_normalized_predictive_entropy(one_token_each) == pytest.approx(1.166667, abs=1e-6)


def test_predictive_entropies():
    rows = [np.array([-1.0, -2.0]), np.array([-4.0])]

    assert predictive_entropy(rows) == pytest.approx(3.5)  # (3 + 4) / 2
    assert length_normalized_predictive_entropy(rows) == pytest.approx(2.75)  # (1.5 + 4) / 2


def test_token_entropy_family():
    entropies = np.array([1.0, 0.0, 0.0, 3.0])

    assert mean_token_entropy(entropies) == pytest.approx(1.0)
    assert max_token_entropy(entropies) == 3.0
    # population: (0 + 1 + 1 + 4) / 4 = 1.5, not / 3
    assert std_token_entropy(entropies) == pytest.approx(math.sqrt(1.5))
    assert high_entropy_ratio(entropies) == 0.25  # one of four above 2 · 1


@pytest.mark.parametrize(
    ("entropies", "ratio"),
    [
        ([2.0], 0.0),
        ([0.0, 0.0], 0.0),  # nothing is above twice nothing
        ([0.0, 2.0], 0.0),  # exactly twice the mean is not above it
        ([0.0, 0.0, 1.0], 1 / 3),
    ],
)
def test_high_entropy_ratio(entropies, ratio):
    assert high_entropy_ratio(np.array(entropies)) == pytest.approx(ratio)


@given(entropy_arrays)
def test_fewer_than_half_of_the_tokens_lie_above_twice_the_mean(entropies):
    assert 0 <= high_entropy_ratio(entropies) < 0.5


def test_one_token_has_no_spread():
    assert std_token_entropy(np.array([2.0])) == 0.0


def test_sampled_token_entropy_weighs_answers_not_tokens():
    rows = [np.array([1.0, 3.0]), np.array([5.0])]

    assert mean_token_entropy_sampled(rows) == pytest.approx(3.5)  # (2 + 5) / 2, not 9 / 3


def test_perplexity():
    logprobs = np.log([0.5, 0.125])

    # mean −(ln 2 + 3 ln 2) / 2 = −2 ln 2
    assert mean_logprob(logprobs) == pytest.approx(-2 * math.log(2))
    assert perplexity(logprobs) == pytest.approx(4.0)
    assert perplexity(np.zeros(3)) == 1.0  # every token was certain


@pytest.mark.parametrize(
    "value",
    [
        discrete_semantic_entropy([]),
        semantic_entropy([], []),
        num_semantic_sets([]),
        predictive_entropy([]),
        predictive_entropy([np.array([-1.0]), np.zeros(0)]),
        length_normalized_predictive_entropy([]),
        length_normalized_predictive_entropy([np.array([-1.0]), np.zeros(0)]),
        mean_logprob(np.zeros(0)),
        mean_token_entropy(np.zeros(0)),
        mean_token_entropy_sampled([]),
        max_token_entropy(np.zeros(0)),
        std_token_entropy(np.zeros(0)),
        high_entropy_ratio(np.zeros(0)),
        perplexity(np.zeros(0)),
        lexical_dissimilarity([]),
        lexical_dissimilarity(["one answer"]),
        selfcheck_nli(np.zeros((0, 10, 3))),
        selfcheck_nli(np.zeros((2, 0, 3))),
        selfcheck_nli([]),
        *(score(np.zeros((0, 0))) for score in GRAPH_SCORES),
        *(score([]) for score in GRAPH_SCORES),
        sindex(np.zeros((0, 4))),
        *embedding_density(np.ones((1, 4))),
    ],
)
def test_nothing_is_undefined_and_never_0(value):
    assert math.isnan(value)


def test_lexical_dissimilarity():
    # of 3 and 4 words, 3 in common and in order: F = 2 · 3 / (3 + 4); with the third text nothing in common
    assert lexical_dissimilarity(["a b c", "a x b c", "z"]) == pytest.approx(1 - (6 / 7 + 0 + 0) / 3)


def test_lexical_dissimilarity_counts_words_in_order():
    assert lexical_dissimilarity(["a b", "b a"]) == pytest.approx(0.5)  # the longest common subsequence is one word


def test_lexical_dissimilarity_compares_stems():
    assert lexical_dissimilarity(["He was running.", "he was RUNNING"]) == 0.0
    assert lexical_dissimilarity(["connected", "connection"]) == 0.0


@pytest.mark.parametrize("text", ["Paris", "Москва", "東京です", "!!!", ""])
def test_identical_texts_are_the_same_in_every_script(text):
    assert lexical_dissimilarity([text] * 3) == 0.0


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Paris", "Rome"], 1.0),
        (["Москва", "Киев"], 1.0),
        (["Москва", "Moscow"], 1.0),
        (["Москва", "Москва", "Киев"], 2 / 3),  # one of three pairs is identical
        (["Москва 5", "Киев 5"], 0.0),  # only the digit is a word to rouge-score
    ],
)
def test_words_that_rouge_does_not_see_are_not_shared(texts, expected):
    assert lexical_dissimilarity(texts) == pytest.approx(expected)


@no_deadline
@given(answers, st.randoms(use_true_random=False))
def test_lexical_dissimilarity_in_any_order_is_the_mean_over_all_pairs(texts, random):
    texts = [text for text in texts if text]  # rouge-score calls two empty texts different
    score = lexical_dissimilarity(texts)
    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    pairs = [scorer.score(a, b)["rougeL"].fmeasure for i, a in enumerate(texts) for b in texts[:i]]

    assert score == pytest.approx(1 - np.mean(pairs) if pairs else math.nan, nan_ok=True)
    if pairs:
        assert 0 <= score <= 1
        assert lexical_dissimilarity(random.sample(texts, len(texts))) == score  # to the last bit


def test_each_distinct_text_is_tokenised_once(monkeypatch):
    seen = []
    real = tokenize.tokenize
    monkeypatch.setattr(tokenize, "tokenize", lambda text, stemmer: seen.append(text) or real(text, stemmer))

    lexical_dissimilarity(["a b", "b c", "a b", "c d"])

    assert sorted(seen) == ["a b", "b c", "c d"]


def test_selfcheck_nli():
    probabilities = [
        [[0.6, 0.2, 0.2], [0.1, 0.0, 0.9]],  # .2 / .8 and .9 / 1: mean .575
        [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]],  # 0 and 1: mean .5
    ]

    assert selfcheck_nli(probabilities) == pytest.approx(0.5375)


@given(seeds)
def test_selfcheck_nli_is_the_softmax_over_entailment_and_contradiction(seed):
    logits = np.random.default_rng(seed).normal(scale=3, size=(3, 4, 3))

    score = selfcheck_nli(softmax(logits, axis=-1))

    assert score == pytest.approx(softmax(logits[..., [0, 2]], axis=-1)[..., 1].mean())
    assert 0 <= score <= 1


def test_a_sample_that_neither_entails_nor_contradicts_is_one_half():
    assert selfcheck_nli([[[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]]) == 0.25  # (.5 + 0) / 2


def test_a_pair_without_probabilities_leaves_selfcheck_undefined():
    assert math.isnan(selfcheck_nli([[[math.nan] * 3, [1.0, 0.0, 0.0]]]))


@pytest.mark.parametrize("shape", [(4, 3), (2, 5, 2)])
def test_selfcheck_nli_says_which_shape_it_needs(shape):
    with pytest.raises(InvalidInput, match=rf"{shape[0]}, {shape[1]}.*\(sentences, samples, 3\)"):
        selfcheck_nli(np.full(shape, 0.5))


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        # 1 − λ are the eigenvalues of W / √(D_i D_j), D = 1.9, 2, 1.3: 1, .696090 and .099457
        (eigenvalue_laplacian, 1.795547),
        (degree_uncertainty, 0.422222),  # 1 − (3 + 2 · 1.1) / 9
        # λ = 0, .303910 and .900543 (left out): 2 − Σ_k (1ᵀv_k)² / 3, with v_0 = √(D / 5.2), is 1.000315 = 1.000157²
        (eccentricity, 1.000157),
        (kernel_language_entropy, 1.078191),  # −Σ μ ln μ, μ = .254046, .327327, .418627
    ],
)
def test_graph_scores_of_the_vector(score, expected):
    assert score(SIMILARITY) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("w", [0.0, 0.3, 0.9, 1.0])
def test_graph_scores_of_two_answers_by_hand(w):
    # Both degrees are 1 + w, so λ = 0 on (1, 1)/√2 and 2w/(1 + w) on (1, −1)/√2, whose norm is 1 and mean is 0.
    assert eigenvalue_laplacian(all_alike(2, w)) == pytest.approx(1 + (1 - w) / (1 + w))
    assert degree_uncertainty(all_alike(2, w)) == pytest.approx((1 - w) / 2)
    assert eccentricity(all_alike(2, w)) == pytest.approx(1 if 2 * w / (1 + w) < 0.9 else 0, abs=1e-12)
    # L has eigenvalues 0 and 2w: K ∝ 1 ± e^−.6w, and μ = 1/2 + q/2 and 1/2 − q/2 with q = (1 − e) / (1 + e)
    e = math.exp(-0.6 * w)
    assert kernel_language_entropy(all_alike(2, w)) == pytest.approx(
        -sum(m * math.log(m) for m in (1 / (1 + e), e / (1 + e)))
    )


@given(similarities())
def test_eigenvalue_laplacian_against_the_random_walk(similarity):
    # D^-1 W is similar to D^-½ W D^-½, so it has the same eigenvalues
    walk = np.linalg.eigvals(similarity / similarity.sum(axis=1, keepdims=True)).real

    assert eigenvalue_laplacian(similarity) == pytest.approx(walk[walk > 0].sum(), abs=1e-6)


@given(similarities())
def test_eccentricity_against_the_generalised_eigenproblem(similarity):
    eigenvalues, vectors = normalised_eigenpairs(similarity)
    kept = vectors[:, eigenvalues < 0.9 - 1e-9]

    # ‖(I − 11ᵀ/N) V‖² = k − ‖1ᵀV‖²/N depends on the span of V only
    squared = kept.shape[1] - np.sum(kept.sum(axis=0) ** 2) / len(similarity)
    assert eccentricity(similarity) == pytest.approx(math.sqrt(max(0, squared)), abs=1e-6)


@no_deadline
@given(similarities())
def test_kernel_language_entropy_against_matrix_functions(similarity):
    kernel = expm(-0.3 * (np.diag(similarity.sum(axis=1)) - similarity))
    density = kernel / np.sqrt(np.outer(np.diag(kernel), np.diag(kernel))) / len(kernel)

    assert kernel_language_entropy(similarity) == pytest.approx(-np.trace(density @ logm(density)).real, abs=1e-6)


@given(similarities())
def test_ranges_of_the_graph_scores(similarity):
    n = len(similarity)

    assert 1 - 1e-9 <= eigenvalue_laplacian(similarity) <= n + 1e-9
    assert 0 <= degree_uncertainty(similarity) <= 1 - 1 / n + 1e-12
    assert 0 <= eccentricity(similarity) <= math.sqrt(n - 1) + 1e-9
    assert 0 <= kernel_language_entropy(similarity) <= math.log(n) + 1e-12


@each_graph_score
@given(similarity=similarities())
def test_identical_answers_give_the_least_and_unlike_answers_the_most(score, similarity):
    n = len(similarity)

    assert score(np.ones((n, n))) - 1e-9 <= score(similarity) <= score(np.eye(n)) + 1e-9


@pytest.mark.parametrize("n", [1, 2, 5, 10])
def test_graph_scores_at_the_two_ends(n):
    identical, unlike = np.ones((n, n)), np.eye(n)

    assert [score(identical) for score in GRAPH_SCORES[:3]] == pytest.approx([1, 0, 0], abs=1e-9)
    assert [score(unlike) for score in GRAPH_SCORES] == pytest.approx(
        [n, 1 - 1 / n, math.sqrt(n - 1), math.log(n)], abs=1e-9
    )


@pytest.mark.parametrize(("n", "expected"), [(1, 0.0), (2, 0.650094), (10, 1.298537), (20, 0.315889)])
def test_kernel_language_entropy_of_identical_answers_is_not_0(n, expected):
    # K ∝ 1 on the constant vector and e^−.3N on the other N − 1
    p = np.array([1.0, *[math.exp(-0.3 * n)] * (n - 1)])
    p /= p.sum()

    assert -np.sum(p * np.log(p)) == pytest.approx(expected, abs=1e-6)
    assert kernel_language_entropy(np.ones((n, n))) == pytest.approx(expected, abs=1e-6)


@each_graph_score
@given(similarity=similarities(), random=st.randoms(use_true_random=False))
def test_the_order_of_responses_does_not_matter_to_graph_scores(score, similarity, random):
    order = random.sample(range(len(similarity)), len(similarity))

    assert score(similarity[np.ix_(order, order)]) == pytest.approx(score(similarity), abs=1e-9)


@pytest.mark.parametrize("n", [2, 3, 4, 7, 10])
def test_an_eigenvalue_of_exactly_the_limit_is_left_out_whole(n):
    # λ = Nw / (1 + (N − 1)w), N − 1 times; it is .9 at this w, and rounding would keep a part of its eigenspace
    w = 0.9 / (0.1 * n + 0.9)

    assert eccentricity(all_alike(n, w)) == pytest.approx(0, abs=1e-9)
    assert eccentricity(all_alike(n, w - 1e-6)) == pytest.approx(math.sqrt(n - 1))


def test_two_meanings_are_one_eccentric_direction():
    two_pairs = np.kron(np.eye(2), np.ones((2, 2)))  # λ = 0 twice, 1 twice

    assert eigenvalue_laplacian(two_pairs) == pytest.approx(2)
    assert eccentricity(two_pairs) == pytest.approx(1)  # 2 eigenvectors, one of them constant


@each_graph_score
@pytest.mark.parametrize(
    ("similarity", "problem"),
    [
        (np.ones((2, 3)), r"\(2, 3\).*square"),
        (np.ones(4), r"\(4,\).*square"),
        ([[1, 0.5], [0.4, 1]], r"transpose by 0\.1"),
        ([[1, -0.5], [-0.5, 1]], r"from -0\.5 to 1.*max\(0, cosine\)"),
        ([[1, 1.5], [1.5, 1]], r"from 1 to 1\.5"),
        ([[0, 0.5], [0.5, 1]], "diagonal must be 1"),
    ],
)
def test_a_matrix_that_is_no_similarity_is_refused(score, similarity, problem):
    with pytest.raises(InvalidInput, match=problem):
        score(np.array(similarity))


@each_graph_score
def test_a_missing_similarity_leaves_the_score_undefined(score):
    assert math.isnan(score(np.array([[1, math.nan], [math.nan, 1]])))


@each_graph_score
def test_rounding_in_a_similarity_is_forgiven(score):
    rounded = SIMILARITY + 1e-8 * np.arange(9).reshape(3, 3)

    assert score(rounded) == pytest.approx(score(SIMILARITY), abs=1e-6)


@pytest.mark.parametrize(
    ("embeddings", "expected"),
    [
        # {1, 2} at cosine .99 and {3}: p' = 2/3 · .99 = .66 and 1/3; −.66 ln .66 − 1/3 ln 1/3 = .274240 + .366204
        ([[1, 0], [0.99, 0.141067], [0, 1]], 0.640444),
        ([[1, 0], [0.96, 0.28]], 0.039189),  # one cluster: −.96 ln .96
        ([[1, 0], [0.94, 0.34117]], math.log(2)),  # two clusters
        ([[1, 0]], 0.0),
        ([[3, 4]] * 5, 0.0),
    ],
)
def test_sindex(embeddings, expected):
    assert sindex(np.array(embeddings)) == pytest.approx(expected, abs=1e-6)


@no_deadline
@given(seeds, st.integers(1, 8), st.sampled_from([0.01, 0.1, 0.3, 1.0]), st.sampled_from([0.5, 0.95]))
def test_sindex_against_scikit_learn_in_any_order(seed, n, spread, threshold):
    rng = np.random.default_rng(seed)
    embeddings = 1 + spread * rng.normal(size=(n, 4))
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosine = unit @ unit.T
    model = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=1 - threshold
    )
    labels = model.fit_predict(np.clip(1 - cosine, 0, None)) if n > 1 else np.zeros(1, dtype=int)
    p = []
    for k in set(labels):
        members = np.flatnonzero(labels == k)
        pairs = [cosine[i, j] for i in members for j in members if i < j]
        p.append(len(members) / n * (np.mean(pairs) if pairs else 1.0))

    score = sindex(embeddings, threshold)

    assert score == pytest.approx(-sum(q * math.log(q) for q in p), abs=1e-9)
    assert sindex(embeddings[rng.permutation(n)], threshold) == pytest.approx(score, abs=1e-9)
    assert 0 <= score <= math.log(n) + 1e-12


@pytest.mark.parametrize(
    ("k", "expected"),
    [
        (1, -0.8),
        (2, -0.7),  # −(.8 + .6) / 2
        (3, -0.4 / 3),  # −(.8 + .6 − 1) / 3
        (10, -0.4 / 3),  # there are only three
    ],
)
def test_embedding_density(k, expected):
    question, others = [5.0, 0.0], [[-2.0, 0.0], [0.8, 0.6], [3.0, 4.0]]  # cosines −1, .8 and .6

    assert embedding_density(np.array([question, *others]), k)[0] == pytest.approx(expected)


def test_embedding_density_looks_at_ten_by_default_and_a_zero_vector_is_unlike_all():
    found = embedding_density(np.vstack([np.tile([1.0, 0.0], (10, 1)), np.zeros((30, 2))]).astype(np.float16))

    assert found[:10] == pytest.approx(-0.9)  # nine times 1, once 0
    assert (found[10:] == 0.0).all()


@no_deadline
@given(seeds, st.sampled_from([*range(2, 13), 300]), st.integers(1, 12))
def test_embedding_density_against_scikit_learn_in_any_order(seed, n, k):
    rng = np.random.default_rng(seed)
    questions, order = rng.normal(size=(n, 3)), rng.permutation(n)
    distances, _ = NearestNeighbors(n_neighbors=min(k, n - 1), metric="cosine").fit(questions).kneighbors()

    scores = embedding_density(questions, k)

    assert scores == pytest.approx(distances.mean(axis=1) - 1)
    assert embedding_density(questions[order], k) == pytest.approx(scores[order])
    assert (np.abs(scores) <= 1).all()


def test_lexical_dissimilarity_is_that_of_rouge_score_for_texts_of_any_length():
    words = ["whales", "swim,", "seals", "are", "swimming", "and", "the", "3", "bears", "walked", "home"]
    texts = [" ".join(words[(i * step) % len(words)] for i in range(n)) for step, n in ((1, 3), (3, 70), (7, 90))]
    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = 1 - sum(scorer.score(texts[a], texts[b])["rougeL"].fmeasure for a, b in pairs) / 3
    assert lexical_dissimilarity(texts) == pytest.approx(expected, abs=1e-12)


@each_graph_score
@given(similarity=similarities(), seed=seeds)
def test_answers_that_repeat_are_counted_and_not_looked_at_again(score, similarity, seed):
    times = np.random.default_rng(seed).integers(1, 5, len(similarity))
    place = np.repeat(np.arange(len(times)), times)

    assert score(similarity, times) == pytest.approx(score(similarity[np.ix_(place, place)]), abs=1e-9)


@pytest.mark.parametrize("times", [[1], [1, 0, 1], [1, 1, 1, 1]])
def test_each_answer_was_given_at_least_once(times):
    with pytest.raises(InvalidInput, match="each of 3 answers"):
        eigenvalue_laplacian(SIMILARITY, times)
