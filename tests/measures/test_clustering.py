"""Similarity, clusters, and the rules that join two answers."""

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering

from homog_core.errors import InvalidInput
from homog_core.measures.clustering import (
    ENTAILMENT_RULES,
    MAX_THRESHOLD,
    Clusterer,
    average_linkage_heights,
    by_size,
    cluster_average_linkage,
    cluster_components,
    cluster_first_member,
    cosine_similarity,
    entailment_joins,
    entailment_similarity,
    first_appearance,
    jaccard_similarity,
    medoids,
    n_clusters_at,
)

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
    ],
)
def test_the_key_of_a_clusterer(clusterer, key):
    assert clusterer.key == key


def test_each_clusterer_compares_its_own_view():
    answers = ["a b", "c d"]
    vectors = {"answer": np.array([[3.0, 4.0], [4.0, 3.0]]), "masked": np.eye(2)}

    found = {m: Clusterer(m, 0.5).similarity(answers, vectors) for m in ("jaccard", "embedding", "embedding_masked")}

    assert found["jaccard"][0, 1] == 0
    assert found["embedding"][0, 1] == pytest.approx(0.96)  # 24/25
    assert found["embedding_masked"][0, 1] == 0


@pytest.mark.parametrize(
    ("clusterer", "labels"),
    [
        (Clusterer("jaccard", 0.5), [0, 0]),  # joined at similarity ≥ τ
        (Clusterer("embedding", 0.5, "minilm"), [0, 1]),  # merged strictly below 1 − τ
        (Clusterer("embedding", 0.49, "minilm"), [0, 0]),
    ],
)
def test_what_happens_exactly_at_the_threshold(clusterer, labels):
    assert clusterer.labels(np.array([[1, 0.5], [0.5, 1]])).tolist() == labels


def test_the_assignment_rule_is_used():
    similarity = CHAIN.astype(float)

    assert Clusterer("jaccard", 0.4).labels(similarity).tolist() == [0, 0, 0]
    assert Clusterer("jaccard", 0.4, rule="first_member").labels(similarity).tolist() == [0, 0, 1]


# Entailment


E, N, C = (0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)
RULE_NAMES = ("bidirectional", "non_contradiction", "either")


def two_answers(there, back):
    """Probabilities of two answers; what the diagonal says is not read."""
    return np.array([[C, there], [back, N]])


def random_probabilities(seed, n=7):
    return np.random.default_rng(seed).dirichlet(np.ones(3), size=(n, n))


@pytest.mark.parametrize(
    ("there", "back", "joined"),  # by each of the three rules
    [
        (E, E, (True, True, True)),
        (E, N, (False, True, True)),
        (E, C, (False, False, True)),
        (N, N, (False, False, False)),
        (N, C, (False, False, False)),
        (C, C, (False, False, False)),
        ((0.4, 0.4, 0.2), E, (True, True, True)),  # of tied classes the first: entailment
        ((0.4, 0.2, 0.4), E, (True, True, True)),
        ((0.2, 0.4, 0.4), E, (False, True, True)),  # neutral
        ((1 / 3, 1 / 3, 1 / 3), N, (False, True, True)),
        ((0.45, 0.1, 0.45), C, (False, False, True)),
    ],
)
def test_what_each_entailment_rule_joins(there, back, joined):
    for one, other in ((there, back), (back, there)):
        found = {rule: entailment_joins(two_answers(one, other), rule) for rule in RULE_NAMES}
        assert tuple(bool(found[rule][0, 1]) for rule in RULE_NAMES) == joined
        for matrix in found.values():
            assert matrix.dtype == bool
            assert matrix.diagonal().all()
            assert (matrix == matrix.T).all()


def test_entailment_is_bidirectional_unless_said_otherwise():
    assert set(RULE_NAMES) == set(ENTAILMENT_RULES)
    assert entailment_joins(two_answers(E, N)).tolist() == np.eye(2, dtype=bool).tolist()


@pytest.mark.parametrize("rule", RULE_NAMES)
@pytest.mark.parametrize("seed", range(4))
def test_permuting_answers_permutes_what_is_joined(rule, seed):
    probabilities = random_probabilities(seed)
    order = np.random.default_rng(seed + 100).permutation(len(probabilities))
    joined = entailment_joins(probabilities, rule)
    assert (entailment_joins(reorder(probabilities, order), rule) == reorder(joined, order)).all()
    labels = Clusterer("nli", 0.0, "m", entailment=rule).labels(np.eye(7), probabilities)
    again = Clusterer("nli", 0.0, "m", entailment=rule).labels(np.eye(7), reorder(probabilities, order))
    assert again.tolist() == first_appearance(labels[order]).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_the_rules_are_one_inside_the_other(seed):
    strict, lax, either = (entailment_joins(random_probabilities(seed), rule) for rule in RULE_NAMES)
    assert (strict <= lax).all() and (lax <= either).all()


@pytest.mark.parametrize("rule", RULE_NAMES)
@pytest.mark.parametrize("n", [0, 1])
def test_no_and_one_answer_entail_themselves(rule, n):
    probabilities = np.full((n, n, 3), C)
    assert entailment_joins(probabilities, rule).tolist() == np.eye(n, dtype=bool).tolist()
    assert entailment_similarity(probabilities).tolist() == np.eye(n).tolist()


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 3), (2, 2, 2)])
def test_probabilities_of_another_shape_are_refused(shape):
    with pytest.raises(InvalidInput, match=r"must have shape \(N, N, 3\); these have \(" + str(shape[0])):
        entailment_joins(np.zeros(shape))


def test_an_unknown_entailment_rule_is_refused():
    for refuse in (
        lambda: entailment_joins(two_answers(E, E), "sometimes"),
        lambda: Clusterer("nli", 0.0, "m", entailment="sometimes"),
    ):
        with pytest.raises(InvalidInput, match="'sometimes'; use one of bidirectional, non_contradiction, either"):
            refuse()


def test_entailment_similarity():
    probabilities = np.zeros((3, 3, 3))
    probabilities[..., 0] = [[0.2, 0.9, 0.0], [0.3, 0.7, 0.5], [0.1, 0.5, 0.0]]
    # (.9 + .3)/2, (0 + .1)/2 and (.5 + .5)/2; the diagonal is 1 whatever was said
    expected = [[1, 0.6, 0.05], [0.6, 1, 0.5], [0.05, 0.5, 1]]
    assert entailment_similarity(probabilities) == pytest.approx(np.array(expected))
    assert probabilities[0, 0, 0] == 0.2  # what was handed over is left alone
    stored = Clusterer("nli", 0.0, "m").similarity(["a", "b", "c"], {"nli": probabilities})
    assert stored.dtype == np.float32
    assert stored == pytest.approx(np.array(expected))


def test_answers_that_end_on_different_numbers_are_different_answers():
    answers = ["3 + 4 = 7 books", "She has 7 books.", "9 books", "many books"]
    vectors = {"masked": np.ones((4, 3)), "answer": np.ones((4, 3))}
    expected = [[1, 1, 0, 1], [1, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 1]]  # "many" holds no number
    assert Clusterer("embedding_masked", 0.5, "minilm").similarity(answers, vectors).tolist() == expected
    assert (Clusterer("embedding", 0.5, "minilm").similarity(answers, vectors) == 1).all()  # the published kind
