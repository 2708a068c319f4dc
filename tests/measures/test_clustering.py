"""Similarity and clusters of the answers to one question."""

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering

from homog_core.errors import InvalidInput
from homog_core.measures.clustering import (
    MAX_THRESHOLD,
    Clusterer,
    average_linkage_heights,
    by_size,
    cluster_average_linkage,
    cluster_components,
    cluster_first_member,
    cosine_similarity,
    first_appearance,
    jaccard_similarity,
    medoids,
    n_clusters_at,
    set_similarity,
)
from homog_core.measures.combined import Weights, write_weights

THRESHOLDS = np.round(np.arange(0, 1, 0.03), 2)
# Three answers A, B, C with A~B, B~C and A≁C.
CHAIN = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=bool)


def random_similarity(seed, n=9):
    return cosine_similarity(np.random.default_rng(seed).normal(size=(n, 3)))


def random_joined(seed, n=9):
    pairs = np.random.default_rng(seed).random((n, n)) < 0.12
    return pairs | pairs.T | np.eye(n, dtype=bool)


def reorder(matrix, order):
    return matrix[np.ix_(order, order)]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("a b c", "b c d", 1 / 3),  # {ab, bc} and {bc, cd}: one of three
        ("a b c", "a b", 1 / 2),  # {ab, bc} and {ab}
        ("The  CAT\nsat", "the cat sat", 1.0),  # case and white space do not count
        ("a b", "b a", 0.0),  # order does
        ("a b a b", "a b a", 1.0),  # sets: {ab, ba} both times
        ("Paris", "paris", 1.0),  # one word: the set of that word
        ("Paris", "London", 0.0),
        ("Paris", "Paris it is", 0.0),  # a word is no bigram
        ("", "", 1.0),
        ("", "a b", 0.0),
    ],
)
def test_jaccard_of_word_bigrams(a, b, expected):
    assert jaccard_similarity([a, b]) == pytest.approx(np.array([[1, expected], [expected, 1]]))


def test_cosine():
    similarity = cosine_similarity(np.array([[3.0, 4.0], [4.0, 3.0], [-3.0, -4.0]]))

    # (3·4 + 4·3) / (5·5) = .96; opposite vectors −1
    assert similarity == pytest.approx(np.array([[1, 0.96, -1], [0.96, 1, -0.96], [-1, -0.96, 1]]))
    assert (np.diag(similarity) == 1).all()
    assert np.abs(similarity).max() <= 1


def test_a_zero_row_is_similar_to_itself_alone():
    assert cosine_similarity(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])).tolist() == np.eye(3).tolist()


def test_components_join_what_is_connected():
    assert cluster_components(CHAIN).tolist() == [0, 0, 0]


def test_components_see_a_pair_joined_in_one_direction():
    assert cluster_components(np.array([[1, 0], [1, 1]])).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("order", "labels"),
    [
        ([0, 1, 2], [0, 0, 1]),  # A, B, C: C does not match A
        ([1, 0, 2], [0, 0, 0]),  # B, A, C: both match B
        ([0, 2, 1], [0, 1, 0]),  # A, C, B: B joins the first that it matches
    ],
)
def test_first_member_depends_on_the_order(order, labels):
    assert cluster_first_member(reorder(CHAIN, order)).tolist() == labels


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("cluster", "make"),
    [
        (cluster_components, random_joined),
        (lambda similarity: cluster_average_linkage(similarity, 0.6), random_similarity),
    ],
    ids=["components", "average_linkage"],
)
def test_permuting_responses_permutes_labels(cluster, make, seed):
    matrix = make(seed)
    order = np.random.default_rng(seed + 100).permutation(len(matrix))

    permuted = cluster(reorder(matrix, order))

    assert permuted.tolist() == first_appearance(cluster(matrix)[order]).tolist()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [2, 3, 10])
def test_average_linkage_is_scikit_learns(seed, n):
    similarity = random_similarity(seed, n)

    for threshold in THRESHOLDS:
        theirs = AgglomerativeClustering(
            n_clusters=None, metric="precomputed", linkage="average", distance_threshold=1 - threshold
        ).fit_predict(1 - similarity)
        assert cluster_average_linkage(similarity, threshold).tolist() == first_appearance(theirs).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_heights_answer_every_threshold(seed):
    similarity = random_similarity(seed)
    heights = average_linkage_heights(similarity)
    at_a_merge = [1 - height for height in heights if height <= 1]

    assert heights.shape == (len(similarity) - 1,)
    assert (np.diff(heights) >= 0).all()
    for threshold in [*THRESHOLDS, *at_a_merge]:
        n_clusters = len(set(cluster_average_linkage(similarity, threshold).tolist()))
        assert n_clusters == 1 + np.count_nonzero(heights >= 1 - threshold)
        assert n_clusters == n_clusters_at(heights, threshold)


def test_average_linkage_by_hand():
    similarity = np.array([[1, 0.9, 0.5], [0.9, 1, 0.1], [0.5, 0.1, 1]])

    # the first two merge at 1 − .9 = .1; the third joins at the mean of .5 and .9 = .7
    assert average_linkage_heights(similarity) == pytest.approx([0.1, 0.7])
    assert cluster_average_linkage(similarity, 0.5).tolist() == [0, 0, 1]
    assert cluster_average_linkage(similarity, 0.2).tolist() == [0, 0, 0]


def test_identical_answers_are_one_cluster_at_every_threshold_of_the_slider():
    similarity = cosine_similarity(np.tile(np.random.default_rng(0).normal(size=384), (10, 1)))

    assert cluster_average_linkage(similarity, MAX_THRESHOLD).tolist() == [0] * 10


@pytest.mark.parametrize(
    "cluster",
    [cluster_components, cluster_first_member, lambda matrix: cluster_average_linkage(matrix, 0.5)],
    ids=["components", "first_member", "average_linkage"],
)
@pytest.mark.parametrize(("n", "labels"), [(0, []), (1, [0])])
def test_none_and_one(cluster, n, labels):
    assert cluster(np.ones((n, n))).tolist() == labels


@pytest.mark.parametrize("n", [0, 1])
def test_none_and_one_have_no_heights(n):
    assert average_linkage_heights(np.ones((n, n))).shape == (0,)
    assert jaccard_similarity(["Paris"] * n).shape == (n, n)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([], []), ([7], [0]), ([2, 0, 2, 1], [0, 1, 0, 2]), ([0, 1, 2], [0, 1, 2]), ([5, 5, -1], [0, 0, 1])],
)
def test_labels_are_numbered_by_first_appearance(labels, expected):
    assert first_appearance(np.array(labels, dtype=int)).tolist() == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([], []),
        ([0, 1, 1, 2, 2, 2], [2, 1, 1, 0, 0, 0]),
        ([0, 1, 1, 2, 2], [2, 0, 0, 1, 1]),  # of two pairs the one that comes first
        ([0, 0, 0], [0, 0, 0]),
    ],
)
def test_by_size_puts_the_largest_cluster_first(labels, expected):
    assert by_size(np.array(labels, dtype=int)).tolist() == expected


def test_medoids():
    similarity = np.eye(5)
    similarity[:3, :3] = [[1, 0.9, 0.1], [0.9, 1, 0.8], [0.1, 0.8, 1]]  # sums 2.0, 2.7, 1.9: the second
    similarity[3, 4] = similarity[4, 3] = 0.5  # a tie: the first of the two

    assert medoids(similarity, np.array([0, 0, 0, 1, 1])).tolist() == [1, 3]


def test_no_responses_have_no_medoids():
    assert medoids(np.zeros((0, 0)), np.zeros(0, dtype=int)).shape == (0,)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "astrology"}, "no clusterer 'astrology'"),
        ({"rule": "last_member"}, "no assignment rule 'last_member'"),
        ({"threshold": -0.01}, "threshold is -0.01"),
        ({"threshold": 1.0}, "threshold is 1; it must lie between 0 and 0.99"),
        ({"threshold": float("nan")}, "threshold is nan"),
    ],
)
def test_a_clusterer_refuses_what_it_cannot_do(fields, message):
    with pytest.raises(InvalidInput, match=message):
        Clusterer(**{"method": "jaccard", "threshold": 0.4} | fields)


@pytest.mark.parametrize(
    ("clusterer", "key"),
    [
        (Clusterer("jaccard", 0.4), "jaccard"),
        (Clusterer("embedding", 0.85, "minilm"), "embedding/minilm"),
        (Clusterer("embedding_masked", 0.6, "minilm"), "embedding_masked/minilm"),
        (Clusterer("combined", 0.5, "minilm"), "combined/minilm"),
    ],
)
def test_the_key_of_a_clusterer(clusterer, key):
    assert clusterer.key == key


# Answers that are read in windows


X, Y, Z = np.eye(3)
XY = np.array([0.6, 0.8, 0.0])


def windows(*vectors):
    return np.array(vectors)


def test_set_similarity_by_hand():
    found = set_similarity([windows(X, Y), windows(X), windows(XY, Z)])

    # {x, y} and {x}: best matches 1 and 0, mean .5; back 1 → .75
    # {x, y} and {.6x + .8y, z}: .6 and .8, mean .7; back .8 and 0, mean .4 → .55
    # {x} and {.6x + .8y, z}: .6; back .6 and 0, mean .3 → .45
    assert found == pytest.approx(np.array([[1, 0.75, 0.55], [0.75, 1, 0.45], [0.55, 0.45, 1]]))
    assert (found.diagonal() == 1).all()


def test_answers_of_one_window_have_their_cosine():
    rows = np.random.default_rng(0).normal(size=(5, 4))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)

    single = set_similarity([windows(row) for row in rows])
    beside_a_longer_one = set_similarity([*(windows(row) for row in rows), windows(rows[1], rows[0])])

    assert (single == cosine_similarity(rows)).all()
    assert beside_a_longer_one[:5, :5] == pytest.approx(single)


def test_the_same_windows_in_another_order_are_the_same():
    assert set_similarity([windows(X, Y, Z), windows(Z, X, Y)])[0, 1] == 1


@pytest.mark.parametrize("n", [0, 1])
def test_set_similarity_of_none_and_one(n):
    assert set_similarity([windows(X, Y)] * n).tolist() == np.eye(n).tolist()


# Which answers each clusterer joins


SIGNED = Weights("fake", intercept=-2.0, cosine=4.0, shared_words=0.0, same_number=3.0, same_decision=0.0)


def single(*vectors):
    return [windows(vector) for vector in vectors]


@pytest.fixture
def signed():
    write_weights(SIGNED)
    return Clusterer("combined", 0.5, "fake")


def test_each_clusterer_compares_its_own_view(signed):
    answers = ["a b", "c d"]
    evidence = {"answer": single([0.6, 0.8], [0.8, 0.6]), "masked": single([1.0, 0.0], [0.0, 1.0])}

    methods = [*(Clusterer(m, 0.5, "fake") for m in ("jaccard", "embedding", "embedding_masked")), signed]
    found = {c.method: c.similarity("Which?", answers, evidence) for c in methods}

    assert found["jaccard"][0, 1] == 0
    assert found["embedding"][0, 1] == pytest.approx(0.96)  # 24/25
    assert found["embedding_masked"][0, 1] == 0
    assert found["combined"][0, 1] == pytest.approx(1 / (1 + np.exp(2)))  # log odds −2 + 4·0
    assert {similarity.dtype for similarity in found.values()} == {np.dtype("float32")}


def test_combined_by_hand(signed):
    answers = ["3 foxes", "three foxes", "foxes"]
    evidence = {"masked": single([1.0, 0.0], [0.6, 0.8], [0.8, 0.6])}
    similarity = signed.similarity("What?", answers, evidence)
    log_odds = {(0, 1): -2 + 4 * 0.6 + 3, (0, 2): -2 + 4 * 0.8, (1, 2): -2 + 4 * 0.96}
    for (i, j), value in log_odds.items():
        assert similarity[i, j] == similarity[j, i] == pytest.approx(1 / (1 + np.exp(-value)))
    assert similarity.diagonal().tolist() == [1, 1, 1]


VETOED = ["embedding_masked", "combined"]
PAIRS = {
    "numbers": ("3 + 4 = 7 books", "She has 9 books."),
    "names": ("It is Bizet.", "It is Verdi."),
    "decisions": ("Yes, it is.", "No, it is not."),
    "opposites": ("It was hot.", "It was cold."),
    "scripts": ("北京。", "南京。"),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_answers_that_state_different_things_are_not_similar(pair, signed):
    answers = [*PAIRS[pair], "something else"]
    evidence = {"masked": single(X, X, X), "answer": single(X, X, X)}
    for method in VETOED:
        found = Clusterer(method, 0.5, "fake").similarity("Which?", answers, evidence)
        assert found[0, 1] == found[1, 0] == 0
        assert found[0, 2] > 0.8  # the third states nothing, and its cosine is 1
    assert (
        Clusterer("embedding", 0.5, "fake").similarity("Which?", answers, evidence) == 1
    ).all()  # the published kind


def test_answers_that_state_one_thing_keep_their_similarity():
    evidence = {"masked": single(X, XY, X)}
    answers = ["3 + 4 = 7 books", "She has seven books.", "many books"]
    found = Clusterer("embedding_masked", 0.5, "fake").similarity("How many?", answers, evidence)
    assert found == pytest.approx(np.array([[1, 0.6, 1], [0.6, 1, 0.6], [1, 0.6, 1]]))


@pytest.mark.parametrize("method", ["jaccard", "embedding", *VETOED])
@pytest.mark.parametrize("answer", ["Yes, 7 Foxes", "x", "是", "2 + 2 = 5, no"])
def test_equal_answers_are_one_whatever_the_weights_say(method, answer):
    write_weights(Weights("fake", -9.0, 0.0, 0.0, 0.0, 0.0))
    vectors = single(X, XY, X)
    clusterer = Clusterer(method, 0.99, None if method == "jaccard" else "fake")
    similarity = clusterer.similarity("What?", [answer, "Rome", answer], {"masked": vectors, "answer": vectors})
    assert similarity[0, 2] == similarity[2, 0] == 1
    assert similarity.diagonal().tolist() == [1, 1, 1]
    assert clusterer.labels(similarity).tolist() == [0, 1, 0]


def test_combined_needs_weights():
    evidence = {"masked": single(X, Y)}
    with pytest.raises(InvalidInput, match=r"no weights for the encoder 'nobody'.*calibrate --encoder nobody"):
        Clusterer("combined", 0.5, "nobody").similarity("What?", ["a", "b"], evidence)


@pytest.mark.parametrize("method", ["jaccard", "embedding", *VETOED])
@pytest.mark.parametrize("n", [0, 1])
def test_none_and_one_answer_have_a_similarity(method, n, signed):
    vectors = single(X)[:n]
    clusterer = Clusterer(method, 0.5, "fake")
    similarity = clusterer.similarity("What?", ["Oslo"] * n, {"masked": vectors, "answer": vectors})
    assert similarity.tolist() == np.eye(n).tolist()
    assert clusterer.labels(similarity).tolist() == [0] * n


@pytest.mark.parametrize(
    ("clusterer", "labels"),
    [
        (Clusterer("jaccard", 0.5), [0, 0]),  # joined at similarity ≥ τ
        (Clusterer("embedding", 0.5, "minilm"), [0, 1]),  # merged strictly below 1 − τ
        (Clusterer("embedding", 0.49, "minilm"), [0, 0]),
        (Clusterer("combined", 0.5, "minilm"), [0, 1]),
    ],
)
def test_what_happens_exactly_at_the_threshold(clusterer, labels):
    assert clusterer.labels(np.array([[1, 0.5], [0.5, 1]])).tolist() == labels


def test_the_assignment_rule_is_used():
    similarity = CHAIN.astype(float)

    assert Clusterer("jaccard", 0.4).labels(similarity).tolist() == [0, 0, 0]
    assert Clusterer("jaccard", 0.4, rule="first_member").labels(similarity).tolist() == [0, 0, 1]
