"""Merge trees hold every partition."""

from dataclasses import replace

import numpy as np
import pytest

from homog_core.analysis import merge_trees
from homog_core.measures.clustering import Clusterer

pytestmark = pytest.mark.usefixtures("no_shipped_runs")


@pytest.mark.parametrize("average", [True, False])
def test_trees_give_the_partition_of_the_clusterer_at_every_threshold(average):
    rng = np.random.default_rng(0)
    clusterer = Clusterer("embedding", 0.5, "x") if average else Clusterer("jaccard", 0.5)
    triangles, squares = [], []
    for n in (5, 2, 4, 5):
        similarity = np.round(rng.random((n, n)), 1).astype(np.float32)  # rounded, so that there are ties
        similarity = np.maximum(similarity, similarity.T)
        np.fill_diagonal(similarity, 1)
        squares.append(similarity)
        triangles.append(similarity[np.triu_indices(n, 1)])
    trees = merge_trees.merge_trees([*triangles, np.zeros(0)], 5, average=average)
    for threshold in np.arange(0, 100) / 100:
        found = trees.labels(threshold)
        assert (found[-1, 1:] == -1).all()
        for labels, similarity in zip(found, squares, strict=False):
            own = labels[labels >= 0]
            expected = replace(clusterer, threshold=threshold).labels(similarity)
            assert ((own[:, None] == own) == (expected[:, None] == expected)).all()


def test_trees_of_no_question_have_the_shape_of_those_of_some():
    trees = merge_trees.merge_trees(iter(()), 5, average=True)
    assert (trees.height.shape, trees.merges.shape, trees.n_valid.shape) == ((0, 4), (0, 4, 2), (0,))
    assert trees.labels(0.5).shape == (0, 5)
