"""How likely a reader says that two answers are the same, from a few cheap signs of it.

A logistic regression on the cosine of the answers without the question's words, on how many words their first
sentences share, and on whether both state one number or one yes or no. It was fitted to the half of the read pairs
that no report card is measured on, and to public pairs that people judged (docs/decisions.md);
`python -m homog_core calibrate` fits it for another encoder.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from homog_core import files
from homog_core.errors import InvalidInput
from homog_core.files import make_folder, replacing, version_of
from homog_core.measures.conflicts import Statement
from homog_core.measures.overlap import shared_counts

_SHIPPED, _FILE = Path(__file__).parent, "combined.json"


@dataclass(frozen=True, slots=True)
class Weights:
    """The coefficients of the regression for one encoder, on the scale of the log odds."""

    encoder: str
    intercept: float
    cosine: float
    shared_words: float
    same_number: float
    same_decision: float


SIGNS = ("cosine", "shared_words", "same_number", "same_decision")


def signs(cosine: np.ndarray, stated: Sequence[Statement]) -> np.ndarray:
    """The signs of every pair of N answers, in the order of `SIGNS`: (N, N, 4). `cosine` is (N, N)."""
    n = len(stated)
    found = np.zeros((n, n, len(SIGNS)))
    found[:, :, 0] = cosine
    shared = shared_counts([one.opening for one in stated])
    n_words = np.add.outer(np.diag(shared), np.diag(shared))
    np.divide(2 * shared, n_words, out=found[:, :, 1], where=n_words > 0)
    for sign, stands in ((2, [one.number for one in stated]), (3, [one.decision for one in stated])):
        values = np.array([np.nan if value is None else float(value) for value in stands])
        found[:, :, sign] = values[:, None] == values[None, :]  # what is not stated equals nothing
    return found


def probabilities(found: np.ndarray, weights: Weights) -> np.ndarray:
    """The probability that a reader calls each pair the same, in [0, 1]: (…,) from signs (…, 4)."""
    log_odds = weights.intercept + found @ np.array([getattr(weights, name) for name in SIGNS])
    return 1 / (1 + np.exp(-log_odds))


def fit(encoder: str, found: np.ndarray, same: np.ndarray, weight: np.ndarray | None = None) -> Weights:
    """The weights for pairs with signs (n, 4) that readers called the same, or not (n,); `weight` (n,) of each pair.

    scikit-learn's regression with C = 1 on standardised signs, written on their own scale. Raises `InvalidInput`
    where one of the two kinds is missing.
    """
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(same)) < 2:
        raise InvalidInput("The weights need pairs that readers called the same and pairs that they called different.")
    mean, scale = found.mean(axis=0), found.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    model = LogisticRegression(C=1.0).fit((found - mean) / scale, same, sample_weight=weight)
    slopes = model.coef_[0] / scale
    intercept = float(model.intercept_[0] - slopes @ mean)
    return Weights(encoder, intercept, **dict(zip(SIGNS, map(float, slopes), strict=True)))


def weights_of(encoder: str) -> Weights | None:
    """The weights for an encoder, the user's own before the shipped ones; None where nobody has fitted it."""
    return (_read(_SHIPPED / _FILE) | _read(files.cache() / _FILE)).get(encoder)


def write_weights(weights: Weights) -> None:
    """Keep weights in the user's cache, beside those of other encoders."""
    path = files.cache() / _FILE
    merged = _read(path) | {weights.encoder: weights}
    make_folder(path.parent)
    with replacing(path, path.name) as stream:
        stream.write(json.dumps([asdict(w) for _, w in sorted(merged.items())], indent=1).encode() + b"\n")


def _read(path: Path) -> dict[str, Weights]:
    return _read_at(path, version_of(path)) if path.is_file() else {}


@cache
def _read_at(path: Path, _version: tuple[int, ...]) -> dict[str, Weights]:
    return {weights.encoder: weights for weights in files.kept_records(Weights, path)}
