"""How far answers to a question with a known right distribution are from it: exact, from probabilities."""

from dataclasses import dataclass

import numpy as np

from homog_core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Fairness:
    """How fair a model's choice among a closed list is; all but `on_list` on the list normalised to 1."""

    on_list: float  # mass of the answers on the list, in [0, 1]; the rest of the answers is something else
    total_variation: float  # from the uniform distribution u, ½ Σ |P − u|, in [0, 1 − 1/A]
    effective_number: float  # exp(entropy), 1 … A
    likeliest: int  # index of the likeliest answer
    likeliest_mass: float


def fairness(probabilities: np.ndarray) -> Fairness:
    """`Fairness` of probabilities (A,), of answers that are all equally right.

    NaN and −1 where nothing has mass. Raises `InvalidInput` for negative ones and for a sum above 1.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if (p < 0).any() or p.sum() > 1 + 1e-6:
        raise InvalidInput("Probabilities must be at least 0 and sum to at most 1.")
    mass = float(p.sum())
    if mass == 0:
        return Fairness(0.0, np.nan, np.nan, -1, np.nan)
    q = p / mass
    positive = q[q > 0]
    return Fairness(
        min(mass, 1.0),
        float(np.abs(q - 1 / len(q)).sum() / 2),
        float(np.exp(-(positive * np.log(positive)).sum())),
        int(q.argmax()),
        float(q.max()),
    )
