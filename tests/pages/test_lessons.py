import numpy as np
import pytest

from dashboard import lessons
from homog_core.statistics.discrimination import auroc


@pytest.mark.parametrize("separation", [-1.0, -0.3, 0.0, 0.25, 0.5, 2.0])
def test_the_share_of_pairs_won_is_the_auroc_and_the_area_under_the_curve(separation):
    found = lessons.toy_auroc(separation)

    assert found.won.mean() == pytest.approx(found.auroc)
    area = np.trapezoid(found.hits, found.false_alarms) / found.won.size
    assert area == pytest.approx(found.auroc)
    scores = np.concatenate([found.wrong, found.right])
    assert found.auroc == auroc(scores, np.repeat([1, 0], len(found.right)))


def test_no_separation_is_guessing_and_more_is_better():
    aurocs = [lessons.toy_auroc(separation).auroc for separation in np.arange(-1, 2.01, 0.1)]

    assert lessons.toy_auroc(0).auroc == 0.5
    assert aurocs == sorted(aurocs)
    assert lessons.toy_auroc(2).auroc == 1.0


def test_pairs_are_sorted_so_that_those_won_lie_below_the_curve():
    won = lessons.toy_auroc(0.5).won

    assert (np.diff(won, axis=0) <= 0).all()  # upwards the wrong answers get less uncertain
    assert (np.diff(won, axis=1) >= 0).all()  # to the right the right ones do


def test_a_higher_threshold_never_makes_fewer_clusters():
    sizes = [len(lessons.toy_clusters(threshold).typical) for threshold in np.arange(100) / 100]

    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (1, 6)


def test_no_threshold_separates_the_three_cities():
    """As the page says."""
    wanted = {frozenset({0, 1, 2}), frozenset({3, 4}), frozenset({5})}

    for threshold in np.arange(100) / 100:
        labels = lessons.toy_clusters(threshold).labels
        assert {frozenset(np.flatnonzero(labels == k).tolist()) for k in set(labels.tolist())} != wanted
