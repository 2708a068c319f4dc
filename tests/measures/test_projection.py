import math

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from homog_core.errors import InvalidInput
from homog_core.measures.projection import MIN_DISTINCT_FOR_UMAP, classical_mds, project


def distances_of(points):
    return squareform(pdist(np.asarray(points, dtype=float).reshape(len(points), -1)))


def random_points(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 2))


@pytest.fixture(scope="module")
def umap_projection():
    return project(distances_of(random_points(MIN_DISTINCT_FOR_UMAP)), "umap", seed=1)


@pytest.mark.parametrize("method", ["umap", "mds"])
@pytest.mark.parametrize("n", [0, 1])
def test_none_and_one_lie_in_the_middle(n, method):
    found = project(np.zeros((n, n)), method)

    assert found.coordinates.tolist() == [[0.0, 0.0]] * n
    assert (found.method, found.n_distinct) == ("mds", n)
    assert math.isnan(found.faithfulness)


@pytest.mark.parametrize("n", [2, 3, 7, 12])
def test_mds_keeps_the_distances_of_points_in_the_plane(n):
    distances = distances_of(random_points(n))

    found = project(distances, "mds")

    assert distances_of(found.coordinates) == pytest.approx(distances, abs=1e-9)
    assert found.method == "mds"
    assert found.coordinates.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert found.faithfulness == pytest.approx(1.0) if n > 2 else math.isnan(found.faithfulness)


def test_mds_signs_each_axis_by_its_largest_entry():
    coordinates = classical_mds(distances_of(random_points(6)))

    largest = np.abs(coordinates).argmax(axis=0)

    assert (coordinates[largest, [0, 1]] > 0).all()


def test_points_on_a_line_have_no_second_coordinate():
    found = project(distances_of([[0.0], [1.0], [5.0]]), "mds")

    assert found.coordinates[:, 1] == pytest.approx(np.zeros(3), abs=1e-6)


@pytest.mark.parametrize("n", [2, 10])
def test_identical_answers_share_the_middle(n):
    found = project(np.zeros((n, n)))

    assert found.coordinates.tolist() == [[0.0, 0.0]] * n
    assert (found.method, found.n_distinct) == ("mds", 1)


def test_duplicates_share_one_place():
    points = random_points(4)[[0, 1, 0, 2, 3, 1, 0]]

    found = project(distances_of(points), "mds")

    assert found.n_distinct == 4
    assert found.coordinates[0].tolist() == found.coordinates[2].tolist() == found.coordinates[6].tolist()
    assert found.coordinates[1].tolist() == found.coordinates[5].tolist()


def test_near_duplicates_are_near_but_not_the_same():
    found = project(distances_of([[0.0, 0.0], [1e-4, 0.0], [1.0, 0.0], [0.0, 2.0]]), "mds")

    assert found.n_distinct == 4
    assert np.linalg.norm(found.coordinates[0] - found.coordinates[1]) == pytest.approx(1e-4, rel=1e-3)


def test_rounding_does_not_tell_duplicates_apart():
    assert project(distances_of([[0.0], [1e-9], [1.0]])).n_distinct == 2


def test_duplicates_do_not_count_towards_umap():
    points = np.tile(random_points(MIN_DISTINCT_FOR_UMAP - 1), (3, 1))

    found = project(distances_of(points), "umap")

    assert (found.method, found.n_distinct) == ("mds", MIN_DISTINCT_FOR_UMAP - 1)


def test_umap_from_eight_distinct_points_on(umap_projection):
    assert MIN_DISTINCT_FOR_UMAP == 8
    assert (umap_projection.method, umap_projection.n_distinct) == ("umap", 8)
    assert umap_projection.coordinates.shape == (8, 2)
    assert np.isfinite(umap_projection.coordinates).all()
    assert -1 <= umap_projection.faithfulness <= 1


def test_the_same_seed_gives_the_same_umap(umap_projection):
    distances = distances_of(random_points(MIN_DISTINCT_FOR_UMAP))

    again, other = project(distances, "umap", seed=1), project(distances, "umap", seed=2)

    assert again.coordinates.tolist() == umap_projection.coordinates.tolist()
    assert other.coordinates.tolist() != umap_projection.coordinates.tolist()


def test_duplicates_share_one_place_in_umap(umap_projection):
    points = random_points(MIN_DISTINCT_FOR_UMAP)

    found = project(distances_of([*points, points[3]]), "umap", seed=1)

    assert found.coordinates[:8].tolist() == umap_projection.coordinates.tolist()
    assert found.coordinates[8].tolist() == found.coordinates[3].tolist()


@pytest.mark.parametrize(
    ("distances", "method", "message"),
    [
        (np.zeros((2, 2)), "tsne", "no projection 'tsne'"),
        (np.zeros((2, 3)), "mds", r"square matrix; these have shape \(2, 3\)"),
        (np.zeros(4), "mds", r"shape \(4,\)"),
        (np.array([[0, 1], [2, 0]]), "mds", "symmetric"),
        (np.array([[0, np.nan], [np.nan, 0]]), "mds", "finite"),
        (np.array([[0, np.inf], [np.inf, 0]]), "mds", "finite"),
    ],
)
def test_bad_distances_are_refused(distances, method, message):
    with pytest.raises(InvalidInput, match=message):
        project(distances, method)
