"""Distances → two coordinates (docs/methods.md §7).

Clusters never come from here. It takes a distance matrix and does not know what the distances are of.
"""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

from homog_core.errors import InvalidInput

Method = Literal["umap", "mds"]
MIN_DISTINCT_FOR_UMAP = 8  # below it UMAP has no density to estimate
_MANY, _EPOCHS = 100, 200  # distinct points from which so few epochs do (docs/decisions.md)
_SAME = 1e-6  # distances below it are those of one point


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Two coordinates per point, and how they came about."""

    coordinates: np.ndarray  # (N, 2)
    method: Method  # the one that was really used
    n_distinct: int
    faithfulness: float  # Spearman of distances here and in the map, over pairs of distinct points; NaN below 3


def project(distances: np.ndarray, method: Method = "umap", *, seed: int = 0) -> Projection:
    """Place N points in the plane by their distances (N, N) → coordinates (N, 2).

    Exact duplicates share one place. `umap` falls back to classical MDS below eight distinct points, where it would
    spread near-identical answers as far as different ones; the result says which was used. UMAP starts at the MDS
    coordinates, is fixed by `seed` and takes fewer epochs from 100 distinct points on; its first call in a process
    compiles for some ten seconds. Raises `InvalidInput` where the matrix is not square, not symmetric or not finite.
    """
    distances = np.asarray(distances, dtype=np.float64)
    _check(distances, method)
    place = _distinct(distances)  # (N,) which distinct point each is
    firsts = np.unique(place, return_index=True)[1]
    reduced = distances[np.ix_(firsts, firsts)]
    coordinates = classical_mds(reduced)
    used: Method = "umap" if method == "umap" and len(firsts) >= MIN_DISTINCT_FOR_UMAP else "mds"
    if used == "umap":
        coordinates = _umap(reduced, coordinates, seed)
    return Projection(coordinates[place], used, len(firsts), _faithfulness(reduced, coordinates))


def classical_mds(distances: np.ndarray) -> np.ndarray:
    """Classical MDS (Torgerson) of distances (n, n) → (n, 2), centred, each axis signed by its largest entry."""
    n = len(distances)
    if n < 2:
        return np.zeros((n, 2))
    from sklearn.manifold import ClassicalMDS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cosine distances are not Euclidean: negative eigenvalues are expected
        found = ClassicalMDS(n_components=min(2, n), metric="precomputed").fit_transform(distances)
    coordinates = np.zeros((n, 2))
    coordinates[:, : found.shape[1]] = np.nan_to_num(found)
    largest = coordinates[np.abs(coordinates).argmax(axis=0), [0, 1]]
    return coordinates * np.where(largest < 0, -1.0, 1.0)


def warm_up() -> None:
    """Import and compile UMAP, so that the next projection takes milliseconds."""
    points = np.arange(12.0)
    project(np.abs(points[:, None] - points[None, :]))


def _check(distances: np.ndarray, method: str) -> None:
    if method not in ("umap", "mds"):
        raise InvalidInput(f"There is no projection {method!r}; use 'umap' or 'mds'.")
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1]:
        raise InvalidInput(f"Distances must be a square matrix; these have shape {distances.shape}.")
    if not np.isfinite(distances).all() or not np.allclose(distances, distances.T, atol=1e-6):
        raise InvalidInput("Distances must be finite and symmetric.")


def _distinct(distances: np.ndarray) -> np.ndarray:
    """For each point the number of the distinct point it stands for, by first appearance."""
    place = np.full(len(distances), -1)
    n = 0
    for i in range(len(distances)):
        if place[i] < 0:
            place[(distances[i] <= _SAME) & (place < 0)] = n
            place[i] = n
            n += 1
    return place


def _umap(distances: np.ndarray, init: np.ndarray, seed: int) -> np.ndarray:
    import umap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that a precomputed metric cannot be inverted
        return (
            umap.UMAP(
                metric="precomputed",
                n_neighbors=min(10, len(distances) - 1),
                init=init.astype(np.float32),
                random_state=seed,
                n_epochs=_EPOCHS if len(distances) >= _MANY else None,  # None: UMAP's own 500
                n_jobs=1,
            )
            .fit_transform(distances.astype(np.float32))
            .astype(np.float64)
        )


def _faithfulness(distances: np.ndarray, coordinates: np.ndarray) -> float:
    if len(distances) < 3:
        return np.nan
    here, there = squareform(distances, checks=False), pdist(coordinates)
    if np.ptp(here) == 0 or np.ptp(there) == 0:
        return np.nan
    return float(spearmanr(here, there).statistic)
