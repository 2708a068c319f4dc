"""Many regressions at once: each as scikit-learn finds it alone, whatever is fitted beside it."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from homog_core.statistics.penalised_logistic import fit, fit_rising


def drawn(slopes, n=150, n_fits=4, seed=0):
    """Columns (B, K, n) with the intercept's, outcomes (B, n), and who takes part (B, n): not the same in each."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(n_fits, len(slopes) + 1, n))
    columns[:, 0] = 1
    y = rng.random((n_fits, n)) < 1 / (1 + np.exp(-np.einsum("k,bkn->bn", [-0.3, *slopes], columns)))
    return columns, y.astype(float), (rng.random((n_fits, n)) < 0.7).astype(float)


@pytest.mark.parametrize("slopes", [(), (1.0,), (0.5, -1.5, 0.1)])
def test_each_is_what_scikit_learn_finds_alone(slopes):
    columns, y, counts = drawn(slopes)
    found = fit(columns, y, counts)
    for weights, own, outcome, counted in zip(found, columns, y, counts == 1, strict=True):
        if not slopes:
            share = outcome[counted].mean()
            assert weights[0] == pytest.approx(np.log(share / (1 - share)))
            continue
        alone = LogisticRegression(C=1.0, tol=1e-12, max_iter=1000).fit(own[1:, counted].T, outcome[counted])
        assert weights == pytest.approx([*alone.intercept_, *alone.coef_[0]], abs=1e-5)


def test_no_slope_is_negative_and_no_other_weights_have_a_smaller_loss():
    columns, y, counts = drawn((0.8, -0.9, 0.4))
    found = fit_rising(columns, y, counts)
    assert (found[:, 1:] >= 0).all()
    assert (found[:, 2] == 0).all()

    def loss(weights):
        log_odds = np.einsum("bk,bkn->bn", weights, columns)
        return ((np.logaddexp(0, log_odds) - y * log_odds) * counts).sum(axis=1) + (weights[:, 1:] ** 2).sum(axis=1) / 2

    rng = np.random.default_rng(1)
    for _ in range(200):
        other = found + rng.normal(scale=0.05, size=found.shape)
        other[:, 1:] = np.maximum(other[:, 1:], 0)
        assert (loss(other) >= loss(found) - 1e-9).all()


def test_what_is_fitted_beside_it_changes_nothing():
    columns, y, counts = drawn((1.0, -1.0))
    together = fit_rising(columns, y, counts)
    alone = np.concatenate([fit_rising(columns[[b]], y[[b]], counts[[b]]) for b in range(len(y))])
    assert together == pytest.approx(alone, abs=1e-9)
